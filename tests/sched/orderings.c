/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/orderings.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sched/sites.h"

/* Small ones first: most of what is wrong is found there. */
static const vs_case cases[] = {
    {.name = "two workers", .ranks = 1, .workers = 2, .ring = 2, .runs = 3, .items = 8192, .width = 4},
    {.name = "two ranks", .ranks = 2, .workers = 2, .ring = 4, .runs = 3, .items = 8192, .width = 2},
    {.name = "two ranks, threads", .ranks = 2, .workers = 2, .runs = 3, .items = 8192, .width = 2, .kind = VS_THREADS},
    {.name = "two pieces", .ranks = 2, .workers = 2, .ring = 4, .runs = 3, .items = 16, .width = 1, .rows = 128},
    {.name = "two pieces, threads",
     .ranks = 2,
     .workers = 2,
     .runs = 3,
     .items = 16,
     .width = 1,
     .kind = VS_THREADS,
     .rows = 512},
    {.name = "three ranks, collectives", .ranks = 3, .workers = 1, .runs = 3, .items = 512, .kind = VS_COLLECTIVES},
    {.name = "three workers", .ranks = 1, .workers = 3, .ring = 4, .runs = 3, .items = 3 * 4096, .width = 6},
    {.name = "three ranks", .ranks = 3, .workers = 2, .ring = 8, .runs = 3, .items = 8192, .width = 1},
    {.name = "three ranks alone, threads", .ranks = 3, .workers = 1, .runs = 3, .items = 512, .kind = VS_THREADS},
    {.name = "three ranks give up", .ranks = 3, .workers = 2, .ring = 8, .runs = 3, .items = 8192, .width = 1, .fails = 2},
    {.name = "two ranks give up", .ranks = 2, .workers = 3, .ring = 4, .runs = 3, .items = 8192, .width = 2, .fails = 3},
    {.name = "three ranks give up, threads",
     .ranks = 3,
     .workers = 2,
     .runs = 3,
     .items = 8192,
     .width = 1,
     .fails = 2,
     .kind = VS_THREADS},
    {.name = "three ranks give up, collectives",
     .ranks = 3,
     .workers = 1,
     .runs = 3,
     .items = 512,
     .fails = 2,
     .kind = VS_COLLECTIVES},
    {.name = "three ranks, one leaves",
     .ranks = 3,
     .workers = 2,
     .ring = 8,
     .runs = 3,
     .items = 8192,
     .width = 1,
     .fails = 2,
     .leaves = true},
    {.name = "three ranks, one leaves, threads",
     .ranks = 3,
     .workers = 2,
     .runs = 3,
     .items = 8192,
     .width = 1,
     .fails = 2,
     .kind = VS_THREADS,
     .leaves = true},
    {.name = "three ranks, one leaves, collectives",
     .ranks = 3,
     .workers = 1,
     .runs = 3,
     .items = 512,
     .fails = 2,
     .kind = VS_COLLECTIVES,
     .leaves = true},
};
/* Whether some case goes wrong: a few schedules of each, then more. */
static bool is_found(const char *name, uint64_t n) {
    for (uint64_t from = 1, below = 10; from <= n; from = below, below *= 8)
        for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
            uint64_t bad = ranks_try(&cases[i], true, from, below <= n ? below : n + 1);
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

int orderings(uint64_t n) { return ranks_try_all(cases, HDI_COUNTOF(cases), true, n) || weakened(n); }

/* ---- plans ---- */

/* What the verifier takes is needed goes wrong, and what it takes is not does not: other edges order the same. */
static int plan_of(const vs_case *c, uint64_t n, int *spare, int *survivors) {
    ranks_open(c);
    int edges = ranks_plan_edges();
    ranks_close();
    for (int edge = 0; edge < edges; edge++) {
        ranks_drop(edge);
        uint64_t bad = ranks_try(c, true, 1, n + 1);
        bool needed = ranks_refused();
        if (needed && !bad) bad = ranks_try(c, true, n + 1, 100 * n);
        printf("%-16s without \"%s\": ", c->name, ranks_dropped());
        if (bad)
            printf("seed %llu: %s%s\n", (unsigned long long)bad, vs_reason(), needed ? "" : "; THE VERIFIER FINDS NOTHING");
        else
            printf("%s\n", needed ? "NOT FOUND" : "nothing, as the verifier has it");
        *spare += !bad && !needed;
        *survivors += needed != (bad != 0);
        fflush(stdout);
    }
    ranks_drop(-1);
    return edges;
}

/* A ring that holds all steps, so that each wait is counted. */
int plan_edges(uint64_t n) {
    static const vs_case planned[] = {
        {.name = "two workers", .ranks = 1, .workers = 2, .ring = 64, .runs = 1, .items = 8192, .width = 4},
        {.name = "two ranks", .ranks = 2, .workers = 2, .ring = 64, .runs = 2, .items = 8192, .width = 2},
        {.name = "three ranks", .ranks = 3, .workers = 2, .ring = 64, .runs = 2, .items = 8192, .width = 1},
        {.name = "three ranks once", .ranks = 3, .workers = 2, .ring = 64, .runs = 2, .items = 8192, .width = 1, .once = true},
        {.name = "circle once", .ranks = 3, .workers = 2, .ring = 64, .runs = 2, .items = 8192, .once = true, .pairs = true},
        {.name = "two pieces", .ranks = 2, .workers = 2, .ring = 64, .runs = 2, .items = 16, .width = 1, .rows = 512},
    };
    int edges = 0, spare = 0, survivors = 0;
    for (size_t i = 0; i < HDI_COUNTOF(planned); i++) edges += plan_of(&planned[i], n, &spare, &survivors);
    printf("%d edges of plans taken out, %d of them spare, %d not as the verifier has it\n", edges, spare, survivors);
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
