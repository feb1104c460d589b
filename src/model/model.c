/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a Hugging Face folder: configuration, family, checkpoint; a trial build of the graph declares and checks every weight
 * before any is made. */
#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "compile/cut.h"
#include "compile/two_shot.h"
#include "device/device.h"
#include "graph/graph.h"
#include "model/agree.h"
#include "model/builder.h"

struct hd_model {
    atomic_int count;
    hdi_config config;
    const hdi_family *family;
    hd_generation_defaults generation;
    hdi_checkpoint *checkpoint;
    hdi_weights *weights;
    hd_weights choice;
    const hd_device *device;
    hd_domain *domain; /* NULL: alone */
    hd_window *calls;  /* rank 0 calls the others to its engines through it (engine/crew.h) */
    hd_shard shard;
    int32_t most_kv_heads; /* of any rank */
};

/* ---- loading ---- */

static hd_status read_config(hd_model *model, const char *folder) {
    json_t *json = NULL;
    char *path = hdi_path_join(folder, "config.json");
    if (!path) return HD_OUT_OF_MEMORY;
    hd_status status;
    HD_REQUIRE_GOTO(hdi_is_directory(folder), HD_NOT_FOUND,
                    "%s: there is no such folder; a model is a Hugging Face folder with config.json", folder);
    HD_TRY_GOTO(hdi_json_load(path, 16 << 20, &json));
    HD_TRY_GOTO(hdi_family_read(json, path, &model->config, &model->family));
    status = hdi_generation_defaults_read(folder, json, &model->generation);
fail:
    json_decref(json);
    hdi_free(path);
    return status;
}

static hd_status build_graph(const hd_model *model, const hdi_step_limits *limits, hd_graph **out) {
    hd_graph *graph;
    *out = NULL;
    HD_TRY(hd_graph_create(&graph));
    hdi_builder builder = {.graph = graph, .config = &model->config, .weights = model->weights, .limits = limits};
    model->family->build(&builder);
    hd_status status = hd_graph_status(graph);
    if (status != HD_OK) {
        hd_graph_destroy(graph);
        return status;
    }
    *out = graph;
    return HD_OK;
}

/* This rank's part of it, where several share the model. */
static hd_status build_part(const hd_model *model, const hdi_step_limits *limits, hd_graph **out) {
    hd_graph *whole;
    hd_shard shard = model->shard;
    shard.outputs_everywhere = limits->draws;
    shard.outputs_stay = hdi_logits_stay(shard.pipeline, limits);
    HD_TRY(build_graph(model, limits, &whole));
    if (!model->domain) {
        *out = whole;
        return HD_OK;
    }
    hd_status status = hd_graph_shard(whole, &shard, out);
    hd_graph_destroy(whole);
    return status;
}

/* Limits for graphs that only people look at, and for the trial build. */
static hdi_step_limits nominal_limits(const hd_model *model, int32_t max_tokens) {
    return (hdi_step_limits){.max_tokens = max_tokens,
                             .max_sequences = 1,
                             .max_rows = 1,
                             .pages = 1,
                             .page_tokens = 32,
                             .max_pages = 1,
                             .kv_dtype = hdi_weights_natural_dtype(model->weights) == HD_DTYPE_COUNT
                                             ? HD_DTYPE_F32
                                             : hdi_weights_natural_dtype(model->weights)};
}

