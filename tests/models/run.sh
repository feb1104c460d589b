#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks one model with spin: tests/models/run.sh NAME. The model must have no error, and each of its mutants (a macro MUTANT_... in the
# file, which breaks one line) must have one. Ends with 77 where spin is not there.
set -eu
model=$(cd "$(dirname "$0")" && pwd)/$1.pml
[ -f "$model" ] || { echo "there is no model $model" >&2; exit 2; }
command -v spin >/dev/null 2>&1 || { echo "spin is missing; tools/setup.sh test installs it"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

errors() { # errors [-DMACRO]: how many errors the search finds; fails when it did not search everything
    rm -f pan*
    spin "$@" -a "$model" >spin.log 2>&1 && gcc -O1 -w -DSAFETY -DMEMLIM=2048 -o pan pan.c >gcc.log 2>&1 || { cat spin.log gcc.log >&2; return 1; }
    ./pan -m200000 >pan.log 2>&1 || { cat pan.log >&2; return 1; }
    if grep -q 'max search depth too small\|out of memory\|reached -DMEMLIM' pan.log; then cat pan.log >&2; return 1; fi
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

found=$(errors)
states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
if [ "$found" != 0 ]; then
    cat pan.log
    echo "$1: $found errors"
    exit 1
fi
echo "$1: no error in $states states"

survivors=0
mutants=$(grep -o 'MUTANT_[A-Z_]*' "$model" | sort -u)
[ -n "$mutants" ] || { echo "$1 has no mutants: nothing shows that it can fail"; exit 1; }
for mutant in $mutants; do
    found=$(errors "-D$mutant")
    if [ "$found" = 0 ]; then
        echo "$mutant: no error, and there must be one"
        survivors=$((survivors + 1))
    else
        echo "$mutant: $(sed -n 's/^pan:[0-9]*: \(.*\) (at depth.*/\1/p' pan.log | head -n 1)"
    fi
done
[ "$survivors" = 0 ]
