/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/exchange.h"

#include "base/memory.h"
#include "heddle/comm.h"

void hdi_graph_set_ranks(hd_graph *graph, int32_t rank, int32_t ranks) {
    if (graph->status != HD_OK) return;
    if (ranks < 1 || ranks > HD_MAX_RANKS || rank < 0 || rank >= ranks) {
        hdi_graph_stick(
            graph, hdi_fail(HD_INVALID_ARGUMENT, "a graph of rank %d of %d; there may be 1 to %d", rank, ranks, HD_MAX_RANKS));
        return;
    }
    graph->rank = rank;
    graph->ranks = ranks;
    (void)hdi_graph_event(graph, "end of a run", 1);
}

uint32_t hdi_graph_event(hd_graph *graph, const char *name, int32_t chunks) {
    if (graph->status != HD_OK) return 0;
    hdi_event event = {hdi_strdup(name), chunks};
    hd_status status = event.name ? HD_OK : HD_OUT_OF_MEMORY;
    if (status == HD_OK)
        status = hdi_grow(&graph->events, &graph->cap_events, graph->n_events + 1, sizeof event, "a graph's events");
    if (status != HD_OK) {
        hdi_free(event.name);
        hdi_graph_stick(graph, status);
        return 0;
    }
    graph->events[graph->n_events] = event;
    return (uint32_t)graph->n_events++;
}

static hd_status check_event(const hd_graph *graph, uint32_t event, uint64_t place) {
    HD_REQUIRE(graph->ranks > 0 && event < graph->n_events, HD_INVALID_ARGUMENT, "%u is no event of this graph", event);
    HD_REQUIRE(place % HDI_CACHE_LINE == 0, HD_INVALID_ARGUMENT, "byte %llu of a segment is not the beginning of a line",
               (unsigned long long)place);
    return HD_OK;
}

/* Makes the segment long enough for `value` at `place`. */
static hd_status reserve(hd_graph *graph, const hdi_value *value, uint64_t place) {
    uint64_t bytes;
    HD_TRY(hdi_graph_bytes(graph, value, &bytes));
    hdi_graph_segment(graph, hdi_align_up(place + bytes, HDI_CACHE_LINE));
    return HD_OK;
}

static hd_status publish(hd_graph *graph, hd_value id, uint32_t event, uint64_t place, uint64_t readers) {
    hdi_value *value = &graph->values[id];
    HD_TRY(check_event(graph, event, place));
    HD_REQUIRE(value->kind == HDI_VALUE_RESULT && value->root == id && !value->published, HD_INVALID_ARGUMENT,
               "only a node's own result can be published, and once");
    HD_TRY(reserve(graph, value, place));
    value->published = true;
    value->rank = graph->rank;
    value->event = event;
    value->place = place;
    value->readers = readers;
    return HD_OK;
}

void hdi_graph_publish(hd_graph *graph, hd_value value, uint32_t event, uint64_t place, uint64_t readers) {
    if (hdi_graph_value(graph, value)) hdi_graph_stick(graph, publish(graph, value, event, place, readers));
}

static hd_status remote(hd_graph *graph, hdi_value *value) {
    HD_TRY(check_event(graph, value->event, value->place));
    HD_REQUIRE(0 <= value->rank && value->rank < graph->ranks && value->rank != graph->rank, HD_INVALID_ARGUMENT,
               "rank %d is no other rank", value->rank);
    HD_TRY(hdi_graph_contiguous(&graph->dims, &value->type, value->stride));
    return reserve(graph, value, value->place);
}

hd_value hdi_graph_remote(hd_graph *graph, int32_t rank, uint32_t event, uint64_t place, hd_dtype dtype, int32_t dims,
                          const hd_dim *shape) {
    if (graph->status != HD_OK) return 0;
    hdi_value value = {.kind = HDI_VALUE_REMOTE, .root = (hd_value)graph->n_values, .rank = rank, .event = event, .place = place};
    value.type = (hdi_type){.dtype = (uint8_t)dtype, .rank = (uint8_t)dims};
    for (int i = 0; i < dims; i++) value.type.dim[i] = shape[i];
    hd_status status = remote(graph, &value);
    hdi_graph_stick(graph, status);
    return status == HD_OK ? hdi_graph_add_value(graph, &value) : 0;
}

