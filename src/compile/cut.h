/* SPDX-License-Identifier: Apache-2.0 */
/* How a dim of a value is cut over the ranks of a tensor-parallel group: at multiples of a unit, by bisection (kernels/bisect.h),
 * so that the parts of 2 ranks are those of 4 and 8 put together. Ranks may get unequal parts, or nothing. */
#ifndef HDI_COMPILE_CUT_H
#define HDI_COMPILE_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Plain (per 0): the dim's `size` elements are cut at multiples of `unit`.
 * Grouped (per > 0): the dim holds things (heads of keys) of `unit` elements that `per` others each (heads of queries) share. The
 * others are cut, at multiples of `align` of them, and each rank gets the things that its own need: one on several ranks where
 * they share it, and where a rank's others do not divide evenly among its things, a thing as often as makes them even. */
typedef struct hdi_cut {
    int64_t size, unit, per, align;
} hdi_cut;

/* A stretch of the dim. */
typedef struct hdi_part {
    int64_t begin, end;
} hdi_part;

static inline bool hdi_cut_equal(const hdi_cut *a, const hdi_cut *b) {
    return a->size == b->size && a->unit == b->unit && a->per == b->per && a->align == b->align;
}

/* The stretches that `rank` of `ranks` (a power of two) holds, in order, joined where they meet; *parts is fresh (hdi_free). */
hd_status hdi_cut_parts(const hdi_cut *cut, int32_t rank, int32_t ranks, hdi_part **parts, int32_t *n);
/* How many elements that are. */
hd_status hdi_cut_size(const hdi_cut *cut, int32_t rank, int32_t ranks, int64_t *out);

#endif
