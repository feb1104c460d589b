/* SPDX-License-Identifier: Apache-2.0 */
/* sched_tasks seeds|search|mutants|explore|explorer|explore_mutants: the task runtime under many schedules. sched_tasks replay
 * CASE SEED-OR-CHOICES [EDGE]: one of them again.
 *
 * seeds: random schedules of every case. search: all schedules with few delays. explore: all that differ, of small cases.
 * mutants, explore_mutants: with any one edge of the protocol taken out, some schedule of some case goes wrong. explorer: the
 * explorer itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sched/explore.h"
#include "sched/explore_test.h"
#include "sched/ranks.h"

static const vs_case cases[] = {
    {"two workers", 1, 2, 2, 3, 8192, 4, 0, false, false, false},
    {"three workers", 1, 3, 4, 3, 3 * 4096, 6, 0, false, false, false},
    {"one place", 2, 2, 1, 3, 512, 0, 0, false, false, false},
    {"two ranks", 2, 2, 4, 3, 8192, 2, 0, false, false, false},
    {"two places", 2, 3, 2, 3, 8192, 2, 0, false, false, false},
    {"three ranks", 3, 2, 8, 3, 8192, 1, 0, false, false, false},
    {"three ranks alone", 3, 1, 8, 3, 512, 0, 0, false, false, false},
    {"three ranks give up", 3, 2, 8, 3, 8192, 1, 2, false, false, false},
    {"two ranks give up", 2, 3, 4, 3, 8192, 2, 3, false, false, false},
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
        ranks_reset();
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
        ranks_reset();
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
        {{"three ranks, what they share", 3, 1, 8, 2, 64, 0, 0, true, false, false}, 2},
        {{"three ranks, one gives up", 3, 1, 8, 2, 64, 0, 2, true, false, false}, 2},
        {{"two ranks, what they share", 2, 1, 8, 2, 64, 0, 0, true, false, false}, 3},
        {{"two workers", 1, 2, 2, 1, 8192, 2, 0, false, false, false}, 2},
    };
    for (size_t i = 0; i < HDI_COUNTOF(searched); i++)
        if (search_one(&searched[i].c, searched[i].delays, most)) return 1;
    return 0;
}

/* ---- all traces ---- */

static const vs_case small[] = {
    {"two workers, all", 1, 2, 2, 1, 16, 0, 0, false, true, false},
    {"two ranks, two runs, all", 2, 1, 4, 2, 8192, 0, 0, false, true, false},
    {"three ranks, one run, all", 3, 1, 4, 1, 16, 0, 0, false, true, false},
    {"three workers, all", 1, 3, 1, 1, 16, 0, 0, false, true, false},
    {"two workers, letters, all", 1, 2, 1, 1, 8192, 0, 0, false, true, false},
    {"three ranks in a circle, all", 3, 1, 4, 2, 16, 0, 0, false, true, true},
    {"three ranks, one gives up, all", 3, 1, 4, 1, 16, 0, 1, false, true, false},
    /* Too many for all: only mutants are looked for. */
    {"two ranks, two workers", 2, 2, 1, 1, 16, 0, 0, false, true, false},
    {"two ranks, two chunks", 2, 2, 2, 1, 8192, 0, 0, false, true, false},
    {"two ranks, two workers give up", 2, 2, 1, 1, 16, 0, 1, false, true, false},
    {"two workers, deques", 1, 2, 1, 1, 16384, 0, 0, false, true, false},
    {"three workers steal", 1, 3, 2, 1, 8192, 2, 0, false, true, false},
};
enum { N_ALL = 7 };

typedef struct explored {
    uint64_t traces, vain; /* vain: begun, and seen to be explored already */
    bool bad, more;
} explored;

static explored explore(const vs_case *c, uint64_t most) {
    explored r = {.more = true};
    ranks_open(c);
    explore_begin();
    while (r.more && !r.bad && r.traces + r.vain < most) {
        ranks_reset();
        vs_outcome how = vs_explore();
        r.vain += how == VS_SEEN;
        r.traces += how != VS_SEEN;
        r.bad = how != VS_GOOD && how != VS_SEEN;
        if (!r.bad) r.more = explore_next();
    }
    ranks_close();
    return r;
}

