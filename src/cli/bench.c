/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle bench`: prefill and decode speed beside the machine's or device's limit. On a shared machine the memory's rate swings
 * within seconds, so it is measured before and after every decode sample; the samples of all settings are interleaved, and
 * medians are shown. What is traced is one more run of each setting, so that tracing slows no sample. */
#include "cli/bench.h"

#include <stdlib.h>
#include <string.h>

#include "cli/load.h"

/* All settings in turn, again and again. */
static int measure(hd_model *model, const bench_options *options, bench_result *result, uint64_t *state) {
    cli_progress progress;
    uint64_t done = 0, total = (uint64_t)options->repetitions * result->count;
    int code = EXIT_OK;
    cli_progress_start(&progress, options->quiet ? NULL : "measuring");
    for (int64_t r = 0; r < options->repetitions && code == EXIT_OK; r++)
        for (size_t i = 0; i < result->count && code == EXIT_OK && !cli_interrupted(); i++) {
            if (!*result->settings[i].left_out) code = bench_sample_setting(model, options, &result->settings[i], state);
            cli_progress_update(&progress, ++done, total, false);
        }
    cli_progress_end(&progress);
    return code;
}

static int trace_settings(hd_model *model, const bench_options *options, bench_result *result, hd_trace *trace, uint64_t *state) {
    hd_trace_info info;
    for (size_t i = 0; i < result->count && !cli_interrupted(); i++) {
        if (*result->settings[i].left_out) continue;
        int code = bench_trace_setting(model, options, &result->settings[i], trace, state);
        if (code != EXIT_OK) return code;
    }
    hd_status status = hd_trace_get_info(trace, &info);
    if (status != HD_OK) return cli_fail_status(status);
    int code = cli_trace_write(&options->trace, trace, "heddle bench", options->quiet);
    if (code != EXIT_OK) return code;
    result->lost = info.lost;
    result->stepped = info.stepped;
    if (info.stepped && !options->quiet)
        fprintf(stderr, "heddle: note: traced runs go step by step; the samples were taken as whole graphs\n");
    return EXIT_OK;
}

static int trace_all(hd_model *model, const bench_options *options, bench_result *result, uint64_t *state) {
    hd_trace *trace;
    int code = cli_trace_create(&options->trace, options->steps, &trace);
    if (trace) code = trace_settings(model, options, result, trace, state);
    hd_trace_destroy(trace);
    return code;
}

/* Every number of sequences with every prompt and number of threads. */
static void list_settings(const bench_options *o, bench_setting *settings) {
    for (size_t s = 0; s < o->sequences.count; s++)
        for (size_t p = 0; p < o->prompts.count; p++)
            for (size_t t = 0; t < o->threads.count; t++, settings++) {
                settings->sequences = o->sequences.items[s];
                settings->prompt = o->prompts.items[p];
                settings->threads = o->threads.items[t];
            }
}

/* Settings that the memory had no room for are named among the results; when it had for none, that is a failure. */
static int check_measured(const bench_result *result) {
    for (size_t i = 0; i < result->count; i++)
        if (!*result->settings[i].left_out) return EXIT_OK;
    return cli_fail(EXIT_MEMORY, "%s", result->settings[0].left_out);
}

static int bench(const bench_options *options, const char *folder, hd_model *model) {
    bench_result result = {.folder = folder, .count = options->prompts.count * options->sequences.count * options->threads.count};
    uint64_t state = 1;
    hd_model_get_info(model, &result.info);
    result.settings = calloc(result.count, sizeof *result.settings);
    if (!result.settings) return cli_fail(EXIT_MEMORY, "the samples do not fit into memory");
    list_settings(options, result.settings);
    int code = measure(model, options, &result, &state);
    if (code == EXIT_OK) code = check_measured(&result);
    if (code == EXIT_OK) { /* a trace that cannot be written takes nothing from what was measured */
        int traced = trace_all(model, options, &result, &state);
        code = options->json ? bench_print_json(&result) : bench_print_table(&result);
        if (traced != EXIT_OK) code = traced;
    }
    for (size_t i = 0; i < result.count; i++) hd_free(result.settings[i].steps.kinds);
    free(result.settings);
    return code;
}

int cli_bench_main(int argc, char **argv) {
    bench_options options;
    int code = bench_parse(argc, argv, &options);
    if (code >= 0) return code;
    char buffer[CLI_PATH_MAX];
    const char *folder = cli_model_folder(options.model, buffer, &code);
    if (!folder) return code;
    hd_model *model = NULL;
    bool follows;
    options.ranks.device = options.device_name;
    options.ranks.weights = options.weights;
    options.ranks.quiet = options.quiet;
    code = cli_ranks_load(&options.ranks, folder, &model, &follows);
    if (code == EXIT_OK && !follows) code = bench(&options, folder, model);
    hd_model_release(model);
    return cli_ranks_end(&options.ranks, code);
}
