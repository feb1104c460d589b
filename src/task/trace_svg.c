/* SPDX-License-Identifier: Apache-2.0 */
/* What a picture of a trace shows: a window in time, a row for each lane, and the spans of each row. */
#include "task/trace_svg.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { WIDTH = 1400, MOST_SPANS = 2000, LANE_SPANS = 100 };

static bool is_own(const hd_trace *trace, const hdi_span *span) { return trace->lanes[span->lane].import == 0; }

/* ---- rows ---- */

/* The trace that is being sorted: qsort has no place for it. */
static _Thread_local const hd_trace *sorted;

/* Ranks in order, each one's own devices before those of imports, the engine above the workers, and else as lanes were made. */
static int by_rank_and_process(const void *a, const void *b) {
    const hdi_svg_row *x = a, *y = b;
    const hdi_trace_lane *p = &sorted->lanes[x->lane], *q = &sorted->lanes[y->lane];
    if (p->rank != q->rank) return p->rank < q->rank ? -1 : 1;
    if (p->import != q->import) return p->import < q->import ? -1 : 1;
    if (p->device != q->device) return (uintptr_t)p->device < (uintptr_t)q->device ? -1 : 1;
    int order = strcmp(p->process, q->process);
    if (order) return order;
    bool engine = strcmp(p->name, "engine") == 0, other = strcmp(q->name, "engine") == 0;
    if (engine != other) return engine ? -1 : 1;
    return (x->lane > y->lane) - (x->lane < y->lane);
}

static bool same_group(const hdi_trace_lane *a, const hdi_trace_lane *b) {
    return a->rank == b->rank && hdi_trace_same_process(a, b);
}

static hd_status make_rows(hdi_svg *svg) {
    const hd_trace *trace = svg->trace;
    HD_TRY(hdi_alloc(&svg->row_of, trace->n_lanes + 1, sizeof *svg->row_of, "a picture's lanes"));
    HD_TRY(hdi_calloc(&svg->rows, trace->n_lanes + 1, sizeof *svg->rows, "a picture's lanes"));
    for (size_t i = 0; i < trace->n_lanes; i++) svg->row_of[i] = HDI_SVG_NO_ROW;
    for (size_t i = 0; i < trace->n; i++) svg->row_of[trace->spans[i].lane] = 0;
    for (size_t i = 0; i < trace->n_lanes; i++)
        if (svg->row_of[i] == 0) svg->rows[svg->n_rows++].lane = (uint16_t)i;
    sorted = trace;
    qsort(svg->rows, svg->n_rows, sizeof *svg->rows, by_rank_and_process);
    for (size_t r = 0; r < svg->n_rows; r++) {
        svg->row_of[svg->rows[r].lane] = (uint32_t)r;
        svg->rows[r].group = r == 0 || !same_group(&trace->lanes[svg->rows[r].lane], &trace->lanes[svg->rows[r - 1].lane]);
    }
    return HD_OK;
}

/* ---- the window ---- */

/* The span with which the window begins by itself: the first of the last whole runs that are few enough, or of the last spans
 * where no run begins. */
static size_t first_of_last_runs(const hdi_svg *svg) {
    const hd_trace *trace = svg->trace;
    size_t most = svg->n_rows * LANE_SPANS < MOST_SPANS ? svg->n_rows * LANE_SPANS : MOST_SPANS, first = SIZE_MAX;
    for (size_t n = 1; n <= trace->n; n++) {
        const hdi_span *s = &trace->spans[trace->n - n];
        if (n > most && first != SIZE_MAX) break;
        if (s->begins && is_own(trace, s)) first = trace->n - n;
    }
    if (first != SIZE_MAX) return first;
    return trace->n > most ? trace->n - most : 0;
}

/* What the engine does before a run, and what a worker waits for at its beginning, belong to it. */
static int64_t begin_of_run(const hd_trace *trace, size_t first) {
    int64_t begin = trace->spans[first].begin, before = INT64_MIN;
    for (size_t i = 0; i < first; i++) {
        const hdi_span *s = &trace->spans[i];
        bool works = s->kind == HDI_SPAN_WORK && *trace->labels[s->label].kernel;
        if (works && is_own(trace, s) && s->end <= begin && s->end > before) before = s->end;
    }
    for (size_t i = first; i > 0; i--) {
        const hdi_span *s = &trace->spans[i - 1];
        if (s->begin < before) break;
        if (is_own(trace, s)) begin = s->begin;
    }
    return begin;
}

