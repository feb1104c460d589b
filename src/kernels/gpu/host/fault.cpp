/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of kernels: a message that names kernel, block and thread, and the way out of the launch. An access to memory that is
 * not there arrives as a signal; the handler is installed while kernels run and hands on what is not theirs. */
#include <mutex>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "kernels/gpu/host/block.h"

namespace hdi_gpu_host {

static std::mutex handlers_lock;
static int handlers_users;
static struct sigaction previous_segv, previous_bus;
enum { SIGNAL_STACK = 128 * 1024 };

static std::string format_text(const char *format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    return text;
}

static __thread const void *signal_address;
static __thread bool signal_in_stack, signal_nowhere;

/* Runs on the fiber's own stack, from its top: what lay there is given up. */
static void after_signal() {
    if (signal_in_stack) gpu_host_fail(hostErrorLaunchFailure, "needs more stack than the host vendor gives a thread");
    if (signal_nowhere) gpu_host_fail(hostErrorIllegalAddress, "reads or writes an address that no memory can have");
    char where[256];
    { /* no object may live when the fiber is left for ever */
        std::string words = describe_shared(((thread *)gpu_host_self)->home, signal_address);
        if (words.empty()) words = describe_address(signal_address);
        snprintf(where, sizeof where, "%s", words.c_str());
    }
    gpu_host_fail(hostErrorIllegalAddress, "reads or writes %p: %s", signal_address, where);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    engine *e = running;
    if (!e || !gpu_host_self || e->on == &e->main) {
        struct sigaction *previous = number == SIGSEGV ? &previous_segv : &previous_bus;
        if (previous->sa_flags & SA_SIGINFO)
            previous->sa_sigaction(number, info, context);
        else if (previous->sa_handler == SIG_DFL || previous->sa_handler == SIG_IGN)
            signal(number, SIG_DFL); /* the access is tried again, and ends the process */
        else
            previous->sa_handler(number);
        return;
    }
    signal_address = info->si_addr;
    signal_nowhere = info->si_code == SI_KERNEL; /* the hardware does not say where */
    const char *at = (const char *)info->si_addr;
    signal_in_stack = at < e->on->stack && at >= e->on->stack - 65536;
    fiber_forget(e->on);
    ucontext_t *u = (ucontext_t *)context;
    uintptr_t top = ((uintptr_t)e->on->stack + e->on->stack_bytes) & ~(uintptr_t)15;
#if defined(__x86_64__)
    u->uc_mcontext.gregs[REG_RSP] = (greg_t)(top - 8); /* as after a call */
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)after_signal;
#elif defined(__aarch64__)
    u->uc_mcontext.sp = top;
    u->uc_mcontext.pc = (uintptr_t)after_signal;
#else
    (void)u, (void)top;
    after_signal(); /* swapcontext leaves the handler and restores the signal mask */
#endif
}

void faults_begin(engine *e) {
    stack_t stack = {};
    if (!e->signal_stack) e->signal_stack = (char *)malloc(SIGNAL_STACK);
    stack.ss_sp = e->signal_stack;
    stack.ss_size = SIGNAL_STACK;
    sigaltstack(&stack, &e->previous_signal_stack);
    std::lock_guard<std::mutex> guard(handlers_lock);
    if (handlers_users++) return;
    struct sigaction action = {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
}

void faults_end(engine *e) {
    {
        std::lock_guard<std::mutex> guard(handlers_lock);
        if (--handlers_users == 0) {
            sigaction(SIGSEGV, &previous_segv, nullptr);
            sigaction(SIGBUS, &previous_bus, nullptr);
        }
    }
    sigaltstack(&e->previous_signal_stack, nullptr);
}

void fail_block(const block *b, hostError_t error, const char *format, ...) {
    engine *e = running;
    va_list args;
    va_start(args, format);
    e->failed.error = error;
    e->failed.text = e->what->name() + ", block " + std::to_string(b->index) + ": " + format_text(format, args);
    va_end(args);
    abandon(e);
}

} // namespace hdi_gpu_host

using namespace hdi_gpu_host;

void gpu_host_fail(hostError_t error, const char *format, ...) {
    engine *e = running;
    const gpu_host_thread *t = gpu_host_self;
    va_list args;
    va_start(args, format);
    e->failed.error = error;
    e->failed.text = e->what->name();
    if (t) e->failed.text += ", block " + std::to_string(t->block_index.x) + ", thread " + std::to_string(t->thread_index.x);
    e->failed.text += ": " + format_text(format, args);
    va_end(args);
    abandon(e);
}
