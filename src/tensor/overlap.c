/* SPDX-License-Identifier: Apache-2.0 */
/* Two tensors overlap when some byte has an index in both: i . stride_a + byte = j . stride_b + byte' + distance. Dims of equal
 * stride count together as one difference i - j; the search goes from the largest stride down, and only as far as the smaller
 * ones reach. */
#include "tensor/overlap.h"

#include <string.h>

#include "base/memory.h"
#include "tensor/shape.h"

/* One unknown of the equation: a whole number in [low, high], times `stride` bytes. */
typedef struct term {
    int64_t stride, low, high;
} term;

typedef struct search {
    term terms[2 * HD_MAX_DIMS + 1];
    int32_t count;
    int32_t budget; /* steps that may still be taken */
} search;

static void add_term(search *s, int64_t stride, int64_t low, int64_t high) {
    int32_t at = 0;
    while (at < s->count && s->terms[at].stride > stride) at++;
    if (at < s->count && s->terms[at].stride == stride) {
        s->terms[at].low += low;
        s->terms[at].high += high;
        return;
    }
    memmove(s->terms + at + 1, s->terms + at, (size_t)(s->count++ - at) * sizeof *s->terms);
    s->terms[at] = (term){stride, low, high};
}

/* Whether terms from `at` on can make up `rest`. */
static bool solvable(search *s, int32_t at, int64_t rest) {
    int64_t least = 0, most = 0; /* what the smaller terms can make up */
    if (s->budget-- <= 0) return true;
    if (at == s->count) return rest == 0;
    for (int32_t i = at + 1; i < s->count; i++) {
        least += s->terms[i].low * s->terms[i].stride;
        most += s->terms[i].high * s->terms[i].stride;
    }
    const term *t = &s->terms[at];
    int64_t first = -hdi_floor_div(-(rest - most), t->stride), last = hdi_floor_div(rest - least, t->stride);
    if (first < t->low) first = t->low;
    if (last > t->high) last = t->high;
    for (int64_t k = first; k <= last; k++)
        if (solvable(s, at + 1, rest - k * t->stride)) return true;
    return false;
}

/* Bytes of a unit of storage that strides step over: an element, or of block types a whole block. */
static void add_dims(search *s, const hd_tensor *t, int sign) {
    int64_t unit = (int64_t)hd_dtype_block_bytes(t->dtype), block = hd_dtype_block_elements(t->dtype);
    for (int32_t i = 0; i < t->ndim; i++) {
        bool blocked = block > 1 && i == t->ndim - 1;
        int64_t last = (blocked ? t->shape[i] / block : t->shape[i]) - 1, stride = (blocked ? 1 : t->stride[i] / block) * unit;
        if (last > 0) add_term(s, stride, sign < 0 ? -last : 0, sign < 0 ? 0 : last);
    }
    add_term(s, 1, sign < 0 ? 1 - unit : 0, sign < 0 ? 0 : unit - 1);
}

bool hdi_tensor_overlap(const hd_tensor *a, const hd_tensor *b) {
    search s = {.budget = 20000};
    if (a->storage->device != b->storage->device || hd_tensor_numel(a) == 0 || hd_tensor_numel(b) == 0) return false;
    add_dims(&s, a, 1);
    add_dims(&s, b, -1);
    return solvable(&s, 0, (int64_t)((intptr_t)b->data - (intptr_t)a->data));
}

bool hdi_tensor_same(const hd_tensor *a, const hd_tensor *b) {
    if (a->data != b->data || a->dtype != b->dtype || !hdi_shape_equal(a->shape, a->ndim, b->shape, b->ndim)) return false;
    for (int32_t i = 0; i < a->ndim; i++)
        if (a->shape[i] > 1 && a->stride[i] != b->stride[i]) return false;
    return true;
}
