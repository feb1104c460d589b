/* SPDX-License-Identifier: Apache-2.0 */
/* From the options that a caller left open to the sizes an engine is built with. A pure function, so that the rules can be
 * tested without a model or a machine of the size in question. */
#ifndef HDI_ENGINE_LIMITS_H
#define HDI_ENGINE_LIMITS_H

#include "heddle/engine.h"
#include "model/model.h"

typedef struct hdi_engine_limits {
    hdi_step_limits step;
    int32_t threads;
    int64_t context;       /* longest sequence; never more than the whole cache holds */
    size_t kv_token_bytes; /* keys and values of one token in all layers */
    size_t kv_bytes;       /* of the whole cache */
} hdi_engine_limits;

/* `memory`: bytes of the machine; `cores`: what this process may use. HD_INVALID_ARGUMENT names the option, its value and its
 * range; HD_OUT_OF_MEMORY when the cache cannot fit into `memory`. */
hd_status hdi_limits_resolve(const hd_engine_options *options, const hd_model_info *model, const hdi_kv_shape *kv, size_t memory,
                             int32_t cores, hdi_engine_limits *out);

#endif
