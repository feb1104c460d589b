/* SPDX-License-Identifier: Apache-2.0 */
/* A plot of simulations over the number of ranks: both axes logarithmic, a line for each number of tokens, or of bytes. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/simulate.h"

enum { WIDTH = 760, HEIGHT = 440, LEFT = 80, RIGHT = 190, TOP = 50, BOTTOM = 60 };

typedef struct plot {
    FILE *to;
    double x0, x1, y0, y1; /* of the axes: powers of 2, powers of 10 */
} plot;

static const char *const colours[] = {"#1f6f8b", "#c8553d", "#588157", "#7b4fa3", "#b5838d", "#3d405b"};

static double value_of(const simulate_options *o, const simulate_row *r) {
    return o->all_reduce ? r->seconds * 1e6 : (double)(r->tokens * o->sequences) / r->every;
}

/* What the busiest rank allows: no line of an all-reduce. */
static double bound_of(const simulate_options *o, const simulate_row *r) {
    return o->all_reduce ? value_of(o, r) : (double)(r->tokens * o->sequences) / r->busiest;
}

static double at_x(const plot *p, double ranks) {
    return LEFT + (log2(ranks) - p->x0) / (p->x1 - p->x0) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const plot *p, double value) {
    return HEIGHT - BOTTOM - (log10(value) - p->y0) / (p->y1 - p->y0) * (HEIGHT - TOP - BOTTOM);
}

static void set_axes(plot *p, const simulate_options *o, const simulate_rows *rows) {
    p->x0 = p->y0 = INFINITY;
    p->x1 = p->y1 = -INFINITY;
    for (size_t i = 0; i < rows->count; i++) {
        double x = log2(rows->row[i].ranks), y = log10(value_of(o, &rows->row[i]));
        p->x0 = fmin(p->x0, floor(x));
        p->x1 = fmax(p->x1, ceil(x));
        p->y0 = fmin(p->y0, floor(y));
        p->y1 = fmax(p->y1, ceil(fmax(y, log10(bound_of(o, &rows->row[i])))));
    }
    if (p->x1 <= p->x0) p->x1 = p->x0 + 1;
    if (p->y1 <= p->y0) p->y1 = p->y0 + 1;
}

static void draw_axes(const plot *p, const simulate_options *o, const hd_sim_shape *shape) {
    for (double x = p->x0; x <= p->x1; x++)
        fprintf(p->to,
                "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
                at_x(p, exp2(x)), TOP, at_x(p, exp2(x)), HEIGHT - BOTTOM, at_x(p, exp2(x)), HEIGHT - BOTTOM + 18, exp2(x));
    for (double y = p->y0; y <= p->y1; y++)
        fprintf(p->to,
                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                LEFT, at_y(p, pow(10, y)), WIDTH - RIGHT, at_y(p, pow(10, y)), LEFT - 8, at_y(p, pow(10, y)) + 4, pow(10, y));
    fprintf(p->to, "<text x=\"%d\" y=\"24\" font-size=\"15\">", LEFT);
    if (o->all_reduce)
        fputs("All-reduce, simulated: microseconds", p->to);
    else
        fprintf(p->to, "%s, simulated: tokens a second (dashed: if the busiest rank never waited)", shape->name);
    fprintf(p->to, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">ranks</text>\n", LEFT + (WIDTH - LEFT - RIGHT) / 2,
            HEIGHT - 16);
}

static bool same_line(const simulate_row *a, const simulate_row *b) {
    return a->tokens == b->tokens && a->bytes == b->bytes && a->tensor == b->tensor;
}

static void name_line(const simulate_options *o, const simulate_row *r, char *text, size_t size) {
    if (o->all_reduce) {
        char bytes[32];
        snprintf(text, size, "%s", cli_bytes(bytes, (double)r->bytes));
    } else {
        snprintf(text, size, "%lld token%s, tensor %d", (long long)r->tokens, r->tokens > 1 ? "s" : "", r->tensor);
    }
}

typedef double (*value_fn)(const simulate_options *o, const simulate_row *r);

static void draw_points(const plot *p, const simulate_options *o, const simulate_rows *rows, size_t first, value_fn value,
                        const char *style) {
    fprintf(p->to, "<polyline fill=\"none\" stroke-width=\"2\" %s points=\"", style);
    for (size_t i = first; i < rows->count; i++)
        if (same_line(&rows->row[i], &rows->row[first]))
            fprintf(p->to, "%.1f,%.1f ", at_x(p, rows->row[i].ranks), at_y(p, value(o, &rows->row[i])));
    fputs("\"/>\n", p->to);
}

static void draw_line(const plot *p, const simulate_options *o, const simulate_rows *rows, size_t first, size_t number) {
    const char *colour = colours[number % CLI_COUNT(colours)];
    const simulate_row *like = &rows->row[first], *last = like;
    char name[64], style[64];
    name_line(o, like, name, sizeof name);
    snprintf(style, sizeof style, "stroke=\"%s\"", colour);
    draw_points(p, o, rows, first, value_of, style);
    snprintf(style, sizeof style, "stroke=\"%s\" stroke-dasharray=\"5 4\"", colour);
    if (!o->all_reduce) draw_points(p, o, rows, first, bound_of, style);
    for (size_t i = first; i < rows->count; i++)
        if (same_line(&rows->row[i], like)) last = &rows->row[i];
    for (size_t i = first; i < rows->count; i++)
        if (same_line(&rows->row[i], like))
            fprintf(p->to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>", at_x(p, rows->row[i].ranks),
                    at_y(p, value_of(o, &rows->row[i])), colour);
    fprintf(p->to, "\n<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n", at_x(p, last->ranks) + 10,
            at_y(p, value_of(o, last)) + 4, colour, name);
}

static void draw(plot *p, const simulate_options *o, const hd_sim_shape *shape, const simulate_rows *rows) {
    size_t lines = 0;
    set_axes(p, o, rows);
    fprintf(p->to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    draw_axes(p, o, shape);
    for (size_t i = 0; i < rows->count; i++) {
        size_t first = 0;
        while (!same_line(&rows->row[first], &rows->row[i])) first++;
        if (first == i) draw_line(p, o, rows, i, lines++);
    }
    fputs("</svg>\n", p->to);
}

int simulate_write_svg(const simulate_options *o, const hd_sim_shape *shape, const simulate_rows *rows) {
    plot p = {.to = fopen(o->svg, "w")};
    if (!p.to) return cli_fail(EXIT_FAILED, "%s: cannot be written: %s", o->svg, strerror(errno));
    if (rows->count) draw(&p, o, shape, rows);
    bool failed = ferror(p.to);
    if (fclose(p.to) || failed) return cli_fail(EXIT_FAILED, "%s: cannot be written: %s", o->svg, strerror(errno));
    return EXIT_OK;
}
