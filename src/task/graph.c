/* SPDX-License-Identifier: Apache-2.0 */
/* The graph and the persistent executor: what the stream executor enqueues, with or without programs, is recorded once for a set
 * of sizes and replayed from then on, which costs the host one call in place of hundreds. The first run of a set is plain, so
 * that kernels get the device memory that they work in, which nothing may ask for while recording; the second records. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/context.h"
#include "task/executor.h"

enum { MOST_GRAPHS = 48 }; /* a server's batch sizes; beyond it the one unused for longest goes */

typedef struct entry {
    void *graph;            /* the back end's; NULL: the set was seen once */
    hdi_programs *programs; /* of the persistent executor, which the graph launches */
    uint64_t used;          /* run number of its last use */
    int64_t *symbol;        /* the set */
} entry;

struct hdi_graphs {
    entry entries[MOST_GRAPHS];
    int n;
    uint64_t runs;
    uint64_t bindings; /* executor->bindings that the graphs were recorded with */
};

hd_status hdi_graphs_create(hd_executor *executor) {
    size_t symbols = executor->plan->n_symbols;
    HD_TRY(hdi_calloc(&executor->graphs, 1, sizeof *executor->graphs, "an executor's graphs"));
    for (int i = 0; i < MOST_GRAPHS; i++)
        HD_TRY(hdi_calloc(&executor->graphs->entries[i].symbol, symbols + 1, sizeof(int64_t), "an executor's graphs"));
    return HD_OK;
}

static void forget(hd_executor *executor, entry *e) {
    if (e->graph) (void)executor->device->vtable->graph_destroy(executor->device, e->graph); /* nobody is there to hear of it */
    hdi_programs_destroy(executor, e->programs);
    e->graph = NULL;
    e->programs = NULL;
}

void hdi_graphs_destroy(hd_executor *executor) {
    if (!executor->graphs) return;
    for (int i = 0; i < MOST_GRAPHS; i++) {
        forget(executor, &executor->graphs->entries[i]);
        hdi_free(executor->graphs->entries[i].symbol);
    }
    hdi_free(executor->graphs);
}

/* The entry of the current symbols; *fresh when they come for the first time. A graph that still runs may not be destroyed, so
 * making room waits for the stream. */
static hd_status find(hd_executor *executor, entry **out, bool *fresh) {
    struct hdi_graphs *g = executor->graphs;
    size_t bytes = executor->plan->n_symbols * sizeof(int64_t);
    *fresh = false;
    for (int i = 0; i < g->n; i++)
        if (memcmp(g->entries[i].symbol, executor->symbol, bytes) == 0) {
            *out = &g->entries[i];
            return HD_OK;
        }
    entry *e = &g->entries[0];
    for (int i = 1; i < g->n; i++)
        if (g->entries[i].used < e->used) e = &g->entries[i];
    if (g->n < MOST_GRAPHS) e = &g->entries[g->n++];
    if (e->graph) HD_TRY(hd_stream_synchronize(executor->stream));
    forget(executor, e);
    memcpy(e->symbol, executor->symbol, bytes);
    *out = e;
    *fresh = true;
    return HD_OK;
}

static hd_status record(hd_executor *executor, entry *e) {
    const hd_device *device = executor->device;
    void *stream = executor->stream->handle;
    char message[512];
    HD_TRY(hdi_executor_prepare(executor));
    if (executor->kind == HD_EXECUTOR_PERSISTENT) HD_TRY(hdi_programs_create(executor, &e->programs));
    HD_TRY(device->vtable->capture_begin(device, stream));
    hd_status status = hdi_run_stream(executor, e->programs);
    if (status != HD_OK) snprintf(message, sizeof message, "%s", hd_last_error());
    hd_status ended = device->vtable->capture_end(device, stream, &e->graph);
    if (status == HD_OK && ended == HD_OK) return HD_OK;
    forget(executor, e);
    return status == HD_OK ? ended : hdi_fail(status, "%s", message);
}

/* Graphs hold the addresses of what was bound when they were recorded. */
static hd_status drop_outdated(hd_executor *executor) {
    struct hdi_graphs *g = executor->graphs;
    if (g->bindings == executor->bindings) return HD_OK;
    HD_TRY(hd_stream_synchronize(executor->stream));
    for (int i = 0; i < g->n; i++) forget(executor, &g->entries[i]);
    g->n = 0;
    g->bindings = executor->bindings;
    return HD_OK;
}

hd_status hdi_run_graph(hd_executor *executor) {
    entry *e;
    bool fresh;
    HD_TRY(drop_outdated(executor));
    HD_TRY(find(executor, &e, &fresh));
    e->used = ++executor->graphs->runs;
    if (fresh) {
        HD_TRY(hdi_executor_prepare(executor));
        return hdi_run_stream(executor, NULL);
    }
    if (!e->graph) HD_TRY(record(executor, e));
    return executor->device->vtable->graph_launch(executor->device, e->graph, executor->stream->handle);
}
