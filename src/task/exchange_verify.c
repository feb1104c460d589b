/* SPDX-License-Identifier: Apache-2.0 */
/* At load: the plans of all ranks are gathered and verified, by every rank alike, before anything runs. */
#include <string.h>

#include "base/memory.h"
#include "compile/verify.h"
#include "task/exchange.h"

enum { MOST_BYTES = 1 << 28 }; /* of one image */

static hd_status gather(const hd_plan *plan, hd_domain *domain, const uint64_t *sizes, uint64_t most, uint8_t *mine,
                        uint8_t *all) {
    const void *images[HD_MAX_RANKS] = {0};
    size_t bytes[HD_MAX_RANKS] = {0};
    memcpy(mine, plan, plan->bytes);
    HD_TRY(hd_domain_allgather(domain, mine, most, all));
    for (int32_t r = 0; r < domain->ranks; r++) {
        images[r] = all + (size_t)r * most;
        bytes[r] = sizes[r];
    }
    return hdi_images_verify(images, bytes, domain->ranks);
}

/* All ranks see the same images, so that they agree on the verdict; that one has no memory only it knows, and it says so. */
static hd_status give_up(hd_domain *domain, hd_status status) {
    if (status == HD_OUT_OF_MEMORY) hd_domain_abort(domain, status, hd_last_error());
    return status;
}

hd_status hdi_exchange_verify(const hd_plan *plan, hd_domain *domain) {
    uint64_t sizes[HD_MAX_RANKS] = {0}, most = 0, size = plan->bytes;
    uint8_t *mine = NULL, *all = NULL;
    hd_status status;
    HD_TRY(hd_domain_allgather(domain, &size, sizeof size, sizes));
    for (int32_t r = 0; r < domain->ranks; r++) {
        HD_REQUIRE(sizes[r] <= MOST_BYTES, HD_UNSUPPORTED, "the plan of rank %d has %llu bytes; at most %d can be verified", r,
                   (unsigned long long)sizes[r], MOST_BYTES);
        if (sizes[r] > most) most = sizes[r];
    }
    most = hdi_align_up(most, HDI_CACHE_LINE); /* each image begins a line */
    HD_TRY_GOTO(hdi_calloc(&mine, 1, most, "the plans of all ranks"));
    HD_TRY_GOTO(hdi_alloc(&all, (size_t)domain->ranks, most, "the plans of all ranks"));
    status = gather(plan, domain, sizes, most, mine, all);
fail:
    hdi_free(mine);
    hdi_free(all);
    return give_up(domain, status);
}
