/* SPDX-License-Identifier: Apache-2.0 */
#include "compile/two_shot.h"

int64_t hdi_two_shot_from(hdi_carrier carrier, int32_t ranks) {
    static const int64_t from[][4] = {
        /* ranks: 1, 2, 4, 8 */
        [HDI_CARRIED_LOCAL] = {0, 0, 0, 0},
        [HDI_CARRIED_DEVICE] = {0, 0, 0, 0},
        [HDI_CARRIED_MESSAGES] = {0, 0, 0, 0},
    };
    return from[carrier][ranks >= 8 ? 3 : ranks >= 4 ? 2 : ranks >= 2 ? 1 : 0];
}
