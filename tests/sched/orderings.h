/* SPDX-License-Identifier: Apache-2.0 */
/* sched_tasks orderings: weak memory. */
#ifndef TESTS_SCHED_ORDERINGS_H
#define TESTS_SCHED_ORDERINGS_H

#include "sched/ranks.h"

/* Every case under weak memory goes well; with any one ordering of the source weakened, or any one edge of a plan taken out, some
 * schedule of some case goes wrong. `n`: schedules of a case. Not 0: not so. */
int orderings(uint64_t n);
int plan_edges(uint64_t n);
/* Schedule `seed` of a case with a weakening by its name (NULL: none). */
int orderings_replay(const char *name, uint64_t seed, const char *weakening);

#endif
