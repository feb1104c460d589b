/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/local.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu_features.h"
#include "base/wait.h"
#include "comm/timeouts.h"
#include "device/device.h"

/* ---- waiting for the others in collectives ---- */

typedef struct arrivals {
    const hd_domain *domain;
    uint64_t target;
} arrivals;

/* The first rank that has not made step `target`; -1: all have. */
static int32_t missing(const hd_domain *domain, uint64_t target) {
    const hdi_local_control *control = hdi_local_of(domain)->control;
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        if (hdi_load(&control->ranks[rank].arrived, seq_cst) < target) return rank;
    return -1;
}

static bool all_arrived(const void *user) {
    const arrivals *a = user;
    return missing(a->domain, a->target) < 0;
}

static hd_status arrivals_failed(hd_domain *domain, int32_t rank, const char *call, int64_t waited_ns) {
    bool left = hdi_quiet_load(&domain->states[rank].left, relaxed);
    char what[160];
    snprintf(what, sizeof what, "waited %.2f s for rank %d%s to come to %s", (double)waited_ns * 1e-9, rank,
             left ? ", which has left," : "", call);
    return hdi_domain_gave_up_after(domain, rank, what, waited_ns);
}

static hd_status wait_long(hd_domain *domain, uint64_t target, const char *call) {
    const arrivals user = {domain, target};
    int64_t begin = hdi_now_ns(), nap = hdi_timeout_ns(HDI_TIMEOUT_BEAT, domain->timeout_ns);
    for (;;) {
        int64_t now = hdi_now_ns(), left_ns = domain->timeout_ns - (now - begin);
        hdi_tell(&domain->states[domain->rank].beat_ns, now, relaxed);
        int32_t rank = missing(domain, target);
        if (rank < 0) {
            hdi_domain_goes_on(domain);
            return HD_OK;
        }
        bool left = hdi_load(&domain->states[rank].left, acquire);
        if (left && missing(domain, target) != rank) continue; /* it came, then left */
        if (left || left_ns <= 0 || hdi_local_check(domain) != HD_OK) return arrivals_failed(domain, rank, call, now - begin);
        hdi_domain_awaits(domain, rank);
        hdi_local_sleep(hdi_local_of(domain), domain->rank, all_arrived, &user, left_ns < nap ? left_ns : nap);
    }
}

/* Waits until all have made step `target`. */
static hd_status wait_for_all(hd_domain *domain, uint64_t target, const char *call) {
    for (uint32_t turn = 0; turn < domain->spins + HDI_YIELDS; turn++) {
        int32_t rank = missing(domain, target);
        if (rank < 0) return HD_OK;
        if (hdi_domain_failed(domain)) return arrivals_failed(domain, rank, call, 0);
        hdi_wait_turn(turn, domain->spins);
    }
    return wait_long(domain, target, call);
}

/* This rank makes its next step. */
static uint64_t arrive(hd_domain *domain) {
    hdi_local *local = hdi_local_of(domain);
    uint64_t step = ++local->arrived;
    hdi_store(&local->control->ranks[domain->rank].arrived, step, seq_cst);
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        if (rank != domain->rank) hdi_local_wake(&local->control->ranks[rank]);
    return step;
}

/* ---- collectives ---- */

enum { BARRIER = 0, ALLGATHER = 1 };

static void call_text(uint64_t call, char *text, size_t size) {
    if (call % 2 == BARRIER)
        snprintf(text, size, "a barrier");
    else
        snprintf(text, size, "an allgather of %llu bytes", (unsigned long long)(call / 2));
}

