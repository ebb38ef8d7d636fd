#!/usr/bin/env bash
# Builds the switch's assembly into a plain C harness and runs it: natively, and for aarch64 under qemu.
# Needs gcc, aarch64-linux-gnu-gcc and qemu-aarch64-static (or qemu-aarch64); one that lacks is an error.
set -euo pipefail
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags=(-O2 -g -Wall -Wextra -Werror -static)

run() { # name, compiler, what runs the result
    local name=$1 compiler=$2
    shift 2
    echo "== $name"
    "$compiler" "${flags[@]}" harness.c variants.S -o "$out/$name"
    "$@" "$out/$name"
}

emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || {
    echo "harness: no qemu-aarch64" >&2
    exit 1
}
case $(uname -m) in
    x86_64)
        run x86_64 "${CC:-gcc}"
        run aarch64 aarch64-linux-gnu-gcc "$emulator"
        ;;
    aarch64) run aarch64 "${CC:-gcc}" ;;
    *) echo "harness: no switch for $(uname -m)" >&2 ;;
esac
