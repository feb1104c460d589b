/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

/* An integer of 1..max under `key`. */
static hd_status get_size(const json_t *json, const char *where, const char *key, int64_t max, int32_t *out) {
    int64_t value;
    HD_TRY(hdi_json_get_i64(json, where, key, &value));
    HD_REQUIRE(1 <= value && value <= max, HD_CORRUPT, "%s: %s is %lld; it must be 1 to %lld", where, key, (long long)value,
               (long long)max);
    *out = (int32_t)value;
    return HD_OK;
}

static hd_status read_sizes(const json_t *json, const char *where, hdi_config *c) {
    const int64_t wide = 1 << 20;
    HD_TRY(get_size(json, where, "num_hidden_layers", HDI_MAX_LAYERS, &c->layers));
    HD_TRY(get_size(json, where, "hidden_size", wide, &c->hidden));
    HD_TRY(get_size(json, where, "intermediate_size", 4 * wide, &c->intermediate));
    HD_TRY(get_size(json, where, "num_attention_heads", 65536, &c->heads));
    HD_TRY(get_size(json, where, "vocab_size", 16 * wide, &c->vocab));
    c->kv_heads = c->heads;
    if (json_is_integer(json_object_get(json, "num_key_value_heads")))
        HD_TRY(get_size(json, where, "num_key_value_heads", 65536, &c->kv_heads));
    HD_REQUIRE(c->heads % c->kv_heads == 0, HD_CORRUPT, "%s: %d attention heads cannot share %d key-value heads evenly", where,
               c->heads, c->kv_heads);
    if (json_is_integer(json_object_get(json, "head_dim"))) {
        HD_TRY(get_size(json, where, "head_dim", 65536, &c->head_dim));
    } else {
        HD_REQUIRE(c->hidden % c->heads == 0, HD_CORRUPT,
                   "%s: hidden_size %d is no multiple of num_attention_heads %d, and there is no head_dim", where, c->hidden,
                   c->heads);
        c->head_dim = c->hidden / c->heads;
    }
    HD_REQUIRE(c->head_dim % 2 == 0, HD_CORRUPT, "%s: head_dim %d is odd; rotary embeddings turn pairs", where, c->head_dim);
    HD_REQUIRE((int64_t)c->heads * c->head_dim <= 4 * wide, HD_CORRUPT, "%s: %d heads of %d are too wide", where, c->heads,
               c->head_dim);
    return HD_OK;
}

/* ---- rotary embeddings ---- */

static hd_status read_llama3(const json_t *json, const char *where, hd_rope_scaling *s) {
    HD_TRY(hdi_json_get_f64(json, where, "low_freq_factor", &s->low_freq_factor));
    HD_TRY(hdi_json_get_f64(json, where, "high_freq_factor", &s->high_freq_factor));
    return hdi_json_get_i64(json, where, "original_max_position_embeddings", &s->original_positions);
}

static hd_status read_yarn(const json_t *json, const char *where, hd_rope_scaling *s) {
    bool truncate = true;
    HD_TRY(hdi_json_opt_f64(json, where, "beta_fast", &s->beta_fast));
    HD_TRY(hdi_json_opt_f64(json, where, "beta_slow", &s->beta_slow));
    HD_TRY(hdi_json_opt_f64(json, where, "attention_factor", &s->attention_factor));
    HD_TRY(hdi_json_opt_f64(json, where, "mscale", &s->mscale));
    HD_TRY(hdi_json_opt_f64(json, where, "mscale_all_dim", &s->mscale_all_dim));
    HD_TRY(hdi_json_opt_bool(json, where, "truncate", &truncate));
    s->no_truncate = !truncate;
    return hdi_json_opt_i64(json, where, "original_max_position_embeddings", &s->original_positions);
}

