/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels that are wrong, each in one way: the host vendor must say so, with kernel, block and thread, and go on living. */
#include "gpu_host/support.h"

namespace HDI_GPU_NAMESPACE {

enum { THREADS = 128 };

static __global__ void fine(float *out) {
    GPU_SHARED(float, all, THREADS);
    all[threadIdx.x] = (float)threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = all[THREADS - 1 - threadIdx.x];
}

/* What ran so far failed with `error`, whose text has all the words; the error stays until the device is reset; then all is well.
 */
static void expect(GPU(Error_t) error, const char *const *words, int n) {
    assert_int_equal(GPU(DeviceSynchronize)(), error);
    const char *text = GPU(GetErrorString)(error);
    print_message("    %s\n", text);
    for (int i = 0; i < n; i++)
        if (!strstr(text, words[i])) fail_msg("'%s' is not in: %s", words[i], text);
    assert_int_equal(GPU(GetLastError)(), error);
    assert_int_equal(GPU(PeekAtLastError)(), error);
    assert_int_equal(gpu_launch(fine, 1, THREADS, 0, nullptr, (float *)nullptr), error);
    assert_int_equal(GPU(DeviceReset)(), GPU(Success));
    assert_int_equal(GPU(PeekAtLastError)(), GPU(Success));
    device_array<float> out(THREADS);
    float got[THREADS];
    assert_int_equal(gpu_launch(fine, 1, THREADS, 0, nullptr, out.data), GPU(Success));
    out.get(got);
    for (int i = 0; i < THREADS; i++) assert_true(got[i] == (float)(THREADS - 1 - i));
}
#define EXPECT(error, ...)                                            \
    do {                                                              \
        const char *words_[] = {__VA_ARGS__};                         \
        expect(error, words_, (int)(sizeof words_ / sizeof *words_)); \
    } while (0)

/* ---- global memory ---- */

/* UndefinedBehaviorSanitizer would end the process before the vendor is asked. */
#define UNCHECKED __attribute__((no_sanitize("undefined")))

static __global__ UNCHECKED void write_at(float *data, int64_t i) {
    if (blockIdx.x == 1 && threadIdx.x == 5) data[i] = 1;
}
static __global__ UNCHECKED void read_at(float *data, int64_t i) {
    if (blockIdx.x == 1 && threadIdx.x == 5) data[0] = data[i];
}
static void test_write_past_end(void **) {
    device_array<float> data(64);
    assert_int_equal(gpu_launch(write_at, 2, THREADS, 0, nullptr, data.data, (int64_t)64), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "write_at", "block 1", "thread 5", "0 bytes past the end", "256 bytes");
}
static void test_read_past_end(void **) {
    device_array<float> data(64);
    assert_int_equal(gpu_launch(read_at, 2, THREADS, 0, nullptr, data.data, (int64_t)64), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "read_at", "block 1", "thread 5", "past the end");
}
static void test_write_past_odd_end(void **) { /* into the slack that alignment leaves */
    device_array<float> data(63);
    assert_int_equal(gpu_launch(write_at, 2, THREADS, 0, nullptr, data.data, (int64_t)63), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "write_at", "past the end", "252 bytes");
}
static void test_write_in_front(void **) {
    device_array<float> data(64);
    assert_int_equal(gpu_launch(write_at, 2, THREADS, 0, nullptr, data.data, (int64_t)-1), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "write_at", "in front of", "256 bytes");
}
static void test_write_null(void **) {
    assert_int_equal(gpu_launch(write_at, 2, THREADS, 0, nullptr, (float *)nullptr, (int64_t)0), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "write_at", "thread 5", "null pointer");
}
static void test_write_freed(void **) {
    float *data;
    assert_int_equal(GPU(Malloc)((void **)&data, 1 << 20), GPU(Success));
    assert_int_equal(GPU(Free)(data), GPU(Success));
    assert_int_equal(gpu_launch(write_at, 2, THREADS, 0, nullptr, data, (int64_t)0), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "write_at", "thread 5");
}
static void test_uninitialised_is_nan(void **) {
    device_array<float> data(5);
    float got[5];
    data.get(got);
    for (int i = 0; i < 5; i++) assert_true(isnan(got[i]));
}
static void test_copy_from_nowhere(void **) {
    device_array<char> data(100);
    assert_int_equal(GPU(MemcpyAsync)(data.data, (const void *)64, 100, GPU(MemcpyHostToDevice), nullptr), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "MemcpyAsync", "null pointer");
}
static __global__ void load_unaligned(float *out, const char *data) {
    uint4 v = gpu_load_stream((const uint4 *)(data + threadIdx.x * 8));
    out[threadIdx.x] = (float)v.x;
}
static void test_unaligned_load(void **) {
    device_array<char> data(THREADS * 8 + 16);
    device_array<float> out(THREADS);
    assert_int_equal(gpu_launch(load_unaligned, 1, THREADS, 0, nullptr, out.data, (const char *)data.data), GPU(Success));
    EXPECT(GPU(ErrorMisalignedAddress), "load_unaligned", "block 0", "thread ", "16 bytes");
}

/* ---- shared memory ---- */

static __global__ UNCHECKED void shared_static(float *out, int i, bool write) {
    GPU_SHARED(float, row, 30); /* 120 bytes: 8 of slack up to the page's end */
    row[threadIdx.x % 30] = 0;
    __syncthreads();
    if (threadIdx.x == 3) {
        if (write)
            row[i] = 1;
        else
            out[0] = row[i];
    }
    __syncthreads();
}
static __global__ void shared_dynamic(float *out, int i, bool write) {
    GPU_SHARED_DYNAMIC(memory);
    float *row = (float *)memory;
    if (threadIdx.x == 3) {
        if (write)
            row[i] = 1;
        else
            out[0] = row[i];
    }
}
static void test_shared_write_past_end(void **) {
    device_array<float> out(1);
    assert_int_equal(gpu_launch(shared_static, 1, THREADS, 0, nullptr, out.data, 30, true), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "shared_static", "block 0", "past the end of the shared array row", "120 bytes");
}
static void test_shared_write_in_front(void **) {
    device_array<float> out(1);
    assert_int_equal(gpu_launch(shared_static, 1, THREADS, 0, nullptr, out.data, -1, true), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "shared_static", "block 0", "in front of the shared array row");
}
static void test_shared_read_far(void **) {
    device_array<float> out(1);
    assert_int_equal(gpu_launch(shared_static, 1, THREADS, 0, nullptr, out.data, 32, false), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "shared_static", "thread 3", "past the end of the shared array row");
}
static void test_shared_read_near(void **) { /* slack: not an error, but nothing that a result survives */
    device_array<float> out(1);
    float got;
    assert_int_equal(gpu_launch(shared_static, 1, THREADS, 0, nullptr, out.data, 30, false), GPU(Success));
    out.get(&got);
    assert_true(isnan(got));
}
static void test_dynamic_write_past_end(void **) {
    device_array<float> out(1);
    assert_int_equal(gpu_launch(shared_dynamic, 1, THREADS, 40, nullptr, out.data, 10, true), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "shared_dynamic", "past the end of the shared array dynamic", "40 bytes");
}
static void test_dynamic_read_far(void **) {
    device_array<float> out(1);
    assert_int_equal(gpu_launch(shared_dynamic, 1, THREADS, 256, nullptr, out.data, 64, false), GPU(Success));
    EXPECT(GPU(ErrorIllegalAddress), "shared_dynamic", "thread 3", "past the end of the shared array");
}
static __global__ void shared_unwritten(float *out) {
    GPU_SHARED(float, row, THREADS);
    if (threadIdx.x < 10) row[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}
static void test_shared_read_before_write(void **) {
    device_array<float> out(THREADS);
    float got[THREADS];
    for (int again = 0; again < 2; again++) { /* the second block must not see what the first one left */
        assert_int_equal(gpu_launch(shared_unwritten, 1, THREADS, 0, nullptr, out.data), GPU(Success));
        out.get(got);
        for (int i = 0; i < THREADS; i++) assert_true(i < 10 ? got[i] == 1 : isnan(got[i]));
    }
}

/* ---- barriers ---- */

/* Each reads what another wrote, with no barrier between: in whatever order threads run, some come too early. `distance` is that
 * to the writer. */
static __global__ void no_barrier(float *out, int distance) {
    GPU_SHARED(float, row, THREADS);
    row[threadIdx.x] = 1;
    out[blockIdx.x * THREADS + threadIdx.x] = row[(threadIdx.x + (unsigned)distance) % THREADS];
}
static void test_missing_barrier(void **) {
    for (int distance = 1; distance < THREADS; distance += 21) {
        enum { BLOCKS = 2 };
        device_array<float> out(BLOCKS * THREADS);
        float got[BLOCKS * THREADS];
        assert_int_equal(gpu_launch(no_barrier, BLOCKS, THREADS, 0, nullptr, out.data, distance), GPU(Success));
        out.get(got);
        int wrong = 0;
        for (int i = 0; i < BLOCKS * THREADS; i++) wrong += isnan(got[i]);
        assert_true(wrong > 0);
    }
}
/* The reader comes first in one block, the writer in the next, whichever they are. */
static __global__ void one_writer(float *out, unsigned writer) {
    GPU_SHARED(float, row, 1);
    if (threadIdx.x == writer) row[0] = 1;
    if (threadIdx.x == 64) out[blockIdx.x] = row[0];
}
static void test_missing_barrier_one_writer(void **) {
    for (unsigned writer = 0; writer < THREADS; writer += 127) {
        device_array<float> out(2);
        float got[2];
        assert_int_equal(gpu_launch(one_writer, 2, THREADS, 0, nullptr, out.data, writer), GPU(Success));
        out.get(got);
        assert_true(isnan(got[0]) != isnan(got[1]));
    }
}
static __global__ void returns_early() {
    if (threadIdx.x == 77) return;
    __syncthreads();
}
static void test_early_return(void **) {
    assert_int_equal(gpu_launch(returns_early, 3, THREADS, 0, nullptr), GPU(Success));
    EXPECT(GPU(ErrorAssert), "returns_early", "block 0", "__syncthreads", "thread 77 has returned", "test_mistakes.cu");
}
static __global__ void two_barriers() {
    if (threadIdx.x < 64)
        __syncthreads();
    else
        __syncthreads();
}
static void test_divergent_barriers(void **) {
    assert_int_equal(gpu_launch(two_barriers, 1, THREADS, 0, nullptr), GPU(Success));
    EXPECT(GPU(ErrorAssert), "two_barriers", "block 0", "while others of its block are at");
}
static __global__ void barrier_and_shuffle(float *out) {
    if (threadIdx.x == 9)
        __syncthreads();
    else
        out[threadIdx.x] = gpu_shfl_xor(1.0f, 1);
}
static void test_barrier_against_shuffle(void **) {
    device_array<float> out(THREADS);
    assert_int_equal(gpu_launch(barrier_and_shuffle, 1, THREADS, 0, nullptr, out.data), GPU(Success));
    EXPECT(GPU(ErrorAssert), "barrier_and_shuffle", "gpu_shfl_xor", "thread 9 waits in __syncthreads");
}
static __global__ void two_shuffles(float *out) {
    if (threadIdx.x % 2)
        out[threadIdx.x] = gpu_shfl(1.0f, 0);
    else
        out[threadIdx.x] = gpu_shfl(2.0f, 0);
}
static void test_divergent_shuffles(void **) {
    device_array<float> out(THREADS);
    assert_int_equal(gpu_launch(two_shuffles, 1, THREADS, 0, nullptr, out.data), GPU(Success));
    EXPECT(GPU(ErrorAssert), "two_shuffles", "while other lanes of its warp are at gpu_shfl");
}
static __global__ void lane_that_is_not(float *out) { out[threadIdx.x] = gpu_shfl_xor(1.0f, 16); }
static void test_shuffle_from_no_thread(void **) {
    device_array<float> out(THREADS);
    assert_int_equal(gpu_launch(lane_that_is_not, 1, GPU_LANES + 7, 0, nullptr, out.data), GPU(Success));
    EXPECT(GPU(ErrorAssert), "lane_that_is_not", "of a warp that has 7 threads");
}
static __global__ void waits_for_ever(unsigned *flag) {
    while (gpu_load_acquire(flag) == 0) gpu_pause();
}
static void test_endless_wait(void **) {
    unsigned zero = 0;
    device_array<unsigned> flag(&zero, 1);
    assert_int_equal(gpu_launch(waits_for_ever, 1, 64, 0, nullptr, flag.data), GPU(Success));
    EXPECT(GPU(ErrorLaunchTimeout), "waits_for_ever", "block 0", "thread ", "gpu_pause");
}

/* ---- copies in the background ---- */

static __global__ void copies(float *out, const float *in, bool wait) {
    GPU_SHARED(float, tile, THREADS * 4);
    gpu_copy_async(&tile[threadIdx.x * 4], &in[threadIdx.x * 4], 16, threadIdx.x == 2 ? 4 : 16);
    gpu_copy_commit();
    if (wait) gpu_copy_wait<0>();
    __syncthreads();
    for (int i = 0; i < 4; i++) out[threadIdx.x * 4 + i] = tile[threadIdx.x * 4 + i];
}
static void test_copy_without_wait(void **) {
    enum { N = THREADS * 4 };
    static float in[N], got[N];
    for (int i = 0; i < N; i++) in[i] = (float)i + 1;
    device_array<float> from(in, N), out(N);
    assert_int_equal(gpu_launch(copies, 1, THREADS, 0, nullptr, out.data, from.data, true), GPU(Success));
    out.get(got);
    for (int i = 0; i < N; i++) assert_true(got[i] == (i > 8 && i < 12 ? 0.0f : in[i]));
    assert_int_equal(gpu_launch(copies, 1, THREADS, 0, nullptr, out.data, from.data, false), GPU(Success));
    out.get(got);
    for (int i = 0; i < N; i++) assert_true(isnan(got[i]));
}
static __global__ void pipeline(float *out, const float *in) {
    GPU_SHARED(float, stage, 3 * 4);
    for (int s = 0; s < 3; s++) {
        gpu_copy_async(&stage[s * 4], &in[s * 4], 16, 16);
        gpu_copy_commit();
    }
    gpu_copy_wait<1>(); /* the first two groups are there */
    for (int i = 0; i < 12; i++) out[i] = stage[i];
    gpu_copy_wait<0>();
    for (int i = 8; i < 12; i++) out[i + 4] = stage[i];
}
static void test_copy_groups(void **) {
    float in[12], got[16];
    for (int i = 0; i < 12; i++) in[i] = (float)i + 1;
    device_array<float> from(in, 12), out(16);
    assert_int_equal(gpu_launch(pipeline, 1, 1, 0, nullptr, out.data, from.data), GPU(Success));
    out.get(got);
    for (int i = 0; i < 8; i++) assert_true(got[i] == in[i]);
    for (int i = 8; i < 12; i++) assert_true(isnan(got[i]) && got[i + 4] == in[i]);
}
static __global__ void copy_unaligned(const float *in) {
    GPU_SHARED(float, tile, 8);
    gpu_copy_async(tile, in + 1, 16, 16);
}
static void test_copy_unaligned(void **) {
    device_array<float> from(8);
    assert_int_equal(gpu_launch(copy_unaligned, 1, 1, 0, nullptr, from.data), GPU(Success));
    EXPECT(GPU(ErrorMisalignedAddress), "copy_unaligned", "thread 0", "16 bytes");
}

/* ---- launches ---- */

static __global__ void uses_stack(float *out, int depth) {
    volatile float big[4096];
    big[depth % 4096] = (float)depth;
    if (depth > 0) uses_stack(out, depth - 1);
    out[0] = big[depth % 4096];
}
static void test_stack_overflow(void **) {
    device_array<float> out(1);
    assert_int_equal(gpu_launch(uses_stack, 1, 1, 0, nullptr, out.data, 1000), GPU(Success));
    EXPECT(GPU(ErrorLaunchFailure), "uses_stack", "stack");
}
static void test_bad_launches(void **) {
    assert_int_equal(gpu_launch(returns_early, 0, THREADS, 0, nullptr), GPU(ErrorInvalidConfiguration));
    assert_int_equal(gpu_launch(returns_early, 1, 1025, 0, nullptr), GPU(ErrorInvalidConfiguration));
    assert_int_equal(GPU(GetLastError)(), GPU(ErrorInvalidConfiguration));
    assert_int_equal(GPU(GetLastError)(), GPU(Success));
    device_array<float> out(1);
    assert_int_equal(gpu_launch(shared_dynamic, 1, 32, 60000, nullptr, out.data, 0, true), GPU(ErrorInvalidConfiguration));
    assert_int_equal(gpu_allow_shared(shared_dynamic, 60000), GPU(Success));
    assert_int_equal(gpu_launch(shared_dynamic, 1, 32, 60000, nullptr, out.data, 0, true), GPU(Success));
    assert_int_equal(gpu_allow_shared(shared_dynamic, 101 << 10), GPU(ErrorInvalidValue));
    assert_int_equal(GPU(DeviceSynchronize)(), GPU(Success));
    int device;
    assert_int_equal(GPU(GetDevice)(&device), GPU(Success));
    assert_int_equal(GPU(SetDevice)(1 - device), GPU(Success)); /* has other warps */
    assert_int_equal(gpu_launch(fine, 1, THREADS, 0, nullptr, (float *)nullptr), GPU(ErrorInvalidDeviceFunction));
    assert_int_equal(GPU(SetDevice)(device), GPU(Success));
    (void)GPU(GetLastError)();
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_write_past_end),
                                          cmocka_unit_test(test_read_past_end),
                                          cmocka_unit_test(test_write_past_odd_end),
                                          cmocka_unit_test(test_write_in_front),
                                          cmocka_unit_test(test_write_null),
                                          cmocka_unit_test(test_write_freed),
                                          cmocka_unit_test(test_uninitialised_is_nan),
                                          cmocka_unit_test(test_copy_from_nowhere),
                                          cmocka_unit_test(test_unaligned_load),
                                          cmocka_unit_test(test_shared_write_past_end),
                                          cmocka_unit_test(test_shared_write_in_front),
                                          cmocka_unit_test(test_shared_read_far),
                                          cmocka_unit_test(test_shared_read_near),
                                          cmocka_unit_test(test_dynamic_write_past_end),
                                          cmocka_unit_test(test_dynamic_read_far),
                                          cmocka_unit_test(test_shared_read_before_write),
                                          cmocka_unit_test(test_missing_barrier),
                                          cmocka_unit_test(test_missing_barrier_one_writer),
                                          cmocka_unit_test(test_early_return),
                                          cmocka_unit_test(test_divergent_barriers),
                                          cmocka_unit_test(test_barrier_against_shuffle),
                                          cmocka_unit_test(test_divergent_shuffles),
                                          cmocka_unit_test(test_shuffle_from_no_thread),
                                          cmocka_unit_test(test_endless_wait),
                                          cmocka_unit_test(test_copy_without_wait),
                                          cmocka_unit_test(test_copy_groups),
                                          cmocka_unit_test(test_copy_unaligned),
                                          cmocka_unit_test(test_stack_overflow),
                                          cmocka_unit_test(test_bad_launches)};

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
