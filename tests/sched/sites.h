/* SPDX-License-Identifier: Apache-2.0 */
/* The sites of the code under test (base/shared.h) and how their orderings can be weakened. A site of a header is one, however
 * many sources include it. */
#ifndef TESTS_SCHED_SITES_H
#define TESTS_SCHED_SITES_H

#include "base/shared.h"

enum { SITES_NAME = 160 };

/* One step down from the ordering of the source: what is weaker still can do all that this can, so a test that finds this finds
 * that. A relaxed access has none, acquire and release one each, acq_rel two. */
typedef struct weakening {
    hdi_site *site;
    hdi_order to;
} weakening;

/* All of src/, by file and line; in *n how many. The same on each call. */
const weakening *sites_weakenings(int *n);
/* Weakens all copies of a site; NULL: all orderings are as in the source. */
void sites_weaken(const weakening *w);
/* "task/ring.h:57 waits: acq_rel to release". */
void sites_name(const weakening *w, char name[SITES_NAME]);
/* The weakening of this name; NULL: there is none. */
const weakening *sites_find(const char *name);

#endif
