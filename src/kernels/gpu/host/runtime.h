/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the run-time library share. */
#ifndef HDI_KERNELS_GPU_HOST_RUNTIME_H
#define HDI_KERNELS_GPU_HOST_RUNTIME_H

#include "kernels/gpu/vendor_host_api.h"

namespace hdi_gpu_host {

int device_now();                     /* of this OS thread */
hostError_t sticky_error(int device); /* hostSuccess: none */
void clear_sticky(int device);
/* Notes an error as this OS thread's last one, and gives it. */
hostError_t done(hostError_t error);

} // namespace hdi_gpu_host

#endif
