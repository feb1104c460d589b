/* SPDX-License-Identifier: Apache-2.0 */
/* The switch in assembly where we have it, ucontext elsewhere. Stacks come from mmap with an inaccessible page below, and their
 * tops are spread over the cache's sets: hundreds of stacks at one offset would evict one another. */
#include "kernels/gpu/host/fiber.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif

#if !defined(__x86_64__) && !defined(__aarch64__)
#define FIBER_UCONTEXT 1
#include <new>
#include <ucontext.h>
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/asan_interface.h>
#endif
#ifdef FIBER_TSAN
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
}
#endif

namespace hdi_gpu_host {

#if defined(FIBER_ASAN) || defined(FIBER_TSAN)
enum { STACK_BYTES = 256 * 1024, GUARD_BYTES = 4096 * 17 }; /* instrumented frames are large */
#else
enum { STACK_BYTES = 128 * 1024, GUARD_BYTES = 4096 };
#endif
enum { COLOURS = 16, COLOUR_BYTES = 256 };

#ifndef FIBER_UCONTEXT
extern "C" void hdi_gpu_host_switch(void **from_sp, void *to_sp);
#endif

#if defined(__x86_64__)
/* Saves what a function must keep on the stack, changes stacks, restores. A new stack is made to look as if it had been saved. */
asm(".text\n"
    ".p2align 4\n"
    ".hidden hdi_gpu_host_switch\n"
    ".globl hdi_gpu_host_switch\n"
    ".type hdi_gpu_host_switch, @function\n"
    "hdi_gpu_host_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size hdi_gpu_host_switch, .-hdi_gpu_host_switch\n");
enum { SAVED_WORDS = 6 };
#elif defined(__aarch64__)
asm(".text\n"
    ".p2align 4\n"
    ".hidden hdi_gpu_host_switch\n"
    ".globl hdi_gpu_host_switch\n"
    ".type hdi_gpu_host_switch, %function\n"
    "hdi_gpu_host_switch:\n"
    "  stp x29, x30, [sp, #-160]!\n"
    "  stp x19, x20, [sp, #16]\n  stp x21, x22, [sp, #32]\n  stp x23, x24, [sp, #48]\n"
    "  stp x25, x26, [sp, #64]\n  stp x27, x28, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
    "  ldp x19, x20, [sp, #16]\n  ldp x21, x22, [sp, #32]\n  ldp x23, x24, [sp, #48]\n"
    "  ldp x25, x26, [sp, #64]\n  ldp x27, x28, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  ldp x29, x30, [sp], #160\n"
    "  ret\n"
    ".size hdi_gpu_host_switch, .-hdi_gpu_host_switch\n");
#endif

bool fiber_create(fiber *f, unsigned number) {
    char *memory =
        (char *)mmap(nullptr, GUARD_BYTES + STACK_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    if (mprotect(memory + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) != 0) {
        munmap(memory, GUARD_BYTES + STACK_BYTES);
        return false;
    }
    f->stack = memory + GUARD_BYTES;
    f->stack_bytes = STACK_BYTES - number % COLOURS * COLOUR_BYTES;
#ifdef FIBER_UCONTEXT
    f->sp = new (std::nothrow) ucontext_t;
    if (!f->sp) {
        munmap(memory, GUARD_BYTES + STACK_BYTES);
        return false;
    }
#endif
#ifdef FIBER_TSAN
    f->sanitizer = __tsan_create_fiber(0);
#endif
    return true;
}

void fiber_destroy(fiber *f) {
    if (!f->stack) return;
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->sanitizer);
#endif
#ifdef FIBER_UCONTEXT
    delete (ucontext_t *)f->sp;
#endif
    munmap(f->stack - GUARD_BYTES, GUARD_BYTES + STACK_BYTES);
    *f = fiber();
}

void fiber_forget(fiber *f) {
#ifdef FIBER_ASAN
    __asan_unpoison_memory_region(f->stack, f->stack_bytes);
#endif
    (void)f;
}

void fiber_prepare(fiber *f, void (*entry)()) {
    fiber_forget(f);
#ifdef FIBER_UCONTEXT
    ucontext_t *u = (ucontext_t *)f->sp;
    getcontext(u);
    u->uc_stack.ss_sp = f->stack;
    u->uc_stack.ss_size = f->stack_bytes;
    u->uc_link = nullptr;
    makecontext(u, entry, 0);
#elif defined(__x86_64__)
    void **top = (void **)(f->stack + f->stack_bytes); /* 16-byte aligned */
    *--top = nullptr;                                  /* where entry would return to; keeps the alignment of a call */
    *--top = (void *)entry;
    top -= SAVED_WORDS;
    memset(top, 0, SAVED_WORDS * sizeof *top);
    f->sp = top;
#else
    void **top = (void **)(f->stack + f->stack_bytes) - 20;
    memset(top, 0, 20 * sizeof *top);
    top[1] = (void *)entry; /* x30 */
    f->sp = top;
#endif
}

void fiber_adopt(fiber *f) {
#ifdef FIBER_TSAN
    f->sanitizer = __tsan_get_current_fiber();
#endif
#ifdef FIBER_UCONTEXT
    if (!f->sp) f->sp = new ucontext_t;
#endif
    (void)f;
}

#ifdef FIBER_ASAN
static __thread fiber *coming_from;
#endif

void fiber_switch(fiber *from, fiber *to, bool last) {
#ifdef FIBER_ASAN
    void *fake = nullptr;
    coming_from = from;
    __sanitizer_start_switch_fiber(last ? nullptr : &fake, to->stack, to->stack_bytes);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(to->sanitizer, 0);
#endif
#ifdef FIBER_UCONTEXT
    swapcontext((ucontext_t *)from->sp, (ucontext_t *)to->sp);
#else
    hdi_gpu_host_switch(&from->sp, to->sp);
#endif
    (void)last;
#ifdef FIBER_ASAN
    const void *bottom = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(fake, &bottom, &bytes);
    if (!coming_from->stack_bytes) coming_from->stack = (char *)bottom, coming_from->stack_bytes = bytes;
#endif
}

void fiber_started() {
#ifdef FIBER_ASAN
    const void *bottom = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
    if (!coming_from->stack_bytes) coming_from->stack = (char *)bottom, coming_from->stack_bytes = bytes; /* the OS thread's */
#endif
}

} // namespace hdi_gpu_host
