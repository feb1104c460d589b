/* SPDX-License-Identifier: Apache-2.0 */
/* A transport between ranks that are fibers of one process: plain memory, and a point for the scheduler before everything that
 * another rank can see. A signal that is raised to where it stands is a double trigger. */
#include "sched/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched/scheduler.h"

enum { SEGMENT = 128 << 10, SIGNALS = 16 };

static _Alignas(64) uint8_t segments[WINDOW_MOST_RANKS][SEGMENT];
static hdi_signal signals[WINDOW_MOST_RANKS][SIGNALS * WINDOW_MOST_RANKS];
static hdi_rank_state states[WINDOW_MOST_RANKS];
static atomic_bool failed;
static char failure[400];
static hd_domain domains[WINDOW_MOST_RANKS];

/* Ranks open their windows one after the other, alike. */
static hd_status allgather(hd_domain *domain, const void *mine, size_t bytes, void *all) {
    for (int r = 0; r < domain->ranks; r++) memcpy((uint8_t *)all + (size_t)r * bytes, mine, bytes);
    return HD_OK;
}

static hd_status barrier(hd_domain *domain) {
    (void)domain;
    return HD_OK;
}

static void end_domain(hd_domain *domain, hd_status code, const char *sentence) {
    (void)code;
    hdi_vs_shared_point();
    HDI_WRITES(failed);
    if (!atomic_load(&failed)) snprintf(failure, sizeof failure, "rank %d: %s", domain->rank, sentence);
    atomic_store(&failed, true);
    vs_changed();
}

void window_end(void) { atomic_store(&failed, true); }

static hd_status check(hd_domain *domain) {
    (void)domain;
    HDI_READS(failed);
    return atomic_load(&failed) ? hdi_fail(HD_COMM, "%s", failure) : HD_OK;
}

static hd_status window_open(hd_window *window) {
    if (window->bytes > SEGMENT || window->n_signals > SIGNALS) abort();
    window->signals = signals[window->domain->rank];
    for (int r = 0; r < window->domain->ranks; r++) window->segment[r] = segments[r];
    return HD_OK;
}

static void window_close(hd_window *window) { (void)window; }

static hd_status put(hd_window *window, int32_t rank, size_t offset, size_t bytes) {
    (void)window, (void)rank, (void)offset, (void)bytes;
    return HD_OK; /* the memory is shared */
}

static hd_status raise_signal(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    hdi_vs_shared_point();
    hdi_signal *s = &signals[rank][signal * (uint32_t)window->domain->ranks + (uint32_t)window->domain->rank];
    HDI_WRITES(s->value);
    if (atomic_load(&s->value) >= value)
        vs_wrong("rank %d raises signal %u of rank %d to %llu, where it is already", window->domain->rank, signal, rank,
                 (unsigned long long)value);
    atomic_store(&s->value, value);
    vs_changed();
    HDI_READS(failed); /* whoever raises next looks first whether all is well */
    return HD_OK;
}

static const hdi_transport transport = {.name = "virtual",
                                        .allgather = allgather,
                                        .barrier = barrier,
                                        .abort = end_domain,
                                        .check = check,
                                        .window_open = window_open,
                                        .window_close = window_close,
                                        .put = put,
                                        .raise = raise_signal};

hd_domain *window_domain(int rank, int ranks) {
    domains[rank] = (hd_domain){.transport = &transport, .rank = rank, .ranks = ranks, .states = states, .failed = &failed};
    domains[rank].timeout_ns = INT64_MAX / 2; /* time does not pass here */
    return &domains[rank];
}

void window_reset(void) {
    memset(segments, 0, sizeof segments);
    memset(signals, 0, sizeof signals);
    memset(states, 0, sizeof states);
    atomic_store(&failed, false);
}
