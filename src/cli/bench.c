/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle bench`: prefill and decode speed beside the machine's or device's limit. On a shared machine the memory's rate swings
 * within seconds, so it is measured before and after every decode sample; the samples of all settings are interleaved, and
 * medians are shown. */
#include "cli/bench.h"

#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"
#include "heddle/device.h"

typedef struct bench_options {
    const char *model, *device, *executor, *weights, *kv_type;
    cli_ints prompts, threads;
    int64_t tokens, sequences, repetitions, batch;
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
        {CLI_INT, 0, "sequences", "N", &o->sequences, 1, 4096, .help = "prompts at once; rates are of all together (1)"},
        {CLI_STRING, 0, "device", "NAME", &o->device, .help = "cpu, cuda, cuda:1, maca ...: where the model lies and runs (cpu)"},
        {CLI_STRING, 0, "executor", "KIND", &o->executor,
         .help = "serial, threads, stream, graph or persistent (threads; on devices graph where there is one)"},
        {CLI_INT, 'r', "repetitions", "N", &o->repetitions, 1, BENCH_MAX_SAMPLES, .help = "samples of each setting (5)"},
        {CLI_STRING, 0, "weights", "TYPE", &o->weights, .help = "as-is, f32, f16, bf16, q8 or q4 (as-is)"},
        {CLI_STRING, 0, "kv-type", "TYPE", &o->kv_type, .help = "f32, f16 or bf16 (by the weights' type)"},
        {CLI_INT, 0, "batch", "N", &o->batch, 0, 1 << 16, .help = "tokens of the prompt in one step; 0: 512, on a GPU 2048 (0)"},
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "one JSON object with every sample instead of the table"},
        {CLI_FLAG, 'q', "quiet", NULL, &o->quiet, .help = "no progress and no notes on standard error"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

static void set_defaults(bench_options *o) {
    *o = (bench_options){.tokens = 32, .sequences = 1, .repetitions = 5};
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
                "token reads are set against the rate at which the same threads just read memory, or at which the device copies\n"
                "within its own. A model that fits into the caches can show more than 100 %%.\n");
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

/* What the engine had counted when a run began, when every sequence had its first token, and when the first one ended: between
 * the last two every step decodes one token of each. */
typedef struct run_counts {
    hd_engine_stats begun, started, ended;
} run_counts;

/* Fetches what is ready. *started, *ended: how many sequences have begun to answer, and have ended. Gives an exit code. */
static int drain(hd_sequence **sequences, bool *answered, size_t count, size_t *started, size_t *ended) {
    *started = *ended = 0;
    for (size_t i = 0; i < count; i++) {
        hd_token token;
        for (bool have = true; have;) {
            hd_status status = hd_sequence_next(sequences[i], &token, &have);
            if (status != HD_OK) return cli_fail_status(status);
            answered[i] |= have;
        }
        hd_finish finish = hd_sequence_finish_reason(sequences[i]);
        if (finish == HD_FINISH_ERROR) return cli_fail(EXIT_FAILED, "%s", hd_sequence_error(sequences[i]));
        *started += answered[i];
        *ended += finish != HD_FINISH_NONE;
    }
    return EXIT_OK;
}

static int run_sequences(hd_engine *engine, hd_sequence **sequences, bool *answered, size_t count, run_counts *counts) {
    size_t started = 0, ended = 0;
    int code = EXIT_OK;
    hd_engine_get_stats(engine, &counts->begun);
    for (bool busy = true; code == EXIT_OK && busy && !cli_interrupted();) {
        size_t had_started = started, had_ended = ended;
        hd_status status = hd_engine_step(engine, &busy);
        code = status == HD_OK ? drain(sequences, answered, count, &started, &ended) : cli_fail_status(status);
        if (had_started < count && started == count) hd_engine_get_stats(engine, &counts->started);
        if (had_ended == 0 && ended > 0) hd_engine_get_stats(engine, &counts->ended);
    }
    return code;
}

/* Prefills and decodes once: `sequences` prompts of `prompt` ids each. Gives an exit code. */
static int run_once(hd_engine *engine, const int32_t *ids, size_t prompt, size_t sequences, int64_t tokens, run_counts *counts) {
    hd_sequence **all = calloc(sequences, sizeof *all);
    bool *answered = calloc(sequences, sizeof *answered);
    int code = all && answered ? EXIT_OK : cli_fail(EXIT_MEMORY, "the sequences do not fit into memory");
    hd_request request;
    hd_request_init(&request);
    request.n_prompt = prompt;
    request.max_tokens = tokens + 1; /* the first comes out of the prefill */
    request.ignore_eos = true;
    request.top_logprobs = -1;
    for (size_t i = 0; i < sequences && code == EXIT_OK; i++) {
        request.prompt = ids + i * prompt;
        hd_status status = hd_engine_submit(engine, &request, &all[i]);
        if (status != HD_OK) code = cli_fail_status(status);
    }
    if (code == EXIT_OK) code = run_sequences(engine, all, answered, sequences, counts);
    for (size_t i = 0; all && i < sequences; i++) hd_sequence_release(all[i]);
    free(answered);
    free(all);
    return code;
}

/* One sample on a fresh engine: the limit, the run, the limit again. A device runs once before, to make ready what is made on
 * first use: its kernels, its matrix library, recorded graphs. */
static int sample_engine(hd_engine *engine, const int32_t *ids, const bench_options *options, bench_setting *setting) {
    run_counts counts = {0};
    double before = 0, after = 0;
    size_t prompt = (size_t)setting->prompt, sequences = (size_t)options->sequences;
    hd_engine_get_stats(engine, &counts.begun);
    const hd_device *device = counts.begun.device;
    int32_t threads = setting->used_threads = counts.begun.threads;
    int code = EXIT_OK;
    if (hd_device_get_type(device) != HD_DEVICE_CPU)
        code = run_once(engine, ids, prompt, sequences, options->tokens < 4 ? options->tokens : 4, &counts);
    hd_status status = code == EXIT_OK ? cli_measure_limit(device, threads, &before) : HD_OK;
    if (status != HD_OK) code = cli_fail_status(status);
    counts = (run_counts){0};
    if (code == EXIT_OK) code = run_once(engine, ids, prompt, sequences, options->tokens, &counts);
    if (code != EXIT_OK || cli_interrupted()) return code;
    status = cli_measure_limit(device, threads, &after);
    if (status != HD_OK) return cli_fail_status(status);
    const hd_engine_stats *begun = &counts.begun, *started = &counts.started, *ended = &counts.ended;
    double prefill = started->prefill_seconds - begun->prefill_seconds, decode = ended->decode_seconds - started->decode_seconds;
    bench_sample *s = &setting->samples[setting->count++];
    s->prefill_rate = prefill > 0 ? (double)(started->prefill_tokens - begun->prefill_tokens) / prefill : 0;
    s->decode_rate = decode > 0 ? (double)(ended->decode_tokens - started->decode_tokens) / decode : 0;
    s->read_rate = decode > 0 ? (double)(ended->decode_bytes - started->decode_bytes) / decode : 0;
    s->limit = (before + after) / 2;
    return EXIT_OK;
}

static int sample(hd_model *model, const bench_options *options, const hd_engine_options *base, bench_setting *setting,
                  uint64_t *state) {
    enum { PAGE = 32 };
    hd_model_info info;
    hd_model_get_info(model, &info);
    hd_engine_options engine_options = *base;
    engine_options.threads = (int32_t)setting->threads;
    engine_options.max_sequences = (int32_t)options->sequences;
    engine_options.max_batch_tokens = (int32_t)options->batch;
    engine_options.context = setting->prompt + options->tokens + 1;
    if (options->sequences > 1) engine_options.kv_tokens = options->sequences * (engine_options.context / PAGE + 2) * PAGE;
    size_t count = (size_t)(setting->prompt * options->sequences);
    int32_t *ids = malloc(count * sizeof *ids);
    if (!ids) return cli_fail(EXIT_MEMORY, "the prompts do not fit into memory");
    random_ids(ids, count, info.vocab, state);
    hd_engine *engine = NULL;
    hd_status status = hd_engine_create(model, NULL, &engine_options, &engine);
    int code = status == HD_OK ? sample_engine(engine, ids, options, setting) : cli_fail_status(status);
    hd_engine_destroy(engine);
    free(ids);
    return code;
}

/* All settings in turn, again and again. */
static int measure(hd_model *model, const bench_options *options, const hd_engine_options *base, bench_setting *settings,
                   size_t count) {
    cli_progress progress;
    cli_progress_start(&progress, options->quiet ? NULL : "measuring");
    uint64_t state = 1, done = 0, total = (uint64_t)options->repetitions * count;
    for (int64_t r = 0; r < options->repetitions; r++)
        for (size_t i = 0; i < count; i++) {
            if (cli_interrupted()) break;
            int code = sample(model, options, base, &settings[i], &state);
            if (code != EXIT_OK) {
                cli_progress_end(&progress);
                return code;
            }
            cli_progress_update(&progress, ++done, total, false);
        }
    cli_progress_end(&progress);
    return EXIT_OK;
}

static int bench(const bench_options *options, const hd_engine_options *base, const char *folder, hd_model *model) {
    size_t count = options->prompts.count * options->threads.count;
    bench_setting *settings = calloc(count, sizeof *settings);
    if (!settings) return cli_fail(EXIT_MEMORY, "the samples do not fit into memory");
    for (size_t i = 0; i < count; i++) {
        settings[i].prompt = options->prompts.items[i / options->threads.count];
        settings[i].threads = options->threads.items[i % options->threads.count];
    }
    int code = measure(model, options, base, settings, count);
    if (code == EXIT_OK)
        code = options->json ? bench_print_json(folder, model, options->sequences, settings, count)
                             : bench_print_table(folder, model, options->sequences, settings, count);
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
    const hd_device *device;
    hd_engine_options base;
    hd_engine_options_init(&base);
    code = cli_parse_kv_type(options.kv_type, &base.kv_dtype);
    if (code == EXIT_OK) code = cli_parse_executor(options.executor, &base.executor);
    if (code == EXIT_OK) code = cli_parse_device(options.device, &device);
    if (code != EXIT_OK) return code;
    hd_model *model = NULL;
    code = cli_load_model(folder, options.weights, device, options.threads.items[0], options.quiet, &model);
    if (code == EXIT_OK) code = bench(&options, &base, folder, model);
    hd_model_release(model);
    return code;
}
