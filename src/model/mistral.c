/* SPDX-License-Identifier: Apache-2.0 */
/* Mistral: Llama's decoder; every layer sees a sliding window when there is one. */
#include <string.h>

#include "model/builder.h"

enum { DEFAULT_WINDOW = 4096 }; /* of a configuration that does not mention it; null means none */

static hd_status configure(const json_t *json, const char *where, hdi_config *config) {
    HD_TRY(hdi_config_window(json, where, DEFAULT_WINDOW, &config->window));
    memset(config->windowed, config->window > 0, (size_t)config->layers);
    return HD_OK;
}

const hdi_family hdi_family_mistral = {
    .name = "mistral",
    .architectures = {"MistralForCausalLM"},
    .configure = configure,
    .build = hdi_build_decoder,
};
