/* SPDX-License-Identifier: Apache-2.0 */
/* Two surprises are kept out here: a model that advises sampling still answers greedily to --temp 0, and a seed nobody chose can
 * be read off the closing line. */
#include "cli/sampling.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* "15043=-5", "2=-inf". */
static bool parse_bias(const char *text, hd_logit_bias *out) {
    char *end;
    errno = 0;
    long id = strtol(text, &end, 10);
    if (errno || end == text || *end != '=' || id < 0 || id > INT32_MAX) return false;
    const char *value = end + 1;
    float bias = strtof(value, &end);
    if (end == value || *end || isnan(bias) || bias == INFINITY) return false;
    *out = (hd_logit_bias){.token = (int32_t)id, .bias = bias};
    return true;
}

/* Differs from run to run; the closing line shows it, so that a run can be repeated. */
static uint64_t fresh_seed(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mixed = ((uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec) ^ ((uint64_t)getpid() << 32);
    return mixed % 1000000000u; /* short enough to type */
}

int cli_sampling_resolve(cli_sampling *flags, const hd_model *model, hd_sampling *out) {
    hd_generation_defaults advice;
    hd_model_get_generation_defaults(model, &advice);
    hd_sampling_init(out);
    bool plain = flags->given.temperature && flags->temperature == 0;
    bool advised = !plain && advice.do_sample;
    out->temperature = flags->given.temperature ? (float)flags->temperature : advised ? advice.temperature : 0.0f;
    out->top_k = flags->given.top_k ? (int32_t)flags->top_k : advised ? advice.top_k : 0;
    out->top_p = flags->given.top_p ? (float)flags->top_p : advised ? advice.top_p : 1.0f;
    out->repetition_penalty = flags->given.repeat_penalty ? (float)flags->repeat_penalty
                              : plain                     ? 1.0f
                                                          : advice.repetition_penalty;
    out->min_p = (float)flags->min_p;
    out->typical_p = (float)flags->typical_p;
    out->presence_penalty = (float)flags->presence_penalty;
    out->frequency_penalty = (float)flags->frequency_penalty;
    out->penalty_last = (int32_t)flags->repeat_last;
    if (!flags->given.seed) flags->seed = fresh_seed();
    out->seed = flags->seed;
    for (size_t i = 0; i < flags->bias_text.count; i++)
        if (!parse_bias(flags->bias_text.items[i], &flags->bias[i]))
            return cli_usage("--logit-bias takes ID=VALUE (a token's id, and what is added to its logit or -inf), not \"%s\"",
                             flags->bias_text.items[i]);
    out->bias = flags->bias;
    out->n_bias = flags->bias_text.count;
    return EXIT_OK;
}
