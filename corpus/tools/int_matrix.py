#!/usr/bin/env python3
"""Writes the integer width × operator × cast matrix programs and what they must print.

The expected output comes from Python's unbounded integers, wrapped to the type's width, so it owes nothing to
the compiler. Run from anywhere; the programs are committed.
"""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent / "types"
WIDTHS = [1, 2, 3, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 33, 48, 63, 64]
TYPES = [f"{sign}{bits}" for sign in "iu" for bits in WIDTHS]


def bits(ty):
    return int(ty[1:])


def signed(ty):
    return ty[0] == "i"


def low(ty):
    return -(1 << (bits(ty) - 1)) if signed(ty) else 0


def high(ty):
    return (1 << (bits(ty) - 1)) - 1 if signed(ty) else (1 << bits(ty)) - 1


def wrap(ty, value):
    value &= (1 << bits(ty)) - 1
    if signed(ty) and value >> (bits(ty) - 1):
        value -= 1 << bits(ty)
    return value


def fits(ty, value):
    return low(ty) <= value <= high(ty)


def samples(ty):
    """The ends of the range, the small values, and a pattern in between."""
    pattern = wrap(ty, 0x5A5A_A5A5_3C3C_C3C3)
    wanted = [low(ty), low(ty) + 1, -1, 0, 1, 2, pattern, high(ty) - 1, high(ty)]
    return sorted({v for v in wanted if fits(ty, v)})


def pairs(ty):
    """Pairs that reach every corner without the whole square."""
    vs = samples(ty)
    return sorted({(a, b) for i, a in enumerate(vs) for b in (vs[0], vs[-1], vs[(i * 3 + 1) % len(vs)])})


def quotient(a, b):
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


class Program:
    def __init__(self, name, rule):
        self.name, self.funcs, self.calls, self.out = name, [], [], []
        self.head = f'// {rule}\n// Written by tools/int_matrix.py.\n#import "modules/std.sx";\n\n'

    def write(self):
        text = self.head + "\n".join(self.funcs) + "\n\nmain :: () {\n"
        text += "".join(f"    {call}\n" for call in self.calls) + "}\n"
        (ROOT / "expected").mkdir(parents=True, exist_ok=True)
        (ROOT / f"{self.name}.sx").write_text(text)
        (ROOT / "expected" / f"{self.name}.stdout").write_text("".join(f"{line}\n" for line in self.out))


def arithmetic(name, types):
    p = Program(name, "Typed integers wrap in two's complement at their width: + - * (§1).")
    for ty in types:
        p.funcs.append(f'f_{ty} :: (a: {ty}, b: {ty}) {{ print("{ty} {{}} {{}} {{}}\\n", a + b, a - b, a * b); }}')
        for a, b in pairs(ty):
            p.calls.append(f"f_{ty}({a}, {b});")
            p.out.append(f"{ty} {wrap(ty, a + b)} {wrap(ty, a - b)} {wrap(ty, a * b)}")
    p.write()


def division(name, types):
    p = Program(name, "`/` and `%` truncate toward zero (§1).")
    for ty in types:
        p.funcs.append(f'f_{ty} :: (a: {ty}, b: {ty}) {{ print("{ty} {{}} {{}}\\n", a / b, a % b); }}')
        for a, b in pairs(ty):
            if b == 0 or (signed(ty) and a == low(ty) and b == -1):
                continue
            q = quotient(a, b)
            p.calls.append(f"f_{ty}({a}, {b});")
            p.out.append(f"{ty} {q} {a - q * b}")
    p.write()


def bitwise(name, types):
    p = Program(name, "`& | ^ ~` and negation work on the type's own width (§1).")
    for ty in types:
        p.funcs.append(
            f'f_{ty} :: (a: {ty}, b: {ty}) {{ print("{ty} {{}} {{}} {{}} {{}} {{}}\\n", a & b, a | b, a ^ b, ~a, -a); }}'
        )
        for a, b in pairs(ty)[::2]:
            p.calls.append(f"f_{ty}({a}, {b});")
            row = [wrap(ty, v) for v in (a & b, a | b, a ^ b, ~a, -a)]
            p.out.append(" ".join([ty, *map(str, row)]))
    p.write()


