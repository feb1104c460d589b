/* SPDX-License-Identifier: Apache-2.0 */
/* Domains and windows of ranks that are fibers of one process: what comm.h says, in plain memory, with a point for the scheduler
 * before everything that another rank can see. A signal that is raised to where it stands is a double trigger. */
#include "sched/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched/scheduler.h"

enum { SEGMENT = 1 << 20, SIGNALS = 16 };

static _Alignas(64) uint8_t segments[WINDOW_MOST_RANKS][SEGMENT];
static hdi_signal signals[WINDOW_MOST_RANKS][SIGNALS * WINDOW_MOST_RANKS];
static hdi_rank_state states[WINDOW_MOST_RANKS];
static atomic_bool failed;
static char failure[400];
static hd_domain domains[WINDOW_MOST_RANKS];
static hd_window windows[WINDOW_MOST_RANKS];
static const hdi_transport transport = {.name = "virtual"};

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

hd_status hd_window_create(hd_domain *domain, const hd_device *device, size_t bytes, uint32_t n, hd_window **out) {
    if (bytes > SEGMENT || n > SIGNALS) abort();
    hd_window *w = *out = &windows[domain->rank];
    *w = (hd_window){.domain = domain, .device = device, .bytes = bytes, .n_signals = n, .signals = signals[domain->rank]};
    for (int r = 0; r < domain->ranks; r++) w->segment[r] = segments[r];
    return HD_OK;
}

void hd_window_destroy(hd_window *window) { (void)window; }
void *hd_window_segment(const hd_window *window, int32_t rank) { return window->segment[rank]; }

hd_status hd_put(hd_window *window, int32_t rank, size_t offset, size_t bytes) {
    (void)window, (void)rank, (void)offset, (void)bytes;
    return HD_OK; /* the memory is shared */
}

hd_status hd_signal_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    hdi_vs_shared_point();
    hdi_signal *s = &signals[rank][signal * (uint32_t)window->domain->ranks + (uint32_t)window->domain->rank];
    if (atomic_load(&s->value) >= value)
        vs_wrong("rank %d raises signal %u of rank %d to %llu, where it is already", window->domain->rank, signal, rank,
                 (unsigned long long)value);
    atomic_store(&s->value, value);
    vs_changed();
    return HD_OK;
}

hd_status hd_put_signal(hd_window *window, int32_t rank, size_t offset, size_t bytes, uint32_t signal, uint64_t value) {
    (void)offset, (void)bytes;
    return hd_signal_raise(window, rank, signal, value);
}

hd_status hd_signal_wait(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where) {
    (void)window, (void)rank, (void)signal, (void)value, (void)where;
    abort(); /* the task runtime parks instead */
}

void hd_domain_abort(hd_domain *domain, hd_status code, const char *sentence) {
    (void)code;
    hdi_vs_shared_point();
    if (!atomic_load(&failed)) snprintf(failure, sizeof failure, "rank %d: %s", domain->rank, sentence);
    atomic_store(&failed, true);
    vs_changed();
}

hd_status hd_domain_check(hd_domain *domain) {
    (void)domain;
    return atomic_load(&failed) ? hdi_fail(HD_COMM, "%s", failure) : HD_OK;
}

hd_status hdi_wait_failed(hd_window *w, int32_t rank, uint32_t signal, uint64_t value, const char *where, int64_t waited_ns) {
    (void)waited_ns;
    return hdi_fail(HD_COMM, "rank %d waits in %s for signal %u of rank %d to be %llu: %s", w->domain->rank, where, signal, rank,
                    (unsigned long long)value, failure);
}
