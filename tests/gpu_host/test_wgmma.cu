/* SPDX-License-Identifier: Apache-2.0 */
/* Hopper's words on the host vendor against the tables of the PTX ISA ("Register Fragments for wgmma.mma_async.m64nNk16", "Shared
 * Memory Matrix Layout", "Matrix Descriptor Format", "Swizzling Modes"), written from these and not from the emulation; and each
 * mistake that hardware would answer with wrong numbers. */
#include "kernels/gpu/wgmma.h"
#include <vector>

#include "gpu_host/support.h"

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_WGMMA

enum { BOX_A = 64, DEPTH = 64 };

/* ---- the definitions ---- */

/* Fragment D: thread t of the warpgroup, element i. */
static int d_row(int t, int i) { return t / 32 * 16 + (t % 32 >> 2) + (i % 4 < 2 ? 0 : 8); }
static int d_col(int t, int i) { return i / 4 * 8 + t % 4 * 2 + (i & 1); }

/* Swizzling by 128 bytes: 16-byte unit u of row r of a group of 8 rows lies at unit u ^ r. */
static int swizzled_byte(int row, int column) {
    int unit = column * 2 / 16, in_group = row % 8;
    return row / 8 * 1024 + in_group * 128 + ((unit ^ in_group) * 16) + column * 2 % 16;
}

static void test_descriptor(void **) {
    alignas(1024) static char matrix[1024];
    uint64_t address = (uintptr_t)matrix & 0x3ffff, d = gpu_wgmma_descriptor(matrix);
    assert_int_equal(d & 0x3fff, address / 16);
    assert_int_equal(d >> 32 & 0x3fff, 1024 / 16);
    assert_int_equal(d >> 49 & 7, 0);
    assert_int_equal(d >> 62, 1);
}

static void test_swizzle(void **) {
    for (int row = 0; row < 64; row++)
        for (int column = 0; column < 64; column++)
            assert_int_equal(gpu_swizzle((uint32_t)(row * 128 + column * 2)), swizzled_byte(row, column));
}

/* ---- a kernel of one product of 64 x N x K ---- */

enum mistake {
    NONE,
    NO_WAIT,         /* for the copies */
    NO_FENCE_ASYNC,  /* after stores */
    NO_ANNOUNCEMENT, /* of the bytes */
    NO_PUBLISH,      /* of the barriers */
    NO_WGMMA_FENCE,
    ODD_BOX,          /* at 512 beyond a multiple of 1024 */
    ODD_DESCRIPTOR,   /* 16 bytes beyond */
    EARLY_SUMS,       /* read before the wait */
    TOUCHED_SUMS,     /* written while the product runs */
    OVERWRITTEN,      /* a stage is filled again while a product may read it */
    MISSING_WARP,     /* of the warpgroup */
    DIFFERENT,        /* descriptors in the warpgroup */
    STORE_UNDER_COPY, /* to where a copy is under way */
};

struct setup {
    gpu_tensor_map a, b;
    const uint16_t *stored; /* A [64, k] again, stored by threads in place of a copy; or NULL */
    float *d;               /* [threads][N / 2] */
    int k, column, row_a, row_b, mistake;
};

