/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages of the KV cache are free, and how many sequences hold each of the others. A page is a number; the memory is the
 * plan's states. Counted, so that sequences can share pages (a common prefix) and each lets go of its own hold. */
#ifndef HDI_ENGINE_KV_PAGES_H
#define HDI_ENGINE_KV_PAGES_H

#include <stdint.h>

#include "base/status.h"

typedef struct hdi_kv_pages {
    int32_t *free_list; /* a stack: the page freed last is taken first, while it is still in a CPU's cache */
    int32_t *holders;   /* of each page; 0: free */
    int32_t total, free, peak;
} hdi_kv_pages;

hd_status hdi_kv_pages_init(hdi_kv_pages *pages, int32_t total);
void hdi_kv_pages_deinit(hdi_kv_pages *pages); /* legal on a zeroed one */

/* Takes a free page, with one holder; -1 when there is none. */
int32_t hdi_kv_pages_take(hdi_kv_pages *pages);
/* One more holder of a page that is held. */
void hdi_kv_pages_hold(hdi_kv_pages *pages, int32_t page);
/* One holder less; the last one frees it. */
void hdi_kv_pages_drop(hdi_kv_pages *pages, int32_t page);

static inline int32_t hdi_kv_pages_used(const hdi_kv_pages *pages) { return pages->total - pages->free; }

#endif
