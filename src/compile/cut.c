/* SPDX-License-Identifier: Apache-2.0 */
#include "compile/cut.h"

#include "base/memory.h"
#include "kernels/bisect.h"

/* Where rank `rank`'s elements of a plain cut begin. */
static int64_t begin_of(int64_t size, int64_t unit, int32_t rank, int32_t ranks) {
    return hdi_min_i64(size, hdi_bisect(hdi_ceil_div(size, unit), rank, ranks) * unit);
}

/* Of others first .. end - 1, those that thing `t` serves. */
static int64_t served(const hdi_cut *cut, int64_t t, int64_t first, int64_t end) {
    return hdi_min_i64(end, (t + 1) * cut->per) - hdi_max_i64(first, t * cut->per);
}

/* Appends things t, joined to the last stretch where they meet. */
static void append(hdi_part *parts, int32_t *n, int64_t begin, int64_t end) {
    if (*n && parts[*n - 1].end == begin)
        parts[*n - 1].end = end;
    else
        parts[(*n)++] = (hdi_part){begin, end};
}

static hd_status grouped(const hdi_cut *cut, int32_t rank, int32_t ranks, hdi_part **parts, int32_t *n) {
    int64_t others = cut->size / cut->unit * cut->per;
    int64_t first = begin_of(others, cut->align, rank, ranks), end = begin_of(others, cut->align, rank + 1, ranks), even = 0;
    HD_TRY(hdi_alloc(parts, (size_t)(end - first) + 1, sizeof **parts, "the cut of a weight"));
    for (int64_t t = first / cut->per; first < end && t <= (end - 1) / cut->per; t++)
        even = hdi_gcd(even, served(cut, t, first, end));
    for (int64_t t = first / cut->per; first < end && t <= (end - 1) / cut->per; t++)
        for (int64_t i = 0; i < served(cut, t, first, end) / even; i++) append(*parts, n, t * cut->unit, (t + 1) * cut->unit);
    return HD_OK;
}

hd_status hdi_cut_parts(const hdi_cut *cut, int32_t rank, int32_t ranks, hdi_part **parts, int32_t *n) {
    *parts = NULL;
    *n = 0;
    if (cut->per > 0) return grouped(cut, rank, ranks, parts, n);
    HD_TRY(hdi_alloc(parts, 1, sizeof **parts, "the cut of a weight"));
    **parts = (hdi_part){begin_of(cut->size, cut->unit, rank, ranks), begin_of(cut->size, cut->unit, rank + 1, ranks)};
    *n = (*parts)->begin < (*parts)->end;
    return HD_OK;
}

hd_status hdi_cut_size(const hdi_cut *cut, int32_t rank, int32_t ranks, int64_t *out) {
    hdi_part *parts;
    int32_t n;
    *out = 0;
    HD_TRY(hdi_cut_parts(cut, rank, ranks, &parts, &n));
    for (int32_t i = 0; i < n; i++) *out += parts[i].end - parts[i].begin;
    hdi_free(parts);
    return HD_OK;
}
