/* SPDX-License-Identifier: Apache-2.0 */
/* Each rank waits for one other at most, so from any rank there is one way: it ends at a rank that does not wait, or in a circle.
 * Whoever stands at the end of most ways is the culprit. */
#include "comm/wait_report.h"

#include <stdbool.h>

#include "base/memory.h"
#include "base/text.h"

/* The entry of a rank; n: none. */
static size_t entry_of(const hdi_rank_report *ranks, size_t n, int32_t rank) {
    size_t i = 0;
    while (i < n && ranks[i].rank != rank) i++;
    return i;
}

/* Where the way from entry i ends: a rank, and whether it is one of a circle (then the circle's lowest). */
typedef struct way_end {
    int32_t rank;
    bool circle;
} way_end;

static way_end follow(const hdi_rank_report *ranks, size_t n, size_t i) {
    for (size_t steps = 0; steps <= n; steps++) {
        if (ranks[i].doing != HDI_RANK_WAITS) return (way_end){ranks[i].rank, false};
        size_t next = entry_of(ranks, n, ranks[i].waits_for);
        if (next == n) return (way_end){ranks[i].waits_for, false};
        i = next;
    }
    way_end end = {ranks[i].rank, true}; /* after as many steps as there are ranks it goes in circles */
    int32_t first = end.rank;
    do {
        if (ranks[i].rank < end.rank) end.rank = ranks[i].rank;
        i = entry_of(ranks, n, ranks[i].waits_for);
    } while (ranks[i].rank != first);
    return end;
}

static int weight(const hdi_rank_report *ranks, size_t n, way_end end) {
    size_t i = entry_of(ranks, n, end.rank);
    if (i == n) return HDI_RANK_DOING_COUNT; /* said nothing: as good as gone */
    return (int)ranks[i].doing;
}

static void add_row(hdi_text *t, const hdi_rank_report *r) {
    const char *step = r->step ? r->step : "a step that is not known";
    hdi_text_add(t, "rank %d", r->rank);
    hdi_text_column(t, 10);
    if (r->doing == HDI_RANK_WAITS)
        hdi_text_add(t, "waits for signal %llu of rank %d in %s since %.1f s: expected %llu, seen %llu\n",
                     (unsigned long long)r->event, r->waits_for, step, r->seconds, (unsigned long long)r->expected,
                     (unsigned long long)r->seen);
    else if (r->doing == HDI_RANK_RUNS)
        hdi_text_add(t, "runs %s since %.1f s\n", step, r->seconds);
    else
        hdi_text_add(t, "%s since %.1f s\n", r->doing == HDI_RANK_GONE ? "gone" : "stopped", r->seconds);
}

static void add_circle(hdi_text *t, const hdi_rank_report *ranks, size_t n, int32_t first) {
    int32_t rank = first;
    hdi_text_add(t, "culprit: ranks wait for each other in a circle: %d", first);
    do {
        rank = ranks[entry_of(ranks, n, rank)].waits_for;
        hdi_text_add(t, " -> %d", rank);
    } while (rank != first);
    hdi_text_add(t, "\n");
}

static void add_culprit(hdi_text *t, const hdi_rank_report *ranks, size_t n, way_end end, size_t behind) {
    static const char *const doing[HDI_RANK_DOING_COUNT] = {"still runs", "", "has stopped", "is gone"};
    size_t i = entry_of(ranks, n, end.rank);
    if (end.circle) {
        add_circle(t, ranks, n, end.rank);
        return;
    }
    hdi_text_add(t, "culprit: rank %d %s", end.rank, i == n ? "says nothing" : doing[ranks[i].doing]);
    if (i < n && ranks[i].doing == HDI_RANK_RUNS && ranks[i].step) hdi_text_add(t, " %s", ranks[i].step);
    hdi_text_add(t, ", and %zu rank%s for it\n", behind, behind == 1 ? " waits" : "s wait");
}

hd_status hdi_wait_report(const hdi_rank_report *ranks, size_t n, char **text) {
    hdi_text t = {0};
    way_end best = {0};
    size_t most = 0;
    *text = NULL;
    for (size_t i = 0; i < n; i++)
        HD_REQUIRE(entry_of(ranks, n, ranks[i].rank) == i && (unsigned)ranks[i].doing < HDI_RANK_DOING_COUNT, HD_INVALID_ARGUMENT,
                   "a report of waits has rank %d twice, or doing what no rank does", ranks[i].rank);
    for (size_t i = 0; i < n; i++) add_row(&t, &ranks[i]);
    for (size_t i = 0; i < n; i++) {
        way_end end = follow(ranks, n, i);
        size_t behind = 0;
        for (size_t k = 0; k < n; k++) {
            way_end other = follow(ranks, n, k);
            behind += ranks[k].doing == HDI_RANK_WAITS && other.rank == end.rank && other.circle == end.circle;
        }
        if (behind > most || (behind && behind == most && weight(ranks, n, end) > weight(ranks, n, best))) {
            most = behind;
            best = end;
        }
    }
    if (most)
        add_culprit(&t, ranks, n, best, most);
    else
        hdi_text_add(&t, "no rank waits for another\n");
    return hdi_text_finish(&t, text);
}
