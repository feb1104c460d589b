/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tiny_model.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/float16.h"
#include "base/memory.h"
#include "formats/safetensors.h"

enum { MAX_TENSORS = 1024, NAME = 96 };

typedef struct writer {
    const tiny_model *model;
    const char *folder;
    uint64_t random;
    hdi_stored_tensor tensor[MAX_TENSORS];
    char name[MAX_TENSORS][NAME];
    size_t n;
    bool failed;
} writer;

void tiny_model_init(tiny_model *model, const char *family) {
    *model = (tiny_model){.family = family,
                          .hidden = 64,
                          .intermediate = 96,
                          .layers = 2,
                          .heads = 4,
                          .kv_heads = 2,
                          .head_dim = 32,
                          .vocab = 288,
                          .context = 256,
                          .dtype = HD_DTYPE_F32,
                          .shards = 1,
                          .seed = 1};
}

/* splitmix64, as a value in [-1, 1). */
static float next_random(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (float)((double)(x >> 40) / (1 << 23) - 1.0);
}

static void store(void *data, int64_t i, float value, hd_dtype dtype) {
    if (dtype == HD_DTYPE_F32)
        ((float *)data)[i] = value;
    else
        ((uint16_t *)data)[i] = dtype == HD_DTYPE_F16 ? hdi_f32_to_f16(value) : hdi_f32_to_bf16(value);
}

/* A tensor [rows, cols] ([rows] when cols is 0) of values base + scale * [-1, 1). */
static void add_tensor(writer *w, const char *name, int64_t rows, int64_t cols, float base, float scale) {
    int64_t count = rows * (cols ? cols : 1);
    size_t size = hd_dtype_block_bytes(w->model->dtype);
    void *data = NULL;
    if (w->n == MAX_TENSORS || hdi_alloc(&data, (size_t)count, size, name) != HD_OK) {
        w->failed = true;
        return;
    }
    if (w->model->broken && strcmp(name, "model.norm.weight") == 0) base = NAN;
    for (int64_t i = 0; i < count; i++) store(data, i, base + scale * next_random(&w->random), w->model->dtype);
    snprintf(w->name[w->n], NAME, "%s", name);
    w->tensor[w->n] = (hdi_stored_tensor){.name = w->name[w->n],
                                          .dtype = w->model->dtype,
                                          .ndim = cols ? 2 : 1,
                                          .shape = {rows, cols},
                                          .data = data,
                                          .bytes = (size_t)count * size};
    w->n++;
}

static void add_layer_tensor(writer *w, int layer, const char *name, int64_t rows, int64_t cols) {
    char full[NAME];
    snprintf(full, sizeof full, "model.layers.%d.%s", layer, name);
    bool norm = strstr(name, "norm") != NULL;
    float scale = cols ? 1.7f / sqrtf((float)cols) : 0.2f;
    add_tensor(w, full, rows, cols, norm ? 1.0f : 0.0f, scale);
}

static void add_layer(writer *w, int i) {
    const tiny_model *m = w->model;
    int64_t q = (int64_t)m->heads * m->head_dim, kv = (int64_t)m->kv_heads * m->head_dim;
    add_layer_tensor(w, i, "input_layernorm.weight", m->hidden, 0);
    add_layer_tensor(w, i, "self_attn.q_proj.weight", q, m->hidden);
    add_layer_tensor(w, i, "self_attn.k_proj.weight", kv, m->hidden);
    add_layer_tensor(w, i, "self_attn.v_proj.weight", kv, m->hidden);
    add_layer_tensor(w, i, "self_attn.o_proj.weight", m->hidden, q);
    if (strcmp(m->family, "qwen2") == 0) {
        add_layer_tensor(w, i, "self_attn.q_proj.bias", q, 0);
        add_layer_tensor(w, i, "self_attn.k_proj.bias", kv, 0);
        add_layer_tensor(w, i, "self_attn.v_proj.bias", kv, 0);
    }
    if (strcmp(m->family, "qwen3") == 0) {
        add_layer_tensor(w, i, "self_attn.q_norm.weight", m->head_dim, 0);
        add_layer_tensor(w, i, "self_attn.k_norm.weight", m->head_dim, 0);
    }
    add_layer_tensor(w, i, "post_attention_layernorm.weight", m->hidden, 0);
    add_layer_tensor(w, i, "mlp.gate_proj.weight", m->intermediate, m->hidden);
    add_layer_tensor(w, i, "mlp.up_proj.weight", m->intermediate, m->hidden);
    add_layer_tensor(w, i, "mlp.down_proj.weight", m->hidden, m->intermediate);
}

