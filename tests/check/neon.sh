#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the kernels for AArch64 and checks scalar and NEON under an emulator. Usage: neon.sh BUILD_FOLDER [heddle-check's options]
# Exits with 77 (skipped) where the cross compiler or the emulator is missing.
set -e
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
shift
for qemu in qemu-aarch64-static qemu-aarch64 none; do
    command -v "$qemu" >/dev/null && break
done
if ! command -v aarch64-linux-gnu-gcc >/dev/null || [ "$qemu" = none ]; then
    echo "skipped: NEON needs aarch64-linux-gnu-gcc (gcc-aarch64-linux-gnu) and qemu-aarch64 (qemu-user-static)"
    exit 77
fi
cmake -S "$source" -B "$build" -G Ninja --toolchain "$source/cmake/aarch64-linux-gnu.cmake" -DHEDDLE_KERNELS_ONLY=ON >"$build.log" 2>&1 &&
    cmake --build "$build" -j 2 --target heddle-check >>"$build.log" 2>&1 || { cat "$build.log"; exit 1; }
"$qemu" "$build/tests/check/heddle-check" --isa neon "$@"
