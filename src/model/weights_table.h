/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of hdi_weights, for the files that work on it. */
#ifndef HDI_MODEL_WEIGHTS_TABLE_H
#define HDI_MODEL_WEIGHTS_TABLE_H

#include <stdio.h>

#include "model/weights.h"
#include "runtime/storage.h"

typedef struct hdi_held_weight {
    char *name;
    const hdi_stored_tensor *stored; /* NULL for a computed constant */
    hdi_weight_type type;
    int32_t ndim;
    int64_t shape[2];   /* of this rank's part */
    const void *rows;   /* of that, in the map or `gathered`; what it is made from */
    int64_t row_stride; /* elements from one of them to the next */
    void *gathered;     /* rows that lie apart in the map, put together; NULL: none */
    bool absent;        /* this rank has nothing of it */
    uint64_t bytes;     /* as held */
    const void *data;   /* in the map, `owned`, or on the device */
    void *owned;
    hdi_storage *storage; /* on the device; NULL on the CPU */
} hdi_held_weight;

struct hdi_weights {
    const hdi_checkpoint *checkpoint;
    const hd_device *device;
    hd_weights choice;
    hdi_held_weight *entries;
    size_t n, cap;
    hd_dtype natural; /* of the first matrix */
    size_t kept;      /* matrices that could not take the chosen type */
};

/* Makes all weights on weights->device, which is not the CPU (weights_upload.c). */
hd_status hdi_weights_upload(hdi_weights *weights, const hd_model_options *options);

#endif
