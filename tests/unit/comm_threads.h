/* SPDX-License-Identifier: Apache-2.0 */
/* Domains of the transport "local" whose ranks are threads of the test, so that ThreadSanitizer sees both ends. */
#ifndef HDI_TESTS_COMM_THREADS_H
#define HDI_TESTS_COMM_THREADS_H

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/wait.h"
#include "comm/local.h"

enum { MAX = 8 };

typedef struct rank rank_t;
struct rank {
    const char *name;
    int32_t rank, ranks, timeout_ms;
    void (*body)(rank_t *self);
    hd_domain *domain; /* of body; made and destroyed around it */
    hd_status status;  /* of hd_domain_create, or what body leaves */
    char message[1024];
    int64_t took_ns;
};

static inline void keep(rank_t *self, hd_status status) {
    self->status = status;
    snprintf(self->message, sizeof self->message, "%s", status == HD_OK ? "" : hd_last_error());
}

/* Threads cannot use cmocka's assertions: a broken one is told and ends the process. */
#define CHECK(cond)                                                                          \
    do {                                                                                     \
        if (!(cond)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #cond, hd_last_error()); \
            abort();                                                                         \
        }                                                                                    \
    } while (0)
#define OK(call) CHECK((call) == HD_OK)

static inline void *run_rank(void *argument) {
    rank_t *self = argument;
    int64_t begin = hdi_now_ns();
    hd_domain_options options = {.name = self->name, .rank = self->rank, .ranks = self->ranks, .timeout_ms = self->timeout_ms};
    keep(self, hd_domain_create(&options, &self->domain));
    if (self->status == HD_OK && self->body) self->body(self);
    hd_domain_destroy(self->domain);
    self->took_ns = hdi_now_ns() - begin;
    return NULL;
}

static inline void run_all(rank_t *all, int n) {
    pthread_t threads[MAX];
    for (int i = 0; i < n; i++) assert_int_equal(pthread_create(&threads[i], NULL, run_rank, &all[i]), 0);
    for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

/* `body` on each of `ranks` threads; what it leaves in `all`. */
static inline void run(int ranks, int timeout_ms, void (*body)(rank_t *self), rank_t *all) {
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    for (int i = 0; i < ranks; i++)
        all[i] = (rank_t){.name = name, .rank = i, .ranks = ranks, .timeout_ms = timeout_ms, .body = body};
    run_all(all, ranks);
}

static inline void run_well(int ranks, void (*body)(rank_t *self)) {
    rank_t all[MAX];
    run(ranks, 60000, body, all);
    for (int i = 0; i < ranks; i++)
        if (all[i].status != HD_OK) fail_msg("rank %d: %s", i, all[i].message);
}

static inline void assert_says(const rank_t *r, const char *part) {
    if (r->status == HD_OK || !strstr(r->message, part))
        fail_msg("rank %d said \"%s\" (%d), not \"%s\"", r->rank, r->message, (int)r->status, part);
}

#endif
