/* SPDX-License-Identifier: Apache-2.0 */
/* Post-processors. Several in a sequence wrap one around the other. */
#include "text/postprocessor.h"

#include "text/node.h"

enum { MAX_IDS = 1024 }; /* in front or behind; real files have one */

typedef struct parser {
    hdi_postprocessor *p;
    const hdi_vocab *vocab;
} parser;

static hd_status check_id(const hdi_vocab *vocab, int64_t id, const char *where) {
    HD_REQUIRE(id >= 0 && id <= INT32_MAX && hdi_vocab_flags(vocab, (int32_t)id), HD_CORRUPT,
               "%s: id %lld is not in the vocabulary", where, (long long)id);
    return HD_OK;
}

/* Puts `front` before what the prefix has and `back` behind what the suffix has. */
static hd_status wrap(hdi_postprocessor *p, const hdi_ids *front, const hdi_ids *back, const char *where) {
    HD_REQUIRE(p->prefix.size + front->size <= MAX_IDS && p->suffix.size + back->size <= MAX_IDS, HD_UNSUPPORTED,
               "%s: adds more than %d tokens", where, MAX_IDS);
    size_t old = p->prefix.size;
    HD_TRY(hdi_ids_add(&p->prefix, front->data, front->size));
    if (front->size) {
        memmove(p->prefix.data + front->size, p->prefix.data, old * sizeof(int32_t));
        memcpy(p->prefix.data, front->data, front->size * sizeof(int32_t));
    }
    return hdi_ids_add(&p->suffix, back->data, back->size);
}

/* The ids of a special token of a template, by the template's own table. */
static hd_status add_special(const hdi_vocab *vocab, const json_t *table, const char *name, const char *where, hdi_ids *out) {
    const json_t *ids, *entry = json_object_get(table, name);
    HD_REQUIRE(json_is_object(entry), HD_CORRUPT, "%s: \"special_tokens\" lacks \"%.64s\", which the template uses", where, name);
    HD_TRY(hdi_json_get_array(entry, where, "ids", &ids));
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        HD_REQUIRE(json_is_integer(id), HD_CORRUPT, "%s: an id of \"%.64s\" is not an integer", where, name);
        HD_TRY(check_id(vocab, json_integer_value(id), where));
        HD_REQUIRE(out->size < MAX_IDS, HD_UNSUPPORTED, "%s: adds more than %d tokens", where, MAX_IDS);
        HD_TRY(hdi_ids_push(out, (int32_t)json_integer_value(id)));
    }
    return HD_OK;
}

static hd_status read_template(const hdi_vocab *vocab, const json_t *node, const char *where, hdi_ids *front, hdi_ids *back) {
    const json_t *pieces, *table;
    const char *name;
    bool after_text = false;
    HD_TRY(hdi_json_get_array(node, where, "single", &pieces));
    HD_TRY(hdi_json_opt_object(node, where, "special_tokens", &table));
    for (size_t i = 0; i < json_array_size(pieces); i++) {
        const json_t *piece = json_array_get(pieces, i), *special = json_object_get(piece, "SpecialToken");
        const json_t *sequence = json_object_get(piece, "Sequence");
        HD_REQUIRE(json_is_object(special) || json_is_object(sequence), HD_CORRUPT,
                   "%s: single[%zu] must be a \"SpecialToken\" or a \"Sequence\"", where, i);
        HD_TRY(hdi_json_get_string(special ? special : sequence, where, "id", &name));
        if (special) {
            HD_TRY(add_special(vocab, table, name, where, after_text ? back : front));
        } else {
            HD_REQUIRE(strcmp(name, "A") == 0 && !after_text, HD_UNSUPPORTED, "%s: \"single\" must have the sequence \"A\" once",
                       where);
            after_text = true;
        }
    }
    HD_REQUIRE(after_text, HD_UNSUPPORTED, "%s: \"single\" must have the sequence \"A\" once", where);
    return HD_OK;
}

/* ["<s>", 0] under `key`, as the BERT and RoBERTa processors have them. */
static hd_status read_pair(const hdi_vocab *vocab, const json_t *node, const char *where, const char *key, hdi_ids *out) {
    const json_t *pair;
    HD_TRY(hdi_json_get_array(node, where, key, &pair));
    HD_REQUIRE(json_is_integer(json_array_get(pair, 1)), HD_CORRUPT, "%s: \"%s\" must be a token and its id", where, key);
    int64_t id = json_integer_value(json_array_get(pair, 1));
    HD_TRY(check_id(vocab, id, where));
    return hdi_ids_push(out, (int32_t)id);
}

static hd_status read_step(const hdi_vocab *vocab, const json_t *node, const char *type, const char *where, hdi_ids *front,
                           hdi_ids *back) {
    if (strcmp(type, "ByteLevel") == 0) return HD_OK; /* it only trims offsets */
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(vocab, node, where, front, back);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0) {
        HD_TRY(read_pair(vocab, node, where, "cls", front));
        return read_pair(vocab, node, where, "sep", back);
    }
    return hdi_fail(HD_UNSUPPORTED, "%s: post-processor type \"%s\" is not supported", where, type);
}

static hd_status add_step(void *self, const json_t *node, const char *type, const char *where) {
    parser *parse = self;
    hdi_ids front = {0}, back = {0};
    hd_status status = read_step(parse->vocab, node, type, where, &front, &back);
    if (status == HD_OK) status = wrap(parse->p, &front, &back, where);
    hdi_ids_free(&front);
    hdi_ids_free(&back);
    return status;
}

hd_status hdi_postprocessor_parse(hdi_postprocessor *p, const hdi_vocab *vocab, const json_t *node, const char *where) {
    parser parse = {p, vocab};
    *p = (hdi_postprocessor){0};
    return hdi_node_walk(node, "processors", where, add_step, &parse);
}

hd_status hdi_postprocessor_set(hdi_postprocessor *p, int32_t bos, int32_t eos) {
    p->prefix.size = p->suffix.size = 0;
    if (bos >= 0) HD_TRY(hdi_ids_push(&p->prefix, bos));
    return eos >= 0 ? hdi_ids_push(&p->suffix, eos) : HD_OK;
}

void hdi_postprocessor_free(hdi_postprocessor *p) {
    hdi_ids_free(&p->prefix);
    hdi_ids_free(&p->suffix);
}
