/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of eager operators: random tensors, and tensors as doubles. */
#ifndef HDI_TESTS_EAGER_UTIL_H
#define HDI_TESTS_EAGER_UTIL_H

#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/float16.h"
#include "heddle/ops.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

#define SHAPE(...) (const int64_t[]){__VA_ARGS__}, (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define OK(expr)                                                         \
    do {                                                                 \
        if ((expr) != HD_OK) fail_msg("%s: %s", #expr, hd_last_error()); \
    } while (0)

enum { TEST_MAX = 1 << 16 };

static uint32_t test_seed = 20240607;
static inline double test_random(void) { /* [-1, 1) */
    test_seed = test_seed * 1664525u + 1013904223u;
    return (double)(int32_t)test_seed / 2147483648.0;
}

static inline hd_tensor *test_empty(const hd_device *device, hd_dtype dtype, const int64_t *shape, int32_t ndim) {
    hd_tensor *t = NULL;
    OK(hd_tensor_create(shape, ndim, dtype, device, &t));
    return t;
}

/* Values of any float tensor, row-major. */
static inline void test_values(const hd_tensor *t, double *out) {
    static float host[TEST_MAX];
    hd_tensor *wide;
    int64_t n = hd_tensor_numel(t);
    assert_true(n <= TEST_MAX);
    OK(hd_tensor_to_dtype(t, HD_DTYPE_F32, &wide));
    OK(hd_tensor_store(wide, host));
    for (int64_t i = 0; i < n; i++) out[i] = (double)host[i];
    hd_tensor_destroy(wide);
}

static inline void test_fill(hd_tensor *t, const float *values) {
    uint16_t small[TEST_MAX];
    for (int64_t i = 0, n = hd_tensor_numel(t); i < n && t->dtype != HD_DTYPE_F32; i++)
        small[i] = t->dtype == HD_DTYPE_F16 ? hdi_f32_to_f16(values[i]) : hdi_f32_to_bf16(values[i]);
    OK(hd_tensor_load(t, t->dtype == HD_DTYPE_F32 ? (const void *)values : small));
}

/* A random float tensor with values in scale * [-1, 1); `strided`: a slice of a larger one, with gaps between rows. */
static inline hd_tensor *test_tensor(const hd_device *device, hd_dtype dtype, bool strided, double scale, const int64_t *shape,
                                     int32_t ndim) {
    static float values[TEST_MAX];
    int64_t wide[HD_MAX_DIMS] = {0};
    hd_tensor *t, *part;
    for (int32_t i = 0; i < ndim; i++) wide[i] = shape[i] + (strided ? 3 : 0);
    t = test_empty(device, dtype, wide, ndim);
    for (int32_t i = 0; i < ndim && strided; i++) {
        OK(hd_tensor_slice(t, i, 1, 1 + shape[i], &part));
        hd_tensor_destroy(t);
        t = part;
    }
    for (int64_t i = 0, n = hd_tensor_numel(t); i < n; i++) values[i] = (float)(scale * test_random());
    test_fill(t, values);
    return t;
}

static inline hd_tensor *test_ints(const hd_device *device, hd_dtype dtype, const int64_t *values, const int64_t *shape,
                                   int32_t ndim) {
    int32_t narrow[1024];
    hd_tensor *t = test_empty(device, dtype, shape, ndim);
    for (int64_t i = 0, n = hd_tensor_numel(t); i < n; i++) narrow[i] = (int32_t)values[i];
    OK(hd_tensor_load(t, dtype == HD_DTYPE_I64 ? (const void *)values : narrow));
    return t;
}

/* Absolute plus relative tolerance: f32 1e-5, f16 1e-3, bf16 1e-2. */
static inline double test_tolerance(hd_dtype dtype) { return dtype == HD_DTYPE_F32 ? 1e-5 : dtype == HD_DTYPE_F16 ? 1e-3 : 1e-2; }

static inline void test_close(const char *what, const hd_tensor *t, const double *want, double tolerance) {
    static double have[TEST_MAX];
    test_values(t, have);
    for (int64_t i = 0, n = hd_tensor_numel(t); i < n; i++)
        if (!(fabs(have[i] - want[i]) <= tolerance * (1 + fabs(want[i]))))
            fail_msg("%s, %s: element %lld is %.9g, not %.9g", what, hd_dtype_name(t->dtype), (long long)i, have[i], want[i]);
}

#endif
