/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pre-tokenisers. Each type becomes one step made of the same few parts: rewrite, cut, byte level. */
#include "text/node.h"
#include "text/pretokenizer.h"
#include "text/unicode.h"

/* The GPT-2 expression, which ByteLevel implies; in Oniguruma syntax like those of files. */
#define BYTE_LEVEL_REGEX "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
/* Whitespace's own, whose \w is another than that of files. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D"
#define WHITESPACE_REGEX "[" WORD "]+|[^" WORD "\\s]+"

static hd_status parse_behavior(const json_t *node, const char *where, hdi_behavior *out) {
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *name = NULL;
    HD_TRY(hdi_json_opt_string(node, where, "behavior", &name));
    if (!name) return HD_OK;
    for (size_t i = 0; i < HDI_COUNTOF(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (hdi_behavior)i;
            return HD_OK;
        }
    return hdi_fail(HD_UNSUPPORTED, "%s: behavior \"%s\" is not known", where, name);
}

static hd_status parse_byte_level(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    bool prefix = true, regex = true;
    HD_TRY(hdi_json_opt_bool(node, where, "add_prefix_space", &prefix));
    HD_TRY(hdi_json_opt_bool(node, where, "use_regex", &regex));
    step->byte_level = true;
    step->behavior = HDI_ISOLATED;
    if (prefix) step->rewrite = HDI_REWRITE_PREFIX_SPACE;
    if (!regex) return HD_OK;
    step->cut = HDI_CUT_PATTERN;
    return hdi_pattern_regex(&step->pattern, hdi_span_of(BYTE_LEVEL_REGEX, strlen(BYTE_LEVEL_REGEX)), where);
}

static hd_status parse_split(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    const char *required;
    HD_TRY(hdi_json_get_string(node, where, "behavior", &required));
    HD_TRY(parse_behavior(node, where, &step->behavior));
    HD_TRY(hdi_json_opt_bool(node, where, "invert", &step->invert));
    step->cut = HDI_CUT_PATTERN;
    return hdi_node_pattern(node, where, &step->pattern);
}

static hd_status parse_metaspace(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    uint32_t replacement;
    const char *scheme = NULL;
    bool split = true, prefix = true;
    HD_TRY(hdi_node_char(node, where, "replacement", &replacement));
    HD_TRY(hdi_json_opt_string(node, where, "prepend_scheme", &scheme));
    HD_TRY(hdi_json_opt_bool(node, where, "add_prefix_space", &prefix));
    HD_TRY(hdi_json_opt_bool(node, where, "split", &split));
    step->rewrite = HDI_REWRITE_METASPACE;
    step->replacement_size = (size_t)hdi_utf8_encode(replacement, step->replacement);
    if (!scheme) /* files from before prepend_scheme */
        step->prepend = prefix ? HDI_PREPEND_ALWAYS : HDI_PREPEND_NEVER;
    else if (strcmp(scheme, "always") == 0)
        step->prepend = HDI_PREPEND_ALWAYS;
    else if (strcmp(scheme, "first") == 0)
        step->prepend = HDI_PREPEND_FIRST;
    else if (strcmp(scheme, "never") == 0)
        step->prepend = HDI_PREPEND_NEVER;
    else
        return hdi_fail(HD_UNSUPPORTED, "%s: prepend_scheme \"%s\" is not known", where, scheme);
    if (!split) return HD_OK;
    step->cut = HDI_CUT_PATTERN;
    step->behavior = HDI_MERGED_WITH_NEXT;
    return hdi_pattern_literal(&step->pattern, hdi_span_of(step->replacement, step->replacement_size), where);
}

static hd_status parse_digits(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    bool individual = false;
    HD_TRY(hdi_json_opt_bool(node, where, "individual_digits", &individual));
    step->cut = HDI_CUT_CLASS;
    step->is_member = hdi_is_numeric;
    step->behavior = individual ? HDI_ISOLATED : HDI_CONTIGUOUS;
    return HD_OK;
}

static hd_status parse_punctuation(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    step->cut = HDI_CUT_CLASS;
    step->is_member = hdi_is_punctuation;
    step->behavior = HDI_ISOLATED;
    return parse_behavior(node, where, &step->behavior);
}

static hd_status parse_whitespace_split(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    (void)node, (void)where;
    step->cut = HDI_CUT_CLASS;
    step->is_member = hdi_is_space;
    step->behavior = HDI_REMOVED;
    return HD_OK;
}

static hd_status parse_whitespace(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    (void)node;
    step->cut = HDI_CUT_PATTERN;
    step->invert = true;
    step->behavior = HDI_REMOVED;
    return hdi_pattern_regex(&step->pattern, hdi_span_of(WHITESPACE_REGEX, strlen(WHITESPACE_REGEX)), where);
}

static hd_status parse_delimiter(hdi_pretokenizer_step *step, const json_t *node, const char *where) {
    uint32_t delimiter;
    char text[4];
    HD_TRY(hdi_node_char(node, where, "delimiter", &delimiter));
    step->cut = HDI_CUT_PATTERN;
    step->behavior = HDI_REMOVED;
    return hdi_pattern_literal(&step->pattern, hdi_span_of(text, (size_t)hdi_utf8_encode(delimiter, text)), where);
}

static hd_status add_step(void *self, const json_t *node, const char *type, const char *where) {
    static const struct {
        const char *type;
        hd_status (*parse)(hdi_pretokenizer_step *step, const json_t *node, const char *where);
    } types[] = {
        {"ByteLevel", parse_byte_level},    {"Split", parse_split},
        {"Metaspace", parse_metaspace},     {"Digits", parse_digits},
        {"Punctuation", parse_punctuation}, {"WhitespaceSplit", parse_whitespace_split},
        {"Whitespace", parse_whitespace},   {"CharDelimiterSplit", parse_delimiter},
    };
    hdi_pretokenizer *p = self;
    HD_REQUIRE(p->count < HDI_NODE_STEPS, HD_UNSUPPORTED, "%s: more than %d pre-tokenizers", where, HDI_NODE_STEPS);
    HD_TRY(hdi_grow(&p->steps, &p->cap, p->count + 1, sizeof *p->steps, "pre-tokenizers"));
    for (size_t i = 0; i < HDI_COUNTOF(types); i++)
        if (strcmp(type, types[i].type) == 0) {
            p->steps[p->count] = (hdi_pretokenizer_step){0};
            return types[i].parse(&p->steps[p->count++], node, where);
        }
    return hdi_fail(HD_UNSUPPORTED, "%s: pre-tokenizer type \"%s\" is not supported", where, type);
}

hd_status hdi_pretokenizer_parse(hdi_pretokenizer *p, const json_t *node, const char *where) {
    const char *type = json_string_value(json_object_get(node, "type"));
    *p = (hdi_pretokenizer){.lone_byte_level = type && strcmp(type, "ByteLevel") == 0};
    return hdi_node_walk(node, "pretokenizers", where, add_step, p);
}

void hdi_pretokenizer_free(hdi_pretokenizer *p) {
    for (size_t i = 0; i < p->count; i++) hdi_pattern_free(&p->steps[i].pattern);
    hdi_free(p->steps);
    *p = (hdi_pretokenizer){0};
}
