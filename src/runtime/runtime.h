/* SPDX-License-Identifier: Apache-2.0 */
/* What a process keeps for a device once it is used: its allocator. Made on first use, once, shared by all threads, and kept
 * until the process ends. */
#ifndef HDI_RUNTIME_RUNTIME_H
#define HDI_RUNTIME_RUNTIME_H

#include "runtime/allocator.h"

/* Memory from the device's allocator for use on `stream` (an id; 0: no stream in particular). Thread-safe. */
hd_status hdi_runtime_alloc(const hd_device *device, size_t bytes, uint64_t stream, hdi_block *out);
void hdi_runtime_free(const hd_device *device, hdi_block block);
/* The stream of this id is idle and destroyed: its cached blocks serve others now. */
void hdi_runtime_stream_gone(const hd_device *device, uint64_t stream);

#endif
