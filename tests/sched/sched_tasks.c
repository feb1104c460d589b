/* SPDX-License-Identifier: Apache-2.0 */
/* sched_tasks: the runtime under many schedules. With any one thing that it needs taken out, some schedule of some case goes
 * wrong.
 *
 * seeds: random schedules of every case; search: all with few delays; explore: all that differ, of small cases; explorer: the
 * explorer itself. mutants, explore_mutants: edges of the protocol are taken out. In weak memory: plans: edges of plans are taken
 * out; orderings: orderings of the source are weakened. replay: one schedule again. `main` has the arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sched/explore.h"
#include "sched/explore_test.h"
#include "sched/orderings.h"
#include "sched/ranks.h"

static const vs_case cases[] = {
    {.name = "two workers", .ranks = 1, .workers = 2, .ring = 2, .runs = 3, .items = 8192, .width = 4},
    {.name = "three workers", .ranks = 1, .workers = 3, .ring = 4, .runs = 3, .items = 3 * 4096, .width = 6},
    {.name = "one place", .ranks = 2, .workers = 2, .ring = 1, .runs = 3, .items = 512},
    {.name = "two ranks", .ranks = 2, .workers = 2, .ring = 4, .runs = 3, .items = 8192, .width = 2},
    {.name = "two places", .ranks = 2, .workers = 3, .ring = 2, .runs = 3, .items = 8192, .width = 2},
    {.name = "three ranks", .ranks = 3, .workers = 2, .ring = 8, .runs = 3, .items = 8192, .width = 1},
    {.name = "three ranks alone", .ranks = 3, .workers = 1, .ring = 8, .runs = 3, .items = 512},
    {.name = "three ranks give up", .ranks = 3, .workers = 2, .ring = 8, .runs = 3, .items = 8192, .width = 1, .fails = 2},
    {.name = "two ranks give up", .ranks = 2, .workers = 3, .ring = 4, .runs = 3, .items = 8192, .width = 2, .fails = 3},
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
        {{.name = "three ranks, what they share",
          .ranks = 3,
          .workers = 1,
          .ring = 8,
          .runs = 2,
          .items = 64,
          .shared_points = true,
          .stays = true},
         2},
        {{.name = "three ranks, one gives up",
          .ranks = 3,
          .workers = 1,
          .ring = 8,
          .runs = 2,
          .items = 64,
          .fails = 2,
          .shared_points = true,
          .stays = true},
         2},
        {{.name = "two ranks, what they share",
          .ranks = 2,
          .workers = 1,
          .ring = 8,
          .runs = 2,
          .items = 64,
          .shared_points = true,
          .stays = true},
         3},
        {{.name = "two workers", .ranks = 1, .workers = 2, .ring = 2, .runs = 1, .items = 8192, .width = 2}, 2},
    };
    for (size_t i = 0; i < HDI_COUNTOF(searched); i++)
        if (search_one(&searched[i].c, searched[i].delays, most)) return 1;
    return 0;
}

/* ---- all traces ---- */

static const vs_case small[] = {
    {.name = "two workers, all", .ranks = 1, .workers = 2, .ring = 2, .runs = 1, .items = 16, .once = true},
    {.name = "two ranks, two runs, all", .ranks = 2, .workers = 1, .ring = 4, .runs = 2, .items = 8192, .once = true},
    {.name = "three ranks, one run, all", .ranks = 3, .workers = 1, .ring = 4, .runs = 1, .items = 16, .once = true},
    {.name = "three workers, all", .ranks = 1, .workers = 3, .ring = 1, .runs = 1, .items = 16, .once = true},
    {.name = "two workers, letters, all", .ranks = 1, .workers = 2, .ring = 1, .runs = 1, .items = 8192, .once = true},
    {.name = "two ranks, one gives up, all",
     .ranks = 2,
     .workers = 1,
     .ring = 4,
     .runs = 2,
     .items = 16,
     .fails = 2,
     .once = true},
    {.name = "circle, all",
     .ranks = 3,
     .workers = 1,
     .ring = 4,
     .runs = 2,
     .items = 16,
     .stays = true,
     .once = true,
     .pairs = true},
    /* Too many for all: only mutants are looked for. */
    {.name = "two ranks, two workers", .ranks = 2, .workers = 2, .ring = 1, .runs = 1, .items = 16, .once = true},
    {.name = "two ranks, two chunks", .ranks = 2, .workers = 2, .ring = 2, .runs = 1, .items = 8192, .once = true},
    {.name = "two ranks, two give up", .ranks = 2, .workers = 2, .ring = 1, .runs = 1, .items = 16, .fails = 1, .once = true},
    {.name = "two workers, deques", .ranks = 1, .workers = 2, .ring = 1, .runs = 1, .items = 16384, .once = true},
    {.name = "three workers steal", .ranks = 1, .workers = 3, .ring = 2, .runs = 1, .items = 8192, .width = 2, .once = true},
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
        ranks_reset(false);
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
        for (; i < HDI_COUNTOF(cases) && !bad; i++) bad = ranks_try(&cases[i], false, 1, n + 1);
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

static int edge_named(const char *name) {
    for (int i = 0; name && i < HDI_EDGE_COUNT; i++)
        if (strcmp(name, edge_name[i]) == 0) return i;
    return -1;
}

/* A schedule is a seed, or "fiber:turns,...". */
static int replay(const char *name, const char *schedule, int edge) {
    const vs_case *c = case_named(name);
    if (!c) {
        fprintf(stderr, "there is no case '%s'\n", name);
        return 2;
    }
    vs_mutate(edge);
    ranks_open(c);
    ranks_reset(false);
    vs_outcome outcome = strchr(schedule, ':') ? vs_run_choices(schedule) : vs_run_seed(strtoull(schedule, NULL, 10));
    if (outcome == VS_SEEN) {
        fprintf(stderr, "'%s' has no such schedule\n", name);
        return 2;
    }
    printf("%s\n", outcome == VS_GOOD ? "good" : vs_reason());
    return outcome != VS_GOOD;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "", *which = argc > 3 ? argv[3] : NULL, *without = argc > 4 ? argv[4] : NULL;
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    int edge = edge_named(without);
    if (strcmp(what, "seeds") == 0) return ranks_try_all(cases, HDI_COUNTOF(cases), false, n ? n : 1000);
    if (strcmp(what, "search") == 0) return search(n ? n : 2000000);
    if (strcmp(what, "mutants") == 0) return mutants(n ? n : 3000);
    if (strcmp(what, "explorer") == 0) return explore_test();
    if (strcmp(what, "explore") == 0) {
        vs_mutate(edge);
        return explore_all(which, n ? n : 3000000);
    }
    if (strcmp(what, "explore_mutants") == 0) return explore_mutants(n ? n : 2500, which);
    if (strcmp(what, "plans") == 0) return plan_edges(n ? n : 100);
    if (strcmp(what, "orderings") == 0) return orderings(n ? n : 1000);
    if (strcmp(what, "replay") == 0 && without && edge < 0) return orderings_replay(argv[2], strtoull(which, NULL, 10), without);
    if (strcmp(what, "replay") == 0 && which) return replay(argv[2], which, edge);
    fprintf(stderr, "sched_tasks seeds|search|mutants|explorer|explore|explore_mutants|plans|orderings [N]\n"
                    "sched_tasks explore N CASE [EDGE], explore_mutants N EDGE\n"
                    "sched_tasks replay CASE SEED-OR-CHOICES [EDGE], or CASE SEED weak|WEAKENING\n");
    return 2;
}
