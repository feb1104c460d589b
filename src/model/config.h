/* SPDX-License-Identifier: Apache-2.0 */
/* config.json and generation_config.json, checked: what a family needs to build its graph. */
#ifndef HDI_MODEL_CONFIG_H
#define HDI_MODEL_CONFIG_H

#include <jansson.h>

#include "base/status.h"
#include "heddle/model.h"
#include "heddle/ops.h"

enum { HDI_MAX_LAYERS = 4096 };

typedef struct hdi_config {
    char architecture[64], model_type[64];
    int32_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab;
    int64_t context; /* max_position_embeddings, times the factor of a scaling that stretches it */
    float norm_eps;
    double rope_theta;
    hd_rope_scaling rope_scaling;
    bool tied; /* the head is the embedding table */
    bool qkv_bias, output_bias, mlp_bias;
    bool qk_norm;                     /* rms_norm of each head's q and k */
    int32_t window;                   /* keys a token sees in windowed layers; 0: all layers see all */
    uint8_t windowed[HDI_MAX_LAYERS]; /* by layer */
} hdi_config;

/* Clears `config` and reads the names by which a family is found. */
hd_status hdi_config_names(const json_t *json, const char *where, hdi_config *config);
/* Reads what all families share and checks every size; flags that only some families have stay false for them to set. */
hd_status hdi_config_read(const json_t *json, const char *where, hdi_config *config);

/* Reads sliding_window: `fallback` when the key is missing, 0 when it is null. */
hd_status hdi_config_window(const json_t *json, const char *where, int32_t fallback, int32_t *window);

/* What the object of a generation_config.json says replaces what `out` has. */
hd_status hdi_generation_defaults_merge(const json_t *json, const char *where, hd_generation_defaults *out);
/* Reads generation_config.json of `folder`, if it is there, over what config.json says. */
hd_status hdi_generation_defaults_read(const char *folder, const json_t *config, hd_generation_defaults *out);

#endif
