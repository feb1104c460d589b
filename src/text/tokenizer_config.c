/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_config.json does to a tokenizer what the transformers library does with it: tokens of "added_tokens_decoder" and
 * special tokens that tokenizer.json lacks are added, and some classes make their own post-processor of add_bos_token and
 * add_eos_token, whatever tokenizer.json has. For all others tokenizer.json's post-processor stands. A pre-tokenizer that is
 * one ByteLevel takes its add_prefix_space from here. */
#include <stdio.h>

#include "text/node.h"
#include "text/tokenizer.h"

/* Classes with defaults of their own. */
static const struct tokenizer_class {
    const char *name; /* without "Fast" */
    const char *bos, *eos;
    bool makes_template, add_bos;
} classes[] = {
    {"LlamaTokenizer", "<s>", "</s>", true, true},
    {"CodeLlamaTokenizer", "<s>", "</s>", true, true},
    {"GemmaTokenizer", "<bos>", "<eos>", true, true},
    {"GPTNeoXTokenizer", "<|endoftext|>", "<|endoftext|>", true, false},
    {"GPT2Tokenizer", "<|endoftext|>", "<|endoftext|>", false, false},
    {"Qwen2Tokenizer", NULL, "<|endoftext|>", false, false},
};

static const struct tokenizer_class *find_class(const char *name) {
    for (size_t i = 0; name && i < HDI_COUNTOF(classes); i++) {
        size_t n = strlen(classes[i].name);
        if (strncmp(name, classes[i].name, n) == 0 && (name[n] == 0 || strcmp(name + n, "Fast") == 0)) return &classes[i];
    }
    return NULL;
}

/* Adds a token object under the id its content has already, or `id` when it is new. */
static hd_status add_token(hd_tokenizer *t, const json_t *node, int64_t id, const char *where) {
    hdi_span content;
    HD_REQUIRE(json_is_object(node), HD_CORRUPT, "%s: must be an object", where);
    HD_TRY(hdi_node_span(node, where, "content", &content));
    int32_t known = hdi_vocab_find(&t->vocab, content);
    bool was_added = hdi_vocab_flags(&t->vocab, known) & HDI_TOKEN_ADDED;
    hdi_added_token before = {.id = -1};
    if (was_added) before = t->added.tokens[t->vocab.tokens[known].added];
    if (known >= 0) id = known;
    if (content.size == 0) return HD_OK;
    HD_TRY(hdi_added_tokens_add(&t->added, &t->vocab, node, id, where));
    const hdi_added_token *now = &t->added.tokens[t->vocab.tokens[id].added];
    bool same = was_added && now->special == before.special && now->normalized == before.normalized &&
                now->lstrip == before.lstrip && now->rstrip == before.rstrip && now->single_word == before.single_word;
    if (!same) t->vocab.tokens[id].flags |= HDI_TOKEN_CONFIG;
    return HD_OK;
}

static hd_status parse_id(const char *text, const char *where, int64_t *id) {
    *id = 0;
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        *id = n <= 10 && text[i] >= '0' && text[i] <= '9' && *id >= 0 ? *id * 10 + (text[i] - '0') : -1;
    HD_REQUIRE(n > 0 && *id >= 0, HD_CORRUPT, "%s: \"%.32s\" is not a token id", where, text);
    return HD_OK;
}

static hd_status add_listed(hd_tokenizer *t, const json_t *config, const char *where) {
    const json_t *list;
    const char *key;
    json_t *node;
    HD_TRY(hdi_json_opt_object(config, where, "added_tokens_decoder", &list));
    if (!list) return HD_OK;
    hdi_where place = hdi_where_of(where, "added_tokens_decoder");
    json_object_foreach((json_t *)(uintptr_t)list, key, node) {
        int64_t id;
        HD_TRY(parse_id(key, place.text, &id));
        HD_TRY(add_token(t, node, id, hdi_where_of(place.text, key).text));
    }
    return HD_OK;
}

/* A token given as "text" or {"content": "text", ...}; *content stays as it is when there is none. */
static hd_status token_content(const json_t *config, const char *where, const char *key, const char **content) {
    const json_t *value = json_object_get(config, key);
    if (json_is_object(value)) return hdi_json_get_string(value, where, "content", content);
    return hdi_json_opt_string(config, where, key, content);
}

/* A special token that is in the vocabulary but not an added one becomes one, so that texts may hold it. One that this file
 * has otherwise than tokenizer.json is special whatever it says; one that is in no vocabulary is left out. */
static hd_status ensure_special(hd_tokenizer *t, const json_t *value, const char *content, const char *where) {
    int32_t id = hdi_vocab_find(&t->vocab, hdi_span_of(content, strlen(content)));
    if (id < 0) return HD_OK;
    hdi_token *token = &t->vocab.tokens[id];
    if (token->flags & HDI_TOKEN_CONFIG) {
        token->flags |= HDI_TOKEN_SPECIAL;
        t->added.tokens[token->added].special = true;
    }
    if (token->flags & HDI_TOKEN_ADDED) return HD_OK;
    json_t *node = json_is_object(value) ? json_copy((json_t *)(uintptr_t)value) : json_object();
    bool made = node && json_object_set_new(node, "content", json_string(content)) == 0 &&
                json_object_set_new(node, "special", json_true()) == 0;
    hd_status status = made ? hdi_added_tokens_add(&t->added, &t->vocab, node, id, where)
                            : hdi_fail(HD_OUT_OF_MEMORY, "%s: not enough memory for a special token", where);
    json_decref(node);
    return status;
}

