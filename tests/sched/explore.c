/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIBERS = 16, OBJECTS = 512, WORDS = OBJECTS / 64, EVENTS = 8192, TABLE = 4 * OBJECTS };

typedef struct footprint {
    uint64_t reads[WORDS], writes[WORDS]; /* what is written counts as read, too */
    uint64_t adds[WORDS];
} footprint;

/* An event, and the state before it. */
typedef struct event {
    int fiber;
    uint32_t enabled, backtrack, asleep; /* sets of fibers; `asleep` is explored already, as `next` says */
    footprint touched;
    footprint next[FIBERS];
    int32_t clock[FIBERS]; /* the last event of each fiber that happened before, or this one; -1: none */
} event;

static event *events;
static int n_events, n_fixed; /* of this schedule; how many are as in the last one, the last of them chosen anew */
static const volatile void *object_at[TABLE];
static int object_id[TABLE], n_objects;
static bool changed[FIBERS]; /* by others, while they were watched */
static uint64_t watched[FIBERS][WORDS];

static bool meet(const uint64_t *a, const uint64_t *b) {
    uint64_t both = 0;
    for (int i = 0; i < WORDS; i++) both |= a[i] & b[i];
    return both != 0;
}

static bool dependent(const footprint *a, const footprint *b) {
    return meet(a->writes, b->reads) || meet(a->reads, b->writes) || meet(a->adds, b->reads) || meet(a->reads, b->adds);
}

static int id_of(const volatile void *object) {
    size_t at = (size_t)((uintptr_t)object * 0x9e3779b97f4a7c15u >> 40) % TABLE;
    for (; object_at[at] && object_at[at] != object; at = (at + 1) % TABLE) continue;
    if (!object_at[at]) {
        if (n_objects == OBJECTS) {
            fprintf(stderr, "the search takes programs of at most %d objects\n", OBJECTS);
            exit(2);
        }
        object_at[at] = object;
        object_id[at] = n_objects++;
    }
    return object_id[at];
}

void explore_begin(void) {
    if (!events) events = malloc(EVENTS * sizeof *events);
    if (!events) abort();
    n_fixed = 0;
    n_objects = 0;
    memset(object_at, 0, sizeof object_at);
}

void explore_start(void) {
    n_events = 0;
    memset(changed, 0, sizeof changed);
    memset(watched, 0, sizeof watched);
}

/* ---- while a schedule runs ---- */

/* Who need not go first in the state after event e: those who slept before it, and whom it does not touch. */
static void inherit_sleep(event *s, const event *e) {
    for (int f = 0; f < FIBERS; f++) {
        if (!(e->asleep >> f & 1u) || f == e->fiber || dependent(&e->next[f], &e->touched)) continue;
        s->asleep |= 1u << f;
        s->next[f] = e->next[f];
    }
}

int explore_choose(uint32_t enabled, int preferred) {
    if (n_events == EVENTS) {
        fprintf(stderr, "the search takes schedules of at most %d turns\n", EVENTS);
        exit(2);
    }
    event *e = &events[n_events];
    if (n_events >= n_fixed) {
        e->enabled = enabled;
        e->backtrack = e->asleep = 0;
        if (n_events) inherit_sleep(e, e - 1);
        uint32_t free = enabled & ~e->asleep;
        if (!free) return -1;
        e->fiber = preferred >= 0 && free >> preferred & 1u ? preferred : __builtin_ctz(free);
        e->backtrack = 1u << e->fiber;
    } else if (e->enabled != enabled) {
        fprintf(stderr, "turn %d: the same choices lead elsewhere: what fibers touch is not all told\n", n_events);
        exit(2);
    }
    memset(&e->touched, 0, sizeof e->touched);
    n_events++;
    return e->fiber;
}

static void tell_watchers(int id, int writer) {
    for (int f = 0; f < FIBERS; f++) changed[f] |= f != writer && watched[f][id / 64] >> (id % 64) & 1u;
}

