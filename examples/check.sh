#!/usr/bin/env bash
# Runs every example and compares what it writes with what is expected, and checks the programs in the documentation.
# SX names the command to test.
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit 2
SX=$(realpath "${SX:-target/release/sx}")
cd "$here" || exit 2
[ -x "$SX" ] || { echo "check.sh: $SX isn't there; build it with cargo build --release -p sx-cli" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# same NAME EXPECTED: the standard output of the run before, in $work/got, is this file.
same() {
    if cmp -s "$2" "$work/got"; then
        echo "ok      $1"
    else
        echo "FAILED  $1"
        diff "$2" "$work/got" | head -n 20 | cut -c 1-160
        failed=1
    fi
}

skip() { echo "skipped $1: $2"; }

# run EXAMPLE ARGUMENTS...: an example's standard output, its exit code behind it when that isn't 0.
run() {
    "$SX" run "$1/main.sx" "${@:2}"
    local code=$?
    [ $code -eq 0 ] || echo "exit code $code"
}

# ---- json-query ----

q() { echo "\$ json-query ${*@Q}"; run json-query "$@" 2>&1; }
{
    q json-query/sample.json
    q -c json-query/sample.json
    q json-query/sample.json 'stations[-1].name'
    q -r json-query/sample.json 'stations[*].name'
    q -c json-query/sample.json 'stations[*].tags[0]'
    q -r json-query/sample.json '"full name"'
    q -k json-query/sample.json 'stations[0]'
    q -n json-query/sample.json stations
    q json-query/sample.json owner
    q json-query/sample.json 'stations[7].name'
    q json-query/sample.json 'stations[x]'
    q json-query/bad.json
    q json-query/none.json
} > "$work/got"
same json-query json-query/expected.txt

# Two tables of iso-codes as one document of over a megabyte, against Python's reader and writer.
codes=/usr/share/iso-codes/json
if [ -e $codes/iso_639-3.json ] && [ -e $codes/iso_3166-2.json ] && command -v python3 > /dev/null; then
    big=$work/codes.json
    { printf '{"languages":'; cat $codes/iso_639-3.json
      printf ',"places":'; cat $codes/iso_3166-2.json; printf '}'; } > "$big"
    # What to write, then the document.
    reference() { python3 -c "
import json, sys
doc = json.load(open(sys.argv[1], encoding='utf-8'))
$1" "$big" > "$work/expected"; }

    reference 'print(json.dumps(doc, indent=2, ensure_ascii=False))'
    run json-query "$big" > "$work/got"
    same "json-query, pretty, $(stat -c %s "$big") bytes" "$work/expected"
    reference 'print(json.dumps(doc, separators=(",", ":"), ensure_ascii=False))'
    run json-query -c "$big" > "$work/got"
    same "json-query, compact" "$work/expected"
    reference 'print("\n".join(x["name"] for x in doc["languages"]["639-3"]))'
    run json-query -r "$big" 'languages.639-3[*].name' > "$work/got"
    same "json-query, every name" "$work/expected"
else
    skip "json-query on a large document" "needs iso-codes and python3"
fi

# ---- word-count ----

run word-count --top 20 --total ../LICENSE-APACHE > "$work/got"
same word-count word-count/expected.txt

# All licenses that Debian installs, against the usual pipeline.
if ls /usr/share/common-licenses/* > /dev/null 2>&1; then
    licenses=(/usr/share/common-licenses/*)
    cat "${licenses[@]}" | LC_ALL=C tr -cs A-Za-z '\n' | LC_ALL=C tr A-Z a-z | grep . | LC_ALL=C sort | uniq -c \
        | LC_ALL=C sort -k1,1nr -k2 > "$work/expected"
    run word-count --top 0 "${licenses[@]}" > "$work/got"
    same "word-count, ${#licenses[@]} files" "$work/expected"
else
    skip "word-count on all licenses" "needs /usr/share/common-licenses"
fi

# ---- ray-tracer ----

run ray-tracer | sha256sum | cut -d' ' -f1 > "$work/got"
same ray-tracer ray-tracer/expected.txt

# ---- life ----

run life life/gosper-gun.rle --generations 120 > "$work/got"
same life life/expected.txt

# ---- adventure ----

run adventure < adventure/input.txt > "$work/got"
same adventure adventure/expected.txt

# ---- tests inside the examples ----

if "$SX" test json-query life adventure > "$work/got" 2>&1; then
    echo "ok      tests"
else
    echo "FAILED  tests"
    cat "$work/got"
    failed=1
fi

# ---- the programs in the documentation: the blocks of each section together are one ----

for doc in ../README.md ../docs/language.md; do
    rm -rf "$work/doc" && mkdir "$work/doc"
    awk -v dir="$work/doc" '
        /^## /      { section++ }
        /^```sx$/   { file = sprintf("%s/%02d.sx", dir, section); inside = 1; next }
        /^```$/     { inside = 0 }
        inside      { print > file }' "$doc"
    bad=0
    for file in "$work"/doc/*.sx; do
        grep -q '^#import "modules/std.sx"' "$file" || sed -i '1i #import "modules/std.sx";' "$file"
        grep -q '^main ::' "$file" || echo 'main :: () {}' >> "$file"
        "$SX" check "$file" > "$work/got" 2>&1 || { cat "$work/got"; bad=1; }
    done
    if [ $bad -eq 0 ]; then echo "ok      the programs in ${doc#../}"; else echo "FAILED  the programs in ${doc#../}"; failed=1; fi
done

exit $failed
