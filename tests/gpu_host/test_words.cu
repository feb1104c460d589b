/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a warp, atomics and conversions, against what vendor.h says of them. */
#include "gpu_host/support.h"
#include "kernels/gpu/reduce.h"

extern "C" {
float hdi_f16_to_f32(uint16_t h);
uint16_t hdi_f32_to_f16(float x);
}

namespace HDI_GPU_NAMESPACE {

enum { THREADS = 192 };

struct lanes {
    int shfl[THREADS], up[THREADS], down[THREADS];
    double wide[THREADS];
    uint64_t ballot[THREADS];
    int any[THREADS], all[THREADS];
    float sum[THREADS], max[THREADS];
    int count, biggest;
    float total;
};

static __global__ void words(lanes *out) {
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    int i = (int)threadIdx.x, warp = i / GPU_LANES;
    out->shfl[i] = gpu_shfl(i, 3);
    out->up[i] = gpu_shfl_xor(i, 5);
    out->down[i] = gpu_shfl_down(i, 7);
    out->wide[i] = gpu_shfl((double)i + 0.25, GPU_LANES - 1);
    out->ballot[i] = gpu_ballot(i % 3 == 0);
    out->any[i] = gpu_any(i == 70);
    out->all[i] = gpu_all(warp != 1);
    out->sum[i] = gpu_block_sum((float)i, partial);
    __syncthreads();
    out->max[i] = gpu_block_max((float)(i * 37 % THREADS), partial);
    atomicAdd(&out->count, 2);
    atomicMax(&out->biggest, i * 37 % THREADS);
    atomicAdd(&out->total, 0.5f);
}

static void test_words(void **) {
    static lanes got, zero;
    device_array<lanes> on(&zero, 1);
    assert_int_equal(gpu_launch(words, 1, THREADS, 0, nullptr, on.data), GPU(Success));
    on.get(&got);
    for (int i = 0; i < THREADS; i++) {
        int lane = i % GPU_LANES, first = i - lane;
        assert_int_equal(got.shfl[i], first + 3);
        assert_int_equal(got.up[i], first + (lane ^ 5));
        assert_int_equal(got.down[i], lane + 7 < GPU_LANES ? i + 7 : i);
        assert_true(got.wide[i] == first + GPU_LANES - 1 + 0.25);
        uint64_t votes = 0;
        for (int k = 0; k < GPU_LANES; k++) votes |= (uint64_t)((first + k) % 3 == 0) << k;
        assert_true(got.ballot[i] == votes);
        assert_int_equal(got.any[i], 70 / GPU_LANES == i / GPU_LANES);
        assert_int_equal(got.all[i], i / GPU_LANES != 1);
        assert_true(got.sum[i] == (float)(THREADS * (THREADS - 1) / 2));
        assert_true(got.max[i] == THREADS - 1);
    }
    assert_int_equal(got.count, 2 * THREADS);
    assert_int_equal(got.biggest, THREADS - 1);
    assert_true(got.total == THREADS / 2);
}

/* All halves both ways, and floats around every half and half-way point. */
static void test_float16(void **) {
    for (uint32_t h = 0; h < 65536; h++) {
        float x = gpu_f16_to_f32((uint16_t)h), want = hdi_f16_to_f32((uint16_t)h);
        assert_true(isnan(want) ? isnan(x) : x == want && signbit(x) == signbit(want));
        for (int d = -3; d <= 3; d++) {
            uint32_t u;
            for (int half_way = 0; half_way < 2; half_way++) {
                memcpy(&u, &x, 4);
                u += (uint32_t)d + (half_way ? 0x1000u : 0u);
                float y;
                memcpy(&y, &u, 4);
                uint16_t a = gpu_f32_to_f16(y), b = hdi_f32_to_f16(y);
                if (isnan(y))
                    assert_true((a & 0x7fff) > 0x7c00);
                else
                    assert_int_equal(a, b);
            }
        }
    }
    for (float y = 0x1p-26f; y < 0x1p-13f; y *= 1.0003f) {
        assert_int_equal(gpu_f32_to_f16(y), hdi_f32_to_f16(y));
        assert_int_equal(gpu_f32_to_f16(-y), hdi_f32_to_f16(-y));
    }
    assert_int_equal(gpu_dot4((int)0x80ff7f01, (int)0x807f0203, 5), 5 + 128 * 128 - 127 + 254 + 3);
}

/* The last block to come does the rest, in whatever order blocks run. */
static __global__ void last_block(unsigned *counter, float *parts, float *out) {
    GPU_SHARED(bool, last, 1);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = (float)blockIdx.x;
        __threadfence();
        last[0] = atomicAdd(counter, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last[0] || threadIdx.x != 0) return;
    float sum = 0;
    for (unsigned b = 0; b < gridDim.x; b++) sum += parts[b];
    out[0] = sum;
}
static void test_last_block(void **) {
    unsigned zero = 0;
    float got;
    device_array<unsigned> counter(&zero, 1);
    device_array<float> parts(100), out(1);
    assert_int_equal(gpu_launch(last_block, 100, 64, 0, nullptr, counter.data, parts.data, out.data), GPU(Success));
    out.get(&got);
    assert_true(got == 4950);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_float16),
                                          cmocka_unit_test(test_last_block)};

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
