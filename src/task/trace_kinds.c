/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of one kind together: what a table of where the time goes is made of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "task/trace.h"

typedef struct kinds {
    hd_trace_kind *all;
    size_t n, cap;
} kinds;

/* Labels of like kernels and shapes are one kind; so are those of many executors. Waits and transfers are kinds of their own,
 * by the rank at the other end. */
static void describe(const hd_trace *trace, const hdi_span *span, hd_trace_kind *kind) {
    const hdi_trace_label *label = &trace->labels[span->label];
    memset(kind, 0, sizeof *kind);
    kind->device = trace->lanes[span->lane].device;
    kind->rank = trace->lanes[span->lane].rank;
    kind->phase = (hd_trace_phase)span->phase;
    if (span->kind != HDI_SPAN_WORK) {
        bool wait = span->kind == HDI_SPAN_WAIT;
        snprintf(kind->kernel, sizeof kind->kernel, "%s", wait ? "wait" : "transfer");
        snprintf(kind->shape, sizeof kind->shape, "%s rank %d", wait ? "for" : "to", span->other);
        return;
    }
    snprintf(kind->kernel, sizeof kind->kernel, "%s", label->kernel);
    snprintf(kind->shape, sizeof kind->shape, "%s", *label->kernel ? label->shape : label->name);
}

static bool same(const hd_trace_kind *a, const hd_trace_kind *b) {
    return a->phase == b->phase && a->device == b->device && a->rank == b->rank && strcmp(a->kernel, b->kernel) == 0 &&
           strcmp(a->shape, b->shape) == 0;
}

static hd_status find(kinds *k, const hd_trace *trace, const hdi_span *span, hd_trace_kind **out) {
    hd_trace_kind kind;
    describe(trace, span, &kind);
    for (size_t i = 0; i < k->n; i++)
        if (same(&k->all[i], &kind)) {
            *out = &k->all[i];
            return HD_OK;
        }
    HD_TRY(hdi_grow(&k->all, &k->cap, k->n + 1, sizeof *k->all, "kinds of steps"));
    k->all[k->n] = kind;
    *out = &k->all[k->n++];
    return HD_OK;
}

static int by_time(const void *a, const void *b) {
    const hd_trace_kind *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds > y->seconds ? -1 : 1;
    int order = strcmp(x->kernel, y->kernel);
    return order ? order : strcmp(x->shape, y->shape);
}

hd_status hd_trace_kinds(hd_trace *trace, size_t first, hd_trace_kind **out, size_t *count) {
    kinds k = {0};
    hd_status status;
    *out = NULL;
    *count = 0;
    HD_TRY_GOTO(hdi_trace_settle(trace));
    HD_TRY_GOTO(hdi_grow(&k.all, &k.cap, 1, sizeof *k.all, "kinds of steps"));
    for (size_t i = first; i < trace->n; i++) {
        const hdi_span *span = &trace->spans[i];
        hd_trace_kind *kind;
        HD_TRY_GOTO(find(&k, trace, span, &kind));
        kind->steps += span->first;
        kind->seconds += (double)(span->end - span->begin) * 1e-9 / span->workers;
        kind->bytes += span->bytes;
        kind->flops += span->kind == HDI_SPAN_WORK ? span->flops : 0;
        kind->partial |= span->partial;
    }
    qsort(k.all, k.n, sizeof *k.all, by_time);
    *out = k.all;
    *count = k.n;
    return HD_OK;
fail:
    hdi_free(k.all);
    return status;
}