static hd_status add_specials(hd_tokenizer *t, const json_t *config, const char *where) {
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
    for (size_t i = 0; i < HDI_COUNTOF(keys); i++) {
        const char *content = NULL;
        HD_TRY(token_content(config, where, keys[i], &content));
        if (content) HD_TRY(ensure_special(t, json_object_get(config, keys[i]), content, where));
    }
    const json_t *more = json_object_get(config, "additional_special_tokens");
    for (size_t i = 0; i < json_array_size(more); i++) {
        const json_t *value = json_array_get(more, i);
        const char *content = json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
        HD_REQUIRE(content, HD_CORRUPT, "%s: additional_special_tokens[%zu] is not a token", where, i);
        HD_TRY(ensure_special(t, value, content, where));
    }
    return HD_OK;
}

static int32_t find_text(const hd_tokenizer *t, const char *text) {
    return text ? hdi_vocab_find(&t->vocab, hdi_span_of(text, strlen(text))) : -1;
}

#define DEEPSEEK_END "<\357\275\234end\342\226\201of\342\226\201sentence\357\275\234>" /* its bars and blanks are not ASCII */

/* BOS and EOS of files that do not name them: what the post-processor puts around a text, or a usual spelling. */
static void guess_roles(hd_tokenizer *t) {
    static const char *const ends[] = {"</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", DEEPSEEK_END};
    if (t->bos < 0 && t->postprocessor.prefix.size == 1) t->bos = t->postprocessor.prefix.data[0];
    if (t->eos < 0 && t->postprocessor.suffix.size == 1) t->eos = t->postprocessor.suffix.data[0];
    for (size_t i = 0; i < HDI_COUNTOF(ends) && t->eos < 0; i++) {
        int32_t id = find_text(t, ends[i]);
        if (hdi_vocab_flags(&t->vocab, id) & HDI_TOKEN_SPECIAL) t->eos = id;
    }
}

static hd_status make_template(hd_tokenizer *t, const json_t *config, const char *where, const struct tokenizer_class *class) {
    bool add_bos = class->add_bos, add_eos = false;
    HD_TRY(hdi_json_opt_bool(config, where, "add_bos_token", &add_bos));
    HD_TRY(hdi_json_opt_bool(config, where, "add_eos_token", &add_eos));
    HD_REQUIRE(!add_bos || t->bos >= 0, HD_CORRUPT, "%s: %s adds a bos_token, but it is not in the vocabulary", where,
               class->name);
    HD_REQUIRE(!add_eos || t->eos >= 0, HD_CORRUPT, "%s: add_eos_token is true, but the eos_token is not in the vocabulary",
               where);
    return hdi_postprocessor_set(&t->postprocessor, add_bos ? t->bos : -1, add_eos ? t->eos : -1);
}

hd_status hdi_tokenizer_configure(hd_tokenizer *t, const json_t *config, const char *where, const json_t *special_map,
                                  const char *map_where) {
    const char *class_name = NULL, *bos = NULL, *eos = NULL;
    HD_REQUIRE(!config || json_is_object(config), HD_CORRUPT, "%s: must be an object", where);
    HD_REQUIRE(!special_map || json_is_object(special_map), HD_CORRUPT, "%s: must be an object", map_where);
    if (config) HD_TRY(hdi_json_opt_string(config, where, "tokenizer_class", &class_name));
    const struct tokenizer_class *class = find_class(class_name);
    if (class) {
        bos = class->bos;
        eos = class->eos;
    }
    if (special_map) {
        HD_TRY(token_content(special_map, map_where, "bos_token", &bos));
        HD_TRY(token_content(special_map, map_where, "eos_token", &eos));
        HD_TRY(add_specials(t, special_map, map_where));
    }
    if (config) {
        HD_TRY(add_listed(t, config, where));
        HD_TRY(token_content(config, where, "bos_token", &bos));
        HD_TRY(token_content(config, where, "eos_token", &eos));
        HD_TRY(add_specials(t, config, where));
    }
    if (config && t->pretokenizer.lone_byte_level) {
        bool prefix = false;
        HD_TRY(hdi_json_opt_bool(config, where, "add_prefix_space", &prefix));
        t->pretokenizer.steps[0].rewrite = prefix ? HDI_REWRITE_PREFIX_SPACE : HDI_REWRITE_NONE;
    }
    t->bos = find_text(t, bos);
    t->eos = find_text(t, eos);
    if (class && class->makes_template) HD_TRY(make_template(t, config, where, class));
    guess_roles(t);
    return HD_OK;
}
