/* SPDX-License-Identifier: Apache-2.0 */
/* What loops that wait for another thread are made of: the time, and a pause of the core between two looks. */
#ifndef HDI_BASE_WAIT_H
#define HDI_BASE_WAIT_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline int64_t hdi_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Tells the core that this is a spin loop: it saves power and leaves its sister thread room. */
static inline void hdi_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* The turn-th turn of a wait: `spins` pauses, then it gives the core away. */
static inline void hdi_wait_turn(uint32_t turn, uint32_t spins) {
    if (turn < spins)
        hdi_pause();
    else
        sched_yield();
}

#endif
