/* SPDX-License-Identifier: Apache-2.0 */
/* hd_tensor_debug: a tensor as a person wants to read it - what it is, what its values are like, and the values themselves in
 * columns, with the middle of long dims left out. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/float16.h"
#include "base/memory.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

enum { SHOWN_FULL = 8, SHOWN_EDGE = 3, VALUE_BYTES = 40 }; /* dims up to 8 are shown in full, longer ones by 3 at each end */

typedef struct text {
    char *data;
    size_t size, capacity;
    hd_status status;
} text;

static void __attribute__((format(printf, 2, 3))) put(text *t, const char *fmt, ...) {
    va_list args;
    char piece[512];
    va_start(args, fmt);
    int n = vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1;
    if (t->status == HD_OK) t->status = hdi_grow(&t->data, &t->capacity, t->size + bytes + 1, 1, "a tensor's text");
    if (t->status != HD_OK) return;
    memcpy(t->data + t->size, piece, bytes + 1);
    t->size += bytes;
}

static bool is_integer(hd_dtype d) { return d <= HD_DTYPE_U64; }

static double as_double(hd_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case HD_DTYPE_BOOL:
    case HD_DTYPE_U8:
        return ((const uint8_t *)data)[i];
    case HD_DTYPE_I8:
        return ((const int8_t *)data)[i];
    case HD_DTYPE_I16:
        return ((const int16_t *)data)[i];
    case HD_DTYPE_I32:
        return ((const int32_t *)data)[i];
    case HD_DTYPE_I64:
        return (double)((const int64_t *)data)[i];
    case HD_DTYPE_U16:
        return ((const uint16_t *)data)[i];
    case HD_DTYPE_U32:
        return ((const uint32_t *)data)[i];
    case HD_DTYPE_U64:
        return (double)((const uint64_t *)data)[i];
    case HD_DTYPE_F16:
        return (double)hdi_f16_to_f32(((const uint16_t *)data)[i]);
    case HD_DTYPE_BF16:
        return (double)hdi_bf16_to_f32(((const uint16_t *)data)[i]);
    case HD_DTYPE_F32:
        return (double)((const float *)data)[i];
    case HD_DTYPE_F64:
        return ((const double *)data)[i];
    case HD_DTYPE_F8_E4M3:
        return (double)hdi_f8_e4m3_to_f32(((const uint8_t *)data)[i]);
    case HD_DTYPE_F8_E5M2:
        return (double)hdi_f8_e5m2_to_f32(((const uint8_t *)data)[i]);
    default:
        return NAN; /* block types are converted before */
    }
}

static void format_value(hd_dtype dtype, const void *data, int64_t i, char out[VALUE_BYTES]) {
    switch (dtype) {
    case HD_DTYPE_BOOL:
        snprintf(out, VALUE_BYTES, "%s", ((const uint8_t *)data)[i] ? "true" : "false");
        break;
    case HD_DTYPE_I64:
        snprintf(out, VALUE_BYTES, "%" PRId64, ((const int64_t *)data)[i]);
        break;
    case HD_DTYPE_U64:
        snprintf(out, VALUE_BYTES, "%" PRIu64, ((const uint64_t *)data)[i]);
        break;
    case HD_DTYPE_F64:
        snprintf(out, VALUE_BYTES, "%.10g", as_double(dtype, data, i));
        break;
    default:
        snprintf(out, VALUE_BYTES, is_integer(dtype) ? "%.0f" : "%.6g", as_double(dtype, data, i));
    }
}

/* The values, contiguous on the host, and how wide a column is. */
typedef struct values {
    const void *data;
    const int64_t *shape;
    int32_t ndim;
    hd_dtype dtype;
    int width;
} values;

/* The entry after i that is shown. */
static int64_t next_shown(int64_t i, int64_t n) { return n > SHOWN_FULL && i == SHOWN_EDGE - 1 ? n - SHOWN_EDGE : i + 1; }