void hdi_graph_guard(hd_graph *graph, hd_value value, uint32_t event, int32_t rank, uint32_t lag) {
    if (!hdi_graph_value(graph, value)) return;
    const hdi_value *made = &graph->values[graph->values[value].root];
    hd_status status = made->kind == HDI_VALUE_RESULT ? check_event(graph, event, 0)
                                                      : hdi_fail(HD_INVALID_ARGUMENT, "no node makes the value that is to wait");
    if (status == HD_OK)
        status = hdi_grow(&graph->guards, &graph->cap_guards, graph->n_guards + 1, sizeof *graph->guards, "a graph's waits");
    if (status == HD_OK)
        graph->guards[graph->n_guards++] = (hdi_guard){.node = made->node, .event = event, .rank = rank, .lag = lag};
    hdi_graph_stick(graph, status);
}

/* The node that makes `value`, or what it is a view of. */
static hd_status maker_of(const hd_graph *graph, hd_value value, uint32_t *node) {
    while (graph->values[value].kind == HDI_VALUE_VIEW) value = graph->values[value].source;
    HD_REQUIRE(graph->values[value].kind == HDI_VALUE_RESULT, HD_INVALID_ARGUMENT,
               "no node makes a value that is to be in order");
    *node = graph->values[value].node;
    return HD_OK;
}

static hd_status after(hd_graph *graph, hd_value value, hd_value earlier) {
    hdi_after order;
    HD_TRY(maker_of(graph, value, &order.node));
    HD_TRY(maker_of(graph, earlier, &order.earlier));
    HD_REQUIRE(order.earlier < order.node, HD_INVALID_ARGUMENT, "a node cannot wait for a later one");
    HD_TRY(hdi_grow(&graph->afters, &graph->cap_afters, graph->n_afters + 1, sizeof order, "a graph's waits"));
    graph->afters[graph->n_afters++] = order;
    return HD_OK;
}

void hdi_graph_after(hd_graph *graph, hd_value value, hd_value earlier) {
    if (hdi_graph_value(graph, value) && hdi_graph_value(graph, earlier)) hdi_graph_stick(graph, after(graph, value, earlier));
}

void hdi_graph_end(hd_graph *graph, uint64_t ranks) { graph->end_ranks |= ranks; }

void hdi_graph_segment(hd_graph *graph, uint64_t bytes) {
    if (bytes > graph->segment_bytes) graph->segment_bytes = bytes;
}

void hdi_graph_when(hd_graph *graph, hd_dim size, int64_t from, int64_t below) {
    graph->when = (hdi_condition){.size = size, .from = from, .below = below};
}

static hd_status merge(const hd_graph *graph, hdi_value *value, hd_value id, hd_value other_id) {
    const hdi_value *other = &graph->values[other_id];
    HD_REQUIRE(value->kind == HDI_VALUE_RESULT && value->root == id && other->kind == HDI_VALUE_RESULT &&
                   other->root == other_id && !value->published && !other->published && other_id < id,
               HD_INVALID_ARGUMENT, "two ways to make a value end in two nodes' own results, which are read by no other rank");
    HD_TRY(hdi_expect_same("two ways to make a value", "one of them", &value->type, &other->type));
    value->root = other_id;
    value->source = other_id;
    return HD_OK;
}

void hdi_graph_merge(hd_graph *graph, hd_value value, hd_value other) {
    if (hdi_graph_value(graph, value) && hdi_graph_value(graph, other))
        hdi_graph_stick(graph, merge(graph, &graph->values[value], value, other));
}
