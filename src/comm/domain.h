/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of domains and windows, and what a transport fills to carry them. docs/comm.md says how to add one.
 *
 * comm.h's calls check their arguments (comm.c) and go to the transport; what executors do at every step (look at a signal, give
 * a sign of life) is inline here and touches memory only. */
#ifndef HDI_COMM_DOMAIN_H
#define HDI_COMM_DOMAIN_H

#include "base/memory.h"
#include "base/shared.h"
#include "heddle/comm.h"

/* One counter, alone on its line: only one rank ever writes it, only one ever waits for it. */
typedef struct hdi_signal {
    _Alignas(HDI_CACHE_LINE) _Atomic uint64_t value;
} hdi_signal;

/* What a rank lets the others know of itself, in memory that they can read (or a copy that its transport keeps). Relaxed: for
 * reports and for finding out who is gone, never for ordering. */
typedef struct hdi_rank_state {
    _Alignas(HDI_CACHE_LINE) _Atomic int64_t beat_ns; /* its last sign of life, CLOCK_MONOTONIC (of its own machine) */
    _Atomic uint64_t run;                             /* of the plan: 0 before the first */
    _Atomic uint32_t step;
    _Atomic int32_t pid;
    /* What a thread of it, or its device, stands still for: 0: nothing, or it does not say; else a rank plus 1, and in the bits
     * from 8 on that rank's signal plus 1 (0: no signal). */
    _Atomic uint32_t awaits;
    atomic_bool left; /* it has ended well */
} hdi_rank_state;

enum {
    HDI_SPINS = 4000, /* looks of a wait with a pause after each, some 50 to 100 us: longer than the gaps within a step */
    HDI_YIELDS = HDI_EAGER ? 1 : 200, /* then it gives its core away this often before it sleeps */
};

/* What carries a domain. Every entry is filled; each fails with HD_COMM and a sentence unless it says otherwise. Ranks and sizes
 * have been checked. */
typedef struct hdi_transport {
    const char *name;
    hd_status (*open)(hd_domain *domain, const hd_domain_options *options); /* sets rank, ranks, states, state */
    void (*close)(hd_domain *domain);                                       /* legal on one that open has left half made */
    hd_status (*allgather)(hd_domain *domain, const void *mine, size_t bytes, void *all);
    hd_status (*barrier)(hd_domain *domain);
    void (*abort)(hd_domain *domain, hd_status code, const char *sentence); /* tells the others; the first one wins */
    /* The domain's failure: what was aborted, or "rank 2 (process 4711) is gone". */
    hd_status (*check)(hd_domain *domain);
    /* Lets messages in, where that takes calls. NULL: nothing to do. */
    hd_status (*poll)(hd_domain *domain);
    /* Sets segment and signals of a window whose domain, device, bytes and n_signals are set. */
    hd_status (*window_open)(hd_window *window);
    void (*window_close)(hd_window *window); /* legal on one that window_open has left half made */
    hd_status (*put)(hd_window *window, int32_t rank, size_t offset, size_t bytes);
    /* Raises the other's counter to at least `value`: release, and ordered after this thread's puts to that rank. */
    hd_status (*raise)(hd_window *window, int32_t rank, uint32_t signal, uint64_t value);
    /* Both in one, where that takes one message less. NULL: put, then raise. */
    hd_status (*put_signal)(hd_window *window, int32_t rank, size_t offset, size_t bytes, uint32_t signal, uint64_t value);
    hd_status (*quiet)(hd_window *window);
    /* Sleeps until the counter may have changed, or `ns` have passed: the last resort of a wait. */
    void (*doze)(hd_window *window, const hdi_signal *signal, uint64_t seen, int64_t ns);
    /* What the system knows of a rank, for reports: "process 4711, stopped". NULL: nothing. */
    void (*describe)(const hd_domain *domain, int32_t rank, char *text, size_t size);
    /* Whether a rank's process is stopped, as the system or its silence says, also where it has nothing to do. NULL: nobody
     * tells. */
    bool (*frozen)(const hd_domain *domain, int32_t rank);
} hdi_transport;

