#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that takes an NVIDIA card, in one call of under nine minutes: bench/gpu.sh [OUT]
# Builds for this card, checks every kernel and the conformance suite (compute-sanitizer too), runs ranks as threads and as two
# processes on the card, compares random models with PyTorch token by token, runs the MetaX files through their mapping, and prints the
# speed table beside PyTorch's and the card's own rates.
# Logs and JSON go to OUT (build/gpu-report). Ends with "N passed, N failed". Needs nvcc, CMake, Ninja, Heddle's libraries (found
# by pkg-config: PKG_CONFIG_PATH may point at a private prefix) and, for the comparisons, a python3 with PyTorch and transformers.
# Settings: GPU_SH_SECONDS (520), GPU_SH_DEVICE (cuda:0), GPU_SH_MODELS (where the random models lie; made if absent), PYTHON.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/gpu-report}
device=${GPU_SH_DEVICE:-cuda:0}
models=${GPU_SH_MODELS:-${TMPDIR:-/tmp}/heddle-models}
python=${PYTHON:-python3}
deadline=$((SECONDS + ${GPU_SH_SECONDS:-520}))
build=build/gpu
passed=0
failed=0
mkdir -p "$out" "$models"

left() { echo $((deadline - SECONDS > 5 ? deadline - SECONDS : 5)); }

# stage NAME SECONDS COMMAND...: runs it for at most that long (and never past the deadline), its output to OUT/NAME.log
stage() {
    local name=$1 limit=$2 began=$SECONDS result
    shift 2
    [ "$limit" -le "$(left)" ] || limit=$(left)
    timeout -k 5 "$limit" "$@" >"$out/$name.log" 2>&1
    result=$?
    if [ $result = 0 ]; then
        passed=$((passed + 1))
        printf 'passed  %-28s %4d s   %s\n' "$name" $((SECONDS - began)) "$(tail -n 1 "$out/$name.log" | cut -c1-90)"
    else
        failed=$((failed + 1))
        printf 'FAILED  %-28s %4d s   exit %d\n' "$name" $((SECONDS - began)) $result
        tail -n 12 "$out/$name.log" | cut -c1-220 | sed 's/^/        /'
    fi
    return $result
}

make_models() {
    "$python" tools/make_checkpoint.py --shape deepseek-r1-distill-qwen-1.5b --shards 2 "$models/r1-1.5b" &&
        "$python" tools/make_checkpoint.py --shape llama2-7b --dtype bf16 --shards 4 "$models/llama2-7b"
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null
[ -d "$models/llama2-7b" ] || make_models >"$out/make_models.log" 2>&1 & # beside the build, which leaves cores idle at its end
maker=$!
stage configure 60 cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DHEDDLE_CUDA_ARCHITECTURES=native || exit 1
stage build 240 cmake --build $build || exit 1
heddle=$build/bin/heddle
check=$build/tests/check/heddle-check

stage devices 30 $heddle devices
stage conformance 60 $build/tests/conformance/conformance
stage check 120 $check --device "$device"
if command -v compute-sanitizer >/dev/null; then
    stage memcheck 90 compute-sanitizer --tool memcheck --error-exitcode 9 $check --device "$device"
    stage racecheck 90 compute-sanitizer --tool racecheck --error-exitcode 9 $check --device "$device"
else
    failed=$((failed + 1))
    echo 'FAILED  compute-sanitizer is not on the PATH: memory and race checks were not made'
fi
stage ranks 60 env HEDDLE_TEST_DEVICE="$device" $build/tests/test_ranks_devices # two processes on one card among them
stage maca_mapping 60 env HD_BACKEND_PATH=$build/maca-mapped $check --device maca:0
stage maca_conformance 60 env HD_BACKEND_PATH=$build/maca-mapped $build/tests/conformance/conformance
for executor in stream graph persistent; do
    stage models-$executor 100 env HEDDLE_TEST_DEVICE="$device" HEDDLE_TEST_EXECUTOR=$executor HEDDLE_BUILD_DIR=$build \
        "$python" -m pytest -q tests/python/test_models.py tests/python/test_weight_types.py
done

wait $maker
stage rates 30 "$python" bench/torch_decode.py --rates
for model in r1-1.5b llama2-7b; do
    for weights in as-is q8 q4; do
        prompt=128
        [ $weights = as-is ] && prompt=128,4096
        stage heddle-$model-$weights 60 $heddle bench -m "$models/$model" --device "$device" --weights $weights -p $prompt -n 128 \
            --batch 4096 -r 3 --json -q
    done
    stage heddle-$model-as-is-64 60 $heddle bench -m "$models/$model" --device "$device" -p 128 -n 64 --sequences 64 -r 3 --json -q
    stage heddle-$model-as-is-persistent 60 $heddle bench -m "$models/$model" --device "$device" -p 128 -n 128 --executor persistent -r 3 \
        --json -q
    stage torch-$model 120 "$python" bench/torch_decode.py "$models/$model" --prompt 128 --tokens 64 --prefill 4096
done
if "$python" bench/gpu_table.py "$out"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
