#!/usr/bin/env python3
"""Runs the benchmark programs against their peers and prints how they compare.

Every program exists in sx, C and Lua and does the same work; the outputs are compared before anything is timed.
Rounds are interleaved, so that a slow minute of the machine is shared by all. The figure of a program is the
fastest of its rounds; ratios are taken within one run and never across runs.

    cargo build --release -p sx-cli
    python3 benches/run.py --rounds 5

What a peer needs (gcc, lua5.4, luajit) and doesn't find is left out, and said so.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
NAMES = [
    "fib",
    "nbody",
    "spectral-norm",
    "fannkuch",
    "mandelbrot",
    "binary-trees",
    "sieve",
    "matmul",
    "json",
    "sha256",
]
JSON_FILE = "/usr/share/iso-codes/json/iso_639-3.json"
TIMEOUT_S = 120


def arguments(name):
    return [JSON_FILE] if name == "json" else []


def lua_file(name, jit):
    """LuaJIT has no integers: where a program is written with them it has a second file."""
    special = PROGRAMS / name / "main.jit.lua"
    return str(special if jit and special.exists() else PROGRAMS / name / "main.lua")


def compile_c(name, folder):
    binary = folder / name
    source = PROGRAMS / name / "main.c"
    subprocess.run(["gcc", "-O2", "-o", str(binary), str(source), "-lm"], check=True)
    return str(binary)


def peers(sx, tiers, folder):
    """Name → function from a program's name to its command line."""
    found = {}
    for tier in tiers:
        found[f"sx {tier}"] = lambda name, tier=tier: [sx, "run", "--tier", tier, str(PROGRAMS / name / "main.sx")]
    if lua := shutil.which("lua5.4"):
        found["lua5.4"] = lambda name: [lua, lua_file(name, False)]
    if luajit := shutil.which("luajit"):
        found["luajit -joff"] = lambda name: [luajit, "-joff", lua_file(name, True)]
        found["luajit"] = lambda name: [luajit, lua_file(name, True)]
    if shutil.which("gcc"):
        built = {}

        def c(name):
            if name not in built:
                built[name] = compile_c(name, folder)
            return [built[name]]

        found["c"] = c
    return found


def run_once(command):
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise RuntimeError(f"exit code {done.returncode}: {' '.join(last)}")
    return seconds, done.stdout


def measure(names, commands, rounds):
    """Program → peer → fastest seconds; and a list of what went wrong."""
    times = {name: {} for name in names}
    wrong = []
    for name in names:
        outputs = {}
        for peer in list(commands):
            try:
                _, outputs[peer] = run_once(commands[peer](name) + arguments(name))
            except (RuntimeError, subprocess.SubprocessError, OSError) as error:
                wrong.append(f"{name}: {peer}: {error}")
        reference = next((outputs[p] for p in ("c", "lua5.4", "luajit") if p in outputs), None)
        for peer, output in list(outputs.items()):
            if reference is not None and output != reference:
                wrong.append(f"{name}: {peer}: prints {output[:60]!r}, expected {reference[:60]!r}")
                del outputs[peer]
        for _ in range(rounds):
            for peer in outputs:
                seconds, _ = run_once(commands[peer](name) + arguments(name))
                times[name][peer] = min(seconds, times[name].get(peer, math.inf))
        done = "  ".join(f"{peer} {seconds:.3f}" for peer, seconds in times[name].items())
        print(f"{name}: {done}", file=sys.stderr)
    return times, wrong


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratios(times, subject, peer):
    return {n: row[subject] / row[peer] for n, row in times.items() if subject in row and peer in row}


def table(times, subjects, all_peers):
    lines = []
    for subject in subjects:
        others = [p for p in all_peers if p != subject]
        lines.append(f"{subject}: seconds, and its time divided by each peer's")
        lines.append("")
        lines.append("| program | " + " | ".join([subject, *others]) + " |")
        lines.append("|---|" + "--:|" * (len(others) + 1))
        for name, row in times.items():
            if subject not in row:
                continue
            cells = [f"{row[subject] / row[p]:.2f}×" if p in row else "" for p in others]
            lines.append(f"| {name} | " + " | ".join([f"{row[subject]:.3f} s", *cells]) + " |")
        means = [geometric_mean(list(ratios(times, subject, p).values())) for p in others]
        cells = [f"**{m:.2f}×**" if m else "" for m in means]
        lines.append("| geometric mean | " + " | ".join(["", *cells]) + " |")
        lines.append("")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--sx", default=os.environ.get("SX_BIN"), help="the sx binary (SX_BIN; else target/release/sx)")
    parser.add_argument("--tier", action="append", help="an sx tier; may be repeated (default: interp)")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds (default 3)")
    parser.add_argument("--json", metavar="FILE", help="write seconds and ratios to FILE as well; - for stdout alone")
    options = parser.parse_args()
    unknown = [p for p in options.programs if p not in NAMES]
    if unknown:
        parser.error(f"unknown program: {', '.join(unknown)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    sx = options.sx or str(target / "release" / "sx")
    tiers = options.tier or ["interp"]
    if not os.path.exists(sx):
        print(f"no sx binary at {sx}: only the peers are compared with each other", file=sys.stderr)
        tiers = []
    names = options.programs or NAMES
    if "json" in names and not os.path.exists(JSON_FILE):
        parser.error(f"json needs {JSON_FILE} (Debian package iso-codes)")
    with tempfile.TemporaryDirectory() as folder:
        commands = peers(sx, tiers, pathlib.Path(folder))
        times, wrong = measure(names, commands, options.rounds)
    subjects = [f"sx {tier}" for tier in tiers] or ["lua5.4"]
    result = {
        "rounds": options.rounds,
        "seconds": times,
        "ratios": {s: {p: ratios(times, s, p) for p in commands if p != s} for s in subjects},
        "geometric_means": {
            s: {p: geometric_mean(list(ratios(times, s, p).values())) for p in commands if p != s} for s in subjects
        },
        "wrong": wrong,
    }
    if options.json == "-":
        print(json.dumps(result, indent=2))
    else:
        print(table(times, subjects, list(commands)))
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    for line in wrong:
        print(f"WRONG {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
