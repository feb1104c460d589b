/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/orderings.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sched/sites.h"

/* Small ones first: most of what is wrong is found there. */
static const vs_case cases[] = {
    {"two workers", 1, 2, 2, 3, 8192, 4, 0, false, VS_TASKS, 0, false},
    {"two ranks", 2, 2, 4, 3, 8192, 2, 0, false, VS_TASKS, 0, false},
    {"two ranks, threads", 2, 2, 0, 3, 8192, 2, 0, false, VS_THREADS, 0, false},
    {"two pieces", 2, 2, 4, 3, 16, 1, 0, false, VS_TASKS, 128, false},
    {"two pieces, threads", 2, 2, 0, 3, 16, 1, 0, false, VS_THREADS, 512, false},
    {"three ranks, collectives", 3, 1, 0, 3, 512, 0, 0, false, VS_COLLECTIVES, 0, false},
    {"three workers", 1, 3, 4, 3, 3 * 4096, 6, 0, false, VS_TASKS, 0, false},
    {"three ranks", 3, 2, 8, 3, 8192, 1, 0, false, VS_TASKS, 0, false},
    {"three ranks alone, threads", 3, 1, 0, 3, 512, 0, 0, false, VS_THREADS, 0, false},
    {"three ranks give up", 3, 2, 8, 3, 8192, 1, 2, false, VS_TASKS, 0, false},
    {"two ranks give up", 2, 3, 4, 3, 8192, 2, 3, false, VS_TASKS, 0, false},
    {"three ranks give up, threads", 3, 2, 0, 3, 8192, 1, 2, false, VS_THREADS, 0, false},
    {"three ranks give up, collectives", 3, 1, 0, 3, 512, 0, 2, false, VS_COLLECTIVES, 0, false},
    {"three ranks, one leaves", 3, 2, 8, 3, 8192, 1, 2, false, VS_TASKS, 0, true},
    {"three ranks, one leaves, threads", 3, 2, 0, 3, 8192, 1, 2, false, VS_THREADS, 0, true},
    {"three ranks, one leaves, collectives", 3, 1, 0, 3, 512, 0, 2, false, VS_COLLECTIVES, 0, true},
};
/* The first of the seeds from .. below - 1 that goes wrong; 0: none. */
static uint64_t try_seeds(const vs_case *c, uint64_t from, uint64_t below) {
    uint64_t bad = 0;
    ranks_open(c);
    for (uint64_t seed = from; seed < below && !bad; seed++) {
        ranks_reset(true);
        if (vs_run_seed(seed) != VS_GOOD) bad = seed;
    }
    ranks_close();
    return bad;
}

static int as_it_is(uint64_t n) {
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        uint64_t bad = try_seeds(&cases[i], 1, n + 1);
        if (bad) {
            printf("%s, seed %llu: %s\nsched_tasks replay '%s' %llu weak\n", cases[i].name, (unsigned long long)bad, vs_reason(),
                   cases[i].name, (unsigned long long)bad);
            return 1;
        }
        printf("%-36s %llu schedules\n", cases[i].name, (unsigned long long)n);
        fflush(stdout);
    }
    return 0;
}

/* Whether some case goes wrong: a few schedules of each, then more. */
static bool is_found(const char *name, uint64_t n) {
    for (uint64_t from = 1, below = 10; from <= n; from = below, below *= 8)
        for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
            uint64_t bad = try_seeds(&cases[i], from, below <= n ? below : n + 1);
            if (!bad) continue;
            printf("%-72s found: %s, seed %llu: %s\n", name, cases[i].name, (unsigned long long)bad, vs_reason());
            return true;
        }
    printf("%-72s NOT FOUND\n", name);
    return false;
}

static int weakened(uint64_t n) {
    int n_weakenings, survivors = 0;
    const weakening *all = sites_weakenings(&n_weakenings);
    for (int i = 0; i < n_weakenings; i++) {
        char name[SITES_NAME];
        sites_name(&all[i], name);
        sites_weaken(&all[i]);
        survivors += !is_found(name, n);
        sites_weaken(NULL);
        fflush(stdout);
    }
    printf("%d orderings weakened, %d not found\n", n_weakenings, survivors);
    return survivors;
}

int orderings(uint64_t n) { return as_it_is(n) || weakened(n); }

/* ---- plans ---- */

static int plan_of(const vs_case *c, uint64_t n, int *survivors) {
    ranks_open(c);
    int edges = ranks_plan_edges();
    ranks_close();
    for (int edge = 0; edge < edges; edge++) {
        ranks_drop(edge);
        uint64_t bad = try_seeds(c, 1, n + 1);
        if (bad)
            printf("%-16s without \"%s\": seed %llu: %s\n", c->name, ranks_dropped(), (unsigned long long)bad, vs_reason());
        else
            printf("%-16s without \"%s\": NOT FOUND\n", c->name, ranks_dropped());
        *survivors += !bad;
        fflush(stdout);
    }
    ranks_drop(-1);
    return edges;
}

/* A ring that holds all steps, so that each wait is counted. */
int plan_edges(uint64_t n) {
    static const vs_case planned[] = {
        {"two workers", 1, 2, 64, 1, 8192, 4, 0, false, VS_TASKS, 0, false},
        {"two ranks", 2, 2, 64, 2, 8192, 2, 0, false, VS_TASKS, 0, false},
        {"three ranks", 3, 2, 64, 2, 8192, 1, 0, false, VS_TASKS, 0, false},
        {"two pieces", 2, 2, 64, 2, 16, 1, 0, false, VS_TASKS, 512, false},
    };
    int edges = 0, survivors = 0;
    for (size_t i = 0; i < HDI_COUNTOF(planned); i++) edges += plan_of(&planned[i], n, &survivors);
    printf("%d edges of plans taken out, %d not found\n", edges, survivors);
    return survivors != 0;
}

int orderings_replay(const char *name, uint64_t seed, const char *weakening_name) {
    const weakening *w = sites_find(weakening_name);
    if (!w && strcmp(weakening_name, "weak") != 0) {
        fprintf(stderr, "there is no weakening '%s'\n", weakening_name);
        return 2;
    }
    sites_weaken(w);
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        if (strcmp(cases[i].name, name) != 0) continue;
        ranks_open(&cases[i]);
        ranks_reset(true);
        vs_outcome outcome = vs_run_seed(seed);
        printf("%s\n", outcome == VS_GOOD ? "good" : vs_reason());
        return outcome != VS_GOOD;
    }
    fprintf(stderr, "there is no case '%s'\n", name);
    return 2;
}
