/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a trace as a picture: what is shown (trace_svg.c), which transfer ended which wait (trace_svg_arrows.c), how it is
 * drawn (trace_svg_draw.c), and in which colours (trace_svg_colour.c). All memory is made before the file is opened. */
#ifndef HDI_TASK_TRACE_SVG_H
#define HDI_TASK_TRACE_SVG_H

#include "task/trace.h"

/* What kernels are for: one colour each. */
typedef enum hdi_svg_family {
    HDI_SVG_PRODUCT,
    HDI_SVG_ATTENTION,
    HDI_SVG_NORM,
    HDI_SVG_ROPE,
    HDI_SVG_ELEMENTWISE,
    HDI_SVG_REDUCE, /* parts of several ranks added up */
    HDI_SVG_MOVE,
    HDI_SVG_CHOICE, /* of the next token */
    HDI_SVG_OTHER,
    HDI_SVG_ENGINE, /* no kernel */
    HDI_SVG_FAMILY_COUNT
} hdi_svg_family;

typedef struct hdi_svg_colour {
    const char *name, *fill; /* "#rrggbb" */
    bool dark;               /* white letters can be read on it */
} hdi_svg_colour;
extern const hdi_svg_colour hdi_svg_colours[HDI_SVG_FAMILY_COUNT];
hdi_svg_family hdi_svg_family_of(const char *kernel); /* "": the engine */

/* A lane that has spans anywhere in the trace. */
typedef struct hdi_svg_row {
    uint16_t lane;
    bool group, sends, works; /* first of its rank and device; has transfers, kernels or waits in the window */
    size_t first, n;          /* its spans in the window: hdi_svg.spans[first .. first + n - 1] */
    int top;                  /* y of its upper edge in pixels */
} hdi_svg_row;

/* Numbers of spans. */
typedef struct hdi_svg_arrow {
    size_t transfer, wait;
} hdi_svg_arrow;

typedef struct hdi_svg {
    const hd_trace *trace;
    const char *title;
    int64_t from, to;
    int width, height;
    hdi_svg_row *rows;
    size_t n_rows;
    uint32_t *row_of; /* by lane */
    size_t *spans;    /* numbers of those in the window, row after row, in order of time */
    size_t n_spans, before, behind;
    hdi_svg_arrow *arrows;
    size_t n_arrows, more_arrows;               /* drawn, and not */
    double spent[HDI_SVG_FAMILY_COUNT], waited; /* nanoseconds in the window, of all lanes together */
    double sent;                                /* bytes */
    size_t workers;                             /* rows that have kernels or waits */
} hdi_svg;

enum { HDI_SVG_NO_ROW = UINT32_MAX, HDI_SVG_MOST_ARROWS = 400 };

/* Fills in the arrows. */
hd_status hdi_svg_find_arrows(hdi_svg *svg);
/* Adds up what the legend tells, and gives rows their places and the picture its height. */
void hdi_svg_place(hdi_svg *svg);
/* Writes it all; false: errno says what failed. */
bool hdi_svg_draw(FILE *f, const void *svg);
/* What is around the lanes: title, axis and runs above them; legend and what was left out below. `merged`: spans drawn together.
 */
void hdi_svg_draw_head(FILE *f, const hdi_svg *svg);
void hdi_svg_draw_foot(FILE *f, const hdi_svg *svg, size_t merged);

/* Pixels. */
enum {
    HDI_SVG_LEFT = 118,
    HDI_SVG_RIGHT = 16,
    HDI_SVG_AXIS = 84,
    HDI_SVG_GROUP = 22,
    HDI_SVG_LANE = 20,
    HDI_SVG_STRIP = 6,
    HDI_SVG_GAP = 4,
    HDI_SVG_LEGEND = 20
};
static inline int hdi_svg_row_height(const hdi_svg_row *row) { return HDI_SVG_LANE + (row->sends ? HDI_SVG_STRIP : 0); }

/* A time's place in hundredths of a pixel, no farther than the window's edges: whole numbers, so that neighbours meet exactly. */
int64_t hdi_svg_x(const hdi_svg *svg, int64_t time);
/* "123.45" into `text`. */
const char *hdi_svg_px(int64_t hundredths, char text[32]);
/* "12.3 µs" into `text`. */
const char *hdi_svg_duration(double ns, char text[32]);

/* Text as XML can hold it: markup escaped, and "?" for what is no UTF-8 or no character of XML. At most `most` characters, the
 * last of which is then an ellipsis. */
void hdi_svg_text(FILE *f, const char *text, size_t most);

#endif
