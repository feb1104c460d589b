/* SPDX-License-Identifier: Apache-2.0 */
/* A sample: one run of a fresh engine, all prompts at once, then decoding until as many steps were counted as asked for. Only
 * steps behind the last of the prompts count as decode; a prompt that is still being read while others decode already belongs to
 * prefill. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/load.h"

/* Ids that no two samples share, so that nothing can be reused between them. */
static void random_ids(int32_t *ids, size_t count, int32_t vocab, uint64_t *state) {
    for (size_t i = 0; i < count; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        ids[i] = (int32_t)((*state >> 33) % (uint64_t)vocab);
    }
}

/* ---- a run ---- */

typedef struct run {
    hd_engine *engine;
    const bench_setting *setting;
    const int32_t *ids; /* prompt ids of each sequence */
    int64_t slack;      /* tokens that the first sequence may get before the last one begins */
    hd_sequence **sequences;
    uint64_t prefill_tokens, decode_tokens, decode_bytes;
    double prefill_seconds, decode_seconds;
} run;

/* Steps that prompts take at most when others decode beside them, which shortens their chunks. */
static int64_t slack_of(const bench_setting *setting, const bench_options *options) {
    bool gpu = options->device && hd_device_get_type(options->device) != HD_DEVICE_CPU;
    int64_t n = setting->sequences, few = options->ranks.pipeline > 1 && n <= 64 ? 64 : 512;
    int64_t batch = options->batch ? options->batch : gpu ? 2048 : few, chunk = batch - n; /* the engine's defaults */
    return n == 1 ? 0 : (n * setting->prompt) / (chunk > 0 ? chunk : 1) + n / 8 + 4;
}

static hd_status submit(run *r, int64_t tokens) {
    hd_request request;
    hd_request_init(&request);
    request.n_prompt = (size_t)r->setting->prompt;
    request.max_tokens = tokens + 1 + r->slack; /* the first comes out of the prefill */
    if (tokens == 0) request.max_tokens = 1;
    request.ignore_eos = true;
    request.top_logprobs = -1;
    for (int64_t i = 0; i < r->setting->sequences; i++) {
        request.prompt = r->ids + i * r->setting->prompt;
        hd_status status = hd_engine_submit(r->engine, &request, &r->sequences[i]);
        if (status != HD_OK) return status;
    }
    return HD_OK;
}

/* Fetches what is ready, as a caller would. */
static int drain(const run *r) {
    for (int64_t i = 0; i < r->setting->sequences; i++) {
        hd_token token;
        for (bool have = true; have;) {
            hd_status status = hd_sequence_next(r->sequences[i], &token, &have);
            if (status != HD_OK) return cli_fail_status(status);
        }
        if (hd_sequence_finish_reason(r->sequences[i]) == HD_FINISH_ERROR)
            return cli_fail(EXIT_FAILED, "%s", hd_sequence_error(r->sequences[i]));
    }
    return EXIT_OK;
}

/* What the engine has delivered between two looks at its counters. */
static void count(run *r, const hd_engine_stats *a, const hd_engine_stats *b) {
    uint64_t decoded = b->decode_tokens - a->decode_tokens;
    if (b->prefill_tokens > a->prefill_tokens) {
        r->prefill_tokens += b->prefill_tokens - a->prefill_tokens;
        r->prefill_seconds += b->prefill_seconds - a->prefill_seconds;
    } else if (r->prefill_tokens >= (uint64_t)(r->setting->sequences * r->setting->prompt)) {
        r->decode_tokens += decoded;
        r->decode_seconds += b->decode_seconds - a->decode_seconds;
        r->decode_bytes += b->decode_bytes - a->decode_bytes;
    }
}

static int steps(run *r, int64_t tokens) {
    hd_engine_stats before, after;
    int code = EXIT_OK;
    hd_engine_get_stats(r->engine, &before);
    for (bool busy = true; code == EXIT_OK && busy && !cli_interrupted(); before = after) {
        hd_status status = hd_engine_step(r->engine, &busy);
        code = status == HD_OK ? drain(r) : cli_fail_status(status);
        hd_engine_get_stats(r->engine, &after);
        count(r, &before, &after);
        if (tokens > 0 && r->decode_tokens >= (uint64_t)(tokens * r->setting->sequences)) break;
    }
    return code;
}

/* Prefills and decodes once. Gives an exit code. */
static int run_once(run *r, int64_t tokens) {
    r->sequences = calloc((size_t)r->setting->sequences, sizeof *r->sequences);
    if (!r->sequences) return cli_fail(EXIT_MEMORY, "the sequences do not fit into memory");
    r->prefill_tokens = r->decode_tokens = r->decode_bytes = 0;
    r->prefill_seconds = r->decode_seconds = 0;
    hd_status status = submit(r, tokens);
    int code = status == HD_OK ? steps(r, tokens) : cli_fail_status(status);
    for (int64_t i = 0; i < r->setting->sequences; i++) hd_sequence_release(r->sequences[i]);
    free(r->sequences);
    return code;
}

/* ---- an engine for it ---- */

