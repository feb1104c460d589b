/* SPDX-License-Identifier: Apache-2.0 */
/* Growable byte strings and id lists: what every stage of the tokenizer writes into. */
#ifndef HDI_TEXT_BUFFER_H
#define HDI_TEXT_BUFFER_H

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* A run of bytes that somebody else owns; not NUL-terminated. */
typedef struct hdi_span {
    const char *data;
    size_t size;
} hdi_span;

static inline hdi_span hdi_span_of(const char *data, size_t size) { return (hdi_span){data, size}; }
static inline bool hdi_span_equal(hdi_span a, hdi_span b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

typedef struct hdi_buffer {
    char *data;
    size_t size, cap;
} hdi_buffer;

static inline void hdi_buffer_free(hdi_buffer *b) {
    hdi_free(b->data);
    *b = (hdi_buffer){0};
}
static inline hd_status hdi_buffer_reserve(hdi_buffer *b, size_t more) {
    size_t need;
    if (!hdi_add_size(b->size, more, &need)) need = SIZE_MAX; /* hdi_grow says "out of memory" */
    return hdi_grow(&b->data, &b->cap, need, 1, "text");
}
static inline hd_status hdi_buffer_add(hdi_buffer *b, const char *data, size_t size) {
    HD_TRY(hdi_buffer_reserve(b, size));
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
    return HD_OK;
}
static inline hd_status hdi_buffer_add_span(hdi_buffer *b, hdi_span s) { return hdi_buffer_add(b, s.data, s.size); }
static inline hd_status hdi_buffer_add_cp(hdi_buffer *b, uint32_t cp) {
    char bytes[4];
    return hdi_buffer_add(b, bytes, (size_t)hdi_utf8_encode(cp, bytes));
}
static inline hdi_span hdi_buffer_span(const hdi_buffer *b) { return (hdi_span){b->data ? b->data : "", b->size}; }

typedef struct hdi_ids {
    int32_t *data;
    size_t size, cap;
} hdi_ids;

static inline void hdi_ids_free(hdi_ids *ids) {
    hdi_free(ids->data);
    *ids = (hdi_ids){0};
}
static inline hd_status hdi_ids_add(hdi_ids *ids, const int32_t *more, size_t count) {
    HD_TRY(hdi_grow(&ids->data, &ids->cap, ids->size + count, sizeof *ids->data, "token ids"));
    if (count) memcpy(ids->data + ids->size, more, count * sizeof *more);
    ids->size += count;
    return HD_OK;
}
static inline hd_status hdi_ids_push(hdi_ids *ids, int32_t id) { return hdi_ids_add(ids, &id, 1); }

/* The code point at s[*at] of text known to be valid; *at moves past it. */
static inline uint32_t hdi_next_cp(hdi_span s, size_t *at) {
    uint32_t cp = (uint8_t)s.data[*at];
    if (cp < 0x80) {
        ++*at;
        return cp;
    }
    int length = hdi_utf8_decode(s.data + *at, s.size - *at, &cp);
    *at += length > 0 ? (size_t)length : 1;
    return cp;
}

#endif