static hd_status read_scaling(const json_t *json, const char *where, hdi_config *c) {
    hd_rope_scaling *s = &c->rope_scaling;
    const char *type = NULL;
    HD_TRY(hdi_json_opt_string(json, where, "rope_type", &type));
    if (!type) HD_TRY(hdi_json_opt_string(json, where, "type", &type));
    if (!type || strcmp(type, "default") == 0) return HD_OK;
    s->original_positions = c->context;
    HD_TRY(hdi_json_get_f64(json, where, "factor", &s->factor));
    if (strcmp(type, "linear") == 0) {
        s->kind = HD_ROPE_SCALING_LINEAR;
    } else if (strcmp(type, "dynamic") == 0) {
        s->kind = HD_ROPE_SCALING_DYNAMIC;
    } else if (strcmp(type, "llama3") == 0) {
        s->kind = HD_ROPE_SCALING_LLAMA3;
        HD_TRY(read_llama3(json, where, s));
    } else if (strcmp(type, "yarn") == 0) {
        s->kind = HD_ROPE_SCALING_YARN;
        HD_TRY(read_yarn(json, where, s));
    } else {
        return hdi_fail(HD_UNSUPPORTED,
                        "%s: rope scaling \"%s\" is not supported; there are default, linear, dynamic, llama3 and yarn", where,
                        type);
    }
    HD_REQUIRE(isfinite(s->factor) && s->factor >= 1 && s->factor <= 1e6, HD_CORRUPT,
               "%s: the rope scaling factor is %g; it must be 1 or more", where, s->factor);
    return HD_OK;
}

static hd_status read_rope(const json_t *json, const char *where, hdi_config *c) {
    const json_t *scaling;
    int64_t positions = 0;
    c->rope_theta = 10000;
    HD_TRY(hdi_json_get_i64(json, where, "max_position_embeddings", &positions));
    HD_REQUIRE(1 <= positions && positions <= INT32_MAX, HD_CORRUPT, "%s: max_position_embeddings is %lld", where,
               (long long)positions);
    c->context = positions;
    HD_TRY(hdi_json_opt_f64(json, where, "rope_theta", &c->rope_theta));
    HD_TRY(hdi_json_opt_object(json, where, "rope_scaling", &scaling));
    if (!scaling) HD_TRY(hdi_json_opt_object(json, where, "rope_parameters", &scaling));
    if (!scaling) return HD_OK;
    HD_TRY(hdi_json_opt_f64(scaling, where, "rope_theta", &c->rope_theta));
    HD_TRY(read_scaling(scaling, where, c));
    /* max_position_embeddings of llama3 and (mostly) yarn checkpoints counts the scaling in; of the others it does not. */
    hd_rope_scaling_kind kind = c->rope_scaling.kind;
    bool stretches = kind == HD_ROPE_SCALING_LINEAR || kind == HD_ROPE_SCALING_DYNAMIC ||
                     (kind == HD_ROPE_SCALING_YARN && c->rope_scaling.original_positions == positions);
    if (stretches && (double)positions * c->rope_scaling.factor < INT32_MAX)
        c->context = (int64_t)((double)positions * c->rope_scaling.factor);
    return HD_OK;
}

/* ---- everything ---- */

static hd_status copy_string(const char *from, const char *where, const char *key, char *to, size_t size) {
    HD_REQUIRE(strlen(from) < size, HD_CORRUPT, "%s: %s is too long a name", where, key);
    strcpy(to, from);
    return HD_OK;
}

hd_status hdi_config_names(const json_t *json, const char *where, hdi_config *c) {
    const json_t *list = NULL;
    const char *text = NULL;
    memset(c, 0, sizeof *c);
    HD_TRY(hdi_json_opt_array(json, where, "architectures", &list));
    if (list && json_is_string(json_array_get(list, 0)))
        HD_TRY(copy_string(json_string_value(json_array_get(list, 0)), where, "architectures", c->architecture,
                           sizeof c->architecture));
    HD_TRY(hdi_json_opt_string(json, where, "model_type", &text));
    if (text) HD_TRY(copy_string(text, where, "model_type", c->model_type, sizeof c->model_type));
    return HD_OK;
}

static hd_status check_activation(const json_t *json, const char *where) {
    const char *activation = "silu";
    HD_TRY(hdi_json_opt_string(json, where, "hidden_act", &activation));
    HD_REQUIRE(strcmp(activation, "silu") == 0, HD_UNSUPPORTED, "%s: hidden_act \"%s\" is not supported by this family; silu is",
               where, activation);
    return HD_OK;
}

