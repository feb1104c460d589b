/* SPDX-License-Identifier: Apache-2.0 */
/* What the passes hand to each other on the way from a graph to a plan. Each pass fills the part that is named after it. */
#ifndef HDI_COMPILE_LOWERING_H
#define HDI_COMPILE_LOWERING_H

#include "graph/graph.h"
#include "heddle/compile.h"
#include "kernels/group.h"

#define HDI_NO_BLOCK UINT32_MAX
#define HDI_NO_GROUP UINT32_MAX

/* Where a block lies. */
typedef enum hdi_space {
    HDI_SPACE_ARENA,   /* placed by the memory plan */
    HDI_SPACE_BOUND,   /* input, weight or state: memory of the caller's, never shared */
    HDI_SPACE_SEGMENT, /* a rank's segment of the window, at a place that the graph says */
} hdi_space;

/* A piece of memory that one or (in place) several values occupy in turn. */
typedef struct hdi_block {
    uint64_t bytes;       /* at the symbols' maxima */
    uint64_t offset;      /* in its space; meaningless for bound memory */
    uint32_t first, last; /* steps between which it holds something; what a group touches stays to the group's end */
    hdi_space space;
    int32_t rank; /* of a segment: whose */
} hdi_block;

typedef struct hdi_wait_list {
    uint32_t *step;
    size_t n, cap;
} hdi_wait_list;

/* Adjacent steps that a device may compute as one. */
typedef struct hdi_step_group {
    hdi_group_kind kind;
    uint32_t first, n;
} hdi_step_group;

typedef struct hdi_lowering {
    const hd_graph *graph;
    /* prune: the nodes that matter, in order; step s runs node node_of[s] */
    uint32_t *node_of;
    uint32_t n_steps;
    /* group */
    hdi_step_group *groups;
    uint32_t *group_of; /* by step; HDI_NO_GROUP for one alone */
    uint32_t n_groups;
    /* place_memory */
    uint32_t *block_of; /* by root value; HDI_NO_BLOCK for a value that no step touches */
    hdi_block *blocks;
    size_t n_blocks;
    uint64_t arena_bytes;
    /* order */
    hdi_wait_list *waits; /* by step, ascending */
} hdi_lowering;

/* Drops nodes that neither an output nor a state depends on. */
hd_status hdi_pass_prune(hdi_lowering *low);
/* Finds the groups. */
hd_status hdi_pass_group(hdi_lowering *low);
/* Gives every intermediate value a place in one arena; values share memory when they do not live at the same time, and an
 * operator that can work in place takes over its dying input. */
hd_status hdi_pass_place_memory(hdi_lowering *low);
/* Finds for each step the steps it must wait for, by data and by memory, without those that others imply. */
hd_status hdi_pass_order(hdi_lowering *low);
/* Writes the image. */
hd_status hdi_emit_plan(const hdi_lowering *low, hd_plan **out);

/* The last step of the group that step `s` is in. */
static inline uint32_t hdi_group_last(const hdi_lowering *low, uint32_t s) {
    return low->group_of[s] == HDI_NO_GROUP ? s : low->groups[low->group_of[s]].first + low->groups[low->group_of[s]].n - 1;
}

/* The value that owns the memory of `value`. */
static inline hd_value hdi_root(const hd_graph *graph, hd_value value) { return graph->values[value].root; }

#endif
