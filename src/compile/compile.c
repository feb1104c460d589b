/* SPDX-License-Identifier: Apache-2.0 */
/* The passes in their order. */
#include "compile/lowering.h"

#include "base/memory.h"

hd_status hd_compile(const hd_graph *graph, hd_plan **out) {
    hdi_lowering low = {.graph = graph};
    hd_status status;
    *out = NULL;
    HD_TRY(hd_graph_status(graph));
    HD_TRY_GOTO(hdi_pass_prune(&low));
    HD_TRY_GOTO(hdi_pass_group(&low));
    HD_TRY_GOTO(hdi_pass_place_memory(&low));
    HD_TRY_GOTO(hdi_pass_order(&low));
    status = hdi_emit_plan(&low, out);
fail:
    for (uint32_t s = 0; low.waits && s < low.n_steps; s++) hdi_free(low.waits[s].step);
    hdi_free(low.waits);
    hdi_free(low.groups);
    hdi_free(low.group_of);
    hdi_free(low.blocks);
    hdi_free(low.block_of);
    hdi_free(low.node_of);
    return status;
}

void hd_plan_destroy(hd_plan *plan) { hdi_free(plan); }
