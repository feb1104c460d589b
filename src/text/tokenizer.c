/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a tokenizer, and the questions that need no more than its tables. */
#include "text/tokenizer.h"

#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "text/node.h"

static const size_t LARGEST_FILE = (size_t)512 << 20;

static hd_status parse_added(hd_tokenizer *t, const json_t *root, const char *where) {
    const json_t *list;
    HD_TRY(hdi_json_opt_array(root, where, "added_tokens", &list));
    if (!list) return HD_OK;
    hdi_where place = hdi_where_of(where, "added_tokens");
    for (size_t i = 0; i < json_array_size(list); i++)
        HD_TRY(hdi_added_tokens_add(&t->added, &t->vocab, json_array_get(list, i), -1, hdi_where_item(place.text, i).text));
    return HD_OK;
}

static hd_status parse_root(hd_tokenizer *t, const json_t *root, const char *name) {
    const json_t *model;
    HD_REQUIRE(json_is_object(root), HD_CORRUPT, "%s: must be an object", name);
    HD_TRY(hdi_json_get_object(root, name, "model", &model));
    HD_TRY(hdi_bpe_parse(&t->bpe, &t->vocab, model, hdi_where_of(name, "model").text));
    HD_TRY(parse_added(t, root, name));
    HD_TRY(hdi_normalizer_parse(&t->normalizer, json_object_get(root, "normalizer"), hdi_where_of(name, "normalizer").text));
    HD_TRY(hdi_pretokenizer_parse(&t->pretokenizer, json_object_get(root, "pre_tokenizer"),
                                  hdi_where_of(name, "pre_tokenizer").text));
    HD_TRY(hdi_postprocessor_parse(&t->postprocessor, &t->vocab, json_object_get(root, "post_processor"),
                                   hdi_where_of(name, "post_processor").text));
    return hdi_decoder_parse(&t->decoder, json_object_get(root, "decoder"), hdi_where_of(name, "decoder").text);
}

static hd_status parse_file(const hdi_tokenizer_file *file, json_t **out) {
    *out = NULL;
    return file ? hdi_json_parse(file->data, file->size, file->name, out) : HD_OK;
}

hd_status hdi_tokenizer_parse(const hdi_tokenizer_file *tokenizer, const hdi_tokenizer_file *config,
                              const hdi_tokenizer_file *special_map, hd_tokenizer **out) {
    hd_tokenizer *t = NULL;
    json_t *root = NULL, *settings = NULL, *map = NULL;
    hd_status status;
    *out = NULL;
    HD_TRY_GOTO(hdi_calloc(&t, 1, sizeof *t, "a tokenizer"));
    HD_TRY_GOTO(parse_file(tokenizer, &root));
    HD_TRY_GOTO(parse_root(t, root, tokenizer->name));
    json_decref(root);
    root = NULL;
    HD_TRY_GOTO(parse_file(config, &settings));
    HD_TRY_GOTO(parse_file(special_map, &map));
    HD_TRY_GOTO(hdi_tokenizer_configure(t, settings, config ? config->name : "", map, special_map ? special_map->name : ""));
    HD_TRY_GOTO(hdi_added_tokens_build(&t->added, &t->vocab, &t->normalizer));
    *out = t;
    t = NULL;
fail:
    json_decref(root);
    json_decref(settings);
    json_decref(map);
    hd_tokenizer_destroy(t);
    return status;
}

/* Reads folder/name when it is there; file->data stays NULL when it is not. */
static hd_status read_beside(const char *folder, const char *name, char **path, hdi_tokenizer_file *file) {
    char *data = NULL;
    *path = hdi_path_join(folder, name);
    if (!*path) return HD_OUT_OF_MEMORY;
    if (!hdi_file_exists(*path)) return HD_OK;
    HD_TRY(hdi_file_read(*path, LARGEST_FILE, &data, &file->size));
    file->data = data;
    file->name = *path;
    return HD_OK;
}

static hd_status load_folder(const char *folder, hd_tokenizer **out) {
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"};
    char *paths[3] = {NULL, NULL, NULL};
    hdi_tokenizer_file files[3] = {{0}, {0}, {0}};
    hd_status status;
    for (size_t i = 0; i < 3; i++) {
        HD_TRY_GOTO(read_beside(folder, names[i], &paths[i], &files[i]));
        HD_REQUIRE_GOTO(
            i > 0 || files[0].data, HD_NOT_FOUND,
            "%s has no tokenizer.json; transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...) makes one "
            "from other files",
            folder);
    }
    status = hdi_tokenizer_parse(&files[0], files[1].data ? &files[1] : NULL, files[2].data ? &files[2] : NULL, out);
fail:
    for (size_t i = 0; i < 3; i++) {
        hdi_free((char *)(uintptr_t)files[i].data);
        hdi_free(paths[i]);
    }
    return status;
}

hd_status hd_tokenizer_load(const char *path, hd_tokenizer **out) {
    HD_REQUIRE(path && out, HD_INVALID_ARGUMENT, "hd_tokenizer_load needs a path and a place for the result");
    *out = NULL;
    if (hdi_is_directory(path)) return load_folder(path, out);
    hdi_tokenizer_file file = {.name = path};
    char *data;
    HD_TRY(hdi_file_read(path, LARGEST_FILE, &data, &file.size));
    file.data = data;
    hd_status status = hdi_tokenizer_parse(&file, NULL, NULL, out);
    hdi_free(data);
    return status;
}

void hd_tokenizer_destroy(hd_tokenizer *t) {
    if (!t) return;
    hdi_vocab_free(&t->vocab);
    hdi_added_tokens_free(&t->added);
    hdi_normalizer_free(&t->normalizer);
    hdi_pretokenizer_free(&t->pretokenizer);
    hdi_bpe_free(&t->bpe);
    hdi_postprocessor_free(&t->postprocessor);
    hdi_decoder_free(&t->decoder);
    hdi_free(t);
}

int32_t hd_tokenizer_vocab_size(const hd_tokenizer *t) { return t->vocab.size; }
int32_t hd_tokenizer_bos(const hd_tokenizer *t) { return t->bos; }
int32_t hd_tokenizer_eos(const hd_tokenizer *t) { return t->eos; }

const char *hd_tokenizer_token(const hd_tokenizer *t, int32_t id) {
    return hdi_vocab_flags(&t->vocab, id) ? hdi_vocab_spelling(&t->vocab, id).data : NULL;
}

int32_t hd_tokenizer_id(const hd_tokenizer *t, const char *token) {
    return hdi_vocab_find(&t->vocab, hdi_span_of(token, strlen(token)));
}

bool hd_tokenizer_is_special(const hd_tokenizer *t, int32_t id) { return hdi_vocab_flags(&t->vocab, id) & HDI_TOKEN_SPECIAL; }