template <int N, bool F16> static __global__ void product(setup s) {
    GPU_SHARED_DYNAMIC(dynamic);
    GPU_SHARED(uint64_t, full, 1);
    char *a = dynamic + (-(uintptr_t)dynamic & 1023), *b = a + BOX_A * 128;
    int t = (int)threadIdx.x;
    float d[N / 2];
    for (int i = 0; i < N / 2; i++) d[i] = 1000.0f;
    if (t == 0) {
        gpu_mbar_init(full, 1);
        if (s.mistake != NO_PUBLISH) gpu_mbar_publish();
    }
    __syncthreads();
    for (int k = 0, round = 0; k < s.k; k += DEPTH, round++) {
        if (t == 0) {
            gpu_mbar_arrive_expect(full, s.mistake == NO_ANNOUNCEMENT ? 128 : (s.stored ? 0 : BOX_A * 128) + N * 128);
            if (!s.stored) gpu_copy_box(a + (s.mistake == ODD_BOX ? 512 : 0), &s.a, s.column + k, s.row_a, full);
            gpu_copy_box(b, &s.b, s.column + k, s.row_b, full);
            if (s.mistake == STORE_UNDER_COPY) b[77] = 1;
        }
        if (s.stored) {
            for (int i = t; i < 64 * DEPTH; i += 128)
                *(uint16_t *)(a + gpu_swizzle((uint32_t)i * 2)) = s.stored[(i / DEPTH) * s.k + k + i % DEPTH];
            if (s.mistake != NO_FENCE_ASYNC) gpu_fence_async();
            __syncthreads();
        }
        if (s.mistake != NO_WAIT || t != 77) gpu_mbar_wait(full, (unsigned)round & 1);
        if (s.mistake == MISSING_WARP && t >= 96) return;
        if (s.mistake != NO_WGMMA_FENCE) gpu_wgmma_fence();
        uint64_t left = gpu_wgmma_descriptor(a), right = gpu_wgmma_descriptor(b);
        if (s.mistake == ODD_DESCRIPTOR) left++;
        if (s.mistake == DIFFERENT && t >= 64) left += 2;
        for (int i = 0; i < DEPTH / 16; i++) gpu_wgmma<F16>(d, left + 2 * i, right + 2 * i, i || k);
        if (s.mistake == TOUCHED_SUMS) {
            d[3] = 0;
            gpu_wgmma<F16>(d, left, right, true);
        }
        gpu_wgmma_commit();
        if (s.mistake == OVERWRITTEN && t == 0) gpu_copy_box(b, &s.b, 0, 0, full);
        if (s.mistake == EARLY_SUMS) s.d[t] = d[5];
        gpu_wgmma_wait_all(d);
        __syncthreads();
    }
    for (int i = 0; s.mistake != EARLY_SUMS && i < N / 2; i++) s.d[t * (N / 2) + i] = d[i];
}

/* Matrices of [rows + more, k] 16-bit elements, small integers. */
struct data {
    int rows, k, pitch;
    bool f16;
    std::vector<uint16_t> bits;
    device_array<uint16_t> device;
    static int value(int r, int c, int salt) { return (r * 7 + c * 3 + r * c * salt) % 11 - 5; }
    data(int rows_, int k_, bool f16_, int salt)
        : rows(rows_), k(k_), pitch((k_ + 7) / 8 * 8), f16(f16_), bits(fill(rows_, k_, pitch, f16_, salt)),
          device(bits.data(), bits.size()) {}
    static std::vector<uint16_t> fill(int rows, int k, int pitch, bool f16, int salt) {
        std::vector<uint16_t> v((size_t)(rows * pitch), 0x7fff);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < k; c++) {
                float x = (float)value(r, c, salt);
                v[(size_t)(r * pitch + c)] = f16 ? gpu_f32_to_f16(x) : gpu_f32_to_bf16(x);
            }
        return v;
    }
};

template <int N, bool F16>
static GPU(Error_t)
    run(const data &a, const data &b, int k, int column, int row_a, int row_b, int mistake, bool stored, float *out) {
    device_array<float> d((size_t)(128 * (N / 2)));
    setup s = {};
    assert_int_equal(gpu_tensor_map_make(&s.a, F16, a.device.data, a.rows, a.k, a.pitch * 2, BOX_A), 0);
    assert_int_equal(gpu_tensor_map_make(&s.b, F16, b.device.data, b.rows, b.k, b.pitch * 2, N), 0);
    s.stored = stored ? a.device.data : nullptr;
    s.d = d.data;
    s.k = k, s.column = column, s.row_a = row_a, s.row_b = row_b, s.mistake = mistake;
    size_t shared = (size_t)(BOX_A + N) * 128 + 1024;
    assert_int_equal(gpu_allow_shared(product<N, F16>, shared), 0);
    assert_int_equal(gpu_launch(product<N, F16>, 1, 128, shared, nullptr, s), 0);
    GPU(Error_t) error = GPU(DeviceSynchronize)();
    if (!error && out) d.get(out);
    return error;
}

