/* SPDX-License-Identifier: Apache-2.0 */
/* What a device does later than it was told: recorded graphs, and errors that show when somebody waits. Tests that a device has
 * no means for pass without a word. */
#ifndef HDI_TESTS_CONFORMANCE_LATE_H
#define HDI_TESTS_CONFORMANCE_LATE_H

#include "device/device.h"

/* A recorded copy, fill and kernel run as often as asked, on what is there by then. */
void late_graphs(const hd_device *device);
/* A recording that heard an error gives no graph and the first error's words; the stream goes on. */
void late_spoilt_graph(const hd_device *device);
/* A kernel that reads outside all memory: its launch may succeed, the next wait tells, and the one after that does not. On
 * devices that survive it: hardware does not. */
void late_errors(const hd_device *device);

#endif
