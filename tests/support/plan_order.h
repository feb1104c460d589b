/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps the waits of several ranks' plans order, worked out the plain way: a closure over three runs, each at a size of its
 * own. Slow and short, to judge the verifier by (compile/verify.h). */
#ifndef HDI_TESTS_PLAN_ORDER_H
#define HDI_TESTS_PLAN_ORDER_H

#include "compile/verify.h"

enum { PLAN_SET_MOST = 8 };

/* The plans of ranks 0 .. n - 1. They have one symbol. */
typedef struct plan_set {
    int n;
    hd_plan *plan[PLAN_SET_MOST];
} plan_set;

/* Whether `mutant` orders all steps that share memory as `good` does, whatever the sizes of three runs: which steps run changes
 * at `cut` and nowhere else. One thread at a time. */
bool plans_order_alike(const plan_set *good, const plan_set *mutant, int64_t cut);

#endif
