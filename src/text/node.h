/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the typed objects that tokenizer files are made of: {"type": "Sequence", "normalizers": [...]} and so on. */
#ifndef HDI_TEXT_NODE_H
#define HDI_TEXT_NODE_H

#include "base/json.h"
#include "text/pattern.h"

enum {
    HDI_NODE_DEPTH = 8,  /* sequences inside sequences; real files have one */
    HDI_NODE_STEPS = 64, /* steps of one pipeline; real files have at most seven */
};

/* A place in a file for messages, "file: normalizer[2]"; copied and cut, so that depth costs no memory. */
typedef struct hdi_where {
    char text[320];
} hdi_where;
hdi_where hdi_where_of(const char *where, const char *key);
hdi_where hdi_where_item(const char *where, size_t index);

/* Calls `step` for each leaf of nested Sequence nodes, in order. `key` is the name of a sequence's list ("normalizers"). A
 * NULL or null node has no leaves. */
typedef hd_status (*hdi_node_step)(void *self, const json_t *node, const char *type, const char *where);
hd_status hdi_node_walk(const json_t *node, const char *key, const char *where, hdi_node_step step, void *self);

/* The string under `key` with its true size (it may hold NUL bytes); borrowed. */
hd_status hdi_node_span(const json_t *node, const char *where, const char *key, hdi_span *out);
/* The first and only character of the string under `key`. */
hd_status hdi_node_char(const json_t *node, const char *where, const char *key, uint32_t *out);
/* {"String": "..."} or {"Regex": "..."} under "pattern". */
hd_status hdi_node_pattern(const json_t *node, const char *where, hdi_pattern *out);

#endif