static FILE *create(const writer *w, const char *name) {
    char *path = hdi_path_join(w->folder, name);
    FILE *file = path ? fopen(path, "wb") : NULL;
    hdi_free(path);
    return file;
}

static bool write_index(const writer *w) {
    FILE *f = create(w, "model.safetensors.index.json");
    if (!f) return false;
    fprintf(f, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {");
    for (size_t i = 0; i < w->n; i++)
        fprintf(f, "%s\n  \"%s\": \"model-%05d-of-%05d.safetensors\"", i ? "," : "", w->name[i],
                (int)(i * (size_t)w->model->shards / w->n) + 1, w->model->shards);
    fprintf(f, "}}\n");
    return fclose(f) == 0;
}

static bool write_shards(const writer *w) {
    size_t begin = 0;
    for (int s = 0; s < w->model->shards; s++) {
        char name[64] = "model.safetensors";
        size_t end = begin;
        while (end < w->n && (int)(end * (size_t)w->model->shards / w->n) == s) end++;
        if (w->model->shards > 1) snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", s + 1, w->model->shards);
        char *path = hdi_path_join(w->folder, name);
        bool ok = path && hdi_safetensors_write(path, w->tensor + begin, end - begin, NULL) == HD_OK;
        hdi_free(path);
        if (!ok) return false;
        begin = end;
    }
    return w->model->shards == 1 || write_index(w);
}

static bool write_weights(writer *w) {
    const tiny_model *m = w->model;
    float table = 3.4f / sqrtf((float)m->hidden);
    add_tensor(w, "model.embed_tokens.weight", m->vocab, m->hidden, 0, table);
    for (int i = 0; i < m->layers; i++) add_layer(w, i);
    add_tensor(w, "model.norm.weight", m->hidden, 0, 1, 0.2f);
    if (!m->tied) add_tensor(w, "lm_head.weight", m->vocab, m->hidden, 0, table);
    bool ok = !w->failed && write_shards(w);
    for (size_t i = 0; i < w->n; i++) hdi_free((void *)(uintptr_t)w->tensor[i].data);
    return ok;
}

static const char *architecture(const char *family) {
    if (strcmp(family, "mistral") == 0) return "MistralForCausalLM";
    if (strcmp(family, "qwen2") == 0) return "Qwen2ForCausalLM";
    if (strcmp(family, "qwen3") == 0) return "Qwen3ForCausalLM";
    return "LlamaForCausalLM";
}

static bool write_config(const writer *w) {
    const tiny_model *m = w->model;
    FILE *f = create(w, "config.json");
    if (!f) return false;
    fprintf(f, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n", architecture(m->family), m->family);
    fprintf(f, "  \"hidden_size\": %d,\n  \"intermediate_size\": %d,\n  \"num_hidden_layers\": %d,\n", m->hidden, m->intermediate,
            m->layers);
    fprintf(f, "  \"num_attention_heads\": %d,\n  \"num_key_value_heads\": %d,\n  \"head_dim\": %d,\n", m->heads, m->kv_heads,
            m->head_dim);
    fprintf(f, "  \"vocab_size\": %d,\n  \"max_position_embeddings\": %d,\n  \"rms_norm_eps\": 1e-05,\n", m->vocab, m->context);
    fprintf(f, "  \"rope_theta\": 10000.0,\n  \"rope_scaling\": %s,\n", m->rope_scaling ? m->rope_scaling : "null");
    if (strcmp(m->family, "mistral") == 0 && m->window) fprintf(f, "  \"sliding_window\": %d,\n", m->window);
    fprintf(f, "  \"hidden_act\": \"silu\",\n  \"attention_bias\": false,\n  \"tie_word_embeddings\": %s,\n",
            m->tied ? "true" : "false");
    fprintf(f, "  \"bos_token_id\": %d,\n  \"eos_token_id\": %d,\n", TINY_MODEL_BEGIN, TINY_MODEL_END);
    fprintf(f, "  \"torch_dtype\": \"%s\"\n}\n",
            m->dtype == HD_DTYPE_F32 ? "float32" : (m->dtype == HD_DTYPE_F16 ? "float16" : "bfloat16"));
    if (fclose(f) != 0 || !(f = create(w, "generation_config.json"))) return false;
    fprintf(f, "{\"bos_token_id\": %d, \"eos_token_id\": %d, \"do_sample\": false}\n", TINY_MODEL_BEGIN, TINY_MODEL_END);
    return fclose(f) == 0;
}

/* The visible code point that stands for a byte in byte-level vocabularies; n counts the invisible bytes so far. */
static uint32_t byte_code_point(int byte, uint32_t *n) {
    if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174) return (uint32_t)byte;
    return 256 + (*n)++;
}

static bool write_tokenizer(const writer *w) {
    static const char *const merges[8][2] = {{"t", "h"}, {"th", "e"}, {"a", "n"}, {"an", "d"},
                                             {"i", "n"}, {"e", "r"},  {"o", "u"}, {"\xc4\xa0", "the"}};
    FILE *f = create(w, "tokenizer.json");
    uint32_t n = 0;
    if (!f) return false;
    fprintf(f, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [");
    for (int id = TINY_MODEL_BEGIN; id <= TINY_MODEL_END; id++)
        fprintf(f,
                "%s{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                "\"normalized\": false, \"special\": true}",
                id > TINY_MODEL_BEGIN ? ", " : "", id, id == TINY_MODEL_BEGIN ? "<|begin|>" : "<|end|>");
    fprintf(f, "],\n\"normalizer\": null,\n\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
               "\"trim_offsets\": true, \"use_regex\": true},\n\"post_processor\": null,\n\"decoder\": {\"type\": \"ByteLevel\", "
               "\"add_prefix_space\": true, \"trim_offsets\": true, \"use_regex\": true},\n\"model\": {\"type\": \"BPE\", "
               "\"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, "
               "\"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": false,\n\"vocab\": {");
    for (int byte = 0; byte < 256; byte++) {
        uint32_t cp = byte_code_point(byte, &n); /* below 0x800: at most two bytes of UTF-8 */
        char text[3] = {(char)cp};
        if (cp >= 0x80) text[0] = (char)(0xc0 | cp >> 6), text[1] = (char)(0x80 | (cp & 0x3f));
        fprintf(f, "\"%s%s\": %d, ", *text == '"' || *text == '\\' ? "\\" : "", text, byte);
    }
    for (int i = 0; i < 8; i++) fprintf(f, "%s\"%s%s\": %d", i ? ", " : "", merges[i][0], merges[i][1], 256 + i);
    fprintf(f, "},\n\"merges\": [");
    for (int i = 0; i < 8; i++) fprintf(f, "%s[\"%s\", \"%s\"]", i ? ", " : "", merges[i][0], merges[i][1]);
    fprintf(f, "]}}\n");
    if (fclose(f) != 0 || !(f = create(w, "tokenizer_config.json"))) return false;
    fprintf(f, "{\"tokenizer_class\": \"PreTrainedTokenizerFast\", \"bos_token\": \"<|begin|>\", \"eos_token\": \"<|end|>\", "
               "\"clean_up_tokenization_spaces\": false}\n");
    return fclose(f) == 0;
}

char *tiny_model_write(const tiny_model *model) {
    const char *tmp = getenv("TMPDIR");
    char *folder = hdi_path_join(tmp && *tmp ? tmp : "/tmp", "heddle-tiny-XXXXXX");
    writer *w = NULL;
    if (!folder || !mkdtemp(folder)) {
        fprintf(stderr, "tiny_model: cannot make a folder for the model\n");
        hdi_free(folder);
        return NULL;
    }
    bool ok = hdi_calloc(&w, 1, sizeof *w, "a model writer") == HD_OK;
    if (ok) {
        w->model = model, w->folder = folder, w->random = model->seed;
        ok = write_weights(w) && write_config(w) && write_tokenizer(w);
    }
    hdi_free(w);
    if (ok) return folder;
    fprintf(stderr, "tiny_model: cannot write the model to %s: %s\n", folder, hd_last_error());
    tiny_model_remove(folder);
    return NULL;
}

void tiny_model_remove(char *folder) {
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = hdi_path_join(folder, entry->d_name);
        if (path && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlink(path);
        hdi_free(path);
    }
    if (dir) closedir(dir);
    if (folder) rmdir(folder);
    hdi_free(folder);
}
