/* SPDX-License-Identifier: Apache-2.0 */
/* What the Qwen families share: which layers see a sliding window. */
#ifndef HDI_MODEL_QWEN_H
#define HDI_MODEL_QWEN_H

#include "model/config.h"

/* From use_sliding_window, sliding_window and layer_types, else max_window_layers (the layers from that one on are windowed). */
hd_status hdi_qwen_windows(const json_t *json, const char *where, hdi_config *config);

#endif
