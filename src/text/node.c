/* SPDX-License-Identifier: Apache-2.0 */
/* Typed objects of tokenizer files. */
#include "text/node.h"

#include <stdio.h>
#include <string.h>

hdi_where hdi_where_of(const char *where, const char *key) {
    hdi_where w;
    snprintf(w.text, sizeof w.text, "%.200s: %.100s", where, key);
    return w;
}

hdi_where hdi_where_item(const char *where, size_t index) {
    hdi_where w;
    snprintf(w.text, sizeof w.text, "%.280s[%zu]", where, index);
    return w;
}

static hd_status walk(const json_t *node, const char *key, const char *where, int depth, hdi_node_step step, void *self) {
    const char *type;
    const json_t *list;
    if (!node || json_is_null(node)) return HD_OK;
    HD_REQUIRE(json_is_object(node), HD_CORRUPT, "%s: must be an object with a \"type\"", where);
    HD_TRY(hdi_json_get_string(node, where, "type", &type));
    if (strcmp(type, "Sequence") != 0) return step(self, node, type, where);
    HD_REQUIRE(depth < HDI_NODE_DEPTH, HD_UNSUPPORTED, "%s: more than %d sequences inside each other", where, HDI_NODE_DEPTH);
    HD_TRY(hdi_json_get_array(node, where, key, &list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        hdi_where item = hdi_where_item(where, i);
        const json_t *child = json_array_get(list, i);
        HD_REQUIRE(json_is_object(child), HD_CORRUPT, "%s: must be an object with a \"type\"", item.text);
        HD_TRY(walk(child, key, item.text, depth + 1, step, self));
    }
    return HD_OK;
}

hd_status hdi_node_walk(const json_t *node, const char *key, const char *where, hdi_node_step step, void *self) {
    return walk(node, key, where, 0, step, self);
}

hd_status hdi_node_span(const json_t *node, const char *where, const char *key, hdi_span *out) {
    const char *text;
    HD_TRY(hdi_json_get_string(node, where, key, &text));
    *out = hdi_span_of(text, json_string_length(json_object_get(node, key)));
    return HD_OK;
}

hd_status hdi_node_char(const json_t *node, const char *where, const char *key, uint32_t *out) {
    hdi_span text;
    size_t at = 0;
    HD_TRY(hdi_node_span(node, where, key, &text));
    if (text.size) *out = hdi_next_cp(text, &at);
    HD_REQUIRE(text.size && at == text.size, HD_CORRUPT, "%s: \"%s\" must be one character", where, key);
    return HD_OK;
}

hd_status hdi_node_pattern(const json_t *node, const char *where, hdi_pattern *out) {
    const json_t *pattern;
    hdi_span text;
    HD_TRY(hdi_json_get_object(node, where, "pattern", &pattern));
    hdi_where place = hdi_where_of(where, "pattern");
    if (json_object_get(pattern, "Regex")) {
        HD_TRY(hdi_node_span(pattern, place.text, "Regex", &text));
        return hdi_pattern_regex(out, text, place.text);
    }
    HD_REQUIRE(json_object_get(pattern, "String"), HD_CORRUPT, "%s: must have a \"String\" or a \"Regex\"", place.text);
    HD_TRY(hdi_node_span(pattern, place.text, "String", &text));
    return hdi_pattern_literal(out, text, place.text);
}
