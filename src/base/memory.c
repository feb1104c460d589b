/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local int64_t fail_after = -1;

void hdi_memory_fail_after(int64_t n) { fail_after = n; }

static bool must_fail(void) {
    if (fail_after < 0) return false;
    return fail_after-- == 0;
}

static hd_status no_memory(size_t count, size_t size, const char *what) {
    return hdi_fail(HD_OUT_OF_MEMORY, "cannot allocate %zu x %zu bytes for %s", count, size, what);
}

hd_status hdi_alloc(void *out, size_t count, size_t size, const char *what) {
    size_t bytes;
    void *p = NULL;
    if (hdi_mul_size(count, size, &bytes) && !must_fail()) p = malloc(bytes ? bytes : 1);
    if (!p) return no_memory(count, size, what);
    memcpy(out, &p, sizeof p);
    return HD_OK;
}

hd_status hdi_calloc(void *out, size_t count, size_t size, const char *what) {
    size_t bytes;
    void *p = NULL;
    if (hdi_mul_size(count, size, &bytes) && !must_fail()) p = calloc(1, bytes ? bytes : 1);
    if (!p) return no_memory(count, size, what);
    memcpy(out, &p, sizeof p);
    return HD_OK;
}

hd_status hdi_realloc(void *inout, size_t count, size_t size, const char *what) {
    size_t bytes;
    void *old, *p = NULL;
    memcpy(&old, inout, sizeof old);
    if (hdi_mul_size(count, size, &bytes) && !must_fail()) p = realloc(old, bytes ? bytes : 1);
    if (!p) return no_memory(count, size, what);
    memcpy(inout, &p, sizeof p);
    return HD_OK;
}

char *hdi_strdup(const char *s) {
    char *copy = NULL;
    size_t n = strlen(s) + 1;
    if (hdi_alloc(&copy, n, 1, "a string") != HD_OK) return NULL;
    return memcpy(copy, s, n);
}

void hdi_free(void *p) { free(p); }
void hd_free(void *p) { free(p); }

hd_status hdi_alloc_aligned(void *out, size_t bytes, const char *what) {
    enum { HUGE_PAGE = 2 << 20 };
    size_t align = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : HDI_CACHE_LINE;
    void *p = NULL;
    if (bytes > SIZE_MAX - HUGE_PAGE || must_fail() || posix_memalign(&p, align, bytes ? bytes : 1) != 0)
        return no_memory(1, bytes, what);
    if (align == HUGE_PAGE) madvise(p, bytes, MADV_HUGEPAGE); /* advice only: its failure changes nothing */
    memcpy(out, &p, sizeof p);
    return HD_OK;
}

void hdi_free_aligned(void *p) { free(p); }

hd_status hdi_grow(void *inout, size_t *cap, size_t need, size_t size, const char *what) {
    if (need <= *cap) return HD_OK;
    size_t want = *cap + *cap / 2;
    if (want < need) want = need;
    if (want < 8) want = 8;
    HD_TRY(hdi_realloc(inout, want, size, what));
    *cap = want;
    return HD_OK;
}
