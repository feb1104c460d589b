/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are cut into parts that are cut again. A range is halved, and its halves are, so the cuts inside one part of the
 * whole are those of the part cut by itself: each rank of 2, 4 or 8 holds slices of the same 8, and sums that are added in the
 * tree of the halves have the same bits however many ranks hold them. */
#ifndef HDI_KERNELS_BISECT_H
#define HDI_KERNELS_BISECT_H

#include <stdint.h>

#include "kernels/kernel.h"

/* Where slice s of `slices` (a power of two) of 0 .. units begins; s == slices: where the last one ends. */
HDI_DEVICE_TOO static inline int64_t hdi_bisect(int64_t units, int s, int slices) {
    int64_t lo = 0, hi = units;
    if (s >= slices) return units;
    while (slices > 1) {
        int64_t middle = lo + (hi - lo) / 2;
        slices /= 2;
        if (s < slices) {
            hi = middle;
        } else {
            lo = middle;
            s -= slices;
        }
    }
    return lo;
}

#endif