static void choose_window(hdi_svg *svg, const hd_trace_svg_options *options) {
    const hd_trace *trace = svg->trace;
    svg->from = options->from_ns;
    svg->to = options->to_ns;
    if (svg->from == 0 && svg->to == 0 && trace->n) {
        svg->from = svg->to = begin_of_run(trace, first_of_last_runs(svg));
        for (size_t i = 0; i < trace->n; i++)
            if (trace->spans[i].end > svg->to) svg->to = trace->spans[i].end;
    }
    if (svg->to <= svg->from) svg->to = svg->from + 1000; /* nothing, or all at one time */
}

/* ---- the spans in it ---- */

static bool is_shown(const hdi_svg *svg, const hdi_span *s) {
    return s->begin < svg->to && (s->end > svg->from || (s->begin == s->end && s->begin >= svg->from));
}

static hd_status list_spans(hdi_svg *svg) {
    const hd_trace *trace = svg->trace;
    for (size_t i = 0; i < trace->n; i++) {
        const hdi_span *s = &trace->spans[i];
        hdi_svg_row *row = &svg->rows[svg->row_of[s->lane]];
        if (!is_shown(svg, s)) {
            *(s->begin < svg->to ? &svg->before : &svg->behind) += 1;
            continue;
        }
        row->n++;
        row->sends |= s->kind == HDI_SPAN_TRANSFER;
        row->works |= s->kind != HDI_SPAN_WORK || *trace->labels[s->label].kernel;
        svg->n_spans++;
    }
    HD_TRY(hdi_alloc(&svg->spans, svg->n_spans + 1, sizeof *svg->spans, "a picture's spans"));
    for (size_t r = 1; r < svg->n_rows; r++) svg->rows[r].first = svg->rows[r - 1].first + svg->rows[r - 1].n;
    for (size_t r = 0; r < svg->n_rows; r++) svg->rows[r].n = 0;
    for (size_t i = 0; i < trace->n; i++) {
        hdi_svg_row *row = &svg->rows[svg->row_of[trace->spans[i].lane]];
        if (is_shown(svg, &trace->spans[i])) svg->spans[row->first + row->n++] = i;
    }
    return HD_OK;
}

static hd_status make_picture(hdi_svg *svg, const hd_trace_svg_options *options) {
    HD_TRY(make_rows(svg));
    choose_window(svg, options);
    HD_TRY(list_spans(svg));
    HD_TRY(hdi_svg_find_arrows(svg));
    hdi_svg_place(svg);
    return HD_OK;
}

hd_status hd_trace_write_svg(hd_trace *trace, const char *path, const hd_trace_svg_options *options) {
    const hd_trace_svg_options defaults = {0}, *o = options ? options : &defaults;
    const int64_t most = (int64_t)1 << 62;
    HD_REQUIRE(trace && path && *path, HD_INVALID_ARGUMENT, "hd_trace_write_svg needs a trace and the path of a file");
    HD_REQUIRE((o->from_ns == 0 && o->to_ns == 0) || (o->from_ns < o->to_ns && o->from_ns > -most && o->to_ns < most),
               HD_INVALID_ARGUMENT, "a picture from %lld to %lld nanoseconds shows nothing", (long long)o->from_ns,
               (long long)o->to_ns);
    HD_REQUIRE(o->width == 0 || (400 <= o->width && o->width <= 20000), HD_INVALID_ARGUMENT,
               "a picture can be 400 to 20,000 pixels wide, not %d", o->width);
    HD_TRY(hdi_trace_settle(trace));
    hdi_svg svg = {.trace = trace, .title = o->title ? o->title : "Heddle", .width = o->width ? o->width : WIDTH};
    hd_status status = make_picture(&svg, o);
    if (status == HD_OK) status = hdi_trace_write_file(path, hdi_svg_draw, &svg);
    hdi_free(svg.rows);
    hdi_free(svg.row_of);
    hdi_free(svg.spans);
    hdi_free(svg.arrows);
    return status;
}
