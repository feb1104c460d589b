/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes of a picture: spans, the bars of transfers below them, arrows to the waits that they ended, and a tooltip for each.
 * A row's spans never overlap: one that begins before another has ended is drawn from there on, and those that are left with less
 * than a pixel are drawn as one. */
#include <inttypes.h>
#include <string.h>

#include "task/trace_svg.h"

enum { PIXEL = 100, PILE = 150 }; /* hundredths of a pixel: what is narrow, and how wide narrow ones become together */

/* Narrow spans that will be drawn as one. */
typedef struct pile {
    int64_t begin, end; /* places */
    size_t n, last;     /* how many; the number of the last one */
    double ns, waited, spent[HDI_SVG_FAMILY_COUNT];
    double bytes; /* of transfers */
} pile;

typedef struct pen {
    FILE *f;
    const hdi_svg *svg;
    const hdi_svg_row *row;
    int64_t cursor; /* where the row is free */
    pile pile;
    size_t merged;
} pen;

/* ---- tooltips ---- */

static void write_rates(FILE *f, const hdi_span *s) {
    double ns = (double)(s->end - s->begin);
    if (ns > 0 && s->bytes > 0) fprintf(f, ", %.2f GB/s", s->bytes / ns);
    if (ns > 0 && s->kind == HDI_SPAN_WORK && s->flops > 0) fprintf(f, ", %.2f GFLOP/s", s->flops / ns);
    if (s->partial) fputs(" and more", f);
}

static void write_tooltip(const pen *p, const hdi_span *s) {
    const hdi_trace_label *label = &p->svg->trace->labels[s->label];
    char text[HDI_SPAN_TEXT], duration[32];
    hdi_span_text(p->svg->trace, s, text);
    fputs("<title>", p->f);
    hdi_svg_text(p->f, text, SIZE_MAX);
    if (s->kind == HDI_SPAN_WORK && *label->kernel) {
        fputc('\n', p->f);
        hdi_svg_text(p->f, label->kernel, SIZE_MAX);
        if (*label->shape) fputs(", ", p->f);
        hdi_svg_text(p->f, label->shape, SIZE_MAX);
    } else if (s->kind != HDI_SPAN_WORK) {
        fputs(s->kind == HDI_SPAN_WAIT ? "\nbefore " : "\nof ", p->f);
        hdi_svg_text(p->f, label->name, SIZE_MAX);
    }
    fprintf(p->f, "\n%s", hdi_svg_duration((double)(s->end - s->begin), duration));
    if (s->kind == HDI_SPAN_TRANSFER) fprintf(p->f, ", %.0f bytes", s->bytes);
    write_rates(p->f, s);
    fputs("</title>", p->f);
}

/* ---- spans ---- */

static void write_box(const pen *p, const char *colour, int64_t begin, int64_t end, int y, int height) {
    char x[32], width[32];
    fprintf(p->f, "<rect class=\"%s\" x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\">", colour, hdi_svg_px(begin, x), y,
            hdi_svg_px(end - begin, width), height);
}

static const char *colour_of(const pen *p, const hdi_span *s, char text[16]) {
    if (s->kind == HDI_SPAN_WAIT) return "w";
    snprintf(text, 16, "k%d", (int)hdi_svg_family_of(p->svg->trace->labels[s->label].kernel));
    return text;
}

/* What fits of "layers.0.mlp.down": its last parts. The cut is between parts, so it is no matter how letters are encoded. */
static const char *last_parts(const char *name, size_t most) {
    const char *dot = NULL;
    while (strlen(name) > most && (dot = strchr(name, '.')) && dot[1]) name = dot + 1;
    return name;
}

/* The name inside, as much of it as fits. */
static void write_name(const pen *p, const hdi_span *s, int64_t begin, int64_t end) {
    enum { LEAST = 28 * PIXEL, LETTER = 560, EDGE = 3 * PIXEL };
    char x[32], name[HDI_SPAN_TEXT];
    if (end - begin < LEAST || s->kind != HDI_SPAN_WORK) return;
    hdi_span_text(p->svg->trace, s, name);
    bool dark = hdi_svg_colours[hdi_svg_family_of(p->svg->trace->labels[s->label].kernel)].dark;
    fprintf(p->f, "<text x=\"%s\" y=\"%d\" class=\"s%s\">", hdi_svg_px(begin + EDGE, x), p->row->top + 14, dark ? " v" : "");
    size_t most = (size_t)((end - begin - 2 * EDGE) / LETTER);
    hdi_svg_text(p->f, last_parts(name, most), most);
    fputs("</text>", p->f);
}

static void write_span(pen *p, const hdi_span *s, int64_t begin, int64_t end) {
    enum { SLIT = 30, WIDE = 4 * PIXEL }; /* a slit of white tells neighbours of one colour apart */
    char colour[16];
    write_box(p, colour_of(p, s, colour), begin, end - begin > WIDE ? end - SLIT : end, p->row->top, HDI_SVG_LANE);
    write_tooltip(p, s);
    fputs("</rect>", p->f);
    write_name(p, s, begin, end);
    fputc('\n', p->f);
    p->cursor = end;
}

