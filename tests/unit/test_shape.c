/* SPDX-License-Identifier: Apache-2.0 */
/* Shape arithmetic, with views checked against a walk over all elements. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "tensor/shape.h"

#define SHAPE(...) (const int64_t[]){__VA_ARGS__}, (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void sizes_are_checked(void **state) {
    int64_t numel;
    size_t bytes;
    const int64_t huge = (int64_t)1 << 40;
    (void)state;
    assert_int_equal(hdi_shape_check("t", SHAPE(2, 3, 5), HD_DTYPE_F32, &numel, &bytes), HD_OK);
    assert_int_equal(numel, 30);
    assert_int_equal(bytes, 120);
    assert_int_equal(hdi_shape_check("t", NULL, 0, HD_DTYPE_F64, &numel, &bytes), HD_OK);
    assert_int_equal(numel, 1);
    assert_int_equal(hdi_shape_check("t", SHAPE(4, 0, 3), HD_DTYPE_F64, &numel, &bytes), HD_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(hdi_shape_check("t", SHAPE(3, 64), HD_DTYPE_Q4_0, &numel, &bytes), HD_OK);
    assert_int_equal(bytes, 3 * 2 * 18);
    assert_int_equal(hdi_shape_check("t", SHAPE(3, 48), HD_DTYPE_Q4_0, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", NULL, 0, HD_DTYPE_Q8_0, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", SHAPE(-1), HD_DTYPE_F32, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", SHAPE(huge, huge), HD_DTYPE_U8, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", SHAPE(huge, 0, huge), HD_DTYPE_U8, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", SHAPE((int64_t)1 << 61), HD_DTYPE_F64, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1), HD_DTYPE_F32, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", SHAPE(1), (hd_dtype)99, NULL, NULL), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_check("t", NULL, 2, HD_DTYPE_F32, NULL, NULL), HD_INVALID_ARGUMENT);
}

static void contiguity(void **state) {
    (void)state;
    const int64_t shape[] = {2, 1, 3};
    assert_true(hdi_shape_contiguous(shape, (const int64_t[]){3, 99, 1}, 3));
    assert_false(hdi_shape_contiguous(shape, (const int64_t[]){4, 3, 1}, 3));
    assert_false(hdi_shape_contiguous(shape, (const int64_t[]){3, 3, 2}, 3));
    assert_true(hdi_shape_contiguous((const int64_t[]){0, 5}, (const int64_t[]){1, 7}, 2));
    assert_true(hdi_shape_contiguous(NULL, NULL, 0));
}

static void minus_one_is_found(void **state) {
    int64_t out[HD_MAX_DIMS];
    (void)state;
    assert_int_equal(hdi_shape_infer("t", SHAPE(2, -1, 3), 30, out), HD_OK);
    assert_int_equal(out[1], 5);
    assert_int_equal(hdi_shape_infer("t", SHAPE(-1), 0, out), HD_OK);
    assert_int_equal(out[0], 0);
    assert_int_equal(hdi_shape_infer("t", SHAPE(-1, -1), 30, out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_infer("t", SHAPE(-1, 4), 30, out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_infer("t", SHAPE(-1, 0), 0, out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_shape_infer("t", SHAPE(-2, 4), 8, out), HD_INVALID_ARGUMENT);
}

static int64_t offset_of(const int64_t *shape, const int64_t *stride, int32_t ndim, int64_t i) {
    int64_t offset = 0;
    for (int32_t d = ndim - 1; d >= 0; d--) {
        offset += i % shape[d] * stride[d];
        i /= shape[d];
    }
    return offset;
}

static bool same_walk(const int64_t *a, const int64_t *as, int32_t an, const int64_t *b, const int64_t *bs, int32_t bn,
                      int64_t numel) {
    for (int64_t i = 0; i < numel; i++)
        if (offset_of(a, as, an, i) != offset_of(b, bs, bn, i)) return false;
    return true;
}

static uint32_t next(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u, *seed >> 16; }

/* Random tensors (permuted, with gaps) seen under random shapes of as many elements. Where strides are found, both walks agree;
 * where none are found, none of the strides that could be right is: each new dim's stride is known from the walk itself. */
static void views_show_the_same_elements(void **state) {
    uint32_t seed = 12345;
    int found = 0, refused = 0;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        int64_t shape[4], stride[4], to[4], to_stride[HD_MAX_DIMS], gap = 1, numel = 1;
        int32_t n = 1 + (int32_t)(next(&seed) % 4), m = 1 + (int32_t)(next(&seed) % 4), at[4] = {0, 1, 2, 3};
        for (int32_t i = 0; i < n; i++) numel *= shape[i] = 1 + next(&seed) % 4;
        for (int32_t i = n - 1; i > 0; i--) { /* the order of dims in memory */
            int32_t j = (int32_t)(next(&seed) % (uint32_t)(i + 1)), k = at[i];
            if (next(&seed) % 2) at[i] = at[j], at[j] = k;
        }
        for (int32_t i = n - 1; i >= 0; i--) {
            stride[at[i]] = gap;
            gap *= shape[at[i]] + (next(&seed) % 4 == 0);
        }
        int64_t rest = numel;
        for (int32_t i = 0; i < m; i++) { /* a random factorisation */
            to[i] = i == m - 1 ? rest : 1 + next(&seed) % 6;
            if (rest % to[i]) to[i] = 1;
            rest /= to[i];
        }
        if (hdi_shape_view(shape, stride, n, to, m, to_stride)) {
            assert_true(same_walk(shape, stride, n, to, to_stride, m, numel));
            found++;
        } else {
            int64_t inner = 1;
            for (int32_t i = m - 1; i >= 0; i--) { /* the one stride that fits the first step of each dim */
                to_stride[i] = to[i] > 1 ? offset_of(shape, stride, n, inner) : 0;
                inner *= to[i];
            }
            assert_false(same_walk(shape, stride, n, to, to_stride, m, numel));
            refused++;
        }
    }
    assert_true(found > 1000 && refused > 1000);
}

static void texts(void **state) {
    (void)state;
    assert_string_equal(hdi_shape_text(SHAPE(2, 3)), "[2, 3]");
    assert_string_equal(hdi_shape_text(NULL, 0), "[]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(contiguity),
        cmocka_unit_test(minus_one_is_found),
        cmocka_unit_test(views_show_the_same_elements),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