/* Widest of the values shown from dim `dim` on, `at` elements in. */
static int widest(const values *v, int32_t dim, int64_t at, int64_t inner) {
    int width = 0;
    if (dim == v->ndim) {
        char value[VALUE_BYTES];
        format_value(v->dtype, v->data, at, value);
        return (int)strlen(value);
    }
    int64_t n = v->shape[dim], step = n ? inner / n : 0;
    for (int64_t i = 0; i < n; i = next_shown(i, n)) {
        int w = widest(v, dim + 1, at + i * step, step);
        if (w > width) width = w;
    }
    return width;
}

static void put_values(text *t, const values *v, int32_t dim, int64_t at, int64_t inner) {
    if (dim == v->ndim) {
        char value[VALUE_BYTES];
        format_value(v->dtype, v->data, at, value);
        put(t, "%*s", v->width, value);
        return;
    }
    int64_t n = v->shape[dim], step = n ? inner / n : 0;
    bool last = dim == v->ndim - 1;
    put(t, "[");
    for (int64_t i = 0, next; i < n; i = next) {
        next = next_shown(i, n);
        put_values(t, v, dim + 1, at + i * step, step);
        if (next < n && last)
            put(t, ", ");
        else if (next < n)
            put(t, ",\n%*s", dim + 1, "");
        if (next != i + 1) put(t, last ? "..., " : "...\n%*s", last ? 0 : dim + 1, "");
    }
    put(t, "]");
}

/* "min -1.5  max 3  mean 0.25  2 NaN" */
static void put_summary(text *t, const values *v, int64_t numel) {
    double min = INFINITY, max = -INFINITY, sum = 0;
    int64_t nans = 0, infinite = 0, finite = 0;
    for (int64_t i = 0; i < numel; i++) {
        double x = as_double(v->dtype, v->data, i);
        if (isnan(x)) {
            nans++;
            continue;
        }
        if (x < min) min = x;
        if (x > max) max = x;
        if (isinf(x))
            infinite++;
        else
            sum += x, finite++;
    }
    if (nans < numel) put(t, "min %.6g  max %.6g", min, max);
    if (finite) put(t, "  mean %.6g", sum / (double)finite);
    if (infinite) put(t, "  %" PRId64 " infinite", infinite);
    if (nans) put(t, "%s%" PRId64 " NaN", nans < numel ? "  " : "", nans);
    put(t, "\n");
}

hd_status hd_tensor_debug(const hd_tensor *tensor, char **out) {
    text t = {0};
    hd_tensor *plain = NULL;
    void *host = NULL;
    hd_status status;
    int64_t numel = hd_tensor_numel(tensor);
    HD_TRY(hd_tensor_to_dtype(tensor, hd_dtype_block_elements(tensor->dtype) > 1 ? HD_DTYPE_F32 : tensor->dtype, &plain));
    HD_TRY_GOTO(hdi_alloc(&host, (size_t)numel, hd_dtype_block_bytes(plain->dtype), "a tensor's values"));
    HD_TRY_GOTO(hd_tensor_store(plain, host));
    values v = {host, tensor->shape, tensor->ndim, plain->dtype, 0};
    v.width = widest(&v, 0, 0, numel);
    put(&t, "%s%s on %s", hd_dtype_name(tensor->dtype), hdi_shape_text(tensor->shape, tensor->ndim),
        hdi_device_text(tensor->storage->device));
    if (!hd_tensor_is_contiguous(tensor)) put(&t, ", strides %s", hdi_shape_text(tensor->stride, tensor->ndim));
    put(&t, "\n");
    if (numel > 1) put_summary(&t, &v, numel);
    put_values(&t, &v, 0, 0, numel);
    put(&t, "\n");
    HD_TRY_GOTO(t.status);
    *out = t.data;
    t.data = NULL;
fail:
    hdi_free(t.data);
    hdi_free(host);
    hd_tensor_destroy(plain);
    return status;
}
