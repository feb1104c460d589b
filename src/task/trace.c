/* SPDX-License-Identifier: Apache-2.0 */
/* Making a trace, and what those who record into it need: lanes, labels, and settling what still runs. */
#include "task/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { DEFAULT_SPANS = 1 << 20, MOST_LANES = UINT16_MAX };

hd_status hd_trace_create(const hd_trace_options *options, hd_trace **out) {
    hd_trace *trace;
    HD_REQUIRE(out, HD_INVALID_ARGUMENT, "hd_trace_create needs a place for the result");
    *out = NULL;
    HD_TRY(hdi_calloc(&trace, 1, sizeof *trace, "a trace"));
    trace->room = options && options->spans ? options->spans : DEFAULT_SPANS;
    trace->rank = options ? options->rank : 0;
    trace->whole_runs = options && options->whole_runs;
    hd_status status = hdi_alloc(&trace->spans, trace->room, sizeof *trace->spans, "a trace's spans");
    if (status != HD_OK) {
        hdi_free(trace);
        return status;
    }
    memset(trace->spans, 0, trace->room * sizeof *trace->spans); /* the pages are there before anything is measured */
    trace->start = hdi_now_ns();
    *out = trace;
    return HD_OK;
}

void hd_trace_destroy(hd_trace *trace) {
    if (!trace) return;
    while (trace->holders) hdi_trace_leave(trace->holders);
    hdi_free(trace->spans);
    hdi_free(trace->labels);
    hdi_free(trace->lanes);
    hdi_free(trace);
}

void hd_trace_clear(hd_trace *trace) {
    (void)hdi_trace_settle(trace); /* what failed is forgotten too */
    trace->n = 0;
    trace->lost = 0;
    trace->stepped = false;
}

void hdi_trace_join(hd_trace *trace, hdi_trace_holder *holder) {
    holder->trace = trace;
    holder->next = trace->holders;
    trace->holders = holder;
}

void hdi_trace_leave(hdi_trace_holder *holder) {
    if (!holder->trace) return;
    hdi_trace_holder **at = &holder->trace->holders;
    while (*at != holder) at = &(*at)->next;
    *at = holder->next;
    holder->leave(holder); /* may be freed by it */
}

hd_status hdi_trace_take_lane(hd_trace *trace, const hd_device *device, const char *name, uint16_t *out) {
    size_t i = 0;
    while (i < trace->n_lanes) {
        hdi_trace_lane *lane = &trace->lanes[i];
        if (!lane->taken && lane->device == device && strcmp(lane->name, name) == 0) break;
        i++;
    }
    HD_REQUIRE(i < MOST_LANES, HD_EXHAUSTED, "a trace has at most %d lanes", MOST_LANES);
    if (i == trace->n_lanes) {
        HD_TRY(hdi_grow(&trace->lanes, &trace->cap_lanes, i + 1, sizeof *trace->lanes, "a trace's lanes"));
        trace->lanes[i] = (hdi_trace_lane){.device = device, .rank = trace->rank};
        snprintf(trace->lanes[i].name, sizeof trace->lanes[i].name, "%s", name);
        trace->n_lanes++;
    }
    trace->lanes[i].taken = true;
    *out = (uint16_t)i;
    return HD_OK;
}

void hdi_trace_give_lane(hd_trace *trace, uint16_t lane) { trace->lanes[lane].taken = false; }

hd_status hdi_trace_add_labels(hd_trace *trace, size_t n, uint32_t *first) {
    HD_REQUIRE(trace->n_labels + n <= UINT32_MAX, HD_EXHAUSTED, "a trace has too many labels");
    HD_TRY(hdi_grow(&trace->labels, &trace->cap_labels, trace->n_labels + n, sizeof *trace->labels, "a trace's labels"));
    memset(trace->labels + trace->n_labels, 0, n * sizeof *trace->labels);
    *first = (uint32_t)trace->n_labels;
    trace->n_labels += n;
    return HD_OK;
}

void hdi_span_text(const hd_trace *trace, const hdi_span *span, char text[HDI_SPAN_TEXT]) {
    if (span->kind == HDI_SPAN_WAIT)
        snprintf(text, HDI_SPAN_TEXT, "wait for event %llu of rank %d", (unsigned long long)span->event, span->other);
    else if (span->kind == HDI_SPAN_TRANSFER)
        snprintf(text, HDI_SPAN_TEXT, "to rank %d", span->other);
    else
        snprintf(text, HDI_SPAN_TEXT, "%s", trace->labels[span->label].name);
}

static int by_time(const void *a, const void *b) {
    const hdi_span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end > y->end ? -1 : 1;
    return (x->lane > y->lane) - (x->lane < y->lane);
}

hd_status hdi_trace_settle(hd_trace *trace) {
    hd_status status = HD_OK;
    for (hdi_trace_holder *h = trace->holders; h && status == HD_OK; h = h->next)
        if (h->settle) status = h->settle(h);
    qsort(trace->spans, trace->n, sizeof *trace->spans, by_time);
    return status;
}

hd_status hd_trace_get_info(hd_trace *trace, hd_trace_info *out) {
    hd_status status = hdi_trace_settle(trace);
    *out = (hd_trace_info){.spans = trace->n, .room = trace->room, .lost = trace->lost, .stepped = trace->stepped};
    return status;
}

const char *hd_trace_phase_name(hd_trace_phase phase) {
    static const char *const names[HD_TRACE_PHASE_COUNT] = {"", "prefill", "decode"};
    return (unsigned)phase < HD_TRACE_PHASE_COUNT ? names[phase] : "?";
}
