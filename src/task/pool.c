/* SPDX-License-Identifier: Apache-2.0 */
#include "task/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/cpu_features.h"
#include "base/memory.h"
#include "base/shared.h"
#include "base/wait.h"

enum {
    SPINS = 4000,                 /* about 50 us of pauses: longer than the gap between two decode steps */
    YIELDS = HDI_EAGER ? 1 : 200, /* then give the core away this often before sleeping */
};

typedef struct worker {
    _Alignas(HDI_CACHE_LINE) _Atomic uint64_t finished; /* the last round that it has ended */
    hdi_pool *pool;
    pthread_t thread;
    int index;
} worker;

struct hdi_pool {
    _Alignas(HDI_CACHE_LINE) _Atomic uint64_t round; /* rises by one with each hdi_pool_run; monotonic */
    void (*fn)(void *user, int worker);
    void *user;
    int workers;
    uint32_t spins;
    worker *members; /* [workers]; member 0 is the caller */
    _Alignas(HDI_CACHE_LINE) atomic_bool stop;
    atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

hdi_backoff hdi_pool_backoff(const hdi_pool *pool) { return (hdi_backoff){.spins = pool->spins}; }

void hdi_backoff_turn(hdi_backoff *backoff) {
    uint32_t turn = backoff->turn++;
    if (turn < backoff->spins) {
        hdi_pause();
    } else if (turn < backoff->spins + YIELDS) {
        sched_yield();
    } else { /* somebody holds us up for long: stop burning the core it may need */
        struct timespec nap = {.tv_nsec = 50000};
        nanosleep(&nap, NULL);
    }
}

/* Waits until there is a round after `seen`, or the end; sleeps on the condition when that takes long. */
static bool next_round(hdi_pool *pool, uint64_t seen) {
    for (uint32_t turn = 0; turn < pool->spins + YIELDS; turn++) {
        if (hdi_load(&pool->round, acquire) != seen) return !hdi_quiet_load(&pool->stop, relaxed);
        if (turn < pool->spins)
            hdi_pause();
        else
            sched_yield();
    }
    pthread_mutex_lock(&pool->mutex);
    /* Sequentially consistent with the caller's "raise the round, then look for sleepers": one of the two sees the other. */
    hdi_add(&pool->sleepers, 1, seq_cst);
    while (hdi_load(&pool->round, seq_cst) == seen) pthread_cond_wait(&pool->wake, &pool->mutex);
    hdi_sub(&pool->sleepers, 1, relaxed); /* seen late, it costs a call */
    pthread_mutex_unlock(&pool->mutex);
    return !hdi_quiet_load(&pool->stop, relaxed);
}

static void raise_round(hdi_pool *pool) {
    hdi_add(&pool->round, 1, seq_cst);
    if (hdi_load(&pool->sleepers, seq_cst) == 0) return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    worker *self = argument;
    hdi_pool *pool = self->pool;
    for (uint64_t round = 0; next_round(pool, round);) {
        round++;
        HDI_READS(pool->fn);
        pool->fn(pool->user, self->index);
        hdi_store(&self->finished, round, release);
    }
    return NULL;
}

static hd_status start_workers(hdi_pool *pool) {
    for (int i = 1; i < pool->workers; i++) {
        worker *member = &pool->members[i];
        member->pool = pool;
        member->index = i;
        int error = pthread_create(&member->thread, NULL, worker_main, member);
        if (error) {
            int wanted = pool->workers - 1;
            pool->workers = i; /* destroy joins those that did start */
            return hdi_fail(error == EAGAIN ? HD_EXHAUSTED : HD_OUT_OF_MEMORY,
                            "cannot start worker thread %d of %d: %s; ask for fewer threads", i, wanted, strerror(error));
        }
    }
    return HD_OK;
}

hd_status hdi_pool_create(int workers, hdi_pool **out) {
    hdi_pool *pool;
    *out = NULL;
    HD_REQUIRE(1 <= workers && workers <= 1024, HD_INVALID_ARGUMENT, "%d threads; there must be 1 to 1024", workers);
    HD_TRY(hdi_alloc_aligned(&pool, sizeof *pool, "a worker pool"));
    memset(pool, 0, sizeof *pool);
    pool->workers = workers;
    pool->spins = HDI_EAGER || workers > hdi_cpu_count() ? 0 : SPINS;
    hd_status status = hdi_alloc_aligned(&pool->members, sizeof *pool->members * (size_t)workers, "a worker pool");
    if (status != HD_OK) {
        hdi_free_aligned(pool);
        return status;
    }
    memset(pool->members, 0, sizeof *pool->members * (size_t)workers);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    status = start_workers(pool);
    if (status != HD_OK) {
        hdi_pool_destroy(pool);
        return status;
    }
    *out = pool;
    return HD_OK;
}

void hdi_pool_destroy(hdi_pool *pool) {
    if (!pool) return;
    hdi_quiet_store(&pool->stop, true, relaxed); /* the round shows it */
    raise_round(pool);
    for (int i = 1; i < pool->workers; i++) pthread_join(pool->members[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    hdi_free_aligned(pool->members);
    hdi_free_aligned(pool);
}

int hdi_pool_workers(const hdi_pool *pool) { return pool->workers; }

void hdi_pool_run(hdi_pool *pool, void (*fn)(void *user, int worker), void *user) {
    HDI_WRITES(pool->fn);
    pool->fn = fn;
    pool->user = user;
    raise_round(pool);
    uint64_t round = hdi_quiet_load(&pool->round, relaxed);
    fn(user, 0);
    for (int i = 1; i < pool->workers; i++) {
        hdi_backoff backoff = hdi_pool_backoff(pool);
        while (hdi_load(&pool->members[i].finished, acquire) != round) hdi_backoff_turn(&backoff);
    }
}
