/* SPDX-License-Identifier: Apache-2.0 */
/* Qwen2 and Qwen2.5, and DeepSeek-R1-Distill-Qwen: Llama's decoder with biases on q, k and v. */
#include <string.h>

#include "base/json.h"
#include "model/builder.h"
#include "model/qwen.h"

static hd_status read_layer_types(const json_t *types, const char *where, hdi_config *config) {
    HD_REQUIRE(json_array_size(types) == (size_t)config->layers, HD_CORRUPT, "%s: layer_types has %zu entries for %d layers",
               where, json_array_size(types), config->layers);
    for (int i = 0; i < config->layers; i++) {
        const char *type = json_string_value(json_array_get(types, (size_t)i));
        HD_REQUIRE(type, HD_CORRUPT, "%s: layer_types[%d] is no string", where, i);
        config->windowed[i] = strcmp(type, "sliding_attention") == 0;
        HD_REQUIRE(config->windowed[i] || strcmp(type, "full_attention") == 0, HD_UNSUPPORTED,
                   "%s: layer_types[%d] is \"%s\"; full_attention and sliding_attention are supported", where, i, type);
    }
    return HD_OK;
}

hd_status hdi_qwen_windows(const json_t *json, const char *where, hdi_config *config) {
    bool use = false;
    int64_t first = 28;
    const json_t *types = NULL;
    HD_TRY(hdi_json_opt_bool(json, where, "use_sliding_window", &use));
    if (!use) return HD_OK;
    HD_TRY(hdi_config_window(json, where, 4096, &config->window));
    if (config->window == 0) return HD_OK;
    HD_TRY(hdi_json_opt_i64(json, where, "max_window_layers", &first));
    HD_TRY(hdi_json_opt_array(json, where, "layer_types", &types));
    if (types) return read_layer_types(types, where, config);
    for (int i = 0; i < config->layers; i++) config->windowed[i] = i >= first;
    return HD_OK;
}

static hd_status configure(const json_t *json, const char *where, hdi_config *config) {
    config->qkv_bias = true;
    return hdi_qwen_windows(json, where, config);
}

const hdi_family hdi_family_qwen2 = {
    .name = "qwen2",
    .architectures = {"Qwen2ForCausalLM"},
    .configure = configure,
    .build = hdi_build_decoder,
};
