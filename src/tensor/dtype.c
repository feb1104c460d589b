/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about storage types, from the one list in tensor.h. */
#include <string.h>

#include "heddle/tensor.h"

static const struct {
    const char *name;
    size_t bytes;
    int32_t elements;
} table[HD_DTYPE_COUNT] = {
#define ROW(NAME, name, bytes, elements) {#name, bytes, elements},
    HD_DTYPE_LIST(ROW)
#undef ROW
};

const char *hd_dtype_name(hd_dtype dtype) { return (unsigned)dtype < HD_DTYPE_COUNT ? table[dtype].name : "?"; }
size_t hd_dtype_block_bytes(hd_dtype dtype) { return (unsigned)dtype < HD_DTYPE_COUNT ? table[dtype].bytes : 0; }
int32_t hd_dtype_block_elements(hd_dtype dtype) { return (unsigned)dtype < HD_DTYPE_COUNT ? table[dtype].elements : 1; }

bool hd_dtype_parse(const char *name, hd_dtype *out) {
    for (int i = 0; i < HD_DTYPE_COUNT; i++)
        if (strcmp(name, table[i].name) == 0) {
            *out = (hd_dtype)i;
            return true;
        }
    return false;
}
