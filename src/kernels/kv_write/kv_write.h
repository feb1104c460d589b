/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the keys or values of a step's tokens into their places in a paged cache, rounding to the cache's type.
 *
 * Operands: cache [P, page, H, d] (the result), cache (the same memory: the state that changes), x [T, H, d], slots i32 [T]; last
 * dims contiguous but slots', the others strided. Row t goes to page slots[t] / page, place slots[t] % page; a slot that is
 * negative or beyond the cache writes nothing. No two tokens of a call share a slot. No attributes. An item is a token.
 * Variant <x>_<cache>. */
#ifndef HDI_KERNELS_KV_WRITE_H
#define HDI_KERNELS_KV_WRITE_H

#include "kernels/kernel.h"

#endif
