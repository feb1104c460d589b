/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a length in 2, 4, 8 ... parts by halving, so that each half is cut as if it stood alone: what several devices hold of a
 * whole is cut like the whole, and sums of the parts in a balanced tree are the whole's. */
#ifndef HDI_KERNELS_BISECT_H
#define HDI_KERNELS_BISECT_H

#include <stdint.h>

/* Where part `s` of `parts` (a power of two) of 0 .. units begins; s == parts: units. */
static inline int64_t hdi_bisect(int64_t units, int32_t s, int32_t parts) {
    int64_t low = 0, high = units;
    if (s >= parts) return units;
    while (parts > 1) {
        int64_t middle = low + (high - low) / 2;
        parts /= 2;
        if (s < parts) {
            high = middle;
        } else {
            low = middle;
            s -= parts;
        }
    }
    return low;
}

#endif