/* Says which collective this rank is in and waits for the others to be in the same. */
static hd_status enter(hd_domain *domain, uint64_t call) {
    hdi_local *local = hdi_local_of(domain);
    hdi_local_rank *ranks = local->control->ranks;
    unsigned slot = (unsigned)(local->calls++ & 1);
    char mine[48];
    call_text(call, mine, sizeof mine);
    hdi_quiet_store(&ranks[domain->rank].call[slot], call, relaxed);
    HD_TRY(wait_for_all(domain, arrive(domain), mine));
    for (int32_t rank = 0; rank < domain->ranks; rank++) {
        uint64_t theirs = hdi_quiet_load(&ranks[rank].call[slot], relaxed);
        if (theirs == call) continue;
        char text[48], what[240];
        call_text(theirs, text, sizeof text);
        snprintf(what, sizeof what, "came to %s where rank %d came to %s; all ranks must make the same calls", mine, rank, text);
        return hdi_domain_give_up(domain, rank, what);
    }
    return HD_OK;
}

static hd_status local_barrier(hd_domain *domain) { return enter(domain, BARRIER); }

/* By pieces: write, all have written, read, all have read. */
static hd_status local_allgather(hd_domain *domain, const void *mine, size_t bytes, void *all) {
    hdi_local *local = hdi_local_of(domain);
    unsigned char *to = all;
    const char *call = "an allgather";
    HD_TRY(enter(domain, (uint64_t)bytes * 2 + ALLGATHER)); /* nobody reads an earlier one's pieces any more */
    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < HDI_LOCAL_PIECE ? bytes - done : HDI_LOCAL_PIECE;
        HDI_WRITES(*hdi_local_piece(local, domain->rank));
        memcpy(hdi_local_piece(local, domain->rank), (const unsigned char *)mine + done, n);
        HD_TRY(wait_for_all(domain, arrive(domain), call));
        for (int32_t rank = 0; rank < domain->ranks; rank++) {
            HDI_READS(*hdi_local_piece(local, rank));
            memcpy(to + (size_t)rank * bytes + done, hdi_local_piece(local, rank), n);
        }
        done += n;
        HD_TRY(wait_for_all(domain, arrive(domain), call));
    }
    return HD_OK;
}

/* ---- windows: every rank's part is [signals][segment], in whole pages ---- */

typedef struct local_window {
    size_t offset, part; /* in the memfd: of rank 0's part, and from one to the next */
    void *address;       /* where this process has all parts; NULL: not mapped */
    size_t mine;         /* bytes of this rank's part that have memory */
    hdi_signal *signals[HD_MAX_RANKS];
} local_window;

static hd_status place_window(hd_window *window, local_window *state) {
    hd_domain *domain = window->domain;
    size_t ranks = (size_t)domain->ranks, signals = hdi_local_page(window->n_signals * ranks * sizeof(hdi_signal));
    hdi_local *local = hdi_local_of(domain);
    state->offset = local->end;
    state->part = signals + hdi_local_page(window->bytes); /* at most 2^46 and 2^32 bytes: it fits, also 64 times */
    if (state->part == 0) return HD_OK;
    HD_REQUIRE(state->part * ranks <= (size_t)INT64_MAX - local->end, HD_OUT_OF_MEMORY,
               "the windows of this domain have used up all offsets of its memory");
    local->end += state->part * ranks;
    size_t own = state->offset + (size_t)domain->rank * state->part;
    state->mine = state->part; /* also when only some of it gets memory */
    HD_TRY(hdi_local_back(local->fd, own, state->part, "a window"));
    HD_TRY(hdi_local_map(local->fd, state->offset, state->part * ranks, "a window", &state->address));
    for (size_t rank = 0; rank < ranks; rank++) {
        unsigned char *at = (unsigned char *)state->address + rank * state->part;
        state->signals[rank] = (hdi_signal *)at;
        window->segment[rank] = at + signals;
    }
    window->signals = state->signals[domain->rank];
    return HD_OK;
}

static hd_status local_window_open(hd_window *window) {
    local_window *state;
    HD_REQUIRE(window->device->type == HD_DEVICE_CPU, HD_UNSUPPORTED,
               "ranks of one machine share main memory through the transport local, but not memory of %s",
               hdi_device_text(window->device));
    HD_TRY(hdi_calloc(&state, 1, sizeof *state, "a window"));
    window->state = state;
    return place_window(window, state);
}

