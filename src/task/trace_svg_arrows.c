/* SPDX-License-Identifier: Apache-2.0 */
/* Which transfer ended which wait. A transfer from rank a to rank b belongs to the first wait of b for a that ends after the
 * transfer has begun (the signal may be seen before the sender is done with its call), if that wait had begun by then; of several
 * that came during one wait the last is what it waited for. Who found the signal there already never waited: no arrow. */
#include <stdlib.h>

#include "base/memory.h"
#include "task/trace_svg.h"

/* A wait, with what it is looked up by. */
typedef struct wait {
    int32_t rank, other;
    int64_t end;
    size_t span, transfer; /* SIZE_MAX: none yet */
} wait;

static int by_ranks_and_end(const void *a, const void *b) {
    const wait *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    if (x->other != y->other) return x->other < y->other ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return (x->span > y->span) - (x->span < y->span);
}

static size_t list_waits(const hdi_svg *svg, wait *waits) {
    size_t n = 0;
    for (size_t i = 0; i < svg->n_spans; i++) {
        const hdi_span *s = &svg->trace->spans[svg->spans[i]];
        if (s->kind != HDI_SPAN_WAIT) continue;
        waits[n++] = (wait){svg->trace->lanes[s->lane].rank, s->other, s->end, svg->spans[i], SIZE_MAX};
    }
    qsort(waits, n, sizeof *waits, by_ranks_and_end);
    return n;
}

/* The first of rank's waits for `other` that ends at `time` or later; NULL: none. */
static wait *first_wait(wait *waits, size_t n, int32_t rank, int32_t other, int64_t time) {
    const wait least = {rank, other, time, 0, 0};
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_ranks_and_end(&waits[middle], &least) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && waits[low].rank == rank && waits[low].other == other ? &waits[low] : NULL;
}

static void match(const hdi_svg *svg, size_t number, wait *waits, size_t n) {
    const hd_trace *trace = svg->trace;
    const hdi_span *s = &trace->spans[number];
    wait *w = first_wait(waits, n, s->other, trace->lanes[s->lane].rank, s->begin);
    if (!w || trace->spans[w->span].begin > s->end) return;
    if (w->transfer == SIZE_MAX || trace->spans[w->transfer].begin <= s->begin) w->transfer = number;
}

hd_status hdi_svg_find_arrows(hdi_svg *svg) {
    wait *waits;
    HD_TRY(hdi_alloc(&waits, svg->n_spans + 1, sizeof *waits, "a picture's waits"));
    size_t n = list_waits(svg, waits);
    hd_status status = hdi_alloc(&svg->arrows, HDI_SVG_MOST_ARROWS, sizeof *svg->arrows, "a picture's arrows");
    for (size_t i = 0; i < svg->n_spans && status == HD_OK; i++)
        if (svg->trace->spans[svg->spans[i]].kind == HDI_SPAN_TRANSFER) match(svg, svg->spans[i], waits, n);
    for (size_t i = 0; i < n && status == HD_OK; i++) {
        if (waits[i].transfer == SIZE_MAX) continue;
        if (svg->n_arrows < HDI_SVG_MOST_ARROWS)
            svg->arrows[svg->n_arrows++] = (hdi_svg_arrow){waits[i].transfer, waits[i].span};
        else
            svg->more_arrows++;
    }
    hdi_free(waits);
    return status;
}
