/* SPDX-License-Identifier: Apache-2.0 */
/* The devices that a test of executors, models or engines runs on: the CPU, the remote device of the conformance suite (CPU
 * kernels in memory that the host cannot touch, work that runs late), and the GPU kernels run by the CPU with 32 and with 64
 * lanes. */
#ifndef HDI_TESTS_DEVICES_H
#define HDI_TESTS_DEVICES_H

#include "device/device.h"

/* The i-th of them, NULL behind the last; those that this build has not are left out. With HEDDLE_TEST_DEVICE in the environment
 * (a card, say; "remote" for the remote device) the CPU and that one. Ends the program when one cannot be had. */
const hd_device *test_devices(int i);
/* The remote device. */
const hd_device *remote_device(void);

#endif
