/* SPDX-License-Identifier: Apache-2.0 */
/* Device and page-locked memory of the host vendor. Thread-safe. */
#ifndef HDI_KERNELS_GPU_HOST_MEMORY_H
#define HDI_KERNELS_GPU_HOST_MEMORY_H

#include <string>

#include "kernels/gpu/vendor_host_api.h"

namespace hdi_gpu_host {

enum { DEVICES = 2 };

/* Poisoned memory of a device, 256-byte aligned; -1: of the host. */
hostError_t allocate(int device, size_t bytes, void **out);
/* *wrong: what is wrong with its guard zones, or "". hostErrorInvalidValue for what is no allocation of this kind. */
hostError_t release(void *memory, bool host, std::string *wrong);
/* Allocations for other processes: hostIpcGetMemHandle's own part, and theirs. */
hostError_t share_allocation(void *memory, hostIpcMemHandle_t *handle);
hostError_t open_shared(const hostIpcMemHandle_t *handle, void **out);
hostError_t close_shared(void *memory, std::string *wrong);
void memory_info(int device, size_t *free_bytes, size_t *total);
/* Whether the range lies in one allocation, or in none of ours; *device: whose it is (-1: the host's). */
bool inside_memory(const void *p, size_t bytes, int *device);

} // namespace hdi_gpu_host

#endif
