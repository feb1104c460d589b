/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisers: each step reads one buffer and writes the other. */
#include "text/normalizer.h"

#include "text/byte_level.h"
#include "text/node.h"

static hd_status copy_string(hdi_buffer *out, const json_t *node, const char *where, const char *key) {
    hdi_span text;
    HD_TRY(hdi_node_span(node, where, key, &text));
    HD_TRY(hdi_buffer_reserve(out, 1));
    return hdi_buffer_add_span(out, text);
}

static hd_status parse_step(hdi_normalizer_step *step, const json_t *node, const char *type, const char *where) {
    static const struct {
        const char *type;
        hdi_normalizer_kind kind;
        hdi_form form;
    } plain[] = {
        {"NFC", HDI_NORMALIZE_FORM, HDI_NFC},
        {"NFD", HDI_NORMALIZE_FORM, HDI_NFD},
        {"NFKC", HDI_NORMALIZE_FORM, HDI_NFKC},
        {"NFKD", HDI_NORMALIZE_FORM, HDI_NFKD},
        {"Lowercase", HDI_NORMALIZE_LOWER, HDI_NFC},
        {"StripAccents", HDI_NORMALIZE_STRIP_ACCENTS, HDI_NFC},
        {"ByteLevel", HDI_NORMALIZE_BYTE_LEVEL, HDI_NFC},
    };
    for (size_t i = 0; i < HDI_COUNTOF(plain); i++) {
        if (strcmp(type, plain[i].type) != 0) continue;
        step->kind = plain[i].kind;
        step->form = plain[i].form;
        return HD_OK;
    }
    if (strcmp(type, "Prepend") == 0) {
        step->kind = HDI_NORMALIZE_PREPEND;
        return copy_string(&step->content, node, where, "prepend");
    }
    if (strcmp(type, "Replace") == 0) {
        step->kind = HDI_NORMALIZE_REPLACE;
        HD_TRY(hdi_node_pattern(node, where, &step->pattern));
        return copy_string(&step->content, node, where, "content");
    }
    if (strcmp(type, "Strip") == 0) {
        step->kind = HDI_NORMALIZE_STRIP;
        step->left = step->right = true;
        HD_TRY(hdi_json_opt_bool(node, where, "strip_left", &step->left));
        return hdi_json_opt_bool(node, where, "strip_right", &step->right);
    }
    return hdi_fail(HD_UNSUPPORTED, "%s: normalizer type \"%s\" is not supported%s", where, type,
                    strcmp(type, "Precompiled") == 0 ? "; it belongs to Unigram models, and Heddle reads BPE models" : "");
}

static hd_status add_step(void *self, const json_t *node, const char *type, const char *where) {
    hdi_normalizer *n = self;
    HD_REQUIRE(n->count < HDI_NODE_STEPS, HD_UNSUPPORTED, "%s: more than %d normalizers", where, HDI_NODE_STEPS);
    HD_TRY(hdi_grow(&n->steps, &n->cap, n->count + 1, sizeof *n->steps, "normalizers"));
    n->steps[n->count] = (hdi_normalizer_step){0};
    return parse_step(&n->steps[n->count++], node, type, where);
}

hd_status hdi_normalizer_parse(hdi_normalizer *n, const json_t *node, const char *where) {
    *n = (hdi_normalizer){0};
    return hdi_node_walk(node, "normalizers", where, add_step, n);
}

void hdi_normalizer_free(hdi_normalizer *n) {
    for (size_t i = 0; i < n->count; i++) {
        hdi_pattern_free(&n->steps[i].pattern);
        hdi_buffer_free(&n->steps[i].content);
    }
    hdi_free(n->steps);
    *n = (hdi_normalizer){0};
}

hd_status hdi_replace_all(const hdi_pattern *pattern, hdi_matcher *matcher, hdi_span text, hdi_span content, hdi_buffer *out) {
    enum { LARGEST = 1 << 30 }; /* many short matches and a long content multiply */
    hdi_search search = hdi_search_begin(pattern, matcher, text);
    size_t done = 0, start, end;
    for (;;) {
        HD_TRY(hdi_search_next(&search, &start, &end));
        if (start == SIZE_MAX) break;
        HD_TRY(hdi_buffer_add(out, text.data + done, start - done));
        HD_TRY(hdi_buffer_add_span(out, content));
        HD_REQUIRE(out->size < LARGEST, HD_EXHAUSTED, "replacing \"%.60s\" makes more than 1 GB of text", pattern->source);
        done = end;
    }
    return hdi_buffer_add(out, text.data + done, text.size - done);
}

static hdi_span strip(hdi_span text, bool left, bool right) {
    size_t at = 0, next = 0;
    if (left)
        while (at < text.size && hdi_is_space(hdi_next_cp(text, &next))) at = next;
    text = hdi_span_of(text.data + at, text.size - at);
    while (right && text.size) {
        size_t last = text.size - 1;
        while (last > 0 && ((uint8_t)text.data[last] & 0xC0) == 0x80) last--;
        size_t end = last;
        if (!hdi_is_space(hdi_next_cp(text, &end))) break;
        text.size = last;
    }
    return text;
}

static hd_status rewrite(const hdi_normalizer_step *step, hdi_matcher *matcher, hdi_span text, hdi_buffer *out) {
    switch (step->kind) {
    case HDI_NORMALIZE_PREPEND:
        HD_TRY(hdi_buffer_add_span(out, hdi_buffer_span(&step->content)));
        return hdi_buffer_add_span(out, text);
    case HDI_NORMALIZE_REPLACE:
        return hdi_replace_all(&step->pattern, matcher, text, hdi_buffer_span(&step->content), out);
    case HDI_NORMALIZE_FORM:
        return hdi_add_normal_form(out, text, step->form);
    case HDI_NORMALIZE_LOWER:
        for (size_t i = 0; i < text.size;) HD_TRY(hdi_add_lower(out, hdi_next_cp(text, &i)));
        return HD_OK;
    case HDI_NORMALIZE_STRIP_ACCENTS:
        for (size_t i = 0; i < text.size;) {
            uint32_t cp = hdi_next_cp(text, &i);
            if (!hdi_is_mark(cp)) HD_TRY(hdi_buffer_add_cp(out, cp));
        }
        return HD_OK;
    case HDI_NORMALIZE_BYTE_LEVEL:
        return hdi_byte_level_add(out, text);
    case HDI_NORMALIZE_STRIP:
        break;
    }
    return hdi_buffer_add_span(out, strip(text, step->left, step->right));
}

hd_status hdi_normalizer_run(const hdi_normalizer *n, hdi_matcher *matcher, hdi_buffer buffers[2], hdi_span text, hdi_span *out) {
    enum { LARGEST = 1 << 30 };
    int to = 0;
    for (size_t i = 0; i < n->count && text.size; i++) {
        const hdi_normalizer_step *step = &n->steps[i];
        if (step->kind == HDI_NORMALIZE_FORM && hdi_surely_normal(text, step->form)) continue;
        buffers[to].size = 0;
        HD_TRY(rewrite(step, matcher, text, &buffers[to]));
        text = hdi_buffer_span(&buffers[to]);
        to = !to;
        HD_REQUIRE(text.size < LARGEST, HD_EXHAUSTED, "the tokenizer's normalizer makes more than 1 GB of text");
    }
    *out = text;
    return HD_OK;
}