template <int N, bool F16> static void check_product(int k, int column, int row_a, int row_b, bool stored) {
    data a(stored ? 64 : 70, stored ? k : k + column - 3, F16, 5); /* boxes go beyond the last columns and rows */
    data b(N + 3, k + column - 3, F16, 9);
    static float got[128 * 128];
    assert_int_equal((run<N, F16>(a, b, k, column, row_a, row_b, NONE, stored, got)), GPU(Success));
    for (int t = 0; t < 128; t++)
        for (int i = 0; i < N / 2; i++) {
            int m = d_row(t, i) + row_a, n = d_col(t, i) + row_b, sum = 0;
            for (int c = column; c < column + k; c++)
                if (m < a.rows && n < b.rows && c < a.k && c < b.k) sum += data::value(m, c, 5) * data::value(n, c, 9);
            assert_true(got[t * (N / 2) + i] == (float)sum);
        }
}

static void test_products(void **) {
    check_product<64, true>(64, 0, 0, 0, false);
    check_product<64, false>(128, 64, 0, 3, false);
    check_product<128, true>(192, 0, 6, 0, false);
    check_product<128, false>(64, 0, 10, 7, false);
    check_product<256, true>(64, 0, 0, 5, false);
    check_product<256, false>(128, 0, 0, 0, false);
    check_product<64, false>(128, 0, 0, 0, true);
}

static void expect(int mistake, GPU(Error_t) error, const char *words) {
    bool stored = mistake == NO_FENCE_ASYNC;
    data a(64, 64, false, 5), b(64, 64, false, 9);
    assert_int_equal((run<64, false>(a, b, 64, 0, 0, 0, mistake, stored, nullptr)), error);
    const char *text = GPU(GetErrorString)(error);
    print_message("    %s\n", text);
    if (!strstr(text, words)) fail_msg("'%s' is not in: %s", words, text);
    assert_int_equal(GPU(DeviceReset)(), GPU(Success));
}

static void test_mistakes(void **) {
    expect(NO_WAIT, GPU(ErrorAssert), "reads shared memory");
    expect(NO_FENCE_ASYNC, GPU(ErrorAssert), "without gpu_fence_async");
    expect(NO_ANNOUNCEMENT, GPU(ErrorAssert), "was told of 128");
    expect(NO_PUBLISH, GPU(ErrorAssert), "gpu_mbar_publish");
    expect(NO_WGMMA_FENCE, GPU(ErrorAssert), "without gpu_wgmma_fence");
    expect(ODD_BOX, GPU(ErrorMisalignedAddress), "multiples of 1024");
    expect(ODD_DESCRIPTOR, GPU(ErrorMisalignedAddress), "16 bytes beyond");
    expect(TOUCHED_SUMS, GPU(ErrorAssert), "accumulators were changed");
    expect(OVERWRITTEN, GPU(ErrorAssert), "copy is under way");
    expect(MISSING_WARP, GPU(ErrorAssert), "has returned without it");
    expect(DIFFERENT, GPU(ErrorAssert), "different products");
    expect(STORE_UNDER_COPY, GPU(ErrorAssert), "that a copy is under way to");
}

static void test_early_sums_are_nan(void **) {
    data a(64, 64, true, 5), b(64, 64, true, 9);
    static float got[128 * 32];
    assert_int_equal((run<64, true>(a, b, 64, 0, 0, 0, EARLY_SUMS, false, got)), GPU(Success));
    for (int t = 0; t < 128; t++) assert_true(isnan(got[t]));
}

static void test_maps_decline(void **) {
    alignas(16) static uint16_t matrix[256];
    gpu_tensor_map map;
    assert_int_equal(gpu_tensor_map_make(&map, true, matrix, 4, 40, 80, 64), 0);
    assert_int_equal(gpu_tensor_map_make(&map, true, matrix + 1, 4, 40, 80, 64), HDI_GPU_UNSUPPORTED);
    assert_int_equal(gpu_tensor_map_make(&map, true, matrix, 4, 40, 82, 64), HDI_GPU_UNSUPPORTED);
    assert_int_equal(gpu_tensor_map_make(&map, true, matrix, 4, 41, 80, 64), HDI_GPU_UNSUPPORTED);
    assert_int_equal(gpu_tensor_map_make(&map, true, matrix, 4, 40, 80, 257), HDI_GPU_UNSUPPORTED);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_descriptor),         cmocka_unit_test(test_swizzle),
                                          cmocka_unit_test(test_products),           cmocka_unit_test(test_mistakes),
                                          cmocka_unit_test(test_early_sums_are_nan), cmocka_unit_test(test_maps_decline)};

#else
static void test_there_are_none(void **) { assert_int_equal(GPU_LANES, 64); }
static const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_are_none)};
#endif

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
