#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target under libFuzzer with ASan and UBSan: tools/fuzz.sh [SECONDS] [TARGET...]
# SECONDS (default 600) is the time each target gets. New inputs are kept in build/fuzz/corpus, findings in
# build/fuzz/findings; the exit status is non-zero when a target found something. Needs clang.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
[ $# -gt 0 ] && shift
: "${CC:=clang}"
command -v "$CC" >/dev/null || { echo "tools/fuzz.sh: clang is needed (CC=$CC is not there)" >&2; exit 2; }

cmake -G Ninja -B build/fuzz -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHEDDLE_FUZZ=ON >/dev/null
if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        set -- "$@" "${name#fuzz_}"
    done
fi
for name in "$@"; do
    [ -f "tests/fuzz/fuzz_$name.c" ] || { echo "tools/fuzz.sh: there is no target $name" >&2; exit 2; }
    ninja -C build/fuzz "fuzz_$name" >build/fuzz/ninja.log || { cat build/fuzz/ninja.log >&2; exit 2; }
done

# Targets that need files put them here: libFuzzer leaves without running what a program registered for its end.
TMPDIR=$(mktemp -d)
[ -w /dev/shm ] && rmdir "$TMPDIR" && TMPDIR=$(mktemp -d -p /dev/shm)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

findings=0
for name in "$@"; do
    mkdir -p "build/fuzz/corpus/$name" build/fuzz/findings
    dictionary=
    [ -f "tests/fuzz/$name.dict" ] && dictionary="-dict=tests/fuzz/$name.dict"
    echo "== $name: $seconds s"
    log=build/fuzz/$name.log
    status=0
    # shellcheck disable=SC2086 # the dictionary option may be absent
    "build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -malloc_limit_mb=1500 \
        -print_final_stats=1 $dictionary -artifact_prefix="build/fuzz/findings/$name-" \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1 || status=$?
    if [ "$status" -eq 72 ]; then # libFuzzer was told to stop: no finding, but no full run either
        grep 'stat::number_of_executed_units' "$log" || true
        echo "tools/fuzz.sh: $name was interrupted" >&2
        exit 130
    elif [ "$status" -eq 0 ]; then
        grep -E '^Done|stat::number_of_executed_units|stat::peak_rss_mb' "$log" || true
    else
        findings=$((findings + 1))
        grep -nE 'ERROR|SUMMARY|runtime error|Test unit written' "$log" | head -20 || tail -20 "$log"
        echo "   finding in $name: see $log"
    fi
done
if [ "$findings" -gt 0 ]; then
    echo "$findings of $# targets with findings" >&2
    exit 1
fi
echo "$# targets, no findings"
