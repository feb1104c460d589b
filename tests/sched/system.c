/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/system.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "sched/memory.h"
#include "sched/scheduler.h"

typedef _Atomic uint32_t word;

/* ---- threads ---- */

enum { MOST_THREADS = VS_MOST_FIBERS };

typedef struct thread {
    void *(*fn)(void *);
    void *user;
    word ended;
} thread;

static thread threads[MOST_THREADS];
static unsigned n_threads; /* used round and round */

static void thread_main(void *user) {
    thread *t = user;
    t->fn(t->user);
    hdi_store(&t->ended, 1, release);
}

int vs_thread_create(pthread_t *to, const pthread_attr_t *attributes, void *(*fn)(void *), void *user) {
    unsigned at = n_threads++ % MOST_THREADS;
    (void)attributes;
    threads[at].fn = fn;
    threads[at].user = user;
    atomic_store(&threads[at].ended, 0);
    *to = at;
    vs_add(thread_main, &threads[at]);
    return 0;
}

int vs_thread_join(pthread_t joined, void **result) {
    (void)result;
    vs_sleep(&threads[joined].ended, 0, false);
    (void)hdi_fetch_or(&threads[joined].ended, 0, acquire); /* reads what was stored last */
    return 0;
}

/* ---- mutexes and conditions: a word each, in the memory that the system's would have ---- */

int vs_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    (void)attributes;
    atomic_store((word *)(void *)mutex, 0);
    return 0;
}

int vs_mutex_destroy(pthread_mutex_t *mutex) { return (void)mutex, 0; }

int vs_mutex_lock(pthread_mutex_t *mutex) {
    word *held = (word *)(void *)mutex;
    while (hdi_swap(held, 1, acquire)) vs_sleep(held, 1, false);
    return 0;
}

int vs_mutex_unlock(pthread_mutex_t *mutex) {
    hdi_quiet_store((word *)(void *)mutex, 0, release);
    return 0;
}

int vs_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes) {
    (void)attributes;
    atomic_store((word *)(void *)cond, 0);
    return 0;
}

int vs_cond_destroy(pthread_cond_t *cond) { return (void)cond, 0; }

static int wait_on(pthread_cond_t *cond, pthread_mutex_t *mutex, bool timed) {
    word *rung = (word *)(void *)cond;
    uint32_t seen = atomic_load(rung);
    vs_touched(rung, false);
    vs_mutex_unlock(mutex);
    vs_sleep(rung, seen, timed);
    int result = atomic_load(rung) == seen ? ETIMEDOUT : 0;
    vs_mutex_lock(mutex);
    return result;
}

int vs_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex) { return wait_on(cond, mutex, false); }

int vs_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
    (void)until;
    return wait_on(cond, mutex, true);
}

int vs_cond_broadcast(pthread_cond_t *cond) {
    atomic_fetch_add((word *)(void *)cond, 1);
    vs_touched(cond, true);
    return 0;
}

/* ---- time ---- */

int vs_sched_yield(void) {
    vs_pause();
    return 0;
}

int vs_nanosleep(const struct timespec *time, struct timespec *left) {
    (void)time, (void)left;
    vs_pause();
    return 0;
}

int vs_clock_gettime(clockid_t clock, struct timespec *now) {
    (void)clock;
    *now = (struct timespec){.tv_sec = 1};
    return 0;
}

/* ---- futexes ---- */

typedef struct futex {
    const word *at;
    word wakes;
} futex;

static futex *futex_of(const word *at) {
    static futex all[VS_MOST_FIBERS];
    futex *f = all;
    while (f->at && f->at != at) f++; /* a rank has one, always at the same place */
    f->at = at;
    return f;
}

static bool naps_end;

void vs_naps_end(bool they_do) { naps_end = they_do; }

/* The system compares with what was stored last. Nothing but a call ends the sleep where the nap's end would only hide that one
 * was lost. */
long vs_syscall(long number, ...) {
    va_list args;
    va_start(args, number);
    const word *at = va_arg(args, const word *);
    int op = va_arg(args, int);
    uint32_t value = va_arg(args, uint32_t);
    va_end(args);
    if (number != SYS_futex) abort();
    futex *f = futex_of(at);
    vs_touched(at, false);
    vs_touched(&f->wakes, op == FUTEX_WAKE);
    if (op == FUTEX_WAKE)
        atomic_fetch_add(&f->wakes, 1);
    else if (atomic_load(at) == value)
        vs_sleep(&f->wakes, atomic_load(&f->wakes), naps_end);
    return 0;
}
