/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as config.json and as generation_config.json: every family's reader accepts only sizes that can be computed with. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "model/builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(const json_t *json, const hdi_family *family) {
    static hdi_config config; /* large; one thread */
    if (hdi_config_names(json, "input", &config) != HD_OK) return;
    if (!family && hdi_family_find(&config, "input", &family) != HD_OK) return;
    if (hdi_config_read(json, "input", &config) != HD_OK || family->configure(json, "input", &config) != HD_OK) return;
    assert(config.layers > 0 && config.heads % config.kv_heads == 0 && config.head_dim % 2 == 0 && config.vocab > 0);
    assert(config.context > 0 && config.window >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"};
    json_t *json;
    if (hdi_json_parse((const char *)data, size, "input", &json) != HD_OK) return 0;
    read_as(json, NULL);
    for (size_t i = 0; i < HDI_COUNTOF(names); i++) {
        static hdi_config named;
        const hdi_family *family;
        strcpy(named.architecture, names[i]);
        if (hdi_family_find(&named, "input", &family) == HD_OK) read_as(json, family);
    }
    hd_generation_defaults defaults = {.temperature = 1, .top_p = 1, .repetition_penalty = 1, .bos = -1};
    if (json_is_object(json) && hdi_generation_defaults_merge(json, "input", &defaults) == HD_OK)
        assert(defaults.n_eos <= 16 && defaults.top_p > 0 && defaults.repetition_penalty > 0);
    json_decref(json);
    return 0;
}
