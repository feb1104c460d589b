/* SPDX-License-Identifier: Apache-2.0 */
/* The search for all traces, on programs whose number of traces is known. */
#ifndef TESTS_SCHED_EXPLORE_TEST_H
#define TESTS_SCHED_EXPLORE_TEST_H

/* 0: all numbers are right. */
int explore_test(void);

#endif
