/* SPDX-License-Identifier: Apache-2.0 */
/* The plan that brings logits from the last pipeline stage to rank 0: one copy into that rank's segment and one out of it. It is
 * a plan of its own, so that a run of the model's plan ends on each stage with what that stage has to do. */
#include "graph/graph.h"
#include "kernels/concat/concat.h"
#include "model/model.h"
#include "ops/op.h"

/* The copy belongs to the first rank of the last stage; each rank is a stage here. */
static hd_status build(const hd_model_info *info, const hdi_step_limits *limits, hd_graph *graph) {
    const hdi_concat_attr attr = {.parts = 1, .streamed = 1};
    hd_value copy;
    hd_dim rows = hd_graph_symbol(graph, "rows", 1, limits->max_rows);
    hd_graph_layer(graph, info->tensor * (info->pipeline - 1), info->tensor * info->pipeline);
    hd_value made = hd_graph_input(graph, HDI_LOGITS_MADE, HD_DTYPE_F32, 2, (hd_dim[]){rows, info->vocab});
    hdi_graph_node(graph, &hdi_op_concat, &made, 1, &attr, &copy);
    hd_graph_output(graph, "logits", copy);
    return hd_graph_status(graph);
}

hd_status hdi_model_compile_return(const hd_model *model, const hdi_step_limits *limits, hd_plan **out) {
    hd_model_info info;
    hd_graph *whole, *part = NULL;
    *out = NULL;
    hd_model_get_info(model, &info);
    if (!hdi_logits_stay(info.pipeline, limits)) return HD_OK;
    const hd_shard shard = {.rank = info.rank, .tensor = 1, .pipeline = info.tensor * info.pipeline};
    HD_TRY(hd_graph_create(&whole));
    hd_status status = build(&info, limits, whole);
    if (status == HD_OK) status = hd_graph_shard(whole, &shard, &part);
    if (status == HD_OK) status = hd_compile(part, out);
    hd_graph_destroy(part);
    hd_graph_destroy(whole);
    return status;
}
