/* SPDX-License-Identifier: Apache-2.0 */
#include "task/sleep.h"

#include <time.h>

void hdi_bed_init(hdi_bed *bed) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&bed->mutex, NULL);
    pthread_cond_init(&bed->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

void hdi_bed_free(hdi_bed *bed) {
    pthread_cond_destroy(&bed->wake);
    pthread_mutex_destroy(&bed->mutex);
}

static void lie_down(hdi_bed *bed, uint32_t seen, int64_t ns) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (until.tv_nsec + ns) / 1000000000;
    until.tv_nsec = (until.tv_nsec + ns) % 1000000000;
    pthread_mutex_lock(&bed->mutex);
    while (hdi_quiet_load(&bed->epoch, relaxed) == seen) {
        if (!ns)
            pthread_cond_wait(&bed->wake, &bed->mutex);
        else if (pthread_cond_timedwait(&bed->wake, &bed->mutex, &until) != 0)
            break;
    }
    pthread_mutex_unlock(&bed->mutex);
}

static void raise_epoch(hdi_bed *bed) {
    pthread_mutex_lock(&bed->mutex);
    hdi_add(&bed->epoch, 1, release);
    pthread_cond_broadcast(&bed->wake);
    pthread_mutex_unlock(&bed->mutex);
}

void hdi_bed_sleep(hdi_bed *bed, bool (*look)(void *user), void *user, int64_t ns) {
    hdi_add(&bed->sleepers, 1, seq_cst);
    uint32_t seen = hdi_load(&bed->epoch, acquire); /* who sees a new epoch sees in its look what it was raised for */
    if (!(HDI_EDGE(LOOK_AGAIN) && look(user))) lie_down(bed, seen, ns);
    hdi_sub(&bed->sleepers, 1, relaxed); /* seen late, it costs a call */
}

void hdi_bed_wake(hdi_bed *bed) {
    if (hdi_load(&bed->sleepers, seq_cst)) raise_epoch(bed);
}
