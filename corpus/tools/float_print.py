#!/usr/bin/env python3
"""Writes the float printing and parsing programs and what they must print.

Python's `repr` is the shortest text that reads back as the same number, and its `%.Nf` rounds correctly; both
are only brought into the language's spelling here. Run from anywhere; the programs are committed.
"""
import math
import pathlib
import random
import struct
from decimal import Decimal

ROOT = pathlib.Path(__file__).resolve().parent.parent / "types"
HEAD = '// {rule}\n// Written by tools/float_print.py.\n#import "modules/std.sx";\n\n'


def spelled(digits, exponent, negative):
    """0.DIGITS × 10^exponent in the language's spelling."""
    value = Decimal(f"0.{digits}").scaleb(exponent)
    sign = "-" if negative else ""
    if value != 0 and (value < Decimal("1e-5") or value >= Decimal("1e16")):
        head, tail = digits[0], digits[1:]
        return f"{sign}{head}{'.' + tail if tail else ''}e{exponent - 1}"
    text = format(value, "f")
    return sign + (text if "." in text else text + ".0")


def shortest(text):
    negative = text.startswith("-")
    _, digits, exponent = Decimal(text.lstrip("-")).as_tuple()
    digits = "".join(map(str, digits))
    stripped = digits.rstrip("0") or "0"
    return spelled(stripped, len(digits) + exponent, negative)


def f64(value):
    return shortest(repr(value))


def f32_round(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def f32(value):
    """The fewest digits that read back as the same f32; powers of two aren't asked for, whose neighbours differ."""
    return next(shortest(t) for p in range(1, 10) for t in [f"{value:.{p}g}"] if f32_round(float(t)) == value)


def write(name, rule, lines, out):
    (ROOT / f"{name}.sx").write_text(HEAD.format(rule=rule) + "main :: () {\n" + "".join(lines) + "}\n")
    (ROOT / "expected" / f"{name}.stdout").write_text("".join(f"{line}\n" for line in out))


def random_doubles(rng, count):
    while count:
        value = struct.unpack("d", struct.pack("Q", rng.getrandbits(64)))[0]
        if math.isfinite(value) and value != 0:
            yield value
            count -= 1


def bits_program(values):
    """Doubles by their bits, so that the program's own literals aren't what is tested."""
    lines = ["    bits : []u64 = .[\n"]
    lines += [f"        0x{struct.unpack('Q', struct.pack('d', v))[0]:016x},\n" for v in values]
    lines += ["    ];\n", '    for bits (b) { print("{}\\n", bit_cast(f64, b)); }\n']
    return lines


def main():
    rng = random.Random(20260101)
    hard = [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740991.0, 9007199254740993.0,
            9.999999999999999e15, 1e16, 1.0000000000000002e16, 9.999999999999999e-6, 1e-5, 0.1, 0.3, 2 / 3, 1e22, 1e23,
            4.35, 0.000035689, 123456789012345680.0, 2.0**60, 2.0**-30, 1.5, 100.0, 123.456, 4503599627370497.5]
    values = hard + [-v for v in hard[:6]] + list(random_doubles(rng, 90))
    write("0184-float-shortest", "Floats print the shortest text that reads back as the same number (§17).",
          bits_program(values), [f64(v) for v in values])

    lines, out = [], []
    for _ in range(60):
        value = rng.choice([rng.uniform(-1, 1), rng.uniform(-1000, 1000), rng.uniform(0, 1e12), rng.randrange(1000) / 64])
        precision = rng.choice([0, 1, 2, 3, 6, 12, 20])
        lines.append(f'    print("{{:.{precision}}}\\n", {value!r});\n')
        out.append(f"{value:.{precision}f}")
    write("0185-float-precision", "A precision rounds correctly, ties to even by the exact value (§17).", lines, out)

    lines, out = [], []
    for _ in range(60):
        value = f32_round(rng.choice([rng.uniform(-1, 1), rng.uniform(-1e6, 1e6), rng.uniform(0, 1e30), rng.uniform(0, 1e-20)]))
        lines.append(f'    show(0x{struct.unpack("I", struct.pack("f", value))[0]:08x});\n')
        out.append(f32(value))
    write("0186-f32-shortest", "An f32 prints the shortest text that reads back as the same f32 (§17).", lines, out)
    path = ROOT / "0186-f32-shortest.sx"
    path.write_text(path.read_text().replace("main ::", 'show :: (bits: u32) { print("{}\\n", bit_cast(f32, bits)); }\n\nmain ::'))

    lines, out = [], []
    for value in [v for v in random_doubles(rng, 40)]:
        text = f"{value:.{rng.choice([3, 9, 16, 25])}e}"
        lines.append(f'    print("{{}} {{}}\\n", {text}, {text} == (parse_float("{text}") or 0.0));\n')
        out.append(f"{f64(float(text))} true")
    write("0187-float-literals-round", "Float literals and parse_float round correctly (§1).", lines, out)


main()
