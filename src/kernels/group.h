/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: runs of plan steps that a device may compute as one. A plan marks them; executors that know nothing of them run the
 * steps one by one, which is what a group means. */
#ifndef HDI_KERNELS_GROUP_H
#define HDI_KERNELS_GROUP_H

typedef enum hdi_group_kind {
#define GROUP(name) HDI_GROUP_##name,
#include "kernels/groups.def"
    HDI_GROUP_COUNT
} hdi_group_kind;

enum { HDI_GROUP_STEPS = 12 }; /* the most steps of a group */

#endif
