/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of traces are derived by hand: orders of the accesses to each object, of which those of two reads do not count. What a
 * schedule leads to is written down, so that outcomes that must be reached, or never are, are looked for, too. */
#include "sched/explore_test.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sched/explore.h"
#include "sched/scheduler.h"

enum { MOST = 5 };

static _Atomic uint32_t x, y, z[MOST];
static uint32_t got[MOST];
static const int number[MOST] = {0, 1, 2, 3, 4};

static int of(const void *user) { return *(const int *)user; }

static void write_own(void *user) { hdi_store(&z[of(user)], 1, relaxed); }
static void write_one(void *user) { hdi_store(&x, 1 + (uint32_t)of(user), relaxed); }
static void read_one(void *user) { got[of(user)] = hdi_load(&x, relaxed); }
static void add_one(void *user) { hdi_add(&x, (uint32_t)of(user), relaxed); }
static void write_twice(void *user) {
    write_one(user);
    write_one(user);
}
/* Reads what the others write, one for each. */
static void read_all(void *user) {
    for (int i = 0; i < of(user); i++) got[i] = hdi_load(&z[i], relaxed);
}
static void first_of_two(void *user) {
    (void)user;
    hdi_store(&x, 1, relaxed);
    got[0] = hdi_load(&y, relaxed);
}
static void second_of_two(void *user) {
    (void)user;
    hdi_store(&y, 1, relaxed);
    got[1] = hdi_load(&x, relaxed);
}
/* Fiber 0 tells, the others sleep until it has. */
static void tell(void *user) {
    (void)user;
    hdi_store(&x, 1, relaxed);
}
static void listen(void *user) {
    (void)user;
    for (uint32_t seen; !(seen = hdi_load(&x, relaxed));) vs_sleep(&x, seen, false);
}
/* Looks at y and naps until that has changed. */
static void poll_y(void *user) {
    (void)user;
    while (!hdi_load(&y, relaxed)) vs_sleep(&x, atomic_load(&x), true);
}
static void tell_y(void *user) {
    (void)user;
    hdi_store(&y, 1, relaxed);
}
/* Takes the mutexes x and y in the order of its number: two of them may block each other. */
static void lock(_Atomic uint32_t *mutex) {
    for (uint32_t free = 0; !hdi_swap_if(mutex, &free, 1, relaxed); free = 0) vs_sleep(mutex, 1, false);
}
static void lock_both(void *user) {
    lock(of(user) ? &x : &y);
    lock(of(user) ? &y : &x);
    hdi_store(&x, 0, relaxed);
    hdi_store(&y, 0, relaxed);
}

typedef struct program {
    const char *name;
    void (*fn[MOST])(void *user);
    uint64_t traces;
    int deadlocks; /* 1: some */
} program;

static const program programs[] = {
    {"4 writers to an object each", {write_own, write_own, write_own, write_own}, 1, 0},
    {"2 writers to one object", {write_one, write_one}, 2, 0},
    {"3 writers to one object", {write_one, write_one, write_one}, 6, 0},
    {"5 writers to one object", {write_one, write_one, write_one, write_one, write_one}, 120, 0},
    {"2 that write one object twice", {write_twice, write_twice}, 6, 0},               /* 4! / (2! 2!) */
    {"3 that write one object twice", {write_twice, write_twice, write_twice}, 90, 0}, /* 6! / (2! 2! 2!) */
    {"4 readers of one object", {read_one, read_one, read_one, read_one}, 1, 0},
    {"a writer and 3 readers", {write_one, read_one, read_one, read_one}, 8, 0},    /* each before or after it */
    {"2 writers and 2 readers", {write_one, write_one, read_one, read_one}, 18, 0}, /* 2! x 3^2 */
    {"3 that add to one object", {add_one, add_one, add_one}, 1, 0},
    {"2 that add and a reader", {add_one, add_one, read_one}, 4, 0}, /* each before or after it */
    {"2 that add and a writer", {add_one, add_one, write_one}, 4, 0},
    {"a reader of 4 writers' objects", {write_own, write_own, write_own, write_own, read_all}, 16, 0},
    {"store buffers", {first_of_two, second_of_two}, 3, 0},
    {"1 tells 2 who sleep", {tell, listen, listen}, 4, 0}, /* each looks before, or after it */
    {"1 tells 1 who naps", {tell_y, poll_y}, 2, 0},
    {"2 mutexes in 2 orders", {lock_both, lock_both}, 0, 1},
    {"2 who wait for nobody", {listen, listen}, 1, 1},
};

static void reset(const program *p) {
    vs_begin(VS_ALL_POINTS);
    atomic_store(&x, 0);
    atomic_store(&y, 0);
    memset(z, 0, sizeof z);
    for (int i = 0; i < MOST && p->fn[i]; i++) vs_add(p->fn[i], (void *)(uintptr_t)&number[i]);
}

static bool explore(const program *p) {
    uint64_t traces = 0, seen = 0, deadlocks = 0, both = 0;
    bool two_looks = p->fn[0] == first_of_two;
    explore_begin();
    do {
        reset(p);
        vs_outcome how = vs_explore();
        traces += how != VS_SEEN;
        seen += how == VS_SEEN;
        deadlocks += how == VS_DEADLOCK;
        if (two_looks && how == VS_GOOD && !got[0] && !got[1]) both++;
    } while (explore_next());
    bool good = (!p->traces || traces == p->traces) && (deadlocks != 0) == p->deadlocks && both == 0;
    printf("%-32s %llu traces, %llu of them without an end, %llu begun in vain%s\n", p->name, (unsigned long long)traces,
           (unsigned long long)deadlocks, (unsigned long long)seen, good ? "" : ": WRONG");
    if (!good) printf("    there are %llu\n", (unsigned long long)p->traces);
    return good;
}

int explore_test(void) {
    bool good = true;
    for (size_t i = 0; i < HDI_COUNTOF(programs); i++) good &= explore(&programs[i]);
    return !good;
}
