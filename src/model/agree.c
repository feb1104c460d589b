/* SPDX-License-Identifier: Apache-2.0 */
#include "model/agree.h"

#include <string.h>

#include "base/machine.h"
#include "base/memory.h"

typedef struct digest {
    uint64_t graph;
    int64_t two_shot;
    int32_t tensor, pipeline;
} digest;

static hd_status compare(const digest *all, int32_t ranks) {
    for (int32_t r = 1; r < ranks; r++) {
        HD_REQUIRE(all[r].tensor == all[0].tensor && all[r].pipeline == all[0].pipeline, HD_INVALID_ARGUMENT,
                   "rank %d was started with --tp %d --pp %d, and rank 0 with --tp %d --pp %d: give all ranks the same", r,
                   all[r].tensor, all[r].pipeline, all[0].tensor, all[0].pipeline);
        HD_REQUIRE(all[r].two_shot == all[0].two_shot, HD_INVALID_ARGUMENT,
                   "rank %d makes sums in two shots from %lld bytes on, and rank 0 from %lld (0: none): give all ranks the same "
                   "--two-shot",
                   r, (long long)all[r].two_shot, (long long)all[0].two_shot);
        HD_REQUIRE(
            all[r].graph == all[0].graph, HD_INVALID_ARGUMENT,
            "rank %d has another model than rank 0, or other types of weights: give all ranks the same folder and --weights", r);
    }
    return HD_OK;
}

hd_status hdi_model_agree(hd_domain *domain, const hd_graph *whole, const hd_shard *shard) {
    char *text;
    digest all[HD_MAX_RANKS], mine;
    memset(&mine, 0, sizeof mine);
    HD_TRY(hd_graph_print(whole, &text));
    mine = (digest){hdi_hash_text(text), shard->two_shot, shard->tensor, shard->pipeline};
    hdi_free(text);
    HD_TRY(hd_domain_allgather(domain, &mine, sizeof mine, all));
    return compare(all, hd_domain_ranks(domain));
}
