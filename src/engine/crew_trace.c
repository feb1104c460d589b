/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting: all announce how much they have, or why nothing; then the images go round in pieces, so that no rank needs room for
 * all of them but the leader. */
#include "engine/crew_trace.h"

#include <stdio.h>
#include <string.h>

#include "base/machine.h"
#include "base/memory.h"
#include "comm/domain.h"
#include "task/trace.h"

enum { LEADER = 0, PIECE = 1 << 16, WHY = 192 };

/* What a rank says before its image comes. */
typedef struct announcement {
    uint64_t bytes;
    int64_t now;      /* its clock as it left a barrier */
    int32_t status;   /* of what it has recorded */
    uint64_t machine; /* ranks with the same have one clock */
    char why[WHY];
} announcement;

/* ---- going round ---- */

static hd_status announce(hd_domain *domain, announcement *mine, announcement *all) {
    mine->machine = hdi_machine_number();
    HD_TRY(hd_domain_barrier(domain));
    mine->now = hdi_now_ns();
    return hd_domain_allgather(domain, mine, sizeof *mine, all);
}

/* `images` by rank, NULL: this rank does not keep it. `piece`: room for PIECE bytes of each rank, and of this one's in front. */
static hd_status pass_images(hd_domain *domain, const announcement *all, const uint8_t *mine, uint8_t *piece, uint8_t **images) {
    int32_t ranks = hd_domain_ranks(domain), self = hd_domain_rank(domain);
    uint64_t most = 0;
    for (int32_t r = 0; r < ranks; r++) most = all[r].bytes > most ? all[r].bytes : most;
    for (uint64_t at = 0; at < most; at += PIECE) {
        size_t n = most - at < PIECE ? (size_t)(most - at) : PIECE;
        uint64_t left = all[self].bytes > at ? all[self].bytes - at : 0;
        memset(piece, 0, n);
        if (left) memcpy(piece, mine + at, left < n ? (size_t)left : n);
        HD_TRY(hd_domain_allgather(domain, piece, n, piece + PIECE));
        for (int32_t r = 0; r < ranks && images; r++) {
            uint64_t theirs = all[r].bytes > at ? all[r].bytes - at : 0;
            if (images[r] && theirs) memcpy(images[r] + at, piece + PIECE + (size_t)r * n, theirs < n ? (size_t)theirs : n);
        }
    }
    return HD_OK;
}

static hd_status make_piece(const hd_domain *domain, uint8_t **piece) {
    return hdi_alloc(piece, (size_t)hd_domain_ranks(domain) + 1, PIECE, "collecting traces");
}

static void cannot(announcement *mine, hd_status status) {
    mine->bytes = 0;
    mine->status = (int32_t)status;
    snprintf(mine->why, sizeof mine->why, "%s", hd_last_error());
}

static bool all_can(const hd_domain *domain, const announcement *all) {
    bool can = true;
    for (int32_t r = 0; r < hd_domain_ranks(domain); r++) can &= all[r].status == HD_OK;
    return can;
}

/* Announces; fails when a rank cannot, and names it. */
static hd_status agree(hd_domain *domain, announcement *mine, announcement *all) {
    HD_TRY(announce(domain, mine, all));
    for (int32_t r = 0; r < hd_domain_ranks(domain); r++)
        HD_REQUIRE(all[r].status == HD_OK, (hd_status)all[r].status, "the trace of rank %d: %.*s", r, WHY - 1, all[r].why);
    return HD_OK;
}

/* ---- a follower ---- */

void hdi_follower_trace_end(hdi_follower_trace *f) {
    hd_trace_destroy(f->trace); /* the executor stops recording */
    *f = (hdi_follower_trace){0};
}

static hd_status begin(hdi_follower_trace *f, const hdi_crew_order *order, hd_executor *executor, int32_t rank) {
    const hd_trace_options options = {.spans = order->spans, .whole_runs = order->whole_runs != 0, .rank = rank};
    HD_TRY(hd_trace_create(&options, &f->trace));
    return hd_executor_set_trace(executor, f->trace);
}

