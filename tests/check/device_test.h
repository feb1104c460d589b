/* SPDX-License-Identifier: Apache-2.0 */
/* Among the parts of the check program that run cases on a device. */
#ifndef HEDDLE_TESTS_DEVICE_TEST_H
#define HEDDLE_TESTS_DEVICE_TEST_H

#include "check/harness.h"
#include "device/device.h"

/* device.c. These print what failed and mark the case. */
bool device_failed(hdi_check *c, hd_status status, const char *doing);
bool device_prepare(hdi_check *c, int poison); /* poisons outputs and brings all windows to the device */
bool device_finish(hdi_check *c);              /* waits, and brings all windows back */
/* Turns addresses in the host's windows into those of the device's. */
void device_bind(const hdi_check *c, hdi_operand *ops, int n);
/* Compares what the first run left with reference and scalar, and keeps it; compares what another run left with that. */
bool device_keep_results(hdi_check *c);
bool device_same_results(hdi_check *c);

/* device_bench.c */
void device_bench(hdi_check *c, double bytes, double flops);

#endif
