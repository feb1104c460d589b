/* SPDX-License-Identifier: Apache-2.0 */
/* Weak memory for fibers: the C11 model as a machine that runs (views of locations, without promises).
 *
 * A location keeps its last stores in modification order, which is the order in which they are made. A fiber's view says how old
 * a store it may still read of each; a load reads any that is not older, as the seed says. What is released takes the view with
 * it, also through read-modify-writes of others; what acquires takes it over. Views count the fibers' own releases too: they are
 * the clocks by which races are found (races.h). memory.c has the rest. */
#ifndef TESTS_SCHED_MEMORY_H
#define TESTS_SCHED_MEMORY_H

#include "base/shared.h"

/* Everything is forgotten: what lies in memory is what all know. Not weak: loads read the last store, and there are no clocks. */
void memory_begin(bool weak);
bool memory_is_weak(void);

/* What the parent did so far comes before all that the child does. */
void memory_fork(int parent, int child);
/* Time passes: a fiber's next loads see what has been stored by now, ordered by nothing. */
void memory_freshen(int fiber);

/* The fiber that stored last there, by this kind of access; -1: nobody, or by another kind. */
int memory_last_writer(const volatile void *object, hdi_access access);
/* The fiber's clock, and whether what `other` did when its clock stood at `clock` comes before what `fiber` does now. */
uint32_t memory_clock(int fiber);
bool memory_before(int other, uint32_t clock, int fiber);

#endif