static void flush(pen *p) {
    enum { THIN = 60 };
    pile *q = &p->pile;
    int best = HDI_SVG_OTHER;
    char colour[16], duration[32];
    int64_t end = q->end - q->begin < THIN ? q->begin + THIN : q->end;
    if (!q->n) return;
    for (int i = 0; i < HDI_SVG_FAMILY_COUNT; i++)
        if (q->spent[i] > q->spent[best]) best = i;
    if (q->n == 1) {
        write_span(p, &p->svg->trace->spans[q->last], q->begin, end);
    } else {
        bool waits = q->waited > q->spent[best];
        snprintf(colour, sizeof colour, "k%d", best);
        write_box(p, waits ? "w" : colour, q->begin, end, p->row->top, HDI_SVG_LANE);
        fprintf(p->f, "<title>%zu spans, %s together\nmost of it: %s</title></rect>\n", q->n, hdi_svg_duration(q->ns, duration),
                waits ? "waiting" : hdi_svg_colours[best].name);
        p->merged += q->n;
        p->cursor = end;
    }
    *q = (pile){0};
}

static void add_to_pile(pen *p, size_t number, int64_t begin, int64_t end) {
    const hdi_span *s = &p->svg->trace->spans[number];
    pile *q = &p->pile;
    double ns = (double)(s->end - s->begin);
    if (q->n && end - q->begin > PILE) {
        flush(p);
        if (begin < p->cursor) begin = p->cursor;
        if (end < begin) end = begin;
    }
    if (!q->n) q->begin = q->end = begin;
    if (end > q->end) q->end = end;
    q->n++;
    q->last = number;
    q->ns += ns;
    if (s->kind == HDI_SPAN_WAIT)
        q->waited += ns;
    else
        q->spent[hdi_svg_family_of(p->svg->trace->labels[s->label].kernel)] += ns;
}

static void draw_spans(pen *p) {
    p->cursor = 0;
    for (size_t i = 0; i < p->row->n; i++) {
        size_t number = p->svg->spans[p->row->first + i];
        const hdi_span *s = &p->svg->trace->spans[number];
        int64_t begin = hdi_svg_x(p->svg, s->begin), end = hdi_svg_x(p->svg, s->end);
        if (s->kind == HDI_SPAN_TRANSFER) continue;
        int64_t taken = p->pile.n && p->pile.end > p->cursor ? p->pile.end : p->cursor;
        if (begin < taken) begin = taken;
        if (end < begin) end = begin;
        if (end - begin < PIXEL) {
            add_to_pile(p, number, begin, end);
            continue;
        }
        flush(p);
        if (begin < p->cursor) begin = p->cursor;
        write_span(p, s, begin, end);
    }
    flush(p);
}

/* ---- transfers ---- */

static void flush_bar(pen *p) {
    pile *q = &p->pile;
    if (!q->n) return;
    if (q->end < q->begin + PILE) q->end = q->begin + PILE;
    write_box(p, "t", q->begin, q->end, p->row->top + HDI_SVG_LANE + 1, HDI_SVG_STRIP - 2);
    if (q->n == 1)
        write_tooltip(p, &p->svg->trace->spans[q->last]);
    else
        fprintf(p->f, "<title>%zu transfers, %.0f bytes together</title>", q->n, q->bytes);
    fputs("</rect>\n", p->f);
    p->merged += q->n > 1 ? q->n : 0;
    p->cursor = q->end;
    *q = (pile){0};
}

/* Bars are a little wider than they are long, to be seen; those that would begin in another one are drawn with it. */
static void draw_transfers(pen *p) {
    p->cursor = 0;
    for (size_t i = 0; i < p->row->n; i++) {
        size_t number = p->svg->spans[p->row->first + i];
        const hdi_span *s = &p->svg->trace->spans[number];
        int64_t begin = hdi_svg_x(p->svg, s->begin), end = hdi_svg_x(p->svg, s->end);
        pile *q = &p->pile;
        if (s->kind != HDI_SPAN_TRANSFER) continue;
        if (q->n && begin >= q->end && begin >= q->begin + PILE) flush_bar(p);
        if (!q->n) q->begin = q->end = begin;
        if (end > q->end) q->end = end;
        q->n++;
        q->last = number;
        q->bytes += s->bytes;
    }
    flush_bar(p);
}

