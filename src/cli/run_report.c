/* SPDX-License-Identifier: Apache-2.0 */
/* What `heddle run` says at the end: speeds beside the machine's limit, or the whole result as JSON. */
#include "cli/run.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/load.h"

static double rate(double count, double seconds) { return seconds > 0 ? count / seconds : 0; }

static const char *finish_name(hd_finish finish) {
    switch (finish) {
    case HD_FINISH_STOP:
        return "stop";
    case HD_FINISH_LENGTH:
        return "length";
    case HD_FINISH_CANCELLED:
        return "cancelled";
    case HD_FINISH_ERROR:
        return "error";
    default:
        return "none";
    }
}

/* Whether both streams end up in one place (a terminal, a log), where the line must not be glued to the text. */
static bool same_place(void) {
    struct stat out, err;
    if (fstat(STDOUT_FILENO, &out) || fstat(STDERR_FILENO, &err)) return false;
    return out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

/* What was read against what could be. */
static void print_share(const hd_engine_stats *stats, double read, double limit) {
    char device[32];
    fprintf(stderr, " | %.2f GB/s, %.0f %% of the %.1f GB/s that ", read / 1e9, 100 * read / limit, limit / 1e9);
    if (hd_device_get_type(stats->device) == HD_DEVICE_CPU)
        fprintf(stderr, "%d thread%s read from memory", (int)stats->threads, stats->threads == 1 ? "" : "s");
    else
        fprintf(stderr, "%s copies", cli_device_name(stats->device, device));
}

void run_print_stats(const run_options *options, const run_result *result) {
    const hd_engine_stats *stats = &result->stats;
    bool colour = cli_wants_colour(STDERR_FILENO);
    bool under_text = !options->json && same_place();
    fprintf(stderr, "%s%s", under_text ? "\n" : "", colour ? CLI_DIM : "");
    fprintf(stderr, "prefill %llu tokens, %.1f tokens/s", (unsigned long long)stats->prefill_tokens,
            rate((double)stats->prefill_tokens, stats->prefill_seconds));
    if (stats->decode_tokens) {
        double read = rate((double)stats->decode_bytes, stats->decode_seconds), limit = 0;
        fprintf(stderr, " | decode %llu tokens, %.1f tokens/s", (unsigned long long)stats->decode_tokens,
                rate((double)stats->decode_tokens, stats->decode_seconds));
        /* An interrupted user wants the prompt back, not a measurement. */
        if (!cli_interrupted() && cli_measure_limit(stats->device, stats->threads, &limit) == HD_OK && limit > 0)
            print_share(stats, read, limit);
    }
    if (result->sampled) fprintf(stderr, " | seed %llu", (unsigned long long)result->seed);
    fprintf(stderr, "%s\n", colour ? CLI_RESET : "");
}

void run_print_logprobs(const hd_token *token, const hd_tokenizer *tokenizer) {
    if (token->id < 0) return;
    const char *name = hd_tokenizer_token(tokenizer, token->id);
    fprintf(stderr, "%d %.6f %s", (int)token->id, (double)token->logprob, name ? name : "?");
    for (int32_t i = 0; i < token->n_top; i++) {
        name = hd_tokenizer_token(tokenizer, token->top[i].token);
        fprintf(stderr, " | %d %.6f %s", (int)token->top[i].token, (double)token->top[i].logprob, name ? name : "?");
    }
    fputc('\n', stderr);
}

int run_print_json(const run_options *options, const run_result *result) {
    const hd_engine_stats *stats = &result->stats;
    fputs("{\"prompt\": ", stdout);
    cli_json_string(stdout, result->prompt, result->prompt_size);
    fputs(", \"text\": ", stdout);
    cli_json_string(stdout, result->text ? result->text : "", result->text_size);
    fputs(", \"tokens\": [", stdout);
    for (size_t i = 0; i < result->n_ids; i++) printf("%s%d", i ? ", " : "", (int)result->ids[i]);
    if (options->logprobs >= 0) {
        fputs("], \"logprobs\": [", stdout);
        for (size_t i = 0; i < result->n_ids; i++) printf("%s%.6f", i ? ", " : "", (double)result->logprobs[i]);
    }
    printf("], \"finish\": \"%s\"", finish_name(result->finish));
    if (result->sampled) printf(", \"seed\": %llu", (unsigned long long)result->seed);
    printf(", \"prefill\": {\"tokens\": %llu, \"seconds\": %.6f}", (unsigned long long)stats->prefill_tokens,
           stats->prefill_seconds);
    printf(", \"decode\": {\"tokens\": %llu, \"seconds\": %.6f, \"bytes\": %llu}", (unsigned long long)stats->decode_tokens,
           stats->decode_seconds, (unsigned long long)stats->decode_bytes);
    char device[32];
    printf(", \"load_seconds\": %.6f, \"threads\": %d", result->load_seconds, (int)stats->threads);
    printf(", \"device\": \"%s\", \"executor\": \"%s\"}\n", cli_device_name(stats->device, device),
           hd_executor_kind_name(stats->executor));
    if (fflush(stdout) || ferror(stdout)) return cli_fail(EXIT_FAILED, "cannot write to standard output");
    return EXIT_OK;
}
