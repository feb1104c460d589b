/* SPDX-License-Identifier: Apache-2.0 */
/* Windows whose segments and signals lie in a device's memory. The device raises and awaits their signals itself
 * (hdi_device_vtable's exchange calls, task/exchange_device.c); what the host does with them here goes through copies, for
 * beginnings, ends and tests. */
#ifndef HDI_COMM_WINDOW_DEVICE_H
#define HDI_COMM_WINDOW_DEVICE_H

#include "comm/domain.h"

/* Whether it is such a window: the host cannot touch its memory. */
bool hdi_window_on_device(const hd_window *window);

/* In place of the transport's window_open and window_close. Both are collective. HD_UNSUPPORTED where a rank cannot reach another
 * one's memory. After a failure the domain's other ranks have heard of it through the caller. */
hd_status hdi_window_device_open(hd_window *window);
void hdi_window_device_close(hd_window *window); /* legal on one that open has left half made; the thread's message stays */

/* Where this rank's device reaches the word that `from` raises and `to` awaits. */
void *hdi_window_device_signal(const hd_window *window, int32_t to, int32_t from, uint32_t signal);

/* hd_signal_raise, hd_signal_value and hd_signal_wait for these windows, with arguments that have been checked. They wait for no
 * stream: synchronise first. A value that cannot be read is 0. */
hd_status hdi_window_device_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value);
uint64_t hdi_window_device_value(hd_window *window, int32_t rank, uint32_t signal);
hd_status hdi_window_device_wait(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where);

#endif
