/* SPDX-License-Identifier: Apache-2.0 */
/* Fibers: stacks that one OS thread switches between in a few nanoseconds, which is what a GPU thread runs on. A fiber stays on
 * the OS thread that started it until its function is through. */
#ifndef HDI_KERNELS_GPU_HOST_FIBER_H
#define HDI_KERNELS_GPU_HOST_FIBER_H

#include <stddef.h>

namespace hdi_gpu_host {

struct fiber {
    void *sp = nullptr;    /* where it goes on; while it runs: stale */
    char *stack = nullptr; /* lowest usable byte; below it lies an inaccessible page. NULL: the OS thread's own stack */
    size_t stack_bytes = 0;
    void *sanitizer = nullptr; /* the sanitizer's own idea of this fiber */
};

/* Makes `f` a stack; false: no memory. */
bool fiber_create(fiber *f, unsigned number);
void fiber_destroy(fiber *f);
/* The next switch to `f` starts `entry`, which never returns. */
void fiber_prepare(fiber *f, void (*entry)());
/* The frames on its stack are given up. */
void fiber_forget(fiber *f);
/* Makes `f` stand for the OS thread that calls. */
void fiber_adopt(fiber *f);
/* Goes on with `to`; returns when somebody switches to `from`, which is never after its last switch. */
void fiber_switch(fiber *from, fiber *to, bool last = false);
/* To be called first by an `entry`. */
void fiber_started();

} // namespace hdi_gpu_host

#endif
