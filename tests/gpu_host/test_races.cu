/* SPDX-License-Identifier: Apache-2.0 */
/* Races of kernels, and accesses to slack, that only looking at every access finds; and kernels that look like them and are
 * right. Needs -DHEDDLE_GPU_RACECHECK=ON. */
#include "gpu_host/support.h"

namespace HDI_GPU_NAMESPACE {

enum { THREADS = 128 };

enum {
    RIGHT,             /* no mistake: barriers, warps, neighbours in a word, atomics */
    READ_AFTER_WRITE,  /* no barrier between a write and another's read */
    WRITE_AFTER_READ,  /* nor between a read and another's next write */
    WRITE_AFTER_WRITE, /* two write the same element */
    WITHIN_WARP,       /* lanes of a warp without gpu_sync_warp; a shuffle orders nothing */
    ACROSS_WARPS,      /* gpu_sync_warp is not enough */
    ATOMIC_AND_PLAIN,  /* a plain read beside others' atomic additions */
    COPY_OF_OTHERS,    /* gpu_copy_wait shows only one's own copies */
    SLACK_OF_SHARED,   /* just behind an array */
    SLACK_OF_GLOBAL,   /* just behind an allocation */
    KINDS
};

static __global__ void kernel(float *data, int kind) {
    GPU_SHARED(float, row, THREADS);
    GPU_SHARED(uint8_t, bytes, THREADS + 3);
    GPU_SHARED(int, count, 1);
    unsigned i = threadIdx.x, next = i ^ 1, far = i ^ GPU_LANES;
    float x = 0;
    if (i == 0) count[0] = 0;
    bytes[i] = (uint8_t)i;
    row[i] = (float)i;
    if (kind == RIGHT) gpu_sync_warp();
    if (kind == WITHIN_WARP) x += gpu_shfl_xor(1.0f, 1);
    if (kind == RIGHT || kind == WITHIN_WARP) x += row[next];
    if (kind == ACROSS_WARPS) gpu_sync_warp();
    if (kind == READ_AFTER_WRITE || kind == ACROSS_WARPS) x += row[far];
    if (kind == RIGHT) gpu_sync_warp();
    if (kind == RIGHT) row[i] = 2;
    __syncthreads();
    x += row[far] + row[0] + row[next];
    if (kind == WRITE_AFTER_READ) row[i] = 1;
    atomicAdd(&count[0], 1);
    if (kind == ATOMIC_AND_PLAIN && i == 77) x += (float)count[0];
    __syncthreads();
    if (kind == WRITE_AFTER_WRITE) row[i / 2] = 1;
    if (kind == COPY_OF_OTHERS) {
        gpu_copy_async(&row[i], &data[i], 4, 4);
        gpu_copy_commit();
        gpu_copy_wait<0>();
        x += row[far];
    }
    if (kind == SLACK_OF_SHARED && i == 5) x += bytes[(int)(data[0] + THREADS + 3)]; /* data is zero */
    if (kind == SLACK_OF_GLOBAL && i == 5) x += data[THREADS + 1];
    x += (float)count[0];
    __syncthreads();
    if (i < THREADS) data[i] = x;
}

static void run(int kind, GPU(Error_t) error, const char *words, const char *more) {
#ifndef HDI_GPU_RACECHECK
    print_message("needs HEDDLE_GPU_RACECHECK\n");
    skip();
#endif
    float zero[THREADS + 1] = {};
    device_array<float> data(zero, THREADS + 1);
    assert_int_equal(gpu_launch(kernel, 2, THREADS, 0, nullptr, data.data, kind), GPU(Success));
    assert_int_equal(GPU(DeviceSynchronize)(), error);
    if (error == GPU(Success)) return;
    const char *text = GPU(GetErrorString)(error);
    print_message("    %s\n", text);
    if (!strstr(text, words) || !strstr(text, more)) fail_msg("'%s' or '%s' is not in: %s", words, more, text);
    assert_int_equal(GPU(DeviceReset)(), GPU(Success));
}

static void test_right(void **) { run(RIGHT, GPU(Success), "", ""); }
static void test_read_after_write(void **) { run(READ_AFTER_WRITE, GPU(ErrorAssert), "shared array row", "no barrier between"); }
static void test_write_after_read(void **) { run(WRITE_AFTER_READ, GPU(ErrorAssert), "shared array row", "no barrier between"); }
static void test_write_after_write(void **) {
    run(WRITE_AFTER_WRITE, GPU(ErrorAssert), "shared array row", "writes with no barrier");
}
static void test_within_warp(void **) { run(WITHIN_WARP, GPU(ErrorAssert), "shared array row", "no barrier between"); }
static void test_across_warps(void **) { run(ACROSS_WARPS, GPU(ErrorAssert), "shared array row", "no barrier between"); }
static void test_atomic_and_plain(void **) {
    run(ATOMIC_AND_PLAIN, GPU(ErrorAssert), "shared array count", "no barrier between");
}
static void test_copy_of_others(void **) { run(COPY_OF_OTHERS, GPU(ErrorAssert), "shared array row", "no barrier between"); }
static void test_slack_of_shared(void **) {
    run(SLACK_OF_SHARED, GPU(ErrorIllegalAddress), "thread 5", "0 bytes past the end of the shared array bytes");
}
static void test_slack_of_global(void **) {
    run(SLACK_OF_GLOBAL, GPU(ErrorIllegalAddress), "thread 5", "0 bytes past the end of an allocation of 516 bytes");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_right),
                                          cmocka_unit_test(test_read_after_write),
                                          cmocka_unit_test(test_write_after_read),
                                          cmocka_unit_test(test_write_after_write),
                                          cmocka_unit_test(test_within_warp),
                                          cmocka_unit_test(test_across_warps),
                                          cmocka_unit_test(test_atomic_and_plain),
                                          cmocka_unit_test(test_copy_of_others),
                                          cmocka_unit_test(test_slack_of_shared),
                                          cmocka_unit_test(test_slack_of_global)};

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
