/* SPDX-License-Identifier: Apache-2.0 */
/* How fast this machine reads memory right now: the limit that decoding is measured against. On a shared machine it changes from
 * second to second, so it is measured beside the run and not kept. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "heddle/device.h"
#include "task/pool.h"

enum { LINE = 64, BLOCK = 256, MOST_STREAMS = 8, ROUNDS = 3 };

typedef uint64_t word8 __attribute__((vector_size(LINE)));

typedef struct probe {
    uint8_t *data;
    size_t share;   /* bytes a worker reads, a multiple of MOST_STREAMS * BLOCK */
    int streams;    /* how many places of its share a worker reads in turn */
    bool touch;     /* first of all: each worker makes the pages of its share, so that they are near it */
    uint64_t *sums; /* one a worker and cache line: keeps the reads from being optimised away */
} probe;

/* Reads `size` bytes as `streams` interleaved runs: memory controllers and prefetchers differ in how many they like best. */
static uint64_t read_all(const uint8_t *data, size_t size, int streams) {
    size_t run = size / (size_t)streams;
    word8 a = {0}, b = {0}, c = {0}, d = {0};
    for (size_t i = 0; i < run; i += BLOCK)
        for (int s = 0; s < streams; s++) {
            const word8 *p = (const word8 *)(data + (size_t)s * run + i);
            a |= p[0];
            b |= p[1];
            c |= p[2];
            d |= p[3];
        }
    a |= b | c | d;
    return a[0] | a[1] | a[2] | a[3] | a[4] | a[5] | a[6] | a[7];
}

static void work(void *user, int worker) {
    probe *p = user;
    uint8_t *mine = p->data + (size_t)worker * p->share;
    if (p->touch)
        memset(mine, 1, p->share);
    else
        p->sums[(size_t)worker * LINE / sizeof *p->sums] = read_all(mine, p->share, p->streams);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* More than the last-level cache holds (the buffer is read in a circle, so half as much again is enough to miss it always), but
 * never a burden: at most an eighth of the memory. */
static size_t default_bytes(void) {
    long cache = sysconf(_SC_LEVEL3_CACHE_SIZE), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes = (size_t)256 << 20;
    if (cache > 0 && (size_t)cache / 2 * 3 > bytes) bytes = (size_t)cache / 2 * 3;
    if (bytes > (size_t)512 << 20) bytes = (size_t)512 << 20;
    if (pages > 0 && page > 0 && bytes > (size_t)pages * (size_t)page / 8) bytes = (size_t)pages * (size_t)page / 8;
    return bytes;
}

static double best_rate(hdi_pool *pool, probe *p, int threads) {
    double best = 0;
    p->touch = true;
    hdi_pool_run(pool, work, p);
    p->touch = false;
    for (int round = 0; round < ROUNDS; round++)
        for (p->streams = 1; p->streams <= MOST_STREAMS; p->streams *= 2) {
            double started = now();
            hdi_pool_run(pool, work, p);
            double rate = (double)p->share * threads / (now() - started);
            if (rate > best) best = rate;
        }
    return best;
}

hd_status hd_measure_bandwidth(int32_t threads, size_t bytes, double *bytes_per_second) {
    enum { MOST_THREADS = 1024 };
    hd_status status;
    hdi_pool *pool = NULL;
    probe p = {0};
    if (!bytes) bytes = default_bytes();
    *bytes_per_second = 0;
    HD_REQUIRE(threads >= 1 && threads <= MOST_THREADS, HD_INVALID_ARGUMENT, "bandwidth: %d threads; 1 to %d are possible",
               (int)threads, MOST_THREADS);
    p.share = bytes / (size_t)threads / (MOST_STREAMS * BLOCK) * (MOST_STREAMS * BLOCK);
    HD_REQUIRE(p.share, HD_INVALID_ARGUMENT, "bandwidth: %zu bytes are too few to measure %d threads with", bytes, (int)threads);
    size_t total = p.share * (size_t)threads;
    p.data = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HD_REQUIRE(p.data != MAP_FAILED, HD_OUT_OF_MEMORY, "bandwidth: no memory for %zu bytes to read", total);
    (void)madvise(p.data, total, MADV_HUGEPAGE); /* advice only */
    HD_TRY_GOTO(hdi_alloc_aligned(&p.sums, (size_t)threads * LINE, "the bandwidth probe"));
    HD_TRY_GOTO(hdi_pool_create(threads, &pool));
    *bytes_per_second = best_rate(pool, &p, threads);
    status = HD_OK;
fail:
    hdi_pool_destroy(pool);
    hdi_free_aligned(p.sums);
    munmap(p.data, total);
    return status;
}
