/* SPDX-License-Identifier: Apache-2.0 */
/* What is around the lanes of a picture: its title, the time axis, where runs begin, the legend, and what is not shown. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "task/trace_svg.h"

/* ---- texts and numbers ---- */

/* XML 1.0 has no control characters but tab and new lines, and neither of the last two of the plane. */
static void write_character(FILE *f, const char *at, int n, uint32_t cp) {
    static const char *const escaped[128] = {['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    if (n < 1 || (cp < 0x20 && cp != '\n' && cp != '\t') || cp == 0xfffe || cp == 0xffff)
        fputc('?', f);
    else if (cp < 128 && escaped[cp])
        fputs(escaped[cp], f);
    else
        fwrite(at, 1, (size_t)n, f);
}

void hdi_svg_text(FILE *f, const char *text, size_t most) {
    size_t left = strlen(text), written = 0;
    while (left > 0) {
        uint32_t cp = 0;
        int n = hdi_utf8_decode(text, left, &cp);
        size_t step = n > 0 ? (size_t)n : n < 0 ? (size_t)-n : left;
        if (written + 1 >= most && step < left) {
            fputs("…", f);
            return;
        }
        write_character(f, text, n, cp);
        text += step;
        left -= step;
        written++;
    }
}

int64_t hdi_svg_x(const hdi_svg *svg, int64_t time) {
    double all = (double)(svg->to - svg->from), wide = 100.0 * (svg->width - HDI_SVG_LEFT - HDI_SVG_RIGHT);
    int64_t at = time < svg->from ? svg->from : time > svg->to ? svg->to : time;
    return 100 * HDI_SVG_LEFT + llround((double)(at - svg->from) / all * wide);
}

const char *hdi_svg_px(int64_t hundredths, char text[32]) {
    int n = snprintf(text, 32, "%" PRId64 ".%02d", hundredths / 100, (int)(hundredths % 100));
    while (n > 1 && text[n - 1] == '0') text[--n] = 0;
    if (n > 1 && text[n - 1] == '.') text[--n] = 0;
    return text;
}

static const char *scaled(double value, double unit, const char *name, char text[32]) {
    double v = value / unit;
    snprintf(text, 32, "%.*f %s", unit <= 1 || v >= 100 ? 0 : v >= 10 ? 1 : 2, v, name);
    return text;
}

const char *hdi_svg_duration(double ns, char text[32]) {
    if (ns < 1e3) return scaled(ns, 1, "ns", text);
    if (ns < 1e6) return scaled(ns, 1e3, "µs", text);
    if (ns < 1e9) return scaled(ns, 1e6, "ms", text);
    return scaled(ns, 1e9, "s", text);
}

static const char *bytes_text(double bytes, char text[32]) {
    if (bytes < 1e3) return scaled(bytes, 1, "bytes", text);
    if (bytes < 1e6) return scaled(bytes, 1e3, "KB", text);
    if (bytes < 1e9) return scaled(bytes, 1e6, "MB", text);
    return scaled(bytes, 1e9, "GB", text);
}

/* ---- above ---- */

static size_t count_ranks(const hdi_svg *svg) {
    size_t n = 0;
    for (size_t r = 0; r < svg->n_rows; r++)
        n += r == 0 || svg->trace->lanes[svg->rows[r].lane].rank != svg->trace->lanes[svg->rows[r - 1].lane].rank;
    return n;
}

/* A run of the trace's own rank begins with it, inside the window. */
static bool begins_run(const hdi_svg *svg, const hdi_span *s) {
    return s->begins && svg->trace->lanes[s->lane].import == 0 && s->begin >= svg->from;
}

/* ", 3 decode runs" */
static void write_runs(FILE *f, const hdi_svg *svg) {
    size_t runs[HD_TRACE_PHASE_COUNT] = {0};
    for (size_t i = 0; i < svg->n_spans; i++) {
        const hdi_span *s = &svg->trace->spans[svg->spans[i]];
        if (begins_run(svg, s)) runs[s->phase]++;
    }
    for (int p = HD_TRACE_PHASE_COUNT - 1; p >= 0; p--)
        if (runs[p])
            fprintf(f, ", %zu %s%srun%s", runs[p], hd_trace_phase_name((hd_trace_phase)p), p ? " " : "", runs[p] == 1 ? "" : "s");
}

static void write_title(FILE *f, const hdi_svg *svg) {
    char text[32];
    size_t ranks = count_ranks(svg);
    fprintf(f, "<text x=\"12\" y=\"28\" class=\"h\">");
    hdi_svg_text(f, svg->title, (size_t)svg->width / 11);
    fprintf(f, "</text>\n<text x=\"12\" y=\"48\" class=\"d\">%s", hdi_svg_duration((double)(svg->to - svg->from), text));
    if (svg->trace->n) fprintf(f, " from %s on", hdi_svg_duration((double)svg->from, text));
    write_runs(f, svg);
    fprintf(f, ": %zu span%s on %zu lane%s", svg->n_spans, svg->n_spans == 1 ? "" : "s", svg->n_rows,
            svg->n_rows == 1 ? "" : "s");
    if (ranks > 1) fprintf(f, " of %zu ranks", ranks);
    fputs("</text>\n", f);
}

/* 1, 2 or 5 times a power of ten nanoseconds, so that ticks are about 110 pixels apart. */
static int64_t tick_step(const hdi_svg *svg) {
    double least = (double)(svg->to - svg->from) * 110 / (svg->width - HDI_SVG_LEFT - HDI_SVG_RIGHT);
    for (int64_t ten = 1;; ten *= 10)
        for (int i = 0; i < 3; i++) {
            int64_t step = ten * (i == 0 ? 1 : i == 1 ? 2 : 5);
            if ((double)step >= least || ten > INT64_MAX / 100) return step;
        }
}

static void write_axis(FILE *f, const hdi_svg *svg, int bottom) {
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    int64_t step = tick_step(svg), unit = 1;
    int u = 0;
    for (; u < 3 && step >= unit * 1000; u++) unit *= 1000;
    for (int64_t t = 0; t <= svg->to - svg->from; t += step) {
        char x[32];
        hdi_svg_px(hdi_svg_x(svg, svg->from + t), x);
        fprintf(f, "<path d=\"M%s %dV%d\" class=\"g\"/><text x=\"%s\" y=\"%d\" class=\"x\">%" PRId64 "%s%s</text>\n", x,
                HDI_SVG_AXIS, bottom, x, HDI_SVG_AXIS - 6, t / unit, t ? " " : "", t ? units[u] : "");
    }
}

/* Dashed lines, with the phase where there is room for it. */
static void write_run_lines(FILE *f, const hdi_svg *svg, int bottom) {
    enum { ROOM = 56 * 100 };
    int64_t last = INT64_MIN / 2;
    for (size_t i = 0; i < svg->n_spans; i++) {
        const hdi_span *s = &svg->trace->spans[svg->spans[i]];
        char px[32];
        if (!begins_run(svg, s)) continue;
        int64_t x = hdi_svg_x(svg, s->begin);
        hdi_svg_px(x, px);
        fprintf(f, "<path d=\"M%s %dV%d\" class=\"r\"/>", px, HDI_SVG_AXIS, bottom);
        if (s->phase && (x - last > ROOM || x < last))
            fprintf(f, "<text x=\"%s\" y=\"%d\" class=\"p\">%s</text>", px, HDI_SVG_AXIS + 9,
                    hd_trace_phase_name((hd_trace_phase)s->phase));
        fputc('\n', f);
        last = x;
    }
}

void hdi_svg_draw_head(FILE *f, const hdi_svg *svg) {
    const hdi_svg_row *last = svg->n_rows ? &svg->rows[svg->n_rows - 1] : NULL;
    int bottom = last ? last->top + hdi_svg_row_height(last) + HDI_SVG_GAP : HDI_SVG_AXIS + HDI_SVG_GROUP;
    write_title(f, svg);
    write_axis(f, svg, bottom);
    write_run_lines(f, svg, bottom);
}

/* ---- below ---- */

/* The place of the next entry; a new line where this one is full. */
typedef struct cursor {
    int x, y;
} cursor;

static void entry(FILE *f, const hdi_svg *svg, cursor *c, const char *swatch, const char *text) {
    int wide = 17 + 6 * (int)strlen(text) + 22; /* as wide as texts of that size are at most, about */
    if (c->x > 12 && c->x + wide > svg->width - HDI_SVG_RIGHT) {
        c->x = 12;
        c->y += HDI_SVG_LEGEND;
    }
    if (f) fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"11\" height=\"11\" class=\"%s\"/>", c->x, c->y - 10, swatch);
    if (f) fprintf(f, "<text x=\"%d\" y=\"%d\" class=\"d\">%s</text>\n", c->x + 17, c->y, text);
    c->x += wide;
}

/* "12.3 %", and no zero for what there is. */
static const char *share_text(double part, double all, char text[32]) {
    double percent = all > 0 ? 100 * part / all : 0;
    snprintf(text, 32, percent > 0 && percent < 0.1 ? "&lt;0.1 %%" : "%.1f %%", percent);
    return text;
}

/* Without a file: only finds out where it ends. */
static int write_legend(FILE *f, const hdi_svg *svg, int y) {
    cursor c = {12, y};
    char text[96], number[32];
    double all = (double)svg->workers * (double)(svg->to - svg->from), idle = all - svg->waited;
    for (int i = 0; i < HDI_SVG_FAMILY_COUNT; i++) {
        char swatch[16];
        if (svg->spent[i] <= 0) continue;
        snprintf(swatch, sizeof swatch, "k%d", i);
        snprintf(text, sizeof text, "%s", hdi_svg_colours[i].name);
        if (i != HDI_SVG_ENGINE)
            snprintf(text, sizeof text, "%s %s", hdi_svg_colours[i].name, share_text(svg->spent[i], all, number));
        if (i != HDI_SVG_ENGINE) idle -= svg->spent[i];
        entry(f, svg, &c, swatch, text);
    }
    snprintf(text, sizeof text, "waiting for other ranks %s", share_text(svg->waited, all, number));
    if (svg->waited > 0) entry(f, svg, &c, "w", text);
    snprintf(text, sizeof text, "sent to other ranks: %s", bytes_text(svg->sent, number));
    if (svg->sent > 0) entry(f, svg, &c, "t", text);
    snprintf(text, sizeof text, "idle %s", share_text(idle > 0 ? idle : 0, all, number));
    if (svg->workers) entry(f, svg, &c, "i", text);
    return c.y;
}

static void left_out(FILE *f, bool *any, uint64_t n, const char *what) {
    if (!n) return;
    fprintf(f, "%s%" PRIu64 " %s", *any ? "; " : "Not shown: ", n, what);
    *any = true;
}

void hdi_svg_draw_foot(FILE *f, const hdi_svg *svg, size_t merged) {
    bool any = false;
    int y = write_legend(f, svg, svg->height - 34 - (write_legend(NULL, svg, 0)));
    fprintf(f, "<text x=\"12\" y=\"%d\" class=\"n\">", y + 22);
    left_out(f, &any, svg->before, "spans before the window");
    left_out(f, &any, svg->behind, "spans behind it");
    left_out(f, &any, svg->trace->lost, "spans that the trace had no room for");
    left_out(f, &any, svg->more_arrows, "arrows");
    if (!any) fputs("All spans of the trace are shown", f);
    fputc('.', f);
    if (merged) fprintf(f, " %zu spans too narrow for a pixel of their own are drawn together.", merged);
    if (svg->workers) fputs(" Percentages are of the workers' time.", f);
    fputs("</text>\n", f);
}

/* ---- places ---- */

static double inside(const hdi_svg *svg, const hdi_span *s) {
    int64_t begin = s->begin > svg->from ? s->begin : svg->from, end = s->end < svg->to ? s->end : svg->to;
    return end > begin ? (double)(end - begin) : 0;
}

static void add_up(hdi_svg *svg) {
    for (size_t i = 0; i < svg->n_spans; i++) {
        const hdi_span *s = &svg->trace->spans[svg->spans[i]];
        if (s->kind == HDI_SPAN_WAIT)
            svg->waited += inside(svg, s);
        else if (s->kind == HDI_SPAN_TRANSFER)
            svg->sent += s->bytes;
        else
            svg->spent[hdi_svg_family_of(svg->trace->labels[s->label].kernel)] += inside(svg, s);
    }
    for (size_t r = 0; r < svg->n_rows; r++) svg->workers += svg->rows[r].works;
}

void hdi_svg_place(hdi_svg *svg) {
    int y = HDI_SVG_AXIS + 8;
    add_up(svg);
    for (size_t r = 0; r < svg->n_rows; r++) {
        if (svg->rows[r].group) y += HDI_SVG_GROUP;
        svg->rows[r].top = y;
        y += hdi_svg_row_height(&svg->rows[r]) + HDI_SVG_GAP;
    }
    if (!svg->n_rows) y += HDI_SVG_GROUP;
    svg->height = y + 24 + write_legend(NULL, svg, 0) + 34;
}