hd_status hdi_config_read(const json_t *json, const char *where, hdi_config *config) {
    double eps = 1e-6;
    HD_TRY(check_activation(json, where));
    HD_TRY(read_sizes(json, where, config));
    HD_TRY(read_rope(json, where, config));
    HD_TRY(hdi_json_opt_f64(json, where, "rms_norm_eps", &eps));
    HD_REQUIRE(eps >= 0 && eps <= 1, HD_CORRUPT, "%s: rms_norm_eps is %g", where, eps);
    config->norm_eps = (float)eps;
    return hdi_json_opt_bool(json, where, "tie_word_embeddings", &config->tied);
}

hd_status hdi_config_window(const json_t *json, const char *where, int32_t fallback, int32_t *window) {
    const json_t *item = json_object_get(json, "sliding_window");
    *window = item ? 0 : fallback;
    if (!item || json_is_null(item)) return HD_OK;
    return get_size(json, where, "sliding_window", INT32_MAX, window);
}

/* ---- generation defaults ---- */

/* An id or a list of ids; those beyond the room are dropped (nobody has sixteen end tokens). */
static void read_eos(const json_t *json, hd_generation_defaults *out) {
    const json_t *item = json_object_get(json, "eos_token_id");
    if (!item || json_is_null(item)) return;
    out->n_eos = 0;
    size_t n = json_is_array(item) ? json_array_size(item) : 1;
    for (size_t i = 0; i < n && out->n_eos < (int32_t)HDI_COUNTOF(out->eos); i++) {
        const json_t *id = json_is_array(item) ? json_array_get(item, i) : item;
        if (json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) < INT32_MAX)
            out->eos[out->n_eos++] = (int32_t)json_integer_value(id);
    }
}

static void read_ids(const json_t *json, hd_generation_defaults *out) {
    const json_t *bos = json_object_get(json, "bos_token_id");
    if (json_is_integer(bos) && json_integer_value(bos) >= 0 && json_integer_value(bos) < INT32_MAX)
        out->bos = (int32_t)json_integer_value(bos);
    read_eos(json, out);
}

hd_status hdi_generation_defaults_merge(const json_t *json, const char *where, hd_generation_defaults *out) {
    double temperature = out->temperature, top_p = out->top_p, penalty = out->repetition_penalty;
    int64_t top_k = out->top_k;
    read_ids(json, out);
    HD_TRY(hdi_json_opt_bool(json, where, "do_sample", &out->do_sample));
    HD_TRY(hdi_json_opt_f64(json, where, "temperature", &temperature));
    HD_TRY(hdi_json_opt_f64(json, where, "top_p", &top_p));
    HD_TRY(hdi_json_opt_i64(json, where, "top_k", &top_k));
    HD_TRY(hdi_json_opt_f64(json, where, "repetition_penalty", &penalty));
    HD_REQUIRE(temperature >= 0 && temperature <= 1e6, HD_CORRUPT, "%s: temperature is %g", where, temperature);
    HD_REQUIRE(top_p > 0 && top_p <= 1, HD_CORRUPT, "%s: top_p is %g; it must be above 0 and at most 1", where, top_p);
    HD_REQUIRE(penalty > 0 && penalty <= 1e6, HD_CORRUPT, "%s: repetition_penalty is %g; it must be positive", where, penalty);
    HD_REQUIRE(top_k >= 0 && top_k <= INT32_MAX, HD_CORRUPT, "%s: top_k is %lld", where, (long long)top_k);
    out->temperature = (float)temperature;
    out->top_p = (float)top_p;
    out->top_k = (int32_t)top_k;
    out->repetition_penalty = (float)penalty;
    return HD_OK;
}

hd_status hdi_generation_defaults_read(const char *folder, const json_t *config, hd_generation_defaults *out) {
    *out = (hd_generation_defaults){.temperature = 1, .top_p = 1, .repetition_penalty = 1, .bos = -1};
    read_ids(config, out);
    char *path = hdi_path_join(folder, "generation_config.json");
    if (!path) return HD_OUT_OF_MEMORY;
    hd_status status = HD_OK;
    if (hdi_file_exists(path)) {
        json_t *json = NULL;
        status = hdi_json_load(path, 1 << 20, &json);
        if (status == HD_OK) {
            status = hdi_generation_defaults_merge(json, path, out);
            json_decref(json);
        }
    }
    hdi_free(path);
    return status;
}