def shifts(name, types):
    p = Program(name, "Shift counts are taken modulo the width; `>>` is arithmetic for signed types (§1).")
    for ty in types:
        p.funcs.append(f'f_{ty} :: (a: {ty}, n: i64) {{ print("{ty} {{}} {{}}\\n", a << n, a >> n); }}')
        width = bits(ty)
        for a in samples(ty)[:: 2 if width > 2 else 1]:
            for n in sorted({0, 1, width // 2, width - 1, width, width + 1, 3 * width + 2}):
                k = n % width
                p.calls.append(f"f_{ty}({a}, {n});")
                p.out.append(f"{ty} {wrap(ty, a << k)} {wrap(ty, a >> k)}")
    p.write()


def comparisons(name, types):
    p = Program(name, "Comparisons see the value of the type, signed or unsigned (§1).")
    for ty in types:
        p.funcs.append(
            f'f_{ty} :: (a: {ty}, b: {ty}) {{ print("{ty} {{}} {{}} {{}} {{}}\\n", a < b, a <= b, a == b, a > b); }}'
        )
        for a, b in pairs(ty)[::2]:
            p.calls.append(f"f_{ty}({a}, {b});")
            row = [str(v).lower() for v in (a < b, a <= b, a == b, a > b)]
            p.out.append(" ".join([ty, *row]))
    p.write()


def casts(name, sources, targets, spelling):
    p = Program(name, "A cast from integer to integer keeps the low bits (§1).")
    for src in sources:
        if spelling == "cast":
            exprs = ", ".join(f"cast({dst}) v" for dst in targets)
            body = f'print("{src}{" {}" * len(targets)}\\n", {exprs});'
        else:
            lets = " ".join(f"x_{dst} : {dst} = xx v;" for dst in targets)
            args = ", ".join(f"x_{dst}" for dst in targets)
            body = f'{lets} print("{src}{" {}" * len(targets)}\\n", {args});'
        p.funcs.append(f"f_{src} :: (v: {src}) {{ {body} }}")
        for v in samples(src):
            p.calls.append(f"f_{src}({v});")
            p.out.append(" ".join([src, *(str(wrap(dst, v)) for dst in targets)]))
    p.write()


def widening(name):
    p = Program(name, "Mixed integer types take the wider one when it holds both (§1).")
    mixed = [("i8", "i16"), ("u8", "i16"), ("u7", "i8"), ("i33", "i64"), ("u31", "i32"), ("u8", "u64"), ("u63", "i64"),
             ("i3", "i5"), ("u16", "u17"), ("i32", "i48")]
    for a_ty, b_ty in mixed:
        f = f"f_{a_ty}_{b_ty}"
        p.funcs.append(f'{f} :: (a: {a_ty}, b: {b_ty}) {{ print("{{}} {{}} {{}} {{}} {{}}\\n", a + b, b - a, a * b, a < b, type_of(a + b)); }}')
        for a in (low(a_ty), high(a_ty)):
            for b in (low(b_ty), high(b_ty)):
                p.calls.append(f"{f}({a}, {b});")
                p.out.append(f"{wrap(b_ty, a + b)} {wrap(b_ty, b - a)} {wrap(b_ty, a * b)} {str(a < b).lower()} {b_ty}")
    p.write()


def storage(name, types):
    p = Program(name, "Narrow integers keep their value in variables, fields and arrays, and wrap in compound assignment (§3).")
    for ty in types:
        p.funcs.append(f"S_{ty} :: struct {{ a: {ty}; b: {ty}; c: {ty}; }}")
        p.funcs.append(
            f"f_{ty} :: (a: {ty}, b: {ty}) {{\n"
            f"    s := S_{ty}.{{ a = a, b = b, c = a }};\n"
            f"    xs : [3]{ty} = .[b, a, b];\n"
            f"    s.b += a;\n    xs[1] -= b;\n    xs[2] *= a;\n    s.c ^= b;\n"
            f'    print("{ty} {{}} {{}} {{}} {{}} {{}} {{}} {{}}\\n", s.a, s.b, s.c, xs[0], xs[1], xs[2], size_of({ty}));\n}}'
        )
        size = next(s for s in (1, 2, 4, 8) if bits(ty) <= 8 * s)
        for a, b in pairs(ty)[::3]:
            p.calls.append(f"f_{ty}({a}, {b});")
            row = [a, wrap(ty, b + a), wrap(ty, a ^ b), b, wrap(ty, a - b), wrap(ty, b * a), size]
            p.out.append(" ".join([ty, *map(str, row)]))
    p.write()


def limits(name):
    p = Program(name, "Every integer type has `.min` and `.max` (§3).")
    for ty in TYPES:
        p.calls.append(f'print("{ty} {{}} {{}}\\n", {ty}.min, {ty}.max);')
        p.out.append(f"{ty} {low(ty)} {high(ty)}")
    p.write()


def main():
    odd = [t for t in TYPES if bits(t) not in (8, 16, 32, 64)]
    even = [t for t in TYPES if bits(t) in (8, 16, 32, 64)]
    arithmetic("0100-int-arithmetic", even)
    arithmetic("0101-int-arithmetic-odd-widths", odd)
    division("0102-int-division", even)
    division("0103-int-division-odd-widths", odd)
    bitwise("0104-int-bitwise", even)
    bitwise("0105-int-bitwise-odd-widths", odd)
    shifts("0106-int-shifts", even)
    shifts("0107-int-shifts-odd-widths", odd)
    comparisons("0108-int-comparisons", TYPES)
    casts("0109-int-casts", even, even, "cast")
    casts("0110-int-casts-from-odd-widths", odd, even, "cast")
    casts("0111-int-casts-to-odd-widths", even, odd, "xx")
    widening("0112-int-widening")
    storage("0113-int-storage", [t for t in TYPES if bits(t) in (1, 3, 8, 12, 16, 24, 32, 33, 64)])
    limits("0114-int-limits")


main()
