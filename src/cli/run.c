/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle run`: a prompt in, its continuation out, token by token. A batch of one on the same engine that serves many. */
#include "cli/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/load.h"

/* What a run holds; freed in one place. */
typedef struct run_state {
    hd_model *model;
    hd_tokenizer *tokenizer;
    hd_engine *engine;
    hd_sequence *sequence;
    hd_trace *trace; /* NULL: none */
    char *prompt;
    bool follows; /* this process is another rank, and has done its part */
    int32_t *prompt_ids;
    run_result result;
} run_state;

static void free_engine(run_state *run) {
    hd_sequence_release(run->sequence);
    hd_engine_destroy(run->engine);
    hd_model_release(run->model);
    run->sequence = NULL;
    run->engine = NULL;
    run->model = NULL;
}

static void free_state(run_state *run) {
    free_engine(run);
    hd_trace_destroy(run->trace);
    hd_tokenizer_destroy(run->tokenizer);
    hd_free(run->prompt_ids);
    free(run->prompt);
    free(run->result.text);
    free(run->result.ids);
    free(run->result.logprobs);
}

/* The prompt's text: read before the model is loaded, so that a wrong name costs no time. */
static int read_prompt(const run_options *options, run_state *run) {
    size_t size = 0;
    int code = cli_read_prompt(options->prompt, options->file, &run->prompt, &size);
    if (code != EXIT_OK) return code;
    if (!options->prompt && size && run->prompt[size - 1] == '\n') run->prompt[--size] = 0;
    run->result.prompt = run->prompt;
    run->result.prompt_size = size;
    return EXIT_OK;
}

static int submit(const run_options *options, run_state *run, const hd_sampling *sampling) {
    hd_request request;
    hd_request_init(&request);
    size_t count = 0;
    hd_status status =
        hd_tokenizer_encode(run->tokenizer, run->prompt, run->result.prompt_size, options->add_special, &run->prompt_ids, &count);
    if (status != HD_OK) return cli_fail_status(status);
    if (!count) return cli_usage("the prompt is empty, and this model has no token to begin with: give some text");
    run->result.prompt_tokens = count;
    request.prompt = run->prompt_ids;
    request.n_prompt = count;
    request.max_tokens = options->tokens;
    request.sampling = *sampling;
    request.stop = options->stop.items;
    request.n_stop = options->stop.count;
    request.ignore_eos = options->ignore_eos;
    request.top_logprobs = (int32_t)options->logprobs;
    request.skip_special = !options->show_special;
    status = hd_engine_submit(run->engine, &request, &run->sequence);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

/* The room is made before anything is timed. */
static int begin_trace(const run_options *options, run_state *run) {
    int code = cli_trace_create(&options->trace, false, &run->trace);
    if (code != EXIT_OK || !run->trace) return code;
    hd_status status = hd_engine_set_trace(run->engine, run->trace);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

static int open_all(run_options *options, run_state *run) {
    hd_engine_options engine;
    hd_engine_options_init(&engine);
    int code = cli_parse_kv_type(options->kv_type, &engine.kv_dtype);
    if (code == EXIT_OK) code = cli_parse_executor(options->executor, &engine.executor);
    if (code != EXIT_OK) return code;
    char buffer[CLI_PATH_MAX];
    const char *folder = cli_model_folder(options->model, buffer, &code);
    if (!folder) return code;
    double started = cli_now();
    options->ranks.device = options->device;
    options->ranks.weights = options->weights;
    options->ranks.threads = options->threads;
    options->ranks.quiet = options->quiet;
    code = cli_ranks_load(&options->ranks, folder, &run->model, &run->follows);
    if (run->follows) return code;
    if (code == EXIT_OK) code = cli_load_tokenizer(folder, &run->tokenizer);
    if (code != EXIT_OK) return code;
    hd_sampling sampling;
    code = cli_sampling_resolve(&options->sampling, run->model, &sampling);
    if (code != EXIT_OK) return code;
    run->result.sampled = sampling.temperature > 0;
    run->result.seed = sampling.seed;

    engine.threads = (int32_t)options->threads;
    engine.max_sequences = 1;
    engine.max_batch_tokens = (int32_t)options->batch;
    engine.context = options->context;
    hd_status status = hd_engine_create(run->model, run->tokenizer, &engine, &run->engine);
    if (status != HD_OK) return cli_fail_status(status);
    run->result.load_seconds = cli_now() - started;
    code = begin_trace(options, run);
    if (code != EXIT_OK) return code;
    return submit(options, run, &sampling);
}

/* Keeps what --json writes at the end. */
static bool keep(run_result *result, const hd_token *token) {
    if (result->text_size + token->size > result->text_capacity) {
        size_t capacity = 2 * (result->text_size + token->size) + 256;
        char *text = realloc(result->text, capacity);
        if (!text) return false;
        result->text = text;
        result->text_capacity = capacity;
    }
    if (token->size) memcpy(result->text + result->text_size, token->text, token->size);
    result->text_size += token->size;
    if (token->id < 0) return true;
    if (result->n_ids == result->ids_capacity) {
        size_t capacity = 2 * result->ids_capacity + 64;
        int32_t *ids = realloc(result->ids, capacity * sizeof *ids);
        if (ids) result->ids = ids;
        float *logprobs = ids ? realloc(result->logprobs, capacity * sizeof *logprobs) : NULL;
        if (logprobs) result->logprobs = logprobs;
        if (!ids || !logprobs) return false;
        result->ids_capacity = capacity;
    }
    result->logprobs[result->n_ids] = token->logprob;
    result->ids[result->n_ids++] = token->id;
    return true;
}

/* Hands out every token that is ready. *done is set when the sequence has ended or the reader has gone. */
static int drain(const run_options *options, run_state *run, bool *done) {
    for (;;) {
        hd_token token;
        bool have = false;
        hd_status status = hd_sequence_next(run->sequence, &token, &have);
        if (status != HD_OK) return cli_fail_status(status);
        if (!have) return EXIT_OK;
        if (options->json) {
            if (!keep(&run->result, &token)) return cli_fail(EXIT_MEMORY, "the continuation does not fit into memory");
        } else {
            cli_write_result written = cli_write(token.text, token.size);
            if (written != CLI_WRITE_OK) {
                *done = true;
                return cli_write_failed(written);
            }
        }
        if (options->logprobs >= 0 && !options->json) run_print_logprobs(&token, run->tokenizer);
        if (token.finish != HD_FINISH_NONE) *done = true;
    }
}

/* Steps until the sequence ends. A prompt that takes long shows how far it is. */
static int generate(const run_options *options, run_state *run) {
    cli_progress progress;
    cli_progress_start(&progress, options->quiet ? NULL : "reading the prompt");
    bool done = false, busy = true, first = true;
    int code = EXIT_OK;
    while (!done && busy && code == EXIT_OK && !cli_interrupted()) {
        hd_status status = hd_engine_step(run->engine, &busy);
        if (status != HD_OK) {
            cli_progress_end(&progress);
            return cli_fail_status(status);
        }
        if (first) {
            hd_engine_stats stats;
            hd_engine_get_stats(run->engine, &stats);
            first = stats.prefill_tokens < run->result.prompt_tokens;
            if (first)
                cli_progress_update(&progress, stats.prefill_tokens, run->result.prompt_tokens, false);
            else
                cli_progress_end(&progress);
        }
        code = drain(options, run, &done);
    }
    cli_progress_end(&progress);
    if (code != EXIT_OK) return code;
    run->result.finish = cli_interrupted() ? HD_FINISH_CANCELLED : hd_sequence_finish_reason(run->sequence);
    if (run->result.finish == HD_FINISH_ERROR) return cli_fail(EXIT_FAILED, "%s", hd_sequence_error(run->sequence));
    return EXIT_OK;
}

/* The prompt as it was given. At a terminal it is set apart from what the model writes. */
static int echo_prompt(const run_state *run, bool *gone) {
    bool colour = cli_wants_colour(STDOUT_FILENO);
    cli_write_result written = CLI_WRITE_OK;
    if (colour) written = cli_write(CLI_BOLD, strlen(CLI_BOLD));
    if (written == CLI_WRITE_OK) written = cli_write(run->result.prompt, run->result.prompt_size);
    if (written == CLI_WRITE_OK && colour) written = cli_write(CLI_RESET, strlen(CLI_RESET));
    *gone = written == CLI_WRITE_CLOSED;
    return cli_write_failed(written);
}

static int run_all(run_options *options, run_state *run) {
    int code = cli_trace_check(&options->trace);
    if (code == EXIT_OK) code = read_prompt(options, run);
    if (code == EXIT_OK) code = open_all(options, run);
    if (code != EXIT_OK || run->follows || cli_interrupted()) return code;
    bool gone = false;
    if (!options->json) code = echo_prompt(run, &gone);
    if (code != EXIT_OK || gone) return code;
    code = generate(options, run);
    if (!options->json && cli_is_shell(STDOUT_FILENO)) (void)cli_write("\n", 1); /* the shell's prompt begins a line */
    if (code != EXIT_OK) return code;
    hd_engine_get_stats(run->engine, &run->result.stats);
    int traced = run->trace ? cli_trace_write(&options->trace, run->trace, "heddle run", options->quiet) : EXIT_OK;
    free_engine(run); /* the other ranks end, too; measuring the limit takes memory, too: not on top of the model's */
    if (options->json) code = run_print_json(options, &run->result);
    if (code == EXIT_OK && options->stats && !options->quiet) run_print_stats(options, &run->result);
    return code == EXIT_OK ? traced : code; /* a trace that cannot be written takes nothing from the result */
}

int cli_run_main(int argc, char **argv) {
    run_options options;
    int code = run_parse(&options, argc, argv);
    if (code >= 0) return code;
    if (!options.tokens) return cli_usage("--tokens takes at least 1, or -1 for as far as the context goes");
    run_state run = {0};
    code = run_all(&options, &run);
    free_state(&run);
    return cli_ranks_end(&options.ranks, code);
}