static int explore_case(const vs_case *c, uint64_t most) {
    explored r = explore(c, most);
    printf("%-32s %llu traces%s (and %llu begun in vain)\n", c->name, (unsigned long long)r.traces,
           r.bad    ? ", the last one WRONG"
           : r.more ? ", NOT ALL"
                    : ", all",
           (unsigned long long)r.vain);
    if (r.bad) printf("%s\nsched_tasks replay '%s' %s\n", vs_reason(), c->name, explore_choices());
    fflush(stdout);
    return r.bad || r.more; /* a search that was cut off proves nothing */
}

static int explore_all(const char *name, uint64_t most) {
    int bad = 0;
    for (size_t i = 0; i < (name ? HDI_COUNTOF(small) : (size_t)N_ALL); i++)
        if (!name || strcmp(name, small[i].name) == 0) bad |= explore_case(&small[i], most);
    return bad;
}

/* Edges that are not found within the bound: left to seeds. */
static bool needs_more(int edge) {
    return edge == HDI_EDGE_WAKE_FAIL || edge == HDI_EDGE_ADVANCE_ALONE || edge == HDI_EDGE_ADVANCE_AGAIN;
}

/* Which of the edges taken out are found, and after how many schedules. */
static int explore_mutants(uint64_t most, const char *only) {
    int missing = 0;
    for (int edge = 0; edge < HDI_EDGE_COUNT; edge++) {
        explored r = {0};
        size_t i = 0;
        bool all = true;
        if (only && strcmp(only, edge_name[edge]) != 0) continue;
        vs_mutate(edge);
        for (; i < HDI_COUNTOF(small) && !r.bad; i++) {
            r = explore(&small[i], most);
            all &= !r.more;
        }
        if (r.bad)
            printf("%-14s found: %s, schedule %llu: %s\n    sched_tasks replay '%s' %s %s\n", edge_name[edge], small[i - 1].name,
                   (unsigned long long)(r.traces + r.vain), vs_reason(), small[i - 1].name, explore_choices(), edge_name[edge]);
        else
            printf("%-14s not found%s\n", edge_name[edge], all ? " in any trace" : " within the bound");
        missing += !r.bad && !needs_more(edge);
        fflush(stdout);
    }
    vs_mutate(-1);
    return missing != 0;
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

static const vs_case *case_named(const char *name) {
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++)
        if (strcmp(cases[i].name, name) == 0) return &cases[i];
    for (size_t i = 0; i < HDI_COUNTOF(small); i++)
        if (strcmp(small[i].name, name) == 0) return &small[i];
    return NULL;
}

/* A schedule is a seed, or "fiber:turns,...". */
static int replay(const char *name, const char *schedule, const char *edge) {
    const vs_case *c = case_named(name);
    for (int i = 0; edge && i < HDI_EDGE_COUNT; i++)
        if (strcmp(edge, edge_name[i]) == 0) vs_mutate(i);
    if (!c) {
        fprintf(stderr, "there is no case '%s'\n", name);
        return 2;
    }
    ranks_open(c);
    ranks_reset();
    vs_outcome outcome = strchr(schedule, ':') ? vs_run_choices(schedule) : vs_run_seed(strtoull(schedule, NULL, 10));
    if (outcome == VS_SEEN) {
        fprintf(stderr, "'%s' has no such schedule\n", name);
        return 2;
    }
    printf("%s\n", outcome == VS_GOOD ? "good" : vs_reason());
    return outcome != VS_GOOD;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if (strcmp(what, "seeds") == 0) return seeds(n ? n : 1000);
    if (strcmp(what, "search") == 0) return search(n ? n : 2000000);
    if (strcmp(what, "mutants") == 0) return mutants(n ? n : 3000);
    for (int i = 0; argc > 4 && strcmp(what, "explore") == 0 && i < HDI_EDGE_COUNT; i++)
        if (strcmp(argv[4], edge_name[i]) == 0) vs_mutate(i);
    if (strcmp(what, "explore") == 0) return explore_all(argc > 3 ? argv[3] : NULL, n ? n : 3000000);
    if (strcmp(what, "explore_mutants") == 0) return explore_mutants(n ? n : 2500, argc > 3 ? argv[3] : NULL);
    if (strcmp(what, "explorer") == 0) return explore_test();
    if (strcmp(what, "replay") == 0 && argc > 3) return replay(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
    fprintf(stderr,
            "sched_tasks seeds|search|mutants|explore|explorer|explore_mutants [N], or replay CASE SEED-OR-CHOICES [EDGE]\n");
    return 2;
}
