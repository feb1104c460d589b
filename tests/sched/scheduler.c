/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/scheduler.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "sched/explore.h"
#include "sched/memory.h"

enum { STACK = 256 << 10, MOST_CHOICES = 1 << 20, MOST_TURNS = 300000 };

typedef struct fiber {
    ucontext_t context;
    char *stack;
    void (*fn)(void *);
    void *user;
    bool done, asleep, timed;
    const _Atomic uint32_t *epoch; /* NULL: it only lets others go first */
    uint32_t paused;               /* at this turn */
    uint32_t seen;
    uint64_t world; /* what it knew of when it woke last */
} fiber;

/* One choice of the search: `taken` of `options`. Option 0 is the running fiber where it can go on, else the next one round; any
 * other one is a delay of those before it (Emmi, Qadeer and Rakamaric, "Delay-bounded scheduling", 2011). */
typedef struct choice {
    uint8_t taken, options;
} choice;

static fiber fibers[VS_MOST_FIBERS];
static int n_fibers, current, mutant = -1;
static ucontext_t outside;
static vs_points counted;
static vs_outcome outcome;
static char reason[400];
static uint64_t world, random_state;
static uint32_t rarity, turns;
static bool searching, exploring, running;
static int idle;          /* how often time passed since anything was done */
static const char *given; /* what is left of choices to be replayed */
static uint32_t given_turns;
static choice *choices;
static uint32_t n_choices, at_choice;
static int budget;

void vs_begin(vs_points points) {
    for (int i = 0; i < n_fibers; i++) fibers[i].done = fibers[i].asleep = false;
    n_fibers = 0;
    counted = points;
    outcome = VS_GOOD;
    reason[0] = 0;
    turns = 0;
    idle = 0;
    world = 1;
}

static void fiber_main(void) {
    fibers[current].fn(fibers[current].user);
    fibers[current].done = true;
    hdi_vs_point();
    abort(); /* nobody goes on after its end */
}

void vs_add(void (*fn)(void *user), void *user) {
    fiber *f = &fibers[n_fibers++];
    char *stack = f->stack ? f->stack : malloc(STACK);
    if (!stack) abort();
    *f = (fiber){.stack = stack, .fn = fn, .user = user};
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = stack;
    f->context.uc_stack.ss_size = STACK;
    makecontext(&f->context, fiber_main, 0);
    if (running) memory_fork(current, n_fibers - 1);
}

static bool can_run(const fiber *f) {
    if (f->done) return false;
    if (!f->asleep) return true;
    bool woken = f->timed && (exploring ? explore_changed((int)(f - fibers)) : world != f->world);
    if (!f->epoch) return exploring ? woken : turns > f->paused;
    return woken || atomic_load(f->epoch) != f->seen;
}