hd_status hdi_follower_trace_begin(hdi_follower_trace *f, const hdi_crew_order *order, hd_executor *executor, hd_domain *domain) {
    announcement mine = {0}, all[HD_MAX_RANKS];
    hdi_follower_trace_end(f);
    hd_status status = begin(f, order, executor, hd_domain_rank(domain));
    if (status != HD_OK) cannot(&mine, status);
    if (status != HD_OK) hdi_follower_trace_end(f);
    f->number = order->trace;
    return announce(domain, &mine, all);
}

void hdi_follower_trace_step(hdi_follower_trace *f, const hdi_crew_order *order) {
    if (order->trace != f->number) hdi_follower_trace_end(f);
    if (f->trace) f->trace->phase = (hd_trace_phase)order->phase;
}

hd_status hdi_follower_trace_hand_over(hdi_follower_trace *f, hd_domain *domain) {
    announcement mine = {0}, all[HD_MAX_RANKS];
    void *image = NULL;
    uint8_t *piece = NULL;
    size_t size = 0;
    hd_status status = f->trace ? hd_trace_export(f->trace, &image, &size) : HD_OK;
    if (status == HD_OK) status = make_piece(domain, &piece);
    mine.bytes = size;
    if (status != HD_OK) cannot(&mine, status);
    status = announce(domain, &mine, all);
    if (status == HD_OK && all_can(domain, all)) status = pass_images(domain, all, image, piece, NULL);
    if (status == HD_OK && f->trace) hd_trace_clear(f->trace);
    hdi_free(piece);
    hdi_free(image);
    return status;
}

/* ---- the leader ---- */

hd_status hdi_crew_trace(hdi_crew *crew, hd_trace *trace) {
    announcement mine = {0}, all[HD_MAX_RANKS];
    crew->trace = trace;
    crew->owed = false;
    if (!trace || !crew->window) return HD_OK;
    crew->traces++;
    hd_status status = hdi_crew_ask(crew, HDI_CREW_TRACE);
    if (status == HD_OK) status = agree(crew->domain, &mine, all);
    if (status != HD_OK) crew->trace = NULL;
    return status;
}

static hd_status import(hd_trace *trace, const announcement *all, uint8_t *const *images, int32_t ranks) {
    for (int32_t r = 1; r < ranks; r++) {
        bool one_clock = all[r].machine == all[LEADER].machine;
        char prefix[24];
        snprintf(prefix, sizeof prefix, "rank %d", r);
        if (all[r].bytes == 0) continue;
        HD_TRY(hd_trace_import(trace, images[r], (size_t)all[r].bytes, prefix, one_clock ? 0 : all[LEADER].now - all[r].now));
    }
    return HD_OK;
}

static hd_status make_images(const announcement *all, int32_t ranks, uint8_t **images) {
    for (int32_t r = 1; r < ranks; r++)
        if (all[r].bytes) HD_TRY(hdi_alloc(&images[r], (size_t)all[r].bytes, 1, "the traces of other ranks"));
    return HD_OK;
}

/* The images go round even where the leader has no room for them: the others count on it. */
static hd_status receive(hdi_crew *crew, const announcement *all, uint8_t *piece) {
    int32_t ranks = hd_domain_ranks(crew->domain);
    uint8_t *images[HD_MAX_RANKS] = {0};
    char why[WHY] = "";
    hd_status kept = make_images(all, ranks, images);
    if (kept != HD_OK) snprintf(why, sizeof why, "%s", hd_last_error());
    hd_status status = pass_images(crew->domain, all, NULL, piece, images);
    if (status == HD_OK && kept != HD_OK) status = hdi_fail(kept, "%s", why);
    if (status == HD_OK) status = import(crew->trace, all, images, ranks);
    for (int32_t r = 1; r < ranks; r++) hdi_free(images[r]);
    return status;
}

hd_status hdi_crew_collect(hdi_crew *crew) {
    announcement mine = {0}, all[HD_MAX_RANKS];
    uint8_t *piece = NULL;
    if (!crew->trace || !crew->owed) return HD_OK;
    crew->owed = false;
    HD_TRY(hdi_crew_ask(crew, HDI_CREW_COLLECT));
    hd_status status = make_piece(crew->domain, &piece);
    if (status != HD_OK) cannot(&mine, status);
    status = agree(crew->domain, &mine, all);
    if (status == HD_OK) status = receive(crew, all, piece);
    hdi_free(piece);
    return status;
}
