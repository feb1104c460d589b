/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/kv_pages.h"

#include <assert.h>

#include "base/memory.h"

hd_status hdi_kv_pages_init(hdi_kv_pages *pages, int32_t total) {
    hd_status status;
    *pages = (hdi_kv_pages){0};
    HD_TRY_GOTO(hdi_alloc(&pages->free_list, (size_t)total, sizeof *pages->free_list, "the list of free KV pages"));
    HD_TRY_GOTO(hdi_calloc(&pages->holders, (size_t)total, sizeof *pages->holders, "the counts of KV pages"));
    pages->total = pages->free = total;
    for (int32_t i = 0; i < total; i++) pages->free_list[i] = total - 1 - i;
    return HD_OK;
fail:
    hdi_kv_pages_deinit(pages);
    return status;
}

void hdi_kv_pages_deinit(hdi_kv_pages *pages) {
    hdi_free(pages->free_list);
    hdi_free(pages->holders);
    *pages = (hdi_kv_pages){0};
}

int32_t hdi_kv_pages_take(hdi_kv_pages *pages) {
    if (pages->free == 0) return -1;
    int32_t page = pages->free_list[--pages->free];
    assert(pages->holders[page] == 0);
    pages->holders[page] = 1;
    if (hdi_kv_pages_used(pages) > pages->peak) pages->peak = hdi_kv_pages_used(pages);
    return page;
}

void hdi_kv_pages_hold(hdi_kv_pages *pages, int32_t page) {
    assert(page >= 0 && page < pages->total && pages->holders[page] > 0);
    pages->holders[page]++;
}

void hdi_kv_pages_drop(hdi_kv_pages *pages, int32_t page) {
    assert(page >= 0 && page < pages->total && pages->holders[page] > 0);
    if (--pages->holders[page] == 0) pages->free_list[pages->free++] = page;
}