struct hd_domain {
    const hdi_transport *transport;
    int32_t rank, ranks;
    int64_t timeout_ns;     /* of one wait */
    uint32_t spins;         /* of a wait before it yields: none where ranks share cores. The transport may lower it */
    hdi_rank_state *states; /* [ranks] */
    atomic_bool *failed;    /* set once the domain has failed: a relaxed look tells whether `check` is worth a call */
    void *state;            /* the transport's own */
};

struct hd_window {
    hd_domain *domain;
    const hd_device *device;
    size_t bytes;
    uint32_t n_signals;
    void *segment[HD_MAX_RANKS];
    hdi_signal *signals; /* this rank's: [n_signals x ranks], signal s of rank r at s * ranks + r */
    void *state;         /* the transport's own */
};

/* Finds a transport by name; loads libheddle-mpi.so for "mpi". HD_UNSUPPORTED, with the reason, where it is not there. */
hd_status hdi_transport_find(const char *name, const hdi_transport **out);
extern const hdi_transport hdi_transport_local;

static inline hdi_signal *hdi_signal_of(const hd_window *window, int32_t rank, uint32_t signal) {
    return &window->signals[(size_t)signal * (size_t)window->domain->ranks + (size_t)rank];
}

/* One look at a signal: acquires. */
static inline bool hdi_signal_seen(const hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    return hdi_quiet_load(&hdi_signal_of(window, rank, signal)->value, acquire) >= value;
}

/* Raises a counter that lies in reachable memory to at least `value`: release. Threads of one rank may race; it never falls. */
static inline void hdi_signal_store(hdi_signal *signal, uint64_t value) {
    uint64_t seen = hdi_quiet_load(&signal->value, relaxed);
    while (seen < value && !hdi_swap_if(&signal->value, &seen, value, release)) {
    }
}

/* A sign of life: what this rank is about to do. */
static inline void hdi_domain_beat(hd_domain *domain, uint64_t run, uint32_t step, int64_t now_ns) {
    hdi_rank_state *mine = &domain->states[domain->rank];
    hdi_tell(&mine->run, run, relaxed);
    hdi_tell(&mine->step, step, relaxed);
    hdi_tell(&mine->beat_ns, now_ns, relaxed);
}

/* This rank stands still for another one, which those that wait for this one are told; -1: no more. */
static inline void hdi_domain_awaits(hd_domain *domain, int32_t rank) {
    hdi_tell(&domain->states[domain->rank].awaits, (uint32_t)(rank + 1), relaxed);
}

/* The same for a signal of that rank. Ordered before looks at signals that follow. */
static inline void hdi_domain_awaits_signal(hd_domain *domain, int32_t rank, uint32_t signal) {
    hdi_tell(&domain->states[domain->rank].awaits, (uint32_t)(rank + 1) | (signal + 1) << 8, seq_cst);
}

/* No more, if it did: for those that may not have said so. */
static inline void hdi_domain_goes_on(hd_domain *domain) {
    if (hdi_told(&domain->states[domain->rank].awaits)) hdi_domain_awaits(domain, -1);
}

/* Whether the domain has failed: one relaxed look. */
static inline bool hdi_domain_failed(const hd_domain *domain) { return hdi_quiet_load(domain->failed, relaxed); }

/* The sentence of a wait that did not end: who waited where for which signal of whom, expected, seen, the culprit where the
 * awaited rank itself stands still for another one, and each other rank's last sign of life. Ends the domain with it, or adds it
 * to the failure that has ended the domain already. Returns that failure's code (HD_COMM if it is this one) with the sentence as
 * the thread's message. */
hd_status hdi_wait_failed(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where, int64_t waited_ns);
/* The same where somebody else looked at the signal: `seen` is what it was. */
hd_status hdi_wait_gave_up(hd_domain *domain, int32_t rank, uint32_t signal, uint64_t value, uint64_t seen, const char *where,
                           int64_t waited_ns);
/* The same for other waits: `what` is the sentence's beginning, "waited 2.0 s for rank 2 to come to the barrier". `awaited`: the
 * rank whose signs of life are told first. */
hd_status hdi_domain_give_up(hd_domain *domain, int32_t awaited, const char *what);
/* The same after a wait of `waited_ns`: one that has taken the whole deadline is told what to do about a rank that is only slow.
 */
hd_status hdi_domain_gave_up_after(hd_domain *domain, int32_t awaited, const char *what, int64_t waited_ns);

#endif
