/* SPDX-License-Identifier: Apache-2.0 */
/* From what size on a sum over ranks is best made in two shots (hd_shard.two_shot): one table, by what carries it. */
#ifndef HDI_COMPILE_TWO_SHOT_H
#define HDI_COMPILE_TWO_SHOT_H

#include <stdint.h>

typedef enum hdi_carrier {
    HDI_CARRIED_LOCAL,    /* memory that CPU cores share */
    HDI_CARRIED_DEVICE,   /* memory that devices read of each other */
    HDI_CARRIED_MESSAGES, /* messages */
} hdi_carrier;

/* Bytes, for 1, 2, 4 or 8 ranks; 0: from none. */
int64_t hdi_two_shot_from(hdi_carrier carrier, int32_t ranks);

#endif
