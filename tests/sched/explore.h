/* SPDX-License-Identifier: Apache-2.0 */
/* All Mazurkiewicz traces of a program of fibers, one schedule of each: source sets and sleep sets (Abdulla, Aronis, Jonsson and
 * Sagonas, "Optimal dynamic partial order reduction", 2014).
 *
 * A turn is an event; what it touches is told while it runs. Two events depend on each other when they are of one fiber or touch
 * one object, and one writes it, but for two that only add to it. Only the order of such events is explored. */
#ifndef TESTS_SCHED_EXPLORE_H
#define TESTS_SCHED_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void explore_begin(void);
/* A schedule begins: as the last one up to where they part. */
void explore_start(void);
/* The fiber of `enabled` that goes on, `preferred` where it is free; -1: all that follows has been explored. */
int explore_choose(uint32_t enabled, int preferred);
/* The turn touches an object, by its address, which is the same in each schedule. */
void explore_access(const volatile void *object, bool writes);
/* It adds to one without a look at it. */
void explore_add(const volatile void *object);
/* The turn's fiber has done some work: what it looked at before it need not look at again. */
void explore_did(int fiber);
/* Whether others have written something that this fiber has read since it woke or worked last, after it read it first: what it
 * did then may be due to that look. */
bool explore_changed(int fiber);
/* The turn is a sleeper's that woke, because of `epoch` or of anything it had looked at. */
void explore_woke(int fiber, const volatile void *epoch, bool timed);
/* The schedule has ended: whether there is another one. */
bool explore_next(void);
/* The schedule as "fiber:turns,..."; a static string. */
const char *explore_choices(void);

#endif
