/* SPDX-License-Identifier: Apache-2.0 */
/* What an executor of a device among ranks enqueues between its kernels: the device itself counts runs, awaits and raises
 * signals, with no step of the host in between, so all of it can be recorded. */
#ifndef HDI_TASK_EXCHANGE_DEVICE_H
#define HDI_TASK_EXCHANGE_DEVICE_H

#include "task/executor.h"

/* After the window was made. */
hd_status hdi_exchange_device_create(hd_executor *executor);
void hdi_exchange_device_destroy(hd_executor *executor); /* its stream is gone; NULL is legal */

/* Enqueue: a run begins; what `step` waits for, nothing later begins before; what it tells, when all before has ended; a run
 * ends. */
hd_status hdi_exchange_device_begin(hd_executor *executor);
hd_status hdi_exchange_device_wait(hd_executor *executor, uint32_t step);
hd_status hdi_exchange_device_trigger(hd_executor *executor, uint32_t step);
hd_status hdi_exchange_device_end(hd_executor *executor);

/* Fails with the sentence of a wait that the device gave up. Any thread; meaningful once the work has been waited for. */
hd_status hdi_exchange_device_check(hd_executor *executor);

#endif
