/* SPDX-License-Identifier: Apache-2.0 */
/* Qwen3: Qwen2's decoder with normalised q and k, and biases only where the configuration asks for them. */
#include "base/json.h"
#include "model/builder.h"
#include "model/qwen.h"

static hd_status configure(const json_t *json, const char *where, hdi_config *config) {
    bool attention_bias = false;
    HD_TRY(hdi_json_opt_bool(json, where, "attention_bias", &attention_bias));
    config->qkv_bias = config->output_bias = attention_bias;
    config->qk_norm = true;
    return hdi_qwen_windows(json, where, config);
}

const hdi_family hdi_family_qwen3 = {
    .name = "qwen3",
    .architectures = {"Qwen3ForCausalLM"},
    .configure = configure,
    .build = hdi_build_decoder,
};
