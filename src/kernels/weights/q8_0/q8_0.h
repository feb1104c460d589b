/* SPDX-License-Identifier: Apache-2.0 */
/* q8_0: 32 values share an f16 scale d; value = d * q, q an int8 (GGUF's type of this name). */
#ifndef HDI_KERNELS_WEIGHTS_Q8_0_H
#define HDI_KERNELS_WEIGHTS_Q8_0_H

#include <assert.h>
#include <stdint.h>

/* A block of a row: 34 bytes, any alignment of 2. */
typedef struct hdi_block_q8_0 {
    uint16_t d; /* f16 */
    int8_t q[32];
} hdi_block_q8_0;

/* A block of 32 rows in a panel: q[k / 4][row][k % 4]. */
typedef struct hdi_panel_q8_0 {
    uint16_t d[32];
    int8_t q[8][32][4];
} hdi_panel_q8_0;

static_assert(sizeof(hdi_block_q8_0) == 34 && sizeof(hdi_panel_q8_0) == 1088, "q8_0 blocks have no padding");

#endif