static uint32_t draw(uint32_t below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

uint32_t vs_draw(uint32_t below) { return draw(below); }

/* Nobody can go on. Time passes for those who sleep for a while only; they see what has been stored by now. In strong memory they
 * have seen all of it before. */
static bool time_passes(void) {
    bool any = false;
    if (!memory_is_weak() || idle++ == 3) return false;
    for (int i = 0; i < n_fibers; i++) {
        fiber *f = &fibers[i];
        if (f->done || !f->asleep || !f->timed) continue;
        memory_freshen(i);
        f->asleep = false;
        f->world = world;
        any = true;
    }
    return any;
}

/* Of n options, 0 going on with the running fiber when `running`. */
static int choose(int n, bool goes_on) {
    if (n == 1) return 0;
    if (!searching) return goes_on ? (draw(rarity) ? 0 : 1 + (int)draw((uint32_t)n - 1)) : (int)draw((uint32_t)n);
    if (at_choice == MOST_CHOICES) abort();
    choice *c = &choices[at_choice++];
    if (at_choice > n_choices) {
        *c = (choice){0, (uint8_t)(n <= budget + 1 ? n : budget + 1)};
        n_choices = at_choice;
    }
    budget -= c->taken;
    return c->taken;
}

/* As explored, or as an explored one was written down. */
static int choose_of(const int *options, int n) {
    uint32_t enabled = 0;
    for (int i = 0; i < n; i++) enabled |= 1u << options[i];
    if (!given) return explore_choose(enabled, options[0]);
    static int fiber_given;
    if (!given_turns) {
        char *end;
        if (!*given) return explore_choose(enabled, options[0]);
        fiber_given = (int)strtol(given, &end, 10);
        given_turns = *end == ':' ? (uint32_t)strtoul(end + 1, &end, 10) : 0;
        given = *end == ',' ? end + 1 : end;
        if (!given_turns) return -1;
    }
    given_turns--;
    return fiber_given >= 0 && fiber_given < n_fibers && enabled >> fiber_given & 1u ? explore_choose(1u << fiber_given, -1) : -1;
}

static void leave(vs_outcome how) {
    if (outcome == VS_GOOD) outcome = how;
    setcontext(&outside);
}

static void switch_turn(bool first) {
    int options[VS_MOST_FIBERS], n = 0, before = current;
    bool goes_on = !first && can_run(&fibers[current]), all_done = true;
    if (++turns > MOST_TURNS) leave(VS_ENDLESS);
    if (goes_on) options[n++] = current;
    for (int k = 0; k < n_fibers; k++) {
        int i = (current + k) % n_fibers;
        all_done &= fibers[i].done;
        if ((i != current || !goes_on) && can_run(&fibers[i])) options[n++] = i;
    }
    if (n == 0 && !all_done && time_passes()) {
        switch_turn(first);
        return;
    }
    if (n == 0) leave(all_done ? VS_GOOD : VS_DEADLOCK);
    current = exploring ? choose_of(options, n) : options[choose(n, goes_on)];
    if (current < 0) leave(VS_SEEN);
    if (exploring && fibers[current].asleep) explore_woke(current, fibers[current].epoch, fibers[current].timed);
    if (fibers[current].asleep) fibers[current].world = world;
    fibers[current].asleep = false;
    if (current == before && !first) return;
    if (first)
        setcontext(&fibers[current].context);
    else
        swapcontext(&fibers[before].context, &fibers[current].context);
}

static vs_outcome run(void) {
    volatile bool started = false;
    getcontext(&outside);
    if (!started) {
        started = running = true;
        current = 0;
        switch_turn(true);
    }
    running = false;
    return outcome;
}

vs_outcome vs_run_seed(uint64_t seed) {
    searching = false;
    random_state = seed * 0x9e3779b97f4a7c15u + 1;
    rarity = 2u << draw(6);
    return run();
}

vs_outcome vs_explore(void) {
    exploring = true;
    given = NULL;
    explore_start();
    vs_outcome how = run();
    exploring = false;
    return how;
}

vs_outcome vs_run_choices(const char *choices_given) {
    explore_begin();
    explore_start();
    exploring = true;
    given = choices_given;
    given_turns = 0;
    vs_outcome how = run();
    exploring = false;
    return how;
}

void vs_search(void) {
    if (!choices) choices = malloc(MOST_CHOICES * sizeof *choices);
    if (!choices) abort();
    n_choices = 0;
}

vs_outcome vs_run_next(int delays, bool *more) {
    searching = true;
    at_choice = 0;
    budget = delays;
    vs_outcome how = run();
    while (n_choices && choices[n_choices - 1].taken + 1 >= choices[n_choices - 1].options) n_choices--;
    *more = n_choices > 0;
    if (*more) choices[n_choices - 1].taken++;
    return how;
}

int vs_current(void) { return current; }
bool vs_running(void) { return running; }
void vs_did(void) {
    idle = 0;
    if (exploring) explore_did(current);
}
bool vs_sleeps_on(const _Atomic uint32_t *epoch) {
    for (int i = 0; i < n_fibers; i++)
        if (!fibers[i].done && fibers[i].asleep && fibers[i].epoch == epoch && atomic_load(epoch) == fibers[i].seen) return true;
    return false;
}

void vs_changed(void) {
    world++;
    idle = 0;
}
const char *vs_reason(void) { return outcome == VS_DEADLOCK ? "nobody can go on" : outcome == VS_ENDLESS ? "no end" : reason; }
void vs_mutate(int edge) { mutant = edge; }

void vs_wrong(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    leave(VS_WRONG);
    abort();
}

/* ---- what the code under test calls ---- */

void hdi_vs_shared_point(void) { switch_turn(false); }

void hdi_vs_point(void) {
    if (counted == VS_ALL_POINTS || fibers[current].done) switch_turn(false);
}

void vs_touched(const volatile void *object, bool writes) {
    if (exploring) explore_access(object, writes);
}

void vs_added(const volatile void *object) {
    if (exploring) explore_add(object);
}

/* In the search for all traces, until something changes that it has looked at. */
void vs_pause(void) {
    fiber *f = &fibers[current];
    if (memory_is_weak() && !draw(4)) memory_freshen(current);
    f->asleep = f->timed = true;
    f->epoch = NULL;
    f->paused = turns + 1;
    switch_turn(false);
}

bool hdi_vs_edge(hdi_edge edge) { return (int)edge != mutant; }

void vs_sleep(const _Atomic uint32_t *epoch, uint32_t seen, bool timed) {
    fiber *f = &fibers[current];
    f->asleep = true;
    f->timed = timed;
    f->epoch = epoch;
    f->seen = seen;
    switch_turn(false);
}
