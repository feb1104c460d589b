/* SPDX-License-Identifier: Apache-2.0 */
/* Slow builds, of sanitizers, repeat less of what differs little: they are there for another kind of fault. */
#ifndef HDI_TESTS_BRIEF_H
#define HDI_TESTS_BRIEF_H

#include <stdbool.h>
#include <stdlib.h>

static inline bool brief_tests(void) { return getenv("HEDDLE_BRIEF_TESTS") != NULL; }

#endif
