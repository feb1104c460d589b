/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of decoders by name or from a config.json, and their graphs. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/builder.h"
#include "model/simulate.h"

#define BF16 .weights = HD_DTYPE_BF16, .kv = HD_DTYPE_BF16
static const hd_sim_shape shapes[] = {
    {"llama7b", 32, 4096, 11008, 32, 32, 128, 32000, BF16},
    {"llama8b", 32, 4096, 14336, 32, 8, 128, 128256, BF16},
    {"llama70b", 80, 8192, 28672, 64, 8, 128, 128256, BF16},
    {"llama405b", 126, 16384, 53248, 128, 8, 128, 128256, BF16},
    {"qwen0.5b", 24, 896, 4864, 14, 2, 64, 151936, .tied = true, .qkv_bias = true, BF16},
    {"qwen1.5b", 28, 1536, 8960, 12, 2, 128, 151936, .tied = true, .qkv_bias = true, BF16},
};
#undef BF16

const char *hd_sim_shape_name(int32_t i) { return 0 <= i && (size_t)i < HDI_COUNTOF(shapes) ? shapes[i].name : NULL; }

hd_status hd_sim_shape_find(const char *name, hd_sim_shape *out) {
    char known[1024] = "";
    for (size_t i = 0; i < HDI_COUNTOF(shapes); i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            *out = shapes[i];
            return HD_OK;
        }
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", shapes[i].name);
    }
    return hdi_fail(HD_NOT_FOUND, "there is no shape named %s; there are %s", name, known);
}

/* The type that the checkpoint was saved in: config.json's own word for it. */
static hd_status read_type(const json_t *json, const char *where, hd_dtype *out) {
    static const struct {
        const char *name;
        hd_dtype dtype;
    } types[] = {{"bfloat16", HD_DTYPE_BF16}, {"float16", HD_DTYPE_F16}, {"float32", HD_DTYPE_F32}};
    const char *name = "float32";
    HD_TRY(hdi_json_opt_string(json, where, "dtype", &name));
    HD_TRY(hdi_json_opt_string(json, where, "torch_dtype", &name));
    for (size_t i = 0; i < HDI_COUNTOF(types); i++)
        if (strcmp(types[i].name, name) == 0) {
            *out = types[i].dtype;
            return HD_OK;
        }
    return hdi_fail(HD_UNSUPPORTED, "%s: weights of type \"%s\"", where, name);
}

static hd_status read_shape(const json_t *json, const char *where, hdi_config *c, hd_sim_shape *out) {
    const hdi_family *family;
    HD_TRY(hdi_family_read(json, where, c, &family));
    *out = (hd_sim_shape){.layers = c->layers,
                          .hidden = c->hidden,
                          .intermediate = c->intermediate,
                          .heads = c->heads,
                          .kv_heads = c->kv_heads,
                          .head_dim = c->head_dim,
                          .vocab = c->vocab,
                          .tied = c->tied,
                          .qkv_bias = c->qkv_bias,
                          .qk_norm = c->qk_norm};
    HD_TRY(read_type(json, where, &out->weights));
    out->kv = out->weights;
    return HD_OK;
}

/* The last part of a path. */
static void name_of(const char *folder, char *name, size_t size) {
    size_t end = strlen(folder), begin;
    while (end > 1 && folder[end - 1] == '/') end--;
    for (begin = end; begin > 0 && folder[begin - 1] != '/';) begin--;
    snprintf(name, size, "%.*s", (int)(end - begin), folder + begin);
}

hd_status hd_sim_shape_read(const char *folder, hd_sim_shape *out) {
    json_t *json = NULL;
    hdi_config *config = NULL;
    hd_status status;
    char *path = hdi_path_join(folder, "config.json");
    if (!path) return HD_OUT_OF_MEMORY;
    HD_TRY_GOTO(hdi_calloc(&config, 1, sizeof *config, "a configuration"));
    HD_TRY_GOTO(hdi_json_load(path, 16 << 20, &json));
    HD_TRY_GOTO(read_shape(json, path, config, out));
    name_of(folder, out->name, sizeof out->name);
fail:
    json_decref(json);
    hdi_free(config);
    hdi_free(path);
    return status;
}

hd_status hdi_sim_shape_check(const hd_sim_shape *s) {
    enum { MOST = 1 << 20 };
    HD_REQUIRE(1 <= s->layers && s->layers <= HDI_MAX_LAYERS, HD_INVALID_ARGUMENT, "%d layers; there can be 1 to %d", s->layers,
               HDI_MAX_LAYERS);
    HD_REQUIRE(0 < s->hidden && s->hidden <= MOST && 0 < s->intermediate && s->intermediate <= MOST && 0 < s->vocab &&
                   s->vocab <= MOST && 0 < s->heads && s->heads <= MOST && 0 < s->kv_heads && s->heads % s->kv_heads == 0 &&
                   0 < s->head_dim && s->head_dim <= 4096 && s->head_dim % 2 == 0,
               HD_INVALID_ARGUMENT,
               "%s: sizes that make no decoder: hidden %d, intermediate %d, vocab %d, heads %d of %d, %d of keys", s->name,
               s->hidden, s->intermediate, s->vocab, s->heads, s->head_dim, s->kv_heads);
    HD_REQUIRE((unsigned)s->weights < HD_DTYPE_COUNT && (unsigned)s->kv < HD_DTYPE_COUNT, HD_INVALID_ARGUMENT,
               "%s: %d and %d are no types", s->name, (int)s->weights, (int)s->kv);
    return HD_OK;
}

static void configure(const hd_sim_shape *s, int32_t layers, hdi_config *c) {
    c->layers = layers;
    c->hidden = s->hidden;
    c->intermediate = s->intermediate;
    c->heads = s->heads;
    c->kv_heads = s->kv_heads;
    c->head_dim = s->head_dim;
    c->vocab = s->vocab;
    c->tied = s->tied;
    c->qkv_bias = s->qkv_bias;
    c->qk_norm = s->qk_norm;
    c->norm_eps = 1e-5f;
    c->rope_theta = 10000;
    c->context = 1 << 20;
}

hd_status hdi_sim_shape_graph(const hd_sim_shape *shape, int32_t layers, const hdi_step_limits *limits, hd_graph **out) {
    hdi_config *config = NULL;
    hd_graph *graph = NULL;
    hd_status status;
    *out = NULL;
    HD_TRY_GOTO(hdi_calloc(&config, 1, sizeof *config, "a configuration"));
    configure(shape, layers, config);
    HD_TRY_GOTO(hd_graph_create(&graph));
    hdi_builder builder = {.graph = graph, .config = config, .imagined = &shape->weights, .limits = limits};
    hdi_build_decoder(&builder);
    HD_TRY_GOTO(hd_graph_status(graph));
    *out = graph;
    graph = NULL;
fail:
    hd_graph_destroy(graph);
    hdi_free(config);
    return status;
}
