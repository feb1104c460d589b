/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual scheduler: fibers of one process that take turns, the next one chosen by a seed or by a search through all choices.
 *
 * A fiber gives up its turn at the points that the code under test marks (base/shared.h). A schedule is the list of choices
 * made; the same seed makes the same ones. Memory is as every fiber wrote it last, or weak (memory.h). */
#ifndef TESTS_SCHED_SCHEDULER_H
#define TESTS_SCHED_SCHEDULER_H

#include "task/sched_point.h"

enum { VS_MOST_FIBERS = 16 };

typedef enum vs_outcome { VS_GOOD, VS_DEADLOCK, VS_WRONG, VS_ENDLESS, VS_SEEN } vs_outcome;

/* Which points count: all, or only those at what ranks share (one worker a rank: the others commute). */
typedef enum vs_points { VS_ALL_POINTS, VS_SHARED_POINTS } vs_points;

void vs_begin(vs_points points);
/* Also while fibers run. */
void vs_add(void (*fn)(void *user), void *user);
/* Runs the fibers; each point goes over to another with a chance of one in 2 to 64, as the seed says. */
vs_outcome vs_run_seed(uint64_t seed);
/* Runs the next schedule of the search: all of those in which fibers whose turn it is are passed over `delays` times at most.
 * *more: there is another one. Begin with vs_search(). */
void vs_search(void);
vs_outcome vs_run_next(int delays, bool *more);

/* All traces (explore.h): begin with explore_begin(). A schedule that only repeats what has been explored is VS_SEEN. */
vs_outcome vs_explore(void);
/* Runs "fiber:turns,..." as explore_choices() gives it. */
vs_outcome vs_run_choices(const char *choices);

/* ---- for fibers ---- */

/* A turn of a loop that waits: somebody else goes on if anybody can. */
void vs_pause(void);
/* Others go on until *epoch is not `seen`, or, when `timed`, until anything that ranks share has changed. */
void vs_sleep(const _Atomic uint32_t *epoch, uint32_t seen, bool timed);
int vs_current(void);
/* Whether a fiber runs, not whoever makes and ends them. */
bool vs_running(void);
/* A number below `below`, as the seed says. */
uint32_t vs_draw(uint32_t below);
/* Something was done that is not waiting: those who sleep for a while may do so some more times. */
void vs_did(void);
/* The turn reads an object, or writes it: only the order of accesses to one object matters. */
void vs_touched(const volatile void *object, bool writes);
/* It adds to one and does not look at it: the order of two of these does not matter. */
void vs_added(const volatile void *object);
/* Whether a fiber sleeps on this word, and nobody has changed it. */
bool vs_sleeps_on(const _Atomic uint32_t *epoch);
/* What ranks share has changed: those who sleep for a while wake. */
void vs_changed(void);
/* The run is wrong: says why and ends it. Does not return. */
_Noreturn void vs_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *vs_reason(void);
/* The mutant under test: this edge is taken out; -1: none. */
void vs_mutate(int edge);

#endif
