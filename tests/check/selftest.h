/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the harness's own test. */
#ifndef HEDDLE_TESTS_SELFTEST_H
#define HEDDLE_TESTS_SELFTEST_H

#include "check/harness.h"

/* selftest_device.c: a device broken on purpose. `expect` counts and prints what held. */
void selftest_device(void (*expect)(bool held, const char *text));

#endif
