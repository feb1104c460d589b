/* SPDX-License-Identifier: Apache-2.0 */
/* sched_tasks seeds|search|mutants: the task runtime under many schedules. sched_tasks replay CASE SEED [EDGE]: one of them
 * again.
 *
 * seeds: random schedules of every case. search: all schedules with a bounded number of delays, of three ranks and of two
 * workers. mutants: with any one edge of the protocol taken out, some schedule of some case goes wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sched/orderings.h"

static const vs_case cases[] = {
    {"two workers", 1, 2, 2, 3, 8192, 4, 0, false, VS_TASKS, 0, false},       {"three workers", 1, 3, 4, 3, 3 * 4096, 6, 0, false, VS_TASKS, 0, false},
    {"one place", 2, 2, 1, 3, 512, 0, 0, false, VS_TASKS, 0, false},          {"two ranks", 2, 2, 4, 3, 8192, 2, 0, false, VS_TASKS, 0, false},
    {"two places", 2, 3, 2, 3, 8192, 2, 0, false, VS_TASKS, 0, false},        {"three ranks", 3, 2, 8, 3, 8192, 1, 0, false, VS_TASKS, 0, false},
    {"three ranks alone", 3, 1, 8, 3, 512, 0, 0, false, VS_TASKS, 0, false},  {"three ranks give up", 3, 2, 8, 3, 8192, 1, 2, false, VS_TASKS, 0, false},
    {"two ranks give up", 2, 3, 4, 3, 8192, 2, 3, false, VS_TASKS, 0, false},
};

static const char *const edge_name[] = {
#define NAME(name, text) #name,
    HDI_EDGE_LIST(NAME)
#undef NAME
};
static const char *const edge_text[] = {
#define TEXT(name, text) text,
    HDI_EDGE_LIST(TEXT)
#undef TEXT
};

/* The first of `n` seeds that goes wrong; 0: none. */
static uint64_t try_seeds(const vs_case *c, uint64_t n) {
    uint64_t bad = 0;
    ranks_open(c);
    for (uint64_t seed = 1; seed <= n && !bad; seed++) {
        ranks_reset(false);
        if (vs_run_seed(seed) != VS_GOOD) bad = seed;
    }
    ranks_close();
    return bad;
}

static int seeds(uint64_t n) {
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        uint64_t bad = try_seeds(&cases[i], n);
        if (bad) {
            printf("%s, seed %llu: %s\nsched_tasks replay '%s' %llu\n", cases[i].name, (unsigned long long)bad, vs_reason(),
                   cases[i].name, (unsigned long long)bad);
            return 1;
        }
        printf("%-22s %llu schedules\n", cases[i].name, (unsigned long long)n);
    }
    return 0;
}

static int search_one(const vs_case *c, int delays, uint64_t most) {
    bool more = true;
    uint64_t n = 0;
    ranks_open(c);
    vs_search();
    for (; more && n < most; n++) {
        ranks_reset(false);
        if (vs_run_next(delays, &more) == VS_GOOD) continue;
        printf("%s, schedule %llu: %s\n", c->name, (unsigned long long)n, vs_reason());
        return 1;
    }
    ranks_close();
    printf("%-32s %d delays: %llu schedules%s\n", c->name, delays, (unsigned long long)n, more ? ", NOT ALL" : ", all");
    return more; /* a search that was cut off proves nothing */
}

static int search(uint64_t most) {
    static const struct {
        vs_case c;
        int delays;
    } searched[] = {
        {{"three ranks, what they share", 3, 1, 8, 2, 64, 0, 0, true, VS_TASKS, 0, false}, 2},
        {{"three ranks, one gives up", 3, 1, 8, 2, 64, 0, 2, true, VS_TASKS, 0, false}, 2},
        {{"two ranks, what they share", 2, 1, 8, 2, 64, 0, 0, true, VS_TASKS, 0, false}, 3},
        {{"two workers", 1, 2, 2, 1, 8192, 2, 0, false, VS_TASKS, 0, false}, 2},
    };
    for (size_t i = 0; i < HDI_COUNTOF(searched); i++)
        if (search_one(&searched[i].c, searched[i].delays, most)) return 1;
    return 0;
}

static int mutants(uint64_t n) {
    int alive = 0;
    for (int edge = 0; edge < HDI_EDGE_COUNT; edge++) {
        uint64_t bad = 0;
        size_t i = 0;
        vs_mutate(edge);
        for (; i < HDI_COUNTOF(cases) && !bad; i++) bad = try_seeds(&cases[i], n);
        if (bad)
            printf("%-14s found: %s, seed %llu: %s\n", edge_name[edge], cases[i - 1].name, (unsigned long long)bad, vs_reason());
        else
            printf("%-14s NOT FOUND: without \"%s\" nothing goes wrong\n", edge_name[edge], edge_text[edge]);
        alive += !bad;
        fflush(stdout);
    }
    vs_mutate(-1);
    return alive != 0;
}

static int replay(const char *name, uint64_t seed, const char *edge) {
    for (int i = 0; edge && i < HDI_EDGE_COUNT; i++)
        if (strcmp(edge, edge_name[i]) == 0) vs_mutate(i);
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        if (strcmp(cases[i].name, name) != 0) continue;
        ranks_open(&cases[i]);
        ranks_reset(false);
        vs_outcome outcome = vs_run_seed(seed);
        printf("%s\n", outcome == VS_GOOD ? "good" : vs_reason());
        return outcome != VS_GOOD;
    }
    fprintf(stderr, "there is no case '%s'\n", name);
    return 2;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if (strcmp(what, "seeds") == 0) return seeds(n ? n : 1000);
    if (strcmp(what, "search") == 0) return search(n ? n : 2000000);
    if (strcmp(what, "mutants") == 0) return mutants(n ? n : 3000);
    if (strcmp(what, "plans") == 0) return plan_edges(n ? n : 100);
    if (strcmp(what, "orderings") == 0) return orderings(n ? n : 1000);
    if (strcmp(what, "replay") == 0 && argc == 6) return orderings_replay(argv[2], strtoull(argv[3], NULL, 10), argv[5]);
    if (strcmp(what, "replay") == 0 && argc > 3) return replay(argv[2], strtoull(argv[3], NULL, 10), argc > 4 ? argv[4] : NULL);
    fprintf(stderr, "sched_tasks seeds|search|mutants [N], or replay CASE SEED [EDGE]\n");
    return 2;
}