static void touch(int id, bool writes) {
    event *e = &events[n_events - 1];
    uint64_t bit = (uint64_t)1 << (id % 64);
    e->touched.reads[id / 64] |= bit;
    if (writes) {
        e->touched.writes[id / 64] |= bit;
        tell_watchers(id, e->fiber);
    }
    watched[e->fiber][id / 64] |= bit;
}

void explore_access(const volatile void *object, bool writes) {
    if (n_events) touch(id_of(object), writes);
}

void explore_add(const volatile void *object) {
    if (!n_events) return;
    event *e = &events[n_events - 1];
    int id = id_of(object);
    e->touched.adds[id / 64] |= (uint64_t)1 << (id % 64);
    tell_watchers(id, e->fiber);
}

void explore_did(int fiber) {
    memset(watched[fiber], 0, sizeof watched[fiber]);
    changed[fiber] = false;
}

bool explore_changed(int fiber) { return changed[fiber]; }

void explore_woke(int fiber, const volatile void *epoch, bool timed) {
    uint64_t all[WORDS];
    memcpy(all, watched[fiber], sizeof all);
    explore_did(fiber);
    for (int id = 0; timed && id < n_objects; id++)
        if (all[id / 64] >> (id % 64) & 1u) touch(id, false);
    if (epoch) explore_access(epoch, false);
    explore_did(fiber);
}

/* ---- races ---- */

static bool before(int a, int b) { return a <= events[b].clock[events[a].fiber]; }

/* Makes sure that from the state before event a, some schedule begins in which event b comes before it. */
static void reverse(int a, int b) {
    uint32_t first = 0, seen = 0;
    for (int k = a + 1; k <= b; k++) {
        if (k < b && before(a, k)) continue;
        uint32_t fiber = 1u << events[k].fiber;
        bool begins = !(seen & fiber);
        for (int j = a + 1; j < k && begins; j++) begins = before(a, j) || !before(j, k);
        if (begins) first |= fiber;
        seen |= fiber;
    }
    event *e = &events[a];
    first &= e->enabled; /* who sleeps until `a` cannot come before it */
    if (!first || first & (e->backtrack | e->asleep)) return;
    e->backtrack |= 1u << __builtin_ctz(first);
}

/* What happened before event b: the last event of each fiber that it depends on, unless another one of them comes after that
 * already. Those of other fibers are races. */
static void look_for_races(int b) {
    event *e = &events[b];
    int last[FIBERS];
    memset(last, -1, sizeof last);
    memset(e->clock, -1, sizeof e->clock);
    for (int k = b - 1; k >= 0; k--) {
        int f = events[k].fiber;
        if (last[f] >= 0 || before(k, b)) continue;
        if (f != e->fiber && !dependent(&events[k].touched, &e->touched)) continue;
        last[f] = k;
        for (int i = 0; i < FIBERS; i++)
            if (events[k].clock[i] > e->clock[i]) e->clock[i] = events[k].clock[i];
    }
    e->clock[e->fiber] = b;
    for (int f = 0; f < FIBERS; f++)
        if (f != e->fiber && last[f] >= 0) reverse(last[f], b);
}

bool explore_next(void) {
    for (int b = n_fixed > 0 ? n_fixed - 1 : 0; b < n_events; b++) look_for_races(b);
    for (; n_events; n_events--) {
        event *e = &events[n_events - 1];
        e->asleep |= 1u << e->fiber;
        e->next[e->fiber] = e->touched;
        uint32_t left = e->backtrack & ~e->asleep;
        if (!left) continue;
        e->fiber = __builtin_ctz(left);
        n_fixed = n_events;
        return true;
    }
    return false;
}

const char *explore_choices(void) {
    static char text[16 * EVENTS];
    size_t at = 0;
    for (int i = 0, n; i < n_events; i += n) {
        for (n = 1; i + n < n_events && events[i + n].fiber == events[i].fiber; n++) continue;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%d:%d", i ? "," : "", events[i].fiber, n);
    }
    return text;
}
