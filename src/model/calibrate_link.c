/* SPDX-License-Identifier: Apache-2.0 */
/* LogGP of the local transport: a signal to and fro between two threads, and what it takes to raise one. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/calibrate.h"
#include "task/pool.h"
#include "task/trace.h"

enum { BYTES = 1 << 20, RAISES = 256, TRIPS = 512 };
enum { SIGNAL_TRIP, SIGNAL_BURST, SIGNALS };

typedef struct end {
    hd_domain_options meet;
    int32_t repetitions;
    hd_domain *domain;
    hd_window *window;
    uint64_t trips;
    uint64_t seen;                /* so that what was put is read */
    double trip, trip_put, raise; /* rank 0's: seconds, of the fastest */
} end;

/* Reads all that the other put, a word of each line and all of the lines. */
static void read_all(end *e, size_t bytes) {
    const volatile uint64_t *words = hd_window_segment(e->window, 0);
    for (size_t i = 0; i < bytes / sizeof *words; i++) e->seen += words[i];
}

/* To rank 1, which reads the bytes, and back. */
static hd_status trip(end *e, size_t bytes) {
    e->trips++;
    if (e->meet.rank == 0) {
        HD_TRY(hd_put_signal(e->window, 1, 0, bytes, SIGNAL_TRIP, e->trips));
        return hd_signal_wait(e->window, 1, SIGNAL_TRIP, e->trips, "calibration");
    }
    HD_TRY(hd_signal_wait(e->window, 0, SIGNAL_TRIP, e->trips, "calibration"));
    read_all(e, bytes);
    return hd_signal_raise(e->window, 0, SIGNAL_TRIP, e->trips);
}

/* The fastest of many: whoever else runs on the machine only adds. */
static hd_status time_trips(end *e, size_t bytes, double *fastest) {
    *fastest = 1;
    for (int32_t i = 0; i < e->repetitions * TRIPS / (bytes ? 128 : 1); i++) {
        if (e->meet.rank == 0 && bytes) memset(hd_window_segment(e->window, 0), i, bytes);
        int64_t begin = hdi_now_ns();
        HD_TRY(trip(e, bytes));
        double seconds = (double)(hdi_now_ns() - begin) * 1e-9;
        if (seconds < *fastest) *fastest = seconds;
    }
    return HD_OK;
}

/* Raises signals that nobody waits for. */
static hd_status time_raises(end *e) {
    e->raise = 1;
    for (int32_t i = 0; e->meet.rank == 0 && i < e->repetitions; i++) {
        int64_t begin = hdi_now_ns();
        for (uint64_t k = 1; k <= RAISES; k++) HD_TRY(hd_signal_raise(e->window, 1, SIGNAL_BURST, (uint64_t)i * RAISES + k));
        double seconds = (double)(hdi_now_ns() - begin) * 1e-9 / RAISES;
        if (seconds < e->raise) e->raise = seconds;
    }
    return hd_domain_barrier(e->domain);
}

static hd_status measure(end *e) {
    HD_TRY(hd_domain_create(&e->meet, &e->domain));
    hd_status status = hd_window_create(e->domain, NULL, BYTES, SIGNALS, &e->window);
    if (status == HD_OK) status = time_trips(e, 0, &e->trip);
    if (status == HD_OK) status = time_trips(e, BYTES, &e->trip_put);
    if (status == HD_OK) status = time_raises(e);
    if (status != HD_OK) hd_domain_abort(e->domain, status, hd_last_error());
    hd_window_destroy(e->window);
    hd_domain_destroy(e->domain);
    return status;
}

static hd_status measure_end(void *user) { return measure(user); }

/* ---- two threads ---- */

typedef struct pair {
    hdi_calibrate_fn fn[2];
    void *user[2];
    hd_status status[2];
    char message[2][512];
} pair;

static void run_one(void *user, int worker) {
    pair *p = user;
    p->status[worker] = p->fn[worker](p->user[worker]);
    if (p->status[worker] != HD_OK) snprintf(p->message[worker], sizeof p->message[worker], "%s", hd_last_error());
}

hd_status hdi_calibrate_both(hdi_calibrate_fn mine, void *my_user, hdi_calibrate_fn other, void *other_user) {
    pair p = {.fn = {mine, other}, .user = {my_user, other_user}};
    hdi_pool *pool;
    HD_TRY(hdi_pool_create(2, &pool));
    hdi_pool_run(pool, run_one, &p);
    hdi_pool_destroy(pool);
    for (int i = 0; i < 2; i++)
        if (p.status[i] != HD_OK) return hdi_fail(p.status[i], "%s", p.message[i]);
    return HD_OK;
}

hd_status hdi_calibrate_link(int32_t repetitions, hd_sim_link *out, double *read) {
    char name[64];
    hd_domain_fresh_name(name, sizeof name);
    end zero = {.meet = {.name = name, .rank = 0, .ranks = 2}, .repetitions = repetitions};
    end one = {.meet = {.name = name, .rank = 1, .ranks = 2}, .repetitions = repetitions};
    HD_TRY(hdi_calibrate_both(measure_end, &zero, measure_end, &one));
    double way = zero.trip / 2 - 2 * zero.raise;
    *out = (hd_sim_link){.latency = way > 0 ? way : 0, .overhead = zero.raise, .gap = zero.raise};
    *read = zero.trip_put > zero.trip ? (zero.trip_put - zero.trip) / BYTES : 0;
    return HD_OK;
}
