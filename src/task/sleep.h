/* SPDX-License-Identifier: Apache-2.0 */
/* Where workers sleep that find nothing to do. A sleeper says that it sleeps and then looks once more; whoever makes work shows
 * it and then looks for sleepers. These four are sequentially consistent, so one of the two sees the other. */
#ifndef HDI_TASK_SLEEP_H
#define HDI_TASK_SLEEP_H

#include <pthread.h>

#include "base/memory.h"
#include "task/sched_point.h"

typedef struct hdi_bed {
    _Alignas(HDI_CACHE_LINE) _Atomic uint32_t sleepers;
    _Atomic uint32_t epoch; /* rises when sleepers are woken */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} hdi_bed;

void hdi_bed_init(hdi_bed *bed);
void hdi_bed_free(hdi_bed *bed);
/* Sleeps unless `look` finds something: until somebody wakes sleepers, or for `ns` (0: however long that takes). */
void hdi_bed_sleep(hdi_bed *bed, bool (*look)(void *user), void *user, int64_t ns);
/* After work was shown with a sequentially consistent store. */
void hdi_bed_wake(hdi_bed *bed);

#endif
