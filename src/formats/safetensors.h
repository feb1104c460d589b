/* SPDX-License-Identifier: Apache-2.0 */
/* One safetensors file: mapped, its header checked in full, its tensors given as pointers into the map.
 *
 * The format: 8 bytes little-endian length n; n bytes of JSON {"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, ...,
 * "__metadata__": {strings}}; then the data, which the tensors must cover exactly, without overlap or hole. */
#ifndef HDI_FORMATS_SAFETENSORS_H
#define HDI_FORMATS_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "heddle/tensor.h"

/* A tensor as a file describes it. Everything it points at is borrowed from the file (or given to the writer). */
typedef struct hdi_stored_tensor {
    const char *name;
    const char *where; /* the file it is in, for messages; the writer ignores it */
    hd_dtype dtype;
    int32_t ndim;
    int64_t shape[HD_MAX_DIMS]; /* row-major, slowest first */
    const void *data;           /* aligned to the element size; little-endian as stored; NULL is possible when bytes is 0 */
    size_t bytes;
    bool mapped; /* data lies in a map of the file; the writer ignores it */
} hdi_stored_tensor;

typedef struct hdi_safetensors hdi_safetensors; /* immutable once opened: any number of threads may read it */

/* Maps and checks `path`. Touches the header's pages only, however large the file is (a file whose data is not aligned to
 * its elements, which today's writers do not make, has those tensors copied). HD_NOT_FOUND, HD_IO as in hdi_map_open;
 * HD_CORRUPT for anything that breaks the format; HD_UNSUPPORTED for an element type that Heddle has not. */
hd_status hdi_safetensors_open(const char *path, hdi_safetensors **out);
/* The same for bytes in memory, which are borrowed until the close; `where` names them in messages (copied). */
hd_status hdi_safetensors_parse(const void *data, size_t size, const char *where, hdi_safetensors **out);
void hdi_safetensors_close(hdi_safetensors *file); /* NULL is legal */

size_t hdi_safetensors_count(const hdi_safetensors *file);
/* The i-th tensor in the order of their data; i < count. Borrowed until the close. */
const hdi_stored_tensor *hdi_safetensors_at(const hdi_safetensors *file, size_t i);
/* NULL when there is none of this name. */
const hdi_stored_tensor *hdi_safetensors_find(const hdi_safetensors *file, const char *name);
/* A value of "__metadata__"; NULL when there is none. Borrowed until the close. */
const char *hdi_safetensors_metadata(const hdi_safetensors *file, const char *key);

/* The spelling of a type in the format ("BF16"); NULL for one it has not. And back: false for a spelling Heddle has not. */
const char *hdi_safetensors_dtype_name(hd_dtype dtype);
bool hdi_safetensors_dtype(const char *name, hd_dtype *out);

/* Writes a file that hdi_safetensors_open and the reference library read; larger element types come first, so that all data
 * is aligned. `metadata` is NULL or key, value, key, value, ..., NULL. The file appears under `path` when it is complete. */
hd_status hdi_safetensors_write(const char *path, const hdi_stored_tensor *tensors, size_t count, const char *const *metadata);

#endif
