/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a safetensors file: when it is accepted, every byte of every tensor must be readable and every name found.
 * Each input runs twice: as it is, and as "HEADER NUL DATA" with the right length put before it, because a fuzzer seldom
 * guesses eight bytes that agree with the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_file(const uint8_t *data, size_t size) {
    hdi_safetensors *file;
    size_t covered = 0;
    volatile uint8_t sum = 0;
    if (hdi_safetensors_parse(data, size, "input", &file) != HD_OK) {
        if (file || !hd_last_error()[0]) abort();
        return;
    }
    for (size_t i = 0; i < hdi_safetensors_count(file); i++) {
        const hdi_stored_tensor *t = hdi_safetensors_at(file, i);
        size_t bytes = hd_dtype_block_bytes(t->dtype);
        for (int32_t d = 0; d < t->ndim; d++) bytes *= (size_t)t->shape[d];
        if (bytes != t->bytes || hdi_safetensors_find(file, t->name) != t) abort();
        if ((uintptr_t)t->data % hd_dtype_block_bytes(t->dtype)) abort();
        for (size_t b = 0; b < bytes; b++) sum = (uint8_t)(sum + ((const uint8_t *)t->data)[b]);
        covered += bytes;
    }
    if (covered > size) abort();
    hdi_safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_file(data, size);
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t header = nul ? (size_t)(nul - data) : size, rest = nul ? size - header - 1 : 0;
    uint8_t *file = malloc(8 + header + rest);
    if (!file) abort();
    for (int i = 0; i < 8; i++) file[i] = (uint8_t)((uint64_t)header >> 8 * i);
    if (header) memcpy(file + 8, data, header);
    if (rest) memcpy(file + 8 + header, nul + 1, rest);
    try_file(file, 8 + header + rest);
    free(file);
    return 0;
}
