/* SPDX-License-Identifier: Apache-2.0 */
/* q4_0: 32 values share an f16 scale d; value = d * (q - 8), q of 4 bits (GGUF's type of this name). */
#ifndef HDI_KERNELS_WEIGHTS_Q4_0_H
#define HDI_KERNELS_WEIGHTS_Q4_0_H

#include <assert.h>
#include <stdint.h>

/* A block of a row: 18 bytes, any alignment of 2; byte j holds elements j (low nibble) and j + 16. */
typedef struct hdi_block_q4_0 {
    uint16_t d; /* f16 */
    uint8_t q[16];
} hdi_block_q4_0;

/* A block of 32 rows in a panel: q[k / 8][row][k % 4], the low nibble for k % 8 < 4. */
typedef struct hdi_panel_q4_0 {
    uint16_t d[32];
    uint8_t q[4][32][4];
} hdi_panel_q4_0;

static_assert(sizeof(hdi_block_q4_0) == 18 && sizeof(hdi_panel_q4_0) == 576, "q4_0 blocks have no padding");

#endif
