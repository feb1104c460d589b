/* SPDX-License-Identifier: Apache-2.0 */
/* What code of a kernel needs of the engine that runs it: which thread it is, and the calls at which threads meet. */
#ifndef HDI_KERNELS_GPU_HOST_THREAD_H
#define HDI_KERNELS_GPU_HOST_THREAD_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/gpu/vendor_host_api.h"

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

/* The running GPU thread. */
struct gpu_host_thread {
    dim3 thread_index, block_index, block_size, grid_size;
    unsigned lane, warp;
    unsigned lanes; /* that this warp really has: fewer in the last one of an odd block */
};
extern __thread gpu_host_thread *gpu_host_self __attribute__((tls_model("initial-exec")));

/* Where a word of the vocabulary was used: two threads that meet must do so at the same place. */
struct gpu_host_place {
    const char *word, *file;
    int line;
};

/* A static array in shared memory. `id` numbers the arrays of the process from 1 on, given at the first use. */
struct gpu_host_array {
    const char *name, *file;
    int line;
    unsigned bytes;
    unsigned id;
};

void *gpu_host_shared(gpu_host_array *array);
char *gpu_host_shared_dynamic();
void gpu_host_barrier(gpu_host_place place);
/* All lanes of the warp give GPU_HOST_SLOT bytes or less at the place that gpu_host_slot gives and then see all others' until
 * they give the next: the slot of lane i lies i * GPU_HOST_SLOT bytes after the result of gpu_host_meet. */
enum { GPU_HOST_SLOT = 32 };
void *gpu_host_slot();
const char *gpu_host_meet(gpu_host_place place);
/* Lets other threads run, for one that waits for memory to change. */
void gpu_host_pause();
/* The same for one that waits for another process or OS thread: gives its core away, and sleeps when it waits long. */
void gpu_host_rest(unsigned turn);
void gpu_host_fence();
void gpu_host_copy_async(void *shared, const void *global, int n, int valid, gpu_host_place place);
void gpu_host_copy_commit();
void gpu_host_copy_wait(int n);
/* Ends the launch with a sticky error and a message. */
[[noreturn]] void gpu_host_fail(hostError_t error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A launch: `call` (bytes long, copied) holds the kernel's arguments, invoke runs one thread. `text` is the source text of the
 * launch, for messages: its first argument names the kernel. */
struct gpu_host_launch_info {
    void (*invoke)(const void *call);
    const void *kernel;
    const char *text, *file;
    int line;
    int lanes;
    int64_t blocks;
    int threads;
    size_t shared;
    void *stream;
    bool cooperative;
};
hostError_t gpu_host_enqueue(const gpu_host_launch_info *info, const void *call, size_t bytes);

#endif
