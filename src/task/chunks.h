/* SPDX-License-Identifier: Apache-2.0 */
/* How a step is cut: each piece into as many parts as workers can use, in whole grains. The parts are numbered so that a worker's
 * share of all pieces is one run of numbers, the same workers getting the same items in every run of the same sizes. */
#ifndef HDI_TASK_CHUNKS_H
#define HDI_TASK_CHUNKS_H

#include "task/executor.h"

/* Chunks of one step: share j of `shares`, piece p, part i of `parts` is number (j * pieces + p) * parts + i. */
typedef struct hdi_chunks {
    uint32_t shares; /* of different workers */
    uint32_t pieces;
    uint32_t parts; /* of a share's part of a piece: what can be stolen */
} hdi_chunks;

enum {
    HDI_RANGE_BITS = 20,
    HDI_RANGE_MASK = (1 << HDI_RANGE_BITS) - 1,
    HDI_MOST_CHUNKS = HDI_RANGE_MASK, /* of a step */
    HDI_MOST_STEPS = 1 << 24,
    HDI_PARTS = 4, /* a share comes in at most so many */
};

/* Chunks first .. first + n - 1 of a step in one word; n >= 1, so it is never 0. */
static inline uint64_t hdi_range(uint32_t step, uint32_t first, uint32_t n) {
    return (uint64_t)step << 2 * HDI_RANGE_BITS | (uint64_t)first << HDI_RANGE_BITS | n;
}
static inline uint32_t hdi_range_step(uint64_t range) { return (uint32_t)(range >> 2 * HDI_RANGE_BITS); }
static inline uint32_t hdi_range_first(uint64_t range) { return (uint32_t)(range >> HDI_RANGE_BITS) & HDI_RANGE_MASK; }
static inline uint32_t hdi_range_n(uint64_t range) { return (uint32_t)range & HDI_RANGE_MASK; }

static inline int64_t hdi_grains(const hdi_piece *piece) { return hdi_ceil_div(piece->work.items, piece->work.grain); }

static inline hdi_chunks hdi_chunks_of(const hdi_bound_step *step, int workers) {
    hdi_chunks c = {1, step->n_pieces ? (uint32_t)step->n_pieces : 1, 1};
    if (workers == 1 || step->n_pieces == 0) return c;
    int64_t grains = hdi_grains(&step->pieces[0]);
    int64_t most = HDI_MOST_CHUNKS / ((int64_t)c.pieces * HDI_PARTS);
    int64_t shares = hdi_min_i64(hdi_min_i64(grains, workers), most);
    if (shares <= 1) return c;
    c.shares = (uint32_t)shares;
    c.parts = (uint32_t)hdi_min_i64(grains / shares, HDI_PARTS);
    return c;
}

/* The items of chunk number `chunk`, and its piece. */
static inline int32_t hdi_chunk_items(const hdi_bound_step *step, const hdi_chunks *c, uint32_t chunk, int64_t *begin,
                                      int64_t *end) {
    uint32_t share = chunk / (c->pieces * c->parts), p = chunk / c->parts % c->pieces;
    int64_t part = (int64_t)share * c->parts + chunk % c->parts, parts = (int64_t)c->shares * c->parts;
    const hdi_piece *piece = &step->pieces[p];
    int64_t grains = hdi_grains(piece);
    *begin = parts == 1 ? 0 : grains * part / parts * piece->work.grain;
    *end = parts == 1 ? piece->work.items : hdi_min_i64(grains * (part + 1) / parts * piece->work.grain, piece->work.items);
    return (int32_t)p;
}

#endif
