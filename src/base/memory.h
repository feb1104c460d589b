/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory: checked sizes, aligned blocks, growable arrays. Every allocation of the library goes through here, so that a
 * test can make the n-th one fail and see that nothing leaks or crashes. */
#ifndef HDI_BASE_MEMORY_H
#define HDI_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define HDI_CACHE_LINE 64

/* malloc, calloc, realloc that fail with HD_OUT_OF_MEMORY and a sentence naming `count` x `size` and `what`. Overflow of
 * the product counts as out of memory. A zero size gives a valid pointer. Free with hdi_free. */
hd_status hdi_alloc(void *out, size_t count, size_t size, const char *what);
hd_status hdi_calloc(void *out, size_t count, size_t size, const char *what);
/* `inout` points at the pointer to grow; it keeps its old value on failure. */
hd_status hdi_realloc(void *inout, size_t count, size_t size, const char *what);
char *hdi_strdup(const char *s); /* NULL when out of memory, with the message set */
void hdi_free(void *p);

/* `bytes` of 64-byte aligned memory, not zeroed; large blocks ask for huge pages. Free with hdi_free_aligned. */
hd_status hdi_alloc_aligned(void *out, size_t bytes, const char *what);
void hdi_free_aligned(void *p);

/* Makes room for `need` elements in a growable array whose capacity is *cap; grows by halves so that pushes are O(1). */
hd_status hdi_grow(void *inout, size_t *cap, size_t need, size_t size, const char *what);

/* false when the result does not fit; *out is then unspecified. */
static inline bool hdi_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool hdi_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool hdi_mul_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_mul_overflow(a, b, out); }

static inline size_t hdi_align_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
static inline int64_t hdi_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t hdi_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); } /* b > 0 */
static inline int64_t hdi_gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}
static inline int64_t hdi_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hdi_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Tests only: the allocation after `n` more ones fails (n >= 0); -1 turns it off. Per thread. */
void hdi_memory_fail_after(int64_t n);

#endif
