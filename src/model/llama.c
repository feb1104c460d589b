/* SPDX-License-Identifier: Apache-2.0 */
/* Llama 1, 2 and 3, and what shares their architecture (DeepSeek-R1-Distill-Llama, SmolLM, TinyLlama). */
#include "base/json.h"
#include "model/builder.h"

static hd_status configure(const json_t *json, const char *where, hdi_config *config) {
    bool attention_bias = false;
    HD_TRY(hdi_json_opt_bool(json, where, "attention_bias", &attention_bias));
    config->qkv_bias = config->output_bias = attention_bias;
    return hdi_json_opt_bool(json, where, "mlp_bias", &config->mlp_bias);
}

const hdi_family hdi_family_llama = {
    .name = "llama",
    .architectures = {"LlamaForCausalLM"},
    .configure = configure,
    .build = hdi_build_decoder,
};
