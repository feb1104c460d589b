/* SPDX-License-Identifier: Apache-2.0 */
/* sched_tasks orderings, plans: weak memory. */
#ifndef TESTS_SCHED_ORDERINGS_H
#define TESTS_SCHED_ORDERINGS_H

#include "sched/ranks.h"

/* Every case under weak memory goes well; with any one ordering of the source weakened some schedule of some case goes wrong.
 * `n`: schedules of a case. Not 0: not so. */
int orderings(uint64_t n);
/* With an edge of a plan taken out some schedule goes wrong if the verifier refuses the plan, and none if it does not. */
int plan_edges(uint64_t n);
/* Schedule `seed` of a case with a weakening by its name (NULL: none). */
int orderings_replay(const char *name, uint64_t seed, const char *weakening);

#endif
