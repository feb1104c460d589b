/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle bench`: prefill and decode speed beside the machine's limit. On a shared machine the memory's rate swings within
 * seconds, so it is measured before and after every decode sample; the samples of all settings are interleaved, and medians are
 * shown. */
#include "cli/bench.h"

#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"
#include "heddle/device.h"

typedef struct bench_options {
    const char *model, *weights, *kv_type;
    cli_ints prompts, threads;
    int64_t tokens, repetitions, batch;
    bool json, quiet;
} bench_options;

enum { MAX_ROWS = 16 };

static size_t make_table(bench_options *o, cli_option table[MAX_ROWS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "options"},
        {CLI_STRING, 'm', "model", "FOLDER", &o->model,
         .help = "a Hugging Face folder; default: $HEDDLE_MODEL, else the bundled model"},
        {CLI_INTS, 'p', "prompt", "N,N", &o->prompts, 1, 1e6, .help = "prompt lengths in tokens (16,128)"},
        {CLI_INT, 'n', "tokens", "N", &o->tokens, 0, 1e6, .help = "tokens to decode behind each prompt; 0: prefill only (32)"},
        {CLI_INTS, 't', "threads", "N,N", &o->threads, 0, 1024,
         .help = "numbers of threads; 0: one a core that this process may use (0)"},
        {CLI_INT, 'r', "repetitions", "N", &o->repetitions, 1, BENCH_MAX_SAMPLES, .help = "samples of each setting (5)"},
        {CLI_STRING, 0, "weights", "TYPE", &o->weights, .help = "as-is, f32, f16, bf16, q8 or q4 (as-is)"},
        {CLI_STRING, 0, "kv-type", "TYPE", &o->kv_type, .help = "f32, f16 or bf16 (by the weights' type)"},
        {CLI_INT, 0, "batch", "N", &o->batch, 0, 1 << 16, .help = "tokens of the prompt in one step; 0: 512 (0)"},
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "one JSON object with every sample instead of the table"},
        {CLI_FLAG, 'q', "quiet", NULL, &o->quiet, .help = "no progress and no notes on standard error"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

static void set_defaults(bench_options *o) {
    *o = (bench_options){.tokens = 32, .repetitions = 5};
    o->prompts = (cli_ints){.items = {16, 128}, .count = 2};
    o->threads = (cli_ints){.items = {0}, .count = 1};
}

void cli_bench_help(FILE *to) {
    bench_options options;
    cli_option table[MAX_ROWS];
    set_defaults(&options);
    fprintf(to, "heddle bench: measure prefill and decode beside the machine's limit\n\n"
                "usage: heddle bench [-m FOLDER] [-p N,N] [-n N] [-t N,N] [-r N]\n\n"
                "Random tokens are prefilled and then continued greedily. For decode, the bytes of weights and cache that each\n"
                "token reads are set against the rate at which the same threads just read memory. A model that fits into\n"
                "the caches can show more than 100 %%.\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to, "\nexamples\n"
                "  heddle bench -m Qwen2.5-1.5B -p 16,512 -n 64 -t 1,2,4\n"
                "  heddle bench -m Qwen2.5-1.5B --weights q4 --json > q4.json\n");
}

/* Ids that no two samples share, so that nothing can be reused between them. */
static void random_ids(int32_t *ids, size_t count, int32_t vocab, uint64_t *state) {
    for (size_t i = 0; i < count; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        ids[i] = (int32_t)((*state >> 33) % (uint64_t)vocab);
    }
}

/* Prefills and decodes once. Gives an exit code. */
static int run_once(hd_engine *engine, const int32_t *ids, size_t count, int64_t tokens) {
    hd_request request;
    hd_request_init(&request);
    request.prompt = ids;
    request.n_prompt = count;
    request.max_tokens = tokens + 1; /* the first comes out of the prefill */
    request.ignore_eos = true;
    request.top_logprobs = -1;
    hd_sequence *sequence = NULL;
    hd_status status = hd_engine_submit(engine, &request, &sequence);
    bool busy = true;
    while (status == HD_OK && busy && !cli_interrupted()) {
        status = hd_engine_step(engine, &busy);
        for (bool have = true; status == HD_OK && have;) {
            hd_token token;
            status = hd_sequence_next(sequence, &token, &have);
        }
    }
    int code = status == HD_OK ? EXIT_OK : cli_fail_status(status);
    if (code == EXIT_OK && hd_sequence_finish_reason(sequence) == HD_FINISH_ERROR)
        code = cli_fail(EXIT_FAILED, "%s", hd_sequence_error(sequence));
    hd_sequence_release(sequence);
    return code;
}

static int measure_limit(int32_t threads, double *out) {
    hd_status status = hd_measure_bandwidth(threads, 0, out);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

/* One sample on a fresh engine: the limit, the run, the limit again. */
static int sample_engine(hd_engine *engine, const int32_t *ids, int64_t tokens, bench_setting *setting) {
    hd_engine_stats stats;
    double before = 0, after = 0;
    hd_engine_get_stats(engine, &stats);
    setting->used_threads = stats.threads;
    int code = measure_limit(stats.threads, &before);
    if (code == EXIT_OK) code = run_once(engine, ids, (size_t)setting->prompt, tokens);
    if (code != EXIT_OK || cli_interrupted()) return code;
    hd_engine_get_stats(engine, &stats);
    code = measure_limit(stats.threads, &after);
    bench_sample *s = &setting->samples[setting->count++];
    s->prefill_rate = stats.prefill_seconds > 0 ? (double)stats.prefill_tokens / stats.prefill_seconds : 0;
    s->decode_rate = stats.decode_seconds > 0 ? (double)stats.decode_tokens / stats.decode_seconds : 0;
    s->read_rate = stats.decode_seconds > 0 ? (double)stats.decode_bytes / stats.decode_seconds : 0;
    s->limit = (before + after) / 2;
    return code;
}

static int sample(hd_model *model, const bench_options *options, hd_dtype kv_dtype, bench_setting *setting, uint64_t *state) {
    hd_model_info info;
    hd_model_get_info(model, &info);
    hd_engine_options engine_options;
    hd_engine_options_init(&engine_options);
    engine_options.threads = (int32_t)setting->threads;
    engine_options.max_sequences = 1;
    engine_options.max_batch_tokens = (int32_t)options->batch;
    engine_options.context = setting->prompt + options->tokens + 1;
    engine_options.kv_dtype = kv_dtype;
    int32_t *ids = malloc((size_t)setting->prompt * sizeof *ids);
    if (!ids) return cli_fail(EXIT_MEMORY, "the prompt does not fit into memory");
    random_ids(ids, (size_t)setting->prompt, info.vocab, state);
    hd_engine *engine = NULL;
    hd_status status = hd_engine_create(model, NULL, &engine_options, &engine);
    int code = status == HD_OK ? sample_engine(engine, ids, options->tokens, setting) : cli_fail_status(status);
    hd_engine_destroy(engine);
    free(ids);
    return code;
}

/* All settings in turn, again and again. */
static int measure(hd_model *model, const bench_options *options, hd_dtype kv_dtype, bench_setting *settings, size_t count) {
    cli_progress progress;
    cli_progress_start(&progress, options->quiet ? NULL : "measuring");
    uint64_t state = 1, done = 0, total = (uint64_t)options->repetitions * count;
    for (int64_t r = 0; r < options->repetitions; r++)
        for (size_t i = 0; i < count; i++) {
            if (cli_interrupted()) break;
            int code = sample(model, options, kv_dtype, &settings[i], &state);
            if (code != EXIT_OK) {
                cli_progress_end(&progress);
                return code;
            }
            cli_progress_update(&progress, ++done, total, false);
        }
    cli_progress_end(&progress);
    return EXIT_OK;
}

static int bench(const bench_options *options, const char *folder, hd_model *model) {
    hd_dtype kv_dtype;
    int code = cli_parse_kv_type(options->kv_type, &kv_dtype);
    if (code != EXIT_OK) return code;
    size_t count = options->prompts.count * options->threads.count;
    bench_setting *settings = calloc(count, sizeof *settings);
    if (!settings) return cli_fail(EXIT_MEMORY, "the samples do not fit into memory");
    for (size_t i = 0; i < count; i++) {
        settings[i].prompt = options->prompts.items[i / options->threads.count];
        settings[i].threads = options->threads.items[i % options->threads.count];
    }
    code = measure(model, options, kv_dtype, settings, count);
    if (code == EXIT_OK)
        code =
            options->json ? bench_print_json(folder, model, settings, count) : bench_print_table(folder, model, settings, count);
    free(settings);
    return code;
}

int cli_bench_main(int argc, char **argv) {
    bench_options options;
    cli_option table[MAX_ROWS];
    set_defaults(&options);
    int code = cli_parse(table, make_table(&options, table), cli_bench_help, argc, argv);
    if (code >= 0) return code;
    char buffer[CLI_PATH_MAX];
    const char *folder = cli_model_folder(options.model, buffer, &code);
    if (!folder) return code;
    hd_model *model = NULL;
    code = cli_load_model(folder, options.weights, options.threads.items[0], options.quiet, &model);
    if (code == EXIT_OK) code = bench(&options, folder, model);
    hd_model_release(model);
    return code;
}
