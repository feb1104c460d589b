/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix words against the fragment tables of the PTX ISA ("Matrix Fragments for mma.m16n8k16", "... m16n8k32", "ldmatrix"):
 * element i of lane l is packed and unpacked here by those tables' formulas, the product is computed plainly. */
#include "kernels/gpu/mma.h"
#include "gpu_host/support.h"

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_MMA

enum { BF16, F16, S8 };

static int group_of(int lane) { return lane >> 2; }
static int thread_in_group(int lane) { return lane % 4; }

/* 16-bit types, k = 16. */
static int a_row_16(int lane, int i) { return (0 <= i && i < 2) || (4 <= i && i < 6) ? group_of(lane) : group_of(lane) + 8; }
static int a_col_16(int lane, int i) {
    return i < 4 ? thread_in_group(lane) * 2 + (i & 1) : thread_in_group(lane) * 2 + (i & 1) + 8;
}
static int b_row_16(int lane, int i) {
    return i < 2 ? thread_in_group(lane) * 2 + (i & 1) : thread_in_group(lane) * 2 + (i & 1) + 8;
}
/* 8-bit types, k = 32. */
static int a_row_32(int lane, int i) { return (0 <= i && i < 4) || (8 <= i && i < 12) ? group_of(lane) : group_of(lane) + 8; }
static int a_col_32(int lane, int i) {
    return i < 8 ? thread_in_group(lane) * 4 + (i & 3) : thread_in_group(lane) * 4 + (i & 3) + 16;
}
static int b_row_32(int lane, int i) {
    return i < 4 ? thread_in_group(lane) * 4 + (i & 3) : thread_in_group(lane) * 4 + (i & 3) + 16;
}
/* B's column and the accumulator, all shapes. */
static int b_col(int lane) { return group_of(lane); }
static int c_row(int lane, int i) { return i < 2 ? group_of(lane) : group_of(lane) + 8; }
static int c_col(int lane, int i) { return thread_in_group(lane) * 2 + (i & 1); }

struct fragments {
    uint32_t a[32][4], b[32][2];
    float d[32][4];
    int s[32][4];
};

static __global__ void multiply(fragments *f, int type) {
    int lane = (int)threadIdx.x;
    if (type == BF16) gpu_mma_bf16(f->d[lane], f->a[lane], f->b[lane]);
    if (type == F16) gpu_mma_f16(f->d[lane], f->a[lane], f->b[lane]);
    if (type == S8) gpu_mma_s8(f->s[lane], f->a[lane], f->b[lane]);
}

static int value_a(int r, int c) { return (r * 7 + c * 3) % 11 - 5; }
static int value_b(int r, int c) { return (r * 5 + c * 13) % 9 - 4; }
static int value_c(int r, int c) { return r * 10 + c; }
static uint32_t bits(int type, int x) {
    return type == BF16 ? gpu_f32_to_bf16((float)x) : type == F16 ? gpu_f32_to_f16((float)x) : (uint32_t)(uint8_t)x;
}

static void check_product(int type) {
    int k = type == S8 ? 32 : 16, width = type == S8 ? 8 : 16, each = 32 / width;
    static fragments f;
    memset(&f, 0, sizeof f);
    for (int lane = 0; lane < 32; lane++) {
        for (int i = 0; i < 4 * each; i++) {
            int r = k == 32 ? a_row_32(lane, i) : a_row_16(lane, i), c = k == 32 ? a_col_32(lane, i) : a_col_16(lane, i);
            f.a[lane][i / each] |= bits(type, value_a(r, c)) << width * (i % each);
        }
        for (int i = 0; i < 2 * each; i++) {
            int r = k == 32 ? b_row_32(lane, i) : b_row_16(lane, i);
            f.b[lane][i / each] |= bits(type, value_b(r, b_col(lane))) << width * (i % each);
        }
        for (int i = 0; i < 4; i++) f.d[lane][i] = (float)(f.s[lane][i] = value_c(c_row(lane, i), c_col(lane, i)));
    }
    device_array<fragments> on(&f, 1);
    assert_int_equal(gpu_launch(multiply, 1, 32, 0, nullptr, on.data, type), GPU(Success));
    assert_int_equal(GPU(DeviceSynchronize)(), GPU(Success));
    on.get(&f);
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++) {
            int r = c_row(lane, i), c = c_col(lane, i), want = value_c(r, c);
            for (int j = 0; j < k; j++) want += value_a(r, j) * value_b(j, c);
            if (type == S8)
                assert_int_equal(f.s[lane][i], want);
            else
                assert_true(f.d[lane][i] == (float)want);
        }
}

static void test_bf16(void **) { check_product(BF16); }
static void test_f16(void **) { check_product(F16); }
static void test_s8(void **) { check_product(S8); }

static __global__ void load_matrices(uint32_t *out) {
    GPU_SHARED(uint16_t, tile, 32 * 8);
    int lane = (int)threadIdx.x;
    for (int c = 0; c < 8; c++) tile[lane * 8 + c] = (uint16_t)(lane * 100 + c); /* row lane % 8 of matrix lane / 8 */
    __syncthreads();
    uint32_t r[4];
    gpu_ldmatrix_x4(r, &tile[lane * 8]);
    for (int m = 0; m < 4; m++) out[lane * 8 + m] = r[m];
    gpu_ldmatrix_x4_trans(r, &tile[lane * 8]);
    for (int m = 0; m < 4; m++) out[lane * 8 + 4 + m] = r[m];
}

static void test_ldmatrix(void **) {
    uint32_t out[32][8];
    device_array<uint32_t> on(32 * 8);
    assert_int_equal(gpu_launch(load_matrices, 1, 32, 0, nullptr, on.data), GPU(Success));
    assert_int_equal(GPU(DeviceSynchronize)(), GPU(Success));
    on.get(&out[0][0]);
    for (int lane = 0; lane < 32; lane++)
        for (int m = 0; m < 4; m++) {
            int row = lane / 4, col = 2 * (lane % 4);
            assert_int_equal(out[lane][m], ((m * 8 + row) * 100 + col) | ((m * 8 + row) * 100 + col + 1) << 16);
            assert_int_equal(out[lane][4 + m], ((m * 8 + col) * 100 + row) | ((m * 8 + col + 1) * 100 + row) << 16);
        }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_bf16), cmocka_unit_test(test_f16), cmocka_unit_test(test_s8),
                                          cmocka_unit_test(test_ldmatrix)};

#else

static void test_none_on_64_lanes(void **) { assert_int_equal(GPU_LANES, 64); }
static const struct CMUnitTest tests[] = {cmocka_unit_test(test_none_on_64_lanes)};

#endif

} // namespace HDI_GPU_NAMESPACE

int main() { return cmocka_run_group_tests(HDI_GPU_NAMESPACE::tests, use_device, nullptr); }
