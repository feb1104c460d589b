/* SPDX-License-Identifier: Apache-2.0 */
/* Reading decoders. */
#include "text/decoder.h"
#include "text/node.h"

static hd_status parse_count(const json_t *node, const char *where, const char *key, size_t *out) {
    int64_t count;
    HD_TRY(hdi_json_get_i64(node, where, key, &count));
    HD_REQUIRE(count >= 0 && count <= 1 << 20, HD_CORRUPT, "%s: \"%s\" is %lld, out of range", where, key, (long long)count);
    *out = (size_t)count;
    return HD_OK;
}

static hd_status parse_metaspace(hdi_decoder_step *step, const json_t *node, const char *where) {
    const char *scheme = NULL;
    bool prefix = true;
    HD_TRY(hdi_node_char(node, where, "replacement", &step->character));
    HD_TRY(hdi_json_opt_string(node, where, "prepend_scheme", &scheme));
    HD_TRY(hdi_json_opt_bool(node, where, "add_prefix_space", &prefix));
    step->drops_first = scheme ? strcmp(scheme, "never") != 0 : prefix;
    return HD_OK;
}

static hd_status parse_replace(hdi_decoder_step *step, const json_t *node, const char *where) {
    hdi_span content;
    HD_TRY(hdi_node_pattern(node, where, &step->pattern));
    HD_TRY(hdi_node_span(node, where, "content", &content));
    return hdi_buffer_add_span(&step->content, content);
}

static hd_status parse_strip(hdi_decoder_step *step, const json_t *node, const char *where) {
    HD_TRY(hdi_node_char(node, where, "content", &step->character));
    HD_TRY(parse_count(node, where, "start", &step->start));
    return parse_count(node, where, "stop", &step->stop);
}

static hd_status parse_nothing(hdi_decoder_step *step, const json_t *node, const char *where) {
    (void)step, (void)node, (void)where;
    return HD_OK;
}

static hd_status new_step(hdi_decoder *d, hdi_decoder_kind kind, const char *where) {
    HD_REQUIRE(d->count < HDI_NODE_STEPS, HD_UNSUPPORTED, "%s: more than %d decoders", where, HDI_NODE_STEPS);
    HD_TRY(hdi_grow(&d->steps, &d->cap, d->count + 1, sizeof *d->steps, "decoders"));
    d->steps[d->count++] = (hdi_decoder_step){.kind = kind};
    return HD_OK;
}

static hd_status add_step(void *self, const json_t *node, const char *type, const char *where) {
    static const struct {
        const char *type;
        hdi_decoder_kind kind;
        hd_status (*parse)(hdi_decoder_step *step, const json_t *node, const char *where);
    } types[] = {
        {"ByteLevel", HDI_DECODE_BYTE_LEVEL, parse_nothing},
        {"Metaspace", HDI_DECODE_METASPACE, parse_metaspace},
        {"Replace", HDI_DECODE_REPLACE, parse_replace},
        {"ByteFallback", HDI_DECODE_BYTE_FALLBACK, parse_nothing},
        {"Fuse", HDI_DECODE_FUSE, parse_nothing},
        {"Strip", HDI_DECODE_STRIP, parse_strip},
    };
    hdi_decoder *d = self;
    for (size_t i = 0; i < HDI_COUNTOF(types); i++)
        if (strcmp(type, types[i].type) == 0) {
            HD_TRY(new_step(d, types[i].kind, where));
            return types[i].parse(&d->steps[d->count - 1], node, where);
        }
    return hdi_fail(HD_UNSUPPORTED, "%s: decoder type \"%s\" is not supported", where, type);
}

hd_status hdi_decoder_parse(hdi_decoder *d, const json_t *node, const char *where) {
    *d = (hdi_decoder){0};
    if (!node || json_is_null(node)) return new_step(d, HDI_DECODE_JOIN, where);
    return hdi_node_walk(node, "decoders", where, add_step, d);
}

void hdi_decoder_free(hdi_decoder *d) {
    for (size_t i = 0; i < d->count; i++) {
        hdi_pattern_free(&d->steps[i].pattern);
        hdi_buffer_free(&d->steps[i].content);
    }
    hdi_free(d->steps);
    *d = (hdi_decoder){0};
}
