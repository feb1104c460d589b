/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of three ranks in a row: rank 2 gives x + x, rank 1 adds its own x to what rank 2 gives, rank 0 its own to that. Nobody
 * waits for rank 0, so it can be seen who hangs on whom, and whether what rank 2 gave is still there when rank 2 has ended. */
#ifndef HDI_TESTS_RANK_CHAIN_H
#define HDI_TESTS_RANK_CHAIN_H

#include <stdio.h>

#include "graph/exchange.h"
#include "heddle/compile.h"

enum { CHAIN_RANKS = 3, CHAIN_ITEMS = 256 };

/* Rank r's x is r + 1 everywhere. Its output "y" is: */
static inline float chain_result(int32_t rank) { return rank == 2 ? 6 : rank == 1 ? 8 : 9; }

/* NULL: it cannot be made, which has been told. */
static inline hd_plan *chain_plan(int32_t rank) {
    hd_graph *g;
    hd_plan *plan = NULL;
    const hd_dim shape[2] = {1, CHAIN_ITEMS};
    if (hd_graph_create(&g) != HD_OK) return NULL;
    hdi_graph_set_ranks(g, rank, CHAIN_RANKS);
    const uint32_t of_1 = hdi_graph_event(g, "of rank 1", 1), of_2 = hdi_graph_event(g, "of rank 2", 1);
    hdi_graph_segment(g, sizeof(float) * CHAIN_ITEMS);
    hdi_graph_end(g, rank < 2 ? 1ull << (rank + 1) : 0); /* who gives may write again */
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape);
    hd_value given = rank == 2 ? x : hdi_graph_remote(g, rank + 1, rank == 1 ? of_2 : of_1, 0, HD_DTYPE_F32, 2, shape);
    hd_value y = hd_graph_add(g, x, given);
    if (rank > 0) {
        hdi_graph_publish(g, y, rank == 1 ? of_1 : of_2, 0, 1ull << (rank - 1));
        hdi_graph_guard(g, y, HDI_EVENT_END, rank - 1, 1);
    }
    hd_graph_output(g, "y", y);
    if (hd_compile(g, &plan) != HD_OK) fprintf(stderr, "%s\n", hd_last_error());
    hd_graph_destroy(g);
    return plan;
}

#endif
