/* SPDX-License-Identifier: Apache-2.0 */
/* One turn of waiting without sleeping: a pause of the core, or giving it away. */
#ifndef HDI_TASK_PAUSE_H
#define HDI_TASK_PAUSE_H

#include <sched.h>
#include <stdbool.h>

#ifdef HDI_VIRTUAL_SCHEDULER
#define HDI_EAGER true /* sleeps at once and steals at once: turns are not what is explored */
#else
#define HDI_EAGER false
#endif

static inline void hdi_pause_turn(bool spin) {
    if (!spin) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
