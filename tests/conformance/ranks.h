/* SPDX-License-Identifier: Apache-2.0 */
/* What a device does for plans of several ranks. Tests that a device has no means for pass without a word. */
#ifndef HDI_TESTS_CONFORMANCE_RANKS_H
#define HDI_TESTS_CONFORMANCE_RANKS_H

#include "device/device.h"

/* Memory is shared, opened and closed, and is the same memory. By this process: others are unit.ranks_devices's. */
void ranks_memory(const hd_device *device);
/* Signals rise with the runs, waits end when they have, counted on the device: enqueued and recorded, of one and of many signals.
 */
void ranks_signals(const hd_device *device);
/* A wait that nobody ends takes long, says so, and gives up when it is told to; nothing is raised after that. */
void ranks_give_up(const hd_device *device);

#endif
