/* SPDX-License-Identifier: Apache-2.0 */
/* The weights of a Hugging Face folder as it comes from the hub: model.safetensors, or the shards that
 * model.safetensors.index.json names. Finds a tensor by name, whichever file it is in. */
#ifndef HDI_FORMATS_CHECKPOINT_H
#define HDI_FORMATS_CHECKPOINT_H

#include "formats/safetensors.h"

typedef struct hdi_checkpoint hdi_checkpoint; /* immutable once opened: any number of threads may read it */

/* Opens `folder`: maps every file and checks every header and the index, without reading weights. HD_NOT_FOUND when the
 * folder or its safetensors files are not there (the message says what is there instead and what to do), HD_CORRUPT when
 * index and shards disagree. */
hd_status hdi_checkpoint_open(const char *folder, hdi_checkpoint **out);
void hdi_checkpoint_close(hdi_checkpoint *checkpoint); /* NULL is legal */

size_t hdi_checkpoint_count(const hdi_checkpoint *checkpoint);
/* The i-th tensor in the order of the shards and of the data in them: reading in this order is reading sequentially. */
const hdi_stored_tensor *hdi_checkpoint_at(const hdi_checkpoint *checkpoint, size_t i);
/* NULL when there is none of this name. */
const hdi_stored_tensor *hdi_checkpoint_find(const hdi_checkpoint *checkpoint, const char *name);

const char *hdi_checkpoint_folder(const hdi_checkpoint *checkpoint);
size_t hdi_checkpoint_files(const hdi_checkpoint *checkpoint);   /* how many safetensors files */
uint64_t hdi_checkpoint_bytes(const hdi_checkpoint *checkpoint); /* the data of all tensors */

/* Advice to the system, never an error: the tensor will be read soon (starts the read-ahead of its pages), and: its pages
 * were read for the last time (they leave this process; a later touch reads them again). */
void hdi_stored_tensor_will_need(const hdi_stored_tensor *tensor);
void hdi_stored_tensor_done(const hdi_stored_tensor *tensor);

#endif
