/* SPDX-License-Identifier: Apache-2.0 */
/* The transport local between ranks that are fibers of one process: its own source (CMakeLists.txt), over memory that lies here
 * in place of a memfd, and a point for the scheduler before everything that another rank can see. Ranks make their windows one
 * after the other, outside all fibers, so they do not meet for that. A signal that is raised to where it stands is a double
 * trigger, but for pieces, of which one may be counted before another and told after it. */
#include "sched/window.h"

#include <stdlib.h>
#include <string.h>

#include "comm/local.h"
#include "sched/scheduler.h"

enum { SEGMENT = 128 << 10, PART = SEGMENT + 16384 };

static _Alignas(4096) uint8_t memory[WINDOW_MOST_RANKS * PART];
static struct {
    hdi_local_control control;
    uint8_t pieces[WINDOW_MOST_RANKS][HDI_LOCAL_PIECE]; /* of allgathers */
} shared;
static hdi_local locals[WINDOW_MOST_RANKS];
static hd_domain domains[WINDOW_MOST_RANKS];
static hdi_transport transport;
static size_t used; /* of the memory */
static bool pieces;

/* ---- in place of comm/local_memory.c ---- */

size_t hdi_local_page(size_t bytes) { return hdi_align_up(bytes, 4096); }
size_t hdi_local_control_bytes(int32_t ranks) { return (void)ranks, 0; }

hd_status hdi_local_back(int fd, size_t offset, size_t bytes, const char *what) {
    (void)fd, (void)what;
    if (offset + bytes > sizeof memory) abort();
    return HD_OK;
}

void hdi_local_unback(int fd, size_t offset, size_t bytes) { (void)fd, (void)offset, (void)bytes; }

hd_status hdi_local_map(int fd, size_t offset, size_t bytes, const char *what, void **out) {
    (void)fd, (void)what;
    if (offset + bytes > used) used = offset + bytes;
    *out = memory + offset;
    return HD_OK;
}

void hdi_local_unmap(void *address) { (void)address; }

/* ---- the transport ---- */

static hd_status allgather(hd_domain *domain, const void *mine, size_t bytes, void *all) {
    for (int r = 0; r < domain->ranks; r++) memcpy((uint8_t *)all + (size_t)r * bytes, mine, bytes);
    return HD_OK;
}

static void end_domain(hd_domain *domain, hd_status code, const char *sentence) {
    hdi_vs_shared_point();
    if (strncmp(sentence, "waited 0", 8) != 0 && strncmp(sentence, "waited", 6) == 0)
        vs_wrong("time has not passed: %s", sentence);
    hdi_local_abort(domain, code, sentence);
    vs_changed();
}

void window_end(void) { atomic_store(&shared.control.failed, true); }

static hd_status raise_signal(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    int32_t own = window->domain->rank;
    ptrdiff_t part = (uint8_t *)window->segment[1] - (uint8_t *)window->segment[0];
    uint8_t *mine = (uint8_t *)hdi_signal_of(window, own, signal);
    hdi_vs_shared_point();
    if (!pieces && atomic_load(&((hdi_signal *)(void *)(mine + (rank - own) * part))->value) >= value)
        vs_wrong("rank %d raises signal %u of rank %d to %llu, where it is already", own, signal, rank,
                 (unsigned long long)value);
    hd_status status = hdi_transport_local.raise(window, rank, signal, value);
    vs_changed();
    return status;
}

hd_status window_allgather(hd_domain *domain, const void *mine, size_t bytes, void *all) {
    return hdi_transport_local.allgather(domain, mine, bytes, all);
}

hd_status window_barrier(hd_domain *domain) { return hdi_transport_local.barrier(domain); }

/* The transport frees its part; the executor's window still has to be closed, with this one. */
void window_leave(hd_domain *domain) {
    hdi_local *copy;
    if (hdi_calloc(&copy, 1, sizeof *copy, "a domain") != HD_OK) abort();
    *copy = locals[domain->rank];
    domain->state = copy;
    hdi_transport_local.close(domain);
    domain->state = &locals[domain->rank];
    vs_changed();
}

hd_domain *window_domain(int rank, int ranks) {
    transport = hdi_transport_local;
    transport.name = "virtual";
    transport.allgather = allgather;
    transport.abort = end_domain;
    transport.raise = raise_signal;
    transport.describe = NULL; /* they are one process */
    transport.frozen = NULL;
    locals[rank].end = 0;
    domains[rank] = (hd_domain){.transport = &transport,
                                .rank = rank,
                                .ranks = ranks,
                                .timeout_ns = INT64_MAX / 2, /* time does not pass here */
                                .states = shared.control.states,
                                .failed = &shared.control.failed,
                                .state = &locals[rank]};
    return &domains[rank];
}

void *window_memory(size_t *bytes) {
    *bytes = sizeof memory;
    return memory;
}

void window_reset(bool in_pieces) {
    pieces = in_pieces;
    memset(memory, 0, used);
    memset(&shared, 0, sizeof shared);
    for (int r = 0; r < WINDOW_MOST_RANKS; r++) locals[r] = (hdi_local){.fd = -1, .listener = -1, .control = &shared.control};
}