/* A device runs a little before, to make ready what is made on first use: its kernels, its matrix library, recorded graphs. */
static int warm_up(run *r, const hd_engine_stats *stats, int64_t tokens) {
    if (hd_device_get_type(stats->device) == HD_DEVICE_CPU) return EXIT_OK;
    return run_once(r, tokens < 4 ? tokens : 4);
}

typedef int (*with_run)(run *r, const bench_options *options, bench_setting *setting, void *user);

static int on_fresh_engine(hd_model *model, const bench_options *options, bench_setting *setting, uint64_t *state, with_run body,
                           void *user) {
    enum { PAGE = 32 };
    hd_model_info info;
    hd_engine_stats stats;
    run r = {.setting = setting, .slack = slack_of(setting, options)};
    hd_engine_options engine = options->engine;
    hd_model_get_info(model, &info);
    engine.threads = (int32_t)setting->threads;
    engine.max_sequences = (int32_t)setting->sequences;
    engine.max_batch_tokens = (int32_t)options->batch;
    if ((options->batch || setting->sequences > 512) && options->batch < setting->sequences)
        engine.max_batch_tokens = engine.max_sequences;
    engine.context = setting->prompt + options->tokens + 1; /* if the model has not so much more, fewer steps are counted */
    if (engine.context <= info.context)
        engine.context += r.slack < info.context - engine.context ? r.slack : info.context - engine.context;
    if (setting->sequences > 1) engine.kv_tokens = setting->sequences * (engine.context / PAGE + 2) * PAGE;
    size_t n = (size_t)(setting->prompt * setting->sequences);
    int32_t *ids = malloc(n * sizeof *ids);
    if (!ids) return cli_fail(EXIT_MEMORY, "the prompts do not fit into memory");
    random_ids(ids, n, info.vocab, state);
    r.ids = ids;
    hd_status status = hd_engine_create(model, NULL, &engine, &r.engine);
    int code = status == HD_OK || status == HD_OUT_OF_MEMORY ? EXIT_OK : cli_fail_status(status);
    if (status == HD_OUT_OF_MEMORY) snprintf(setting->left_out, sizeof setting->left_out, "%s", hd_last_error());
    if (status == HD_OK) {
        hd_engine_get_stats(r.engine, &stats);
        setting->used_threads = stats.threads;
        setting->executor = stats.executor;
        code = warm_up(&r, &stats, options->tokens);
    }
    if (code == EXIT_OK && status == HD_OK) code = body(&r, options, setting, user);
    hd_engine_destroy(r.engine);
    free(ids);
    return code;
}

/* The limit, the run, the limit again. */
static int sample(run *r, const bench_options *options, bench_setting *setting, void *user) {
    double before, after;
    (void)user;
    hd_status status = cli_measure_limit(options->device, setting->used_threads, &before);
    int code = status == HD_OK ? run_once(r, options->tokens) : cli_fail_status(status);
    if (code != EXIT_OK || cli_interrupted()) return code;
    status = cli_measure_limit(options->device, setting->used_threads, &after);
    if (status != HD_OK) return cli_fail_status(status);
    bench_sample *s = &setting->samples[setting->count++];
    *s = (bench_sample){.limit = (before + after) / 2};
    if (r->prefill_seconds > 0) s->prefill_rate = (double)r->prefill_tokens / r->prefill_seconds;
    if (r->decode_seconds > 0) s->decode_rate = (double)r->decode_tokens / r->decode_seconds;
    if (r->decode_seconds > 0) s->read_rate = (double)r->decode_bytes / r->decode_seconds;
    return EXIT_OK;
}

int bench_sample_setting(hd_model *model, const bench_options *options, bench_setting *setting, uint64_t *state) {
    return on_fresh_engine(model, options, setting, state, sample, NULL);
}

static int traced(run *r, const bench_options *options, bench_setting *setting, void *user) {
    hd_trace *trace = user;
    hd_trace_info info;
    hd_engine_stats before, after;
    bench_steps *steps_of = &setting->steps;
    hd_status status = hd_trace_get_info(trace, &info);
    if (status == HD_OK) status = hd_engine_set_trace(r->engine, trace);
    if (status != HD_OK) return cli_fail_status(status);
    hd_engine_get_stats(r->engine, &before);
    int code = run_once(r, options->tokens);
    if (code != EXIT_OK) return code;
    hd_engine_get_stats(r->engine, &after);
    status = hd_engine_set_trace(r->engine, NULL);
    if (status == HD_OK) status = hd_trace_kinds(trace, info.spans, &steps_of->kinds, &steps_of->count);
    if (status == HD_OK && (!options->device || hd_device_get_type(options->device) == HD_DEVICE_CPU))
        status = hd_measure_flops(setting->used_threads, &steps_of->flop_limit);
    if (status != HD_OK) return cli_fail_status(status);
    steps_of->seconds[HD_TRACE_PREFILL] = after.prefill_seconds - before.prefill_seconds;
    steps_of->seconds[HD_TRACE_DECODE] = after.decode_seconds - before.decode_seconds;
    return EXIT_OK;
}

int bench_trace_setting(hd_model *model, const bench_options *options, bench_setting *setting, hd_trace *trace, uint64_t *state) {
    return on_fresh_engine(model, options, setting, state, traced, trace);
}
