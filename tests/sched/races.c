/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/races.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sched/memory.h"
#include "sched/scheduler.h"

enum { MOST_WATCHED = 32, MOST_OBJECTS = 1024, MOST_FIBERS = VS_MOST_FIBERS };

typedef struct past {
    uint32_t clock; /* 0: never */
    const char *who;
} past;

/* What was done to some bytes: the last write, and each fiber's last read since. */
typedef struct cell {
    uint32_t turn; /* of races_begin: what is older counts for nothing */
    int writer;
    past write, read[MOST_FIBERS];
} cell;

typedef struct watched {
    const uint8_t *memory;
    size_t bytes;
    cell *cells;
} watched;

/* A small object of the runtime's own (HDI_READS, HDI_WRITES). */
typedef struct object {
    const volatile void *address;
    cell cell;
} object;

static watched all[MOST_WATCHED];
static int n_watched;
static object objects[MOST_OBJECTS];
static uint32_t turn = 1;

void races_begin(void) {
    turn++;
    memset(objects, 0, sizeof objects);
}

void races_watch(const void *memory, size_t bytes) {
    cell *cells = calloc(bytes / RACES_GRAIN + 1, sizeof *cells);
    if (!cells || n_watched == MOST_WATCHED) abort();
    all[n_watched++] = (watched){memory, bytes, cells};
}

void races_watch_nothing(void) {
    while (n_watched) free(all[--n_watched].cells);
}

static void check(const past *before, int other, int me, bool wrote, bool writes, const char *who) {
    if (!before->clock || other == me || memory_before(other, before->clock, me)) return;
    vs_wrong("%s %s what %s %s, and nothing orders them", who, writes ? "writes" : "reads", before->who,
             wrote ? "writes" : "reads");
}

static void touch(cell *c, bool writes, const char *who) {
    int me = vs_current();
    const past now = {memory_clock(me), who};
    if (c->turn != turn) *c = (cell){.turn = turn};
    check(&c->write, c->writer, me, true, writes, who);
    if (!writes) {
        c->read[me] = now;
        return;
    }
    for (int i = 0; i < MOST_FIBERS; i++) {
        check(&c->read[i], i, me, false, true, who);
        c->read[i].clock = 0;
    }
    c->write = now;
    c->writer = me;
}

void races_access(const void *memory, size_t bytes, bool writes, const char *who) {
    if (!memory_is_weak() || !bytes) return;
    for (int i = 0; i < n_watched; i++) {
        const watched *w = &all[i];
        if ((const uint8_t *)memory < w->memory || (const uint8_t *)memory >= w->memory + w->bytes) continue;
        size_t at = (size_t)((const uint8_t *)memory - w->memory), end = at + bytes - 1;
        for (size_t k = at / RACES_GRAIN; k <= end / RACES_GRAIN; k++) touch(&w->cells[k], writes, who);
        return;
    }
    vs_wrong("%s touches memory that nobody watches", who);
}

void hdi_vs_plain(const volatile void *address, bool writes, const char *text) {
    vs_touched(address, writes);
    if (!memory_is_weak()) return;
    size_t at = (size_t)((uintptr_t)address * 0x9e3779b97f4a7c15u >> 40) % MOST_OBJECTS;
    for (; objects[at].address && objects[at].address != address; at = (at + 1) % MOST_OBJECTS) {
    }
    objects[at].address = address;
    touch(&objects[at].cell, writes, text);
}
