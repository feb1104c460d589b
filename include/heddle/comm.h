/* SPDX-License-Identifier: Apache-2.0 */
/* Communication is memory and signals: ranks of one domain share windows and raise each other's signals.
 *
 * A domain is a fixed set of ranks, numbered 0 .. ranks - 1: threads or processes of one machine (transport "local"), or
 * processes on many (transport "mpi"). A window gives each rank one segment that it writes and every other rank can read, and
 * signals, which are counters that only rise: never reset, and only ever compared by >=. Data is read after the signal that
 * announces it.
 *
 * A failure anywhere ends the domain: whoever waits hears of it within the deadline, in one sentence that names the rank. After
 * that every call of the domain fails with that sentence; it can only be destroyed. */
#ifndef HEDDLE_COMM_H
#define HEDDLE_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/device.h"
#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HD_MAX_RANKS = 64 };

/* One rank's end of a domain. Calls that say "collective" are made by all ranks in the same order, by one thread of each; the
 * others are thread-safe. */
typedef struct hd_domain hd_domain;

typedef struct hd_domain_options {
    const char *transport; /* "local" (NULL: that) or "mpi" */
    /* local: the name that the ranks meet under, the same for all, unique on the machine, 1 to 64 letters, digits, '.', '-' or
     * '_'. mpi: not used */
    const char *name;
    int32_t rank, ranks; /* mpi: -1 and -1 take mpirun's; others must agree with them. At most HD_MAX_RANKS */
    int32_t timeout_ms;  /* the deadline of one wait; 0: the table's (docs/comm.md), or HEDDLE_TIMEOUT_MS of the environment */
    /* Asked now and then while rank 0 of a local domain waits for the others to come: false calls the meeting off (HD_CANCELLED).
     * NULL: wait until the deadline. `user` is handed through. */
    bool (*go_on)(void *user);
    void *user;
} hd_domain_options;

/* Collective: meets the other ranks. HD_COMM when they do not all come within the deadline: the sentence names those missing. */
HD_API HD_CHECK_RESULT hd_status hd_domain_create(const hd_domain_options *options, hd_domain **out);
/* Leaves. Its windows must be destroyed. A rank that leaves without hd_domain_abort has ended well, and others do not miss it
 * until they wait for it. NULL is legal. */
HD_API void hd_domain_destroy(hd_domain *domain);
HD_API int32_t hd_domain_rank(const hd_domain *domain);
HD_API int32_t hd_domain_ranks(const hd_domain *domain);
HD_API const char *hd_domain_transport(const hd_domain *domain); /* "local", "mpi" */

/* Collective: `all` [ranks x bytes] gets what each rank gave as `mine`, in the order of ranks. */
HD_API HD_CHECK_RESULT hd_status hd_domain_allgather(hd_domain *domain, const void *mine, size_t bytes, void *all);
/* Collective: nobody returns before all have called. */
HD_API HD_CHECK_RESULT hd_status hd_domain_barrier(hd_domain *domain);

/* Ends the domain for all ranks: "rank 1: <sentence>" is what they hear. The first one wins. */
HD_API void hd_domain_abort(hd_domain *domain, hd_status code, const char *sentence);
/* The domain's failure, if some rank aborted it or died (a process that is gone is found here, too); HD_OK otherwise. Cheap
 * enough to call in loops that wait for something else. */
HD_API HD_CHECK_RESULT hd_status hd_domain_check(hd_domain *domain);

/* Memory and signals of all ranks. */
typedef struct hd_window hd_window;

/* Collective, with the same sizes on all ranks: a segment of `bytes` a rank, all of it zero, and `signals` counters from each
 * rank to each rank, all 0, before anybody returns. `device`: where the segments lie; NULL: main memory. HD_UNSUPPORTED when the
 * transport cannot share that device's memory. */
HD_API HD_CHECK_RESULT hd_status hd_window_create(hd_domain *domain, const hd_device *device, size_t bytes, uint32_t signals,
                                                  hd_window **out);
/* No one may use any rank's segment any more. Collective where segments lie in the memory of a device that the host cannot reach.
 * NULL is legal. */
HD_API void hd_window_destroy(hd_window *window);
/* Where this rank reads the segment of `rank` (and writes it, if it is its own): borrowed, fixed for the window's life, 64-byte
 * aligned. With a transport that cannot reach the other's memory this is a copy, brought up to date by the other's puts. */
HD_API void *hd_window_segment(const hd_window *window, int32_t rank);

/* Lets `rank` see bytes offset .. offset + bytes of this rank's segment, and then raises its signal to at least `value`: whoever
 * sees the signal sees the bytes. Where the memory is shared nothing is copied. The bytes must stay as they are until the other
 * rank is known to have read them. Does not wait for the other rank. */
HD_API HD_CHECK_RESULT hd_status hd_put_signal(hd_window *window, int32_t rank, size_t offset, size_t bytes, uint32_t signal,
                                               uint64_t value);
/* The same without the signal: ordered before later signals to that rank. */
HD_API HD_CHECK_RESULT hd_status hd_put(hd_window *window, int32_t rank, size_t offset, size_t bytes);
HD_API HD_CHECK_RESULT hd_status hd_signal_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value);

/* How far `rank` has raised this rank's `signal`. Acquires: what was put before it is visible. */
HD_API uint64_t hd_signal_value(hd_window *window, int32_t rank, uint32_t signal);
/* hd_signal_value(...) >= value. Makes progress where a transport needs calls for that. */
HD_API bool hd_signal_test(hd_window *window, int32_t rank, uint32_t signal, uint64_t value);
/* Waits for that: spins, yields, then sleeps. HD_COMM when the deadline passes or the domain fails; the sentence says who waited
 * for which signal of whom, what was expected and seen, and when the others last gave a sign of life. `where` is said too
 * ("layers.3.mlp"); NULL: nothing. */
HD_API HD_CHECK_RESULT hd_status hd_signal_wait(hd_window *window, int32_t rank, uint32_t signal, uint64_t value,
                                                const char *where);
/* Waits until all that this rank has put has left its memory. */
HD_API HD_CHECK_RESULT hd_status hd_window_quiet(hd_window *window);

/* ---- local ranks, started by a program ---- */

/* A fresh name for a domain of this machine, into `name` (at least 32 bytes). */
HD_API void hd_domain_fresh_name(char *name, size_t size);

#ifdef __cplusplus
}
#endif
#endif
