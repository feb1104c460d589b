/* SPDX-License-Identifier: Apache-2.0 */
/* From sampling flags and the model's own advice to hd_sampling. */
#ifndef HDI_CLI_SAMPLING_H
#define HDI_CLI_SAMPLING_H

#include "cli/options.h"
#include "heddle/engine.h"

typedef struct cli_sampling {
    double temperature, top_p, min_p, typical_p, repeat_penalty, presence_penalty, frequency_penalty;
    int64_t top_k, repeat_last;
    uint64_t seed;
    cli_strings bias_text; /* "ID=VALUE" */
    struct {
        bool temperature, top_k, top_p, repeat_penalty, seed;
    } given;
    hd_logit_bias bias[CLI_MAX_STRINGS];
} cli_sampling;

/* Flags that were not given take the model's advice (generation_config.json); --temp 0 means plain greedy, whatever it says.
 * The result borrows from `flags`. Returns EXIT_OK or an exit code. */
int cli_sampling_resolve(cli_sampling *flags, const hd_model *model, hd_sampling *out);

#endif
