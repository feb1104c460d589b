/* SPDX-License-Identifier: Apache-2.0 */
/* A unit of work of the persistent kernel: one kernel call, or one group of calls, as plain data that lies in device memory. */
#ifndef HDI_KERNELS_GPU_UNIT_H
#define HDI_KERNELS_GPU_UNIT_H

#include "kernels/gpu/gpu.h"

enum {
    GPU_UNIT_THREADS = 256, /* of a block, for every body */
    GPU_UNIT_ARGS = 704,    /* bytes of the largest arguments */
    /* Blocks a multiprocessor. One: it may use twice the registers, its eight warps have 64 KB of weights on the way (30 hide the
     * memory's delay), and half as many blocks meet at every counter. */
    GPU_UNIT_RESIDENT = 1,
};

/* The code that a unit runs. */
typedef enum gpu_body {
    GPU_BODY_NONE,
    GPU_BODY_LINEAR_F32, /* products of one row, alone or in a group, by the type of the weight */
    GPU_BODY_LINEAR_F16,
    GPU_BODY_LINEAR_BF16,
    GPU_BODY_LINEAR_Q8_0,
    GPU_BODY_LINEAR_Q4_0,
    GPU_BODY_ATTENTION_F32, /* of few tokens, by the type of the cache */
    GPU_BODY_ATTENTION_F16,
    GPU_BODY_ATTENTION_BF16,
} gpu_body;

struct gpu_unit {
    int32_t body; /* gpu_body */
    int32_t wait; /* the unit whose end a block awaits, and with it that of all units before; -1: none */
    int64_t items;
    size_t shared; /* dynamic shared memory, bytes */
    alignas(16) unsigned char args[GPU_UNIT_ARGS];
};
static_assert(sizeof(gpu_unit) % 16 == 0, "units travel in 16-byte words");

/* What a launcher does in place of a launch when queue->unit is set. Gives GPU(Success). */
template <typename Args> static inline int gpu_describe(gpu_unit *unit, gpu_body body, int64_t items, size_t shared, const Args &args) {
    static_assert(sizeof(Args) <= GPU_UNIT_ARGS && alignof(Args) <= 16, "GPU_UNIT_ARGS must hold the arguments of every body");
    unit->body = body;
    unit->items = items;
    unit->shared = shared;
    __builtin_memcpy(unit->args, &args, sizeof args);
    return 0;
}

#endif
