/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

const char *hdi_shape_text(const int64_t *shape, int32_t ndim) {
    static _Thread_local char ring[4][200];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % HDI_COUNTOF(ring)];
    size_t size = sizeof ring[0], n = (size_t)snprintf(text, size, "[");
    if (ndim > HD_MAX_DIMS) ndim = HD_MAX_DIMS; /* a wrong rank is being told */
    for (int32_t i = 0; i < ndim; i++) n += (size_t)snprintf(text + n, size - n, "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(text + n, size - n, "]");
    return text;
}

hd_status hdi_shape_check(const char *what, const int64_t *shape, int32_t ndim, hd_dtype dtype, int64_t *numel, size_t *bytes) {
    int64_t all = 1, count = 1, total;
    HD_REQUIRE((unsigned)dtype < HD_DTYPE_COUNT, HD_INVALID_ARGUMENT, "%s: %d is no type of elements", what, (int)dtype);
    HD_REQUIRE(ndim >= 0 && ndim <= HD_MAX_DIMS, HD_INVALID_ARGUMENT, "%s: %d dims; a tensor has 0 to %d", what, ndim,
               HD_MAX_DIMS);
    HD_REQUIRE(shape || ndim == 0, HD_INVALID_ARGUMENT, "%s: no shape was given", what);
    for (int32_t i = 0; i < ndim; i++) {
        HD_REQUIRE(shape[i] >= 0, HD_INVALID_ARGUMENT, "%s: dim %d of %s is negative", what, i, hdi_shape_text(shape, ndim));
        HD_REQUIRE(hdi_mul_i64(all, hdi_max_i64(shape[i], 1), &all), HD_INVALID_ARGUMENT,
                   "%s: %s has more elements than memory has bytes", what, hdi_shape_text(shape, ndim));
        count *= shape[i];
    }
    int32_t block = hd_dtype_block_elements(dtype);
    HD_REQUIRE(block == 1 || (ndim >= 1 && shape[ndim - 1] % block == 0), HD_INVALID_ARGUMENT,
               "%s: %s of %s; the last dim must be a multiple of its blocks of %d", what, hdi_shape_text(shape, ndim),
               hd_dtype_name(dtype), block);
    HD_REQUIRE(hdi_mul_i64(all, (int64_t)hd_dtype_block_bytes(dtype), &total), HD_INVALID_ARGUMENT,
               "%s: %s of %s has more bytes than memory can have", what, hdi_shape_text(shape, ndim), hd_dtype_name(dtype));
    if (numel) *numel = count;
    if (bytes) *bytes = (size_t)(count / block) * hd_dtype_block_bytes(dtype);
    return HD_OK;
}

int64_t hdi_shape_numel(const int64_t *shape, int32_t ndim) {
    int64_t n = 1;
    for (int32_t i = 0; i < ndim; i++) n *= shape[i];
    return n;
}

bool hdi_shape_equal(const int64_t *a, int32_t a_ndim, const int64_t *b, int32_t b_ndim) {
    return a_ndim == b_ndim && (a_ndim == 0 || memcmp(a, b, (size_t)a_ndim * sizeof *a) == 0);
}

void hdi_shape_strides(const int64_t *shape, int32_t ndim, int64_t *stride) {
    int64_t n = 1;
    for (int32_t i = ndim - 1; i >= 0; i--) {
        stride[i] = n;
        n *= hdi_max_i64(shape[i], 1);
    }
}

bool hdi_shape_contiguous(const int64_t *shape, const int64_t *stride, int32_t ndim) {
    int64_t n = 1;
    if (hdi_shape_numel(shape, ndim) == 0) return true;
    for (int32_t i = ndim - 1; i >= 0; i--) {
        if (shape[i] != 1 && stride[i] != n) return false;
        n *= shape[i];
    }
    return true;
}

/* A run: neighbouring dims whose elements are equally spaced, as if they were one dim. */
typedef struct run {
    int64_t size, stride;
} run;

/* Runs of a shape without empty dims, innermost first. */
static int32_t find_runs(const int64_t *shape, const int64_t *stride, int32_t ndim, run *runs) {
    int32_t n = 0;
    for (int32_t i = ndim - 1; i >= 0; i--) {
        if (shape[i] == 1) continue;
        if (n && stride[i] == runs[n - 1].size * runs[n - 1].stride)
            runs[n - 1].size *= shape[i];
        else
            runs[n++] = (run){shape[i], stride[i]};
    }
    return n;
}

bool hdi_shape_view(const int64_t *shape, const int64_t *stride, int32_t ndim, const int64_t *to, int32_t to_ndim,
                    int64_t *to_stride) {
    run runs[HD_MAX_DIMS + 1];
    if (hdi_shape_numel(shape, ndim) == 0) {
        hdi_shape_strides(to, to_ndim, to_stride);
        return true;
    }
    int32_t n = find_runs(shape, stride, ndim, runs);
    runs[n] = (run){1, 1}; /* nothing is left: only sizes of 1 may follow */
    int64_t used = 1;      /* elements of the current run that new dims have taken */
    for (int32_t i = to_ndim - 1, r = 0; i >= 0; i--) {
        if (to[i] != 1 && used == runs[r].size && r < n) {
            r++;
            used = 1;
        }
        to_stride[i] = used * runs[r].stride;
        if (runs[r].size / used % to[i] != 0) return false; /* the new dim would reach over the end of a run */
        used *= to[i];
    }
    return true;
}

hd_status hdi_shape_infer(const char *what, const int64_t *shape, int32_t ndim, int64_t numel, int64_t *out) {
    int64_t known = 1;
    int32_t unknown = -1;
    HD_REQUIRE(ndim >= 0 && ndim <= HD_MAX_DIMS, HD_INVALID_ARGUMENT, "%s: %d dims; a tensor has 0 to %d", what, ndim,
               HD_MAX_DIMS);
    HD_REQUIRE(shape || ndim == 0, HD_INVALID_ARGUMENT, "%s: no shape was given", what);
    for (int32_t i = 0; i < ndim; i++) {
        out[i] = shape[i];
        if (shape[i] == -1) {
            HD_REQUIRE(unknown < 0, HD_INVALID_ARGUMENT, "%s: %s has more than one -1", what, hdi_shape_text(shape, ndim));
            unknown = i;
        } else {
            HD_REQUIRE(shape[i] >= 0, HD_INVALID_ARGUMENT, "%s: dim %d of %s is negative", what, i, hdi_shape_text(shape, ndim));
            HD_REQUIRE(hdi_mul_i64(known, shape[i], &known), HD_INVALID_ARGUMENT, "%s: %s is too large", what,
                       hdi_shape_text(shape, ndim));
        }
    }
    if (unknown >= 0) {
        HD_REQUIRE(known > 0 && numel % known == 0, HD_INVALID_ARGUMENT, "%s: no size in place of -1 makes %s hold %lld elements",
                   what, hdi_shape_text(shape, ndim), (long long)numel);
        out[unknown] = numel / known;
    }
    return HD_OK;
}