/* From the end of a transfer to the end of the wait. */
static void draw_arrow(FILE *f, const hdi_svg *svg, const hdi_svg_arrow *arrow) {
    const hdi_span *t = &svg->trace->spans[arrow->transfer], *w = &svg->trace->spans[arrow->wait];
    const hdi_svg_row *from = &svg->rows[svg->row_of[t->lane]], *to = &svg->rows[svg->row_of[w->lane]];
    bool down = to->top > from->top;
    int64_t x1 = hdi_svg_x(svg, t->end), x2 = hdi_svg_x(svg, w->end);
    int y1 = from->top + HDI_SVG_LANE + 3, y2 = down ? to->top - 1 : to->top + HDI_SVG_LANE + 1, bend = down ? 16 : -16;
    char a[32], b[32], duration[32];
    hdi_svg_px(x1, a);
    hdi_svg_px(x2, b);
    fprintf(f, "<path class=\"a\" d=\"M%s %dC%s %d %s %d %s %d\" marker-end=\"url(#m)\"><title>", a, y1, a, y1 + bend, b,
            y2 - bend, b, y2);
    fprintf(f, "%.0f bytes from rank %d to rank %d,\nwhich had waited for %s</title></path>\n", t->bytes,
            svg->trace->lanes[t->lane].rank, svg->trace->lanes[w->lane].rank,
            hdi_svg_duration((double)(w->end - w->begin), duration));
}

/* ---- rows ---- */

/* Lanes of imports are called "rank 1: worker 0"; the group's heading says the first part already. */
static const char *short_name(const hdi_trace_lane *lane) {
    const char *colon = strstr(lane->process, ": ");
    size_t n = colon ? (size_t)(colon - lane->process) + 2 : 0;
    return lane->import && n && strncmp(lane->name, lane->process, n) == 0 ? lane->name + n : lane->name;
}

static void draw_row(pen *p, bool ranks) {
    const hdi_svg_row *row = p->row;
    const hdi_trace_lane *lane = &p->svg->trace->lanes[row->lane];
    if (row->group) {
        char process[HDI_PROCESS_NAME];
        hdi_trace_process_name(lane, process);
        fprintf(p->f, "<text x=\"12\" y=\"%d\" class=\"b\">", row->top - 7);
        if (ranks && lane->import == 0) fprintf(p->f, "rank %d: ", lane->rank);
        hdi_svg_text(p->f, process, (size_t)p->svg->width / 8);
        fputs("</text>\n", p->f);
    }
    fprintf(p->f, "<rect class=\"l\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", HDI_SVG_LEFT, row->top,
            p->svg->width - HDI_SVG_LEFT - HDI_SVG_RIGHT, HDI_SVG_LANE);
    fprintf(p->f, "<text x=\"20\" y=\"%d\" class=\"d\">", row->top + 14);
    hdi_svg_text(p->f, short_name(lane), 16);
    fputs("<title>", p->f);
    hdi_svg_text(p->f, lane->name, SIZE_MAX);
    fputs("</title></text>\n", p->f);
    draw_spans(p);
    if (row->sends) draw_transfers(p);
}

static void write_styles(FILE *f) {
    fputs("<style>text{fill:#222;font-size:12px}.h{font-size:18px;font-weight:600}.b{font-weight:600}"
          ".d,.n,.x,.p{font-size:11px}.n,.x{fill:#555}.x{text-anchor:middle}.p{fill:#555;font-size:9px}.s{font-size:9.5px;"
          "pointer-events:none}.v{fill:#fff}.g{stroke:#e4e4e4}.r{stroke:#888;stroke-dasharray:2 "
          "3}.l{fill:#f7f7f7}.i{fill:#f7f7f7;stroke:#bbb}"
          ".w{fill:url(#w)}.t{fill:#222}.a{fill:none;stroke:#222;stroke-opacity:.6}rect:hover{opacity:.75}",
          f);
    for (int i = 0; i < HDI_SVG_FAMILY_COUNT; i++) fprintf(f, ".k%d{fill:%s}", i, hdi_svg_colours[i].fill);
    fputs(
        "</style>\n<defs><pattern id=\"w\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"#f0f0f0\"/><path d=\"M0 0V5\" stroke=\"#b4b4b4\" "
        "stroke-width=\"2\"/></pattern><marker id=\"m\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"5\" "
        "markerHeight=\"5\" orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" fill=\"#222\"/></marker></defs>\n",
        f);
}

bool hdi_svg_draw(FILE *f, const void *user) {
    const hdi_svg *svg = user;
    pen p = {.f = f, .svg = svg};
    bool ranks = false;
    for (size_t r = 0; r < svg->n_rows; r++) ranks |= svg->trace->lanes[svg->rows[r].lane].rank != svg->trace->rank;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"system-ui, "
            "sans-serif\" role=\"img\">\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
            svg->width, svg->height, svg->width, svg->height, svg->width, svg->height);
    write_styles(f);
    hdi_svg_draw_head(f, svg);
    for (size_t r = 0; r < svg->n_rows && !ferror(f); r++) {
        p.row = &svg->rows[r];
        draw_row(&p, ranks);
    }
    for (size_t i = 0; i < svg->n_arrows; i++) draw_arrow(f, svg, &svg->arrows[i]);
    hdi_svg_draw_foot(f, svg, p.merged);
    fputs("</svg>\n", f);
    return fflush(f) == 0 && !ferror(f);
}
