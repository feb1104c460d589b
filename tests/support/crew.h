/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks as threads of the test: rank 0 is the caller, the others follow its engines. */
#ifndef HDI_TESTS_CREW_H
#define HDI_TESTS_CREW_H

#include <pthread.h>

#include "heddle/comm.h"
#include "heddle/engine.h"

typedef struct crew {
    int32_t tensor, pipeline;
    hd_weights weights;
    const hd_device *device; /* of all ranks; NULL: the CPU */
    int32_t threads;         /* of each follower */
    int32_t timeout_ms;      /* 0: the default */
    int64_t two_shot;        /* of hd_model_options */
    /* private */
    char name[64];
    char folder[512];
    hd_domain *domain;
    hd_model *model;
    pthread_t followers[HD_MAX_RANKS];
} crew;

/* Starts the followers, each with its part of the model, and loads rank 0's, which it returns; NULL when that fails
 * (hd_last_error). */
hd_model *crew_start(crew *c, const char *folder);
/* Rank 0 has no engine any more: ends everything. */
void crew_end(crew *c);

#endif
