/* SPDX-License-Identifier: Apache-2.0 */
/* Names to numbers: a hash table over strings in a block of the caller's. */
#ifndef HDI_BASE_NAMES_H
#define HDI_BASE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A block of strings, each behind the one before with its NUL; a string is known by its byte offset. Offset 0 is "". */
typedef struct hdi_strings { /* zero-initialised: empty */
    char *data;
    size_t size, cap;
} hdi_strings;

/* Appends `size` bytes without a NUL among them. */
hd_status hdi_strings_add(hdi_strings *strings, const char *text, size_t size, uint32_t *out);
void hdi_strings_clear(hdi_strings *strings);
static inline const char *hdi_string(const hdi_strings *strings, uint32_t at) { return strings->data ? strings->data + at : ""; }

typedef struct hdi_names { /* zero-initialised: empty */
    struct hdi_name {
        uint32_t string, number; /* number 0: a free place */
    } * places;
    size_t n, size; /* a power of two, or 0 */
} hdi_names;

/* The number of a name of `size` bytes, 0: it is not there. */
uint32_t hdi_names_find(const hdi_names *names, const hdi_strings *strings, const char *text, size_t size);
/* `string` is not there yet; number > 0. */
hd_status hdi_names_add(hdi_names *names, const hdi_strings *strings, uint32_t string, uint32_t number);
void hdi_names_clear(hdi_names *names);

#endif