static void local_window_close(hd_window *window) {
    local_window *state = window->state;
    if (!state) return;
    hdi_local *local = hdi_local_of(window->domain);
    if (state->address) hdi_local_unmap(state->address);
    hdi_local_unback(local->fd, state->offset + (size_t)window->domain->rank * state->part, state->mine);
    hdi_free(state);
}

static hd_status local_put(hd_window *window, int32_t rank, size_t offset, size_t bytes) {
    (void)window, (void)rank, (void)offset, (void)bytes; /* the other reads this rank's memory itself */
    return HD_OK;
}

static hd_status local_quiet(hd_window *window) {
    (void)window;
    return HD_OK;
}

/* hdi_signal_store, and sequentially consistent with the sleeper's last look (local_sleep.c): on x86 the same instructions. */
static hd_status local_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    const hd_domain *domain = window->domain;
    const local_window *state = window->state;
    hdi_signal *to = &state->signals[rank][(size_t)signal * (size_t)domain->ranks + (size_t)domain->rank];
    uint64_t seen = hdi_quiet_load(&to->value, relaxed);
    while (seen < value && !hdi_swap_if(&to->value, &seen, value, seq_cst)) {
    }
    hdi_local_wake(&hdi_local_of(domain)->control->ranks[rank]);
    return HD_OK;
}

typedef struct look {
    const hdi_signal *signal;
    uint64_t seen;
} look;

static bool has_changed(const void *user) {
    const look *l = user;
    return hdi_load(&l->signal->value, seq_cst) != l->seen;
}

static void local_doze(hd_window *window, const hdi_signal *signal, uint64_t seen, int64_t ns) {
    const look user = {signal, seen};
    hdi_local_sleep(hdi_local_of(window->domain), window->domain->rank, has_changed, &user, ns);
}

/* ---- domains ---- */

static hd_status check_name(const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t n = name ? strlen(name) : 0;
    HD_REQUIRE(1 <= n && n <= 64 && strspn(name, letters) == n, HD_INVALID_ARGUMENT,
               "\"%.70s\" is no name for a domain: it takes 1 to 64 letters, digits, '.', '-' or '_'", name ? name : "");
    return HD_OK;
}

static hd_status local_open(hd_domain *domain, const hd_domain_options *options) {
    hdi_local *local;
    HD_TRY(check_name(options->name));
    HD_TRY(hdi_calloc(&local, 1, sizeof *local, "a domain"));
    local->fd = local->listener = -1;
    snprintf(local->name, sizeof local->name, "%s", options->name);
    domain->state = local;
    if (domain->ranks > hdi_cpu_count()) domain->spins = 0; /* somebody else needs this core for what is waited for */
    HD_TRY(hdi_local_meet(domain, options));
    local->end = hdi_local_control_bytes(domain->ranks);
    return local_barrier(domain);
}

static void local_close(hd_domain *domain) {
    hdi_local *local = domain->state;
    if (!local) return;
    hdi_local_control *control = local->control;
    if (control) {
        hdi_store(&control->states[domain->rank].left, true, release); /* who misses it looks when its nap ends */
        for (int32_t rank = 0; rank < domain->ranks; rank++) hdi_local_wake(&control->ranks[rank]);
        hdi_local_unmap(control);
    }
    if (local->listener >= 0) close(local->listener);
    if (local->fd >= 0) close(local->fd);
    hdi_free(local);
}

const hdi_transport hdi_transport_local = {
    .name = "local",
    .open = local_open,
    .close = local_close,
    .allgather = local_allgather,
    .barrier = local_barrier,
    .abort = hdi_local_abort,
    .check = hdi_local_check,
    .window_open = local_window_open,
    .window_close = local_window_close,
    .put = local_put,
    .raise = local_raise,
    .quiet = local_quiet,
    .doze = local_doze,
    .describe = hdi_local_describe,
    .frozen = hdi_local_frozen,
};
