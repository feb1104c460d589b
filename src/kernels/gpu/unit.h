/* SPDX-License-Identifier: Apache-2.0 */
/* A unit of work of the persistent kernel: one kernel call, or one group of calls, as plain data that lies in device memory. */
#ifndef HDI_KERNELS_GPU_UNIT_H
#define HDI_KERNELS_GPU_UNIT_H

#include "kernels/gpu/gpu.h"

enum {
    GPU_UNIT_THREADS = 256, /* of a block, for every body */
    GPU_UNIT_ARGS = 704,    /* bytes of the largest arguments */
};

typedef struct gpu_unit {
    int32_t body; /* which code it runs: walk.cu */
    int32_t wait; /* the unit whose end a block awaits, and with it that of all units before; -1: none */
    int64_t items;
    size_t shared; /* dynamic shared memory, bytes */
    alignas(16) unsigned char args[GPU_UNIT_ARGS];
} gpu_unit;

#endif