/* Sums travel in pieces where they must be sent; on devices norms go with what follows them. */
static hd_status choose_shard(hd_model *model, const hd_model_options *options) {
    enum { CHUNKS_SENT = 4 };
    int32_t tensor = options->tensor ? options->tensor : 1, pipeline = options->pipeline ? options->pipeline : 1;
    HD_REQUIRE(options->domain || (tensor == 1 && pipeline == 1), HD_INVALID_ARGUMENT, "%d x %d ranks need a domain to meet in",
               tensor, pipeline);
    model->shard = (hd_shard){.tensor = tensor, .pipeline = pipeline};
    if (!options->domain) return HD_OK;
    int32_t ranks = hd_domain_ranks(options->domain);
    HD_REQUIRE((int64_t)tensor * pipeline == ranks, HD_INVALID_ARGUMENT,
               "%d tensor-parallel ranks x %d pipeline stages are %lld ranks, and there are %d", tensor, pipeline,
               (long long)tensor * pipeline, ranks);
    model->domain = ranks > 1 ? options->domain : NULL;
    model->shard.rank = hd_domain_rank(options->domain);
    bool cpu = model->device->type == HD_DEVICE_CPU;
    model->shard.messages = strcmp(hd_domain_transport(options->domain), "local") != 0;
    model->shard.chunks = model->shard.messages ? CHUNKS_SENT : 1;
    model->shard.streamed = !model->shard.messages && cpu;
    model->shard.separate_norms = !cpu;
    HD_REQUIRE(options->two_shot >= -1, HD_INVALID_ARGUMENT, "sums in two shots from %lld bytes on",
               (long long)options->two_shot);
    model->shard.two_shot = options->two_shot ? hdi_max_i64(options->two_shot, 0)
                                              : hdi_two_shot_from(model->shard.messages ? HDI_CARRIED_MESSAGES
                                                                  : cpu                 ? HDI_CARRIED_LOCAL
                                                                                        : HDI_CARRIED_DEVICE,
                                                                  tensor);
    return HD_OK;
}

/* The most heads of keys that a rank has: they are cut as those of queries are, so one may need one more than its even share. */
static hd_status most_kv_heads(const hd_model *model, const hd_graph *whole, int32_t *out) {
    const hd_placement *p = &whole->values[hdi_graph_find(whole, "k.0")].placement;
    const hdi_cut cut = {model->config.kv_heads, p->unit, p->per, p->align};
    *out = 0;
    for (int32_t r = 0; r < model->shard.tensor; r++) {
        int64_t heads;
        HD_TRY(hdi_cut_size(&cut, r, model->shard.tensor, &heads));
        if (heads > *out) *out = (int32_t)heads;
    }
    return HD_OK;
}

/* What ranks know of each other's parts. */
static hd_status agree(hd_model *model) {
    hd_graph *whole;
    const hdi_step_limits limits = nominal_limits(model, 1);
    HD_TRY(build_graph(model, &limits, &whole));
    hd_status status = hdi_model_agree(model->domain, whole, &model->shard);
    if (status == HD_OK && model->shard.tensor > 1) status = most_kv_heads(model, whole, &model->most_kv_heads);
    hd_graph_destroy(whole);
    return status;
}

static hd_status load(hd_model *model, const char *path, const hd_model_options *options) {
    hd_graph *trial;
    HD_REQUIRE((unsigned)options->weights < HD_WEIGHTS_COUNT, HD_INVALID_ARGUMENT, "%d is no choice of weights",
               (int)options->weights);
    HD_REQUIRE(0 <= options->threads && options->threads <= 1024, HD_INVALID_ARGUMENT,
               "%d threads; there must be 1 to 1024, or 0", options->threads);
    HD_TRY(choose_shard(model, options));
    HD_TRY(read_config(model, path));
    HD_TRY(hdi_checkpoint_open(path, &model->checkpoint));
    HD_TRY(hdi_weights_create(model->checkpoint, options, &model->weights));
    model->most_kv_heads = model->config.kv_heads;
    if (model->domain) HD_TRY(agree(model));
    hdi_step_limits limits = nominal_limits(model, 1);
    HD_TRY(build_part(model, &limits, &trial));
    hd_status status = model->domain ? hdi_weights_keep(model->weights, trial) : HD_OK;
    hd_graph_destroy(trial);
    if (status == HD_OK) status = hdi_weights_load(model->weights, options);
    return status == HD_OK && model->domain ? hd_window_create(model->domain, NULL, HDI_CACHE_LINE, 1, &model->calls) : status;
}

hd_status hd_model_load(const char *path, const hd_model_options *options, hd_model **out) {
    static const hd_model_options defaults = {0};
    hd_model *model;
    *out = NULL;
    HD_TRY(hdi_calloc(&model, 1, sizeof *model, "a model"));
    atomic_init(&model->count, 1);
    if (!options) options = &defaults;
    model->choice = options->weights;
    model->device = options->device ? options->device : hdi_device_cpu();
    hd_status status = load(model, path, options);
    if (status != HD_OK) {
        hd_model_release(model);
        return status;
    }
    *out = model;
    return HD_OK;
}

