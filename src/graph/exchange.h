/* SPDX-License-Identifier: Apache-2.0 */
/* What one rank's graph says of the others: which of its values they read, and which of theirs it reads.
 *
 * A published value lies in this rank's segment of the window; its event tells the readers once a run that it is there. A remote
 * value is another rank's published one, seen where this rank reads that segment. Events are numbered alike on all ranks, places
 * are alike too: who makes the graphs (compile/passes/shard.c) walks the same whole graph on each. Failures stick to the graph.
 */
#ifndef HDI_GRAPH_EXCHANGE_H
#define HDI_GRAPH_EXCHANGE_H

#include "graph/graph.h"

/* Event 0 of every graph of several ranks: a run has ended. */
enum { HDI_EVENT_END = 0 };

/* Makes it a graph of `rank` out of `ranks`, with event 0. Before any other call here. */
void hdi_graph_set_ranks(hd_graph *graph, int32_t rank, int32_t ranks);
/* A fresh event: what it announces comes in `chunks` pieces. `name` is for people. */
uint32_t hdi_graph_event(hd_graph *graph, const char *name, int32_t chunks);

/* Puts the memory of `value`, a node's own result, at byte `place` of this rank's segment, for the ranks in the set `readers`
 * (bit r: rank r) to read when `event` says so. */
void hdi_graph_publish(hd_graph *graph, hd_value value, uint32_t event, uint64_t place, uint64_t readers);
/* The value that `rank` publishes at `place` with `event`. */
hd_value hdi_graph_remote(hd_graph *graph, int32_t rank, uint32_t event, uint64_t place, hd_dtype dtype, int32_t dims,
                          const hd_dim *shape);
/* The node that makes `value` waits for `event` of `rank` as well, as of `lag` runs before: before memory that others read is
 * written again, say. */
void hdi_graph_guard(hd_graph *graph, hd_value value, uint32_t event, int32_t rank, uint32_t lag);
/* The node that makes `value` waits for the one that makes `earlier`, if that one matters: what it tells others says that this is
 * done, too. */
void hdi_graph_after(hd_graph *graph, hd_value value, hd_value earlier);
/* The ranks that hear of the end of this rank's runs. */
void hdi_graph_end(hd_graph *graph, uint64_t ranks);
/* A segment has at least this size: it must be the same on all ranks. */
void hdi_graph_segment(hd_graph *graph, uint64_t bytes);

/* Nodes that are placed from now on run only when from <= size < below; below 0 ends it. */
void hdi_graph_when(hd_graph *graph, hd_dim size, int64_t from, int64_t below);
/* `value` and `other`, a node's result each, are one value that is made in two ways, of which one happens in a run: what makes
 * `value` writes it into the memory of `other`. What comes later reads `value`. */
void hdi_graph_merge(hd_graph *graph, hd_value value, hd_value other);

#endif
