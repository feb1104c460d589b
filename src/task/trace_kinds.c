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

/* Labels of like kernels and shapes are one kind; so are those of many executors. */
static bool is_of(const hd_trace_kind *kind, const hd_trace *trace, const hdi_span *span) {
    const hdi_trace_label *label = &trace->labels[span->label];
    return kind->phase == (hd_trace_phase)span->phase && kind->device == trace->lanes[span->lane].device &&
           strcmp(kind->kernel, label->kernel ? label->kernel : "") == 0 &&
           strcmp(kind->shape, label->kernel ? label->shape : label->name) == 0;
}

static hd_status find(kinds *k, const hd_trace *trace, const hdi_span *span, hd_trace_kind **out) {
    const hdi_trace_label *label = &trace->labels[span->label];
    for (size_t i = 0; i < k->n; i++)
        if (is_of(&k->all[i], trace, span)) {
            *out = &k->all[i];
            return HD_OK;
        }
    HD_TRY(hdi_grow(&k->all, &k->cap, k->n + 1, sizeof *k->all, "kinds of steps"));
    hd_trace_kind *kind = &k->all[k->n++];
    memset(kind, 0, sizeof *kind);
    kind->device = trace->lanes[span->lane].device;
    kind->phase = (hd_trace_phase)span->phase;
    snprintf(kind->kernel, sizeof kind->kernel, "%s", label->kernel ? label->kernel : "");
    snprintf(kind->shape, sizeof kind->shape, "%s", label->kernel ? label->shape : label->name);
    *out = kind;
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
        kind->flops += span->flops;
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