/* Tells the ranks that follow that there will be no more engines. */
static void dismiss(hd_model *model) {
    for (int32_t r = 1; model->calls && model->shard.rank == 0 && r < hd_domain_ranks(model->domain); r++)
        (void)(hd_signal_raise(model->calls, r, 0, HDI_NO_MORE_CALLS) == HD_OK); /* whoever has failed knows */
    hd_window_destroy(model->calls);
}

hd_model *hd_model_retain(hd_model *model) {
    atomic_fetch_add_explicit(&model->count, 1, memory_order_relaxed);
    return model;
}

void hd_model_release(hd_model *model) {
    if (!model || atomic_fetch_sub_explicit(&model->count, 1, memory_order_acq_rel) != 1) return;
    dismiss(model);
    hdi_weights_destroy(model->weights);
    hdi_checkpoint_close(model->checkpoint);
    hdi_free(model);
}

/* ---- for the engine ---- */

/* Stage t has the layers l with l x stages / layers == t: at most this many. */
static int32_t most_layers(const hd_model *model) { return (int32_t)hdi_ceil_div(model->config.layers, model->shard.pipeline); }

hd_domain *hdi_model_domain(const hd_model *model) { return model->domain; }

hd_window *hdi_model_calls(const hd_model *model) { return model->calls; }

void hdi_model_kv_shape(const hd_model *model, hdi_kv_shape *out) {
    const hdi_config *c = &model->config;
    *out = (hdi_kv_shape){.layers = most_layers(model),
                          .kv_heads = model->most_kv_heads,
                          .head_dim = c->head_dim,
                          .value_dim = c->head_dim,
                          .uses_rope_lengths = c->rope_scaling.kind == HD_ROPE_SCALING_DYNAMIC,
                          .natural_dtype = hdi_weights_natural_dtype(model->weights)};
}

hd_status hdi_model_compile(const hd_model *model, const hdi_step_limits *limits, hd_plan **out) {
    hd_graph *graph;
    *out = NULL;
    HD_TRY(build_part(model, limits, &graph));
    hd_status status = hd_compile(graph, out);
    hd_graph_destroy(graph);
    return status;
}

hd_status hdi_model_bind(const hd_model *model, hd_executor *executor) { return hdi_weights_bind(model->weights, executor); }

/* ---- for people ---- */

void hd_model_get_info(const hd_model *model, hd_model_info *out) {
    const hdi_config *c = &model->config;
    hdi_weights_total total = hdi_weights_sum(model->weights);
    uint64_t table = c->tied ? 0 : hdi_weights_bytes_of(model->weights, "model.embed_tokens.weight");
    *out = (hd_model_info){.family = model->family->name,
                           .architecture = c->architecture,
                           .layers = c->layers,
                           .hidden = c->hidden,
                           .intermediate = c->intermediate,
                           .heads = c->heads,
                           .kv_heads = c->kv_heads,
                           .head_dim = c->head_dim,
                           .vocab = c->vocab,
                           .context = c->context,
                           .parameters = total.parameters,
                           .weight_bytes = total.bytes,
                           .matrix_bytes_per_token = total.bytes - table,
                           .weights = model->choice,
                           .device = model->device,
                           .rank = model->shard.rank,
                           .tensor = model->shard.tensor,
                           .pipeline = model->shard.pipeline};
}

void hd_model_get_generation_defaults(const hd_model *model, hd_generation_defaults *out) { *out = model->generation; }

hd_status hd_model_describe_graph(const hd_model *model, char **text) {
    hd_graph *graph;
    hdi_step_limits limits = nominal_limits(model, 512);
    *text = NULL;
    HD_TRY(build_part(model, &limits, &graph));
    hd_status status = hd_graph_print(graph, text);
    hd_graph_destroy(graph);
    return status;
}

hd_status hd_model_describe_plan(const hd_model *model, int32_t max_tokens, char **text) {
    hd_plan *plan;
    hdi_step_limits limits = nominal_limits(model, max_tokens);
    *text = NULL;
    HD_REQUIRE(max_tokens >= 1, HD_INVALID_ARGUMENT, "a step of %d tokens; there must be at least 1", max_tokens);
    HD_TRY(hdi_model_compile(model, &limits, &plan));
    hd_status status = hd_plan_print(plan, text);
    hd_plan_destroy(plan);
    return status;
}
