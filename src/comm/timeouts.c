/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/timeouts.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    int64_t ms, share;
} entry;

static const entry table[HDI_TIMEOUT_COUNT] = {
#define ENTRY(name, ms, share, what) [HDI_TIMEOUT_##name] = {ms, share},
    HDI_TIMEOUT_LIST(ENTRY)
#undef ENTRY
};

int64_t hdi_timeout_ns(hdi_timeout which, int64_t wait_ns) {
    if (which == HDI_TIMEOUT_WAIT) return wait_ns;
    int64_t share = wait_ns / HDI_TIMEOUT_WHOLE * table[which].share, most = table[which].ms * 1000000;
    return which < HDI_TIMEOUT_WAIT && most < share ? most : share;
}

hd_status hdi_timeout_of_wait(int32_t asked_ms, int64_t *ns) {
    int64_t ms = asked_ms;
    const char *text = getenv("HEDDLE_TIMEOUT_MS");
    if (asked_ms == 0 && text && *text) {
        size_t digits = strspn(text, "0123456789");
        ms = text[digits] || digits > 9 ? -1 : strtol(text, NULL, 10);
        HD_REQUIRE(HDI_TIMEOUT_LEAST_MS <= ms && ms <= HDI_TIMEOUT_MOST_MS, HD_INVALID_ARGUMENT,
                   "HEDDLE_TIMEOUT_MS is \"%.40s\"; it must be a number of milliseconds from %d to %d", text,
                   HDI_TIMEOUT_LEAST_MS, HDI_TIMEOUT_MOST_MS);
    } else if (asked_ms == 0) {
        ms = HDI_TIMEOUT_MS_WAIT;
    }
    HD_REQUIRE(HDI_TIMEOUT_LEAST_MS <= ms && ms <= HDI_TIMEOUT_MOST_MS, HD_INVALID_ARGUMENT,
               "a deadline of %d ms; it must be from %d to %d ms", (int)asked_ms, HDI_TIMEOUT_LEAST_MS, HDI_TIMEOUT_MOST_MS);
    *ns = ms * 1000000;
    return HD_OK;
}
