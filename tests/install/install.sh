#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh BUILD CC CMAKE SOURCE: installs BUILD into an empty prefix, moves that, and checks that programs can be built against it.
set -eu
build=$1 cc=$2 cmake=$3 source=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

"$cmake" --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; fail "cmake --install"; }
mv "$work/first" "$work/moved" # nothing in it may point at where it was installed
prefix=$work/moved
pc=$(find "$prefix" -name heddle.pc)
[ -f "$pc" ] || fail "heddle.pc is not installed"
libdir=$(cd "$(dirname "$pc")/.." && pwd)
grep -rlF -e "$source" -e "$work/first" "$prefix/include" "$libdir/cmake" "$libdir/pkgconfig" && fail "these files name a place of the build machine"
for header in "$source"/include/heddle/*.h; do
    [ -f "$prefix/include/heddle/$(basename "$header")" ] || fail "$(basename "$header") is not installed"
done

export PKG_CONFIG_PATH="$libdir/pkgconfig"
version=$(pkg-config --modversion heddle)
# shellcheck disable=SC2046 # lists of words
"$cc" "$here/consumer/consumer.c" -o "$work/shared" $(pkg-config --cflags --libs heddle)
LD_LIBRARY_PATH=$libdir "$work/shared" "$version" || fail "the program linked to the shared library"
# The example tells the same as the command.
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Werror "$source/examples/generate.c" -o "$work/generate" $(pkg-config --cflags --libs heddle) || fail "examples/generate.c"
model=$(find "$prefix" -type d -name heddle-stories)
if [ -n "$model" ]; then
    LD_LIBRARY_PATH=$libdir "$work/generate" "$model" "Once upon a time" 12 >"$work/example" || fail "the example does not run"
    "$prefix/bin/heddle" run -p "Once upon a time" -n 12 --temp 0 -q >"$work/command" || fail "the installed command does not find its model"
    echo >>"$work/command"
    cmp "$work/example" "$work/command" || fail "the example and the command differ"
fi
# shellcheck disable=SC2046
"$cc" -Wall -Wextra -Werror "$source/examples/tp_ffn.c" -o "$work/tp_ffn" $(pkg-config --cflags --libs heddle) || fail "examples/tp_ffn.c"
LD_LIBRARY_PATH=$libdir "$work/tp_ffn" --ranks 2 >/dev/null || fail "two ranks give other numbers than one"
rm "$libdir"/libheddle.so* # what is left must be enough for a static program
# shellcheck disable=SC2046
"$cc" "$here/consumer/consumer.c" -o "$work/static" $(pkg-config --cflags --static --libs heddle)
"$work/static" "$version" || fail "the program linked to the static library"

rm -rf "$prefix"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
# An older minor version must be refused, the same accepted.
"$cmake" -S "$here/consumer" -B "$work/consumer" -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$version" >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "find_package(heddle $version)"; }
"$cmake" --build "$work/consumer" >"$work/log" 2>&1 || { cat "$work/log"; fail "building with find_package"; }
"$work/consumer/consumer" "$version" || fail "the program built with find_package"
"$work/consumer/consumer_shared" "$version" || fail "the program built with find_package, shared"
if "$cmake" -S "$here/consumer" -B "$work/refused" -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$prefix" -DWANTED=99.0 >/dev/null 2>&1; then
    fail "find_package(heddle 99.0) must not succeed"
fi

if [ -e "$build/bin/heddle" ]; then
    [ "$("$prefix/bin/heddle" --version)" = "heddle $version" ] || fail "the installed command does not say its version"
fi
# Only the public names can be seen.
extra=$(nm -D --defined-only "$libdir/libheddle.so" | awk '{ print $3 }' | grep -v '^hd_' || true)
[ -z "$extra" ] || fail "the shared library shows names that are not public:" $extra
echo "heddle $version: pkg-config (shared, static), find_package (static, shared), moved prefix, exported names"
