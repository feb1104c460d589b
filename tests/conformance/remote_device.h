/* SPDX-License-Identifier: Apache-2.0 */
/* A device for tests that is as far from the host as a GPU is: the addresses it hands out cannot be read or written by the host,
 * and work on a stream runs only when somebody waits for it. Code that forgets a copy faults; code that forgets a wait computes
 * wrong. */
#ifndef HDI_TESTS_REMOTE_DEVICE_H
#define HDI_TESTS_REMOTE_DEVICE_H

#include "device/device.h"

extern const hdi_device_vtable remote_device_vtable;

/* Device allocations that have not been freed. */
int remote_device_blocks(void);
/* The launch after `n` more ones fails, once (n >= 0); -1 turns it off. */
void remote_device_fail_after(long n);
/* Streams that have not been destroyed. */
int remote_device_streams(void);

#endif
