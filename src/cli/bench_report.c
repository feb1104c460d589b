/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of `heddle bench` as a table of medians, or all of them as JSON. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/load.h"

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef enum field { PREFILL, DECODE, READ, LIMIT, SHARE } field;

static double get(const bench_sample *s, field which) {
    switch (which) {
    case PREFILL:
        return s->prefill_rate;
    case DECODE:
        return s->decode_rate;
    case READ:
        return s->read_rate;
    case LIMIT:
        return s->limit;
    default:
        return s->limit > 0 ? s->read_rate / s->limit : 0;
    }
}

/* The median and how far the samples lie apart, in percent of it. */
static double median(const bench_setting *setting, field which, double *spread) {
    double values[BENCH_MAX_SAMPLES];
    for (int32_t i = 0; i < setting->count; i++) values[i] = get(&setting->samples[i], which);
    qsort(values, (size_t)setting->count, sizeof values[0], by_size);
    int32_t half = setting->count / 2;
    double middle = setting->count % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
    if (spread) *spread = middle > 0 ? 100 * (values[setting->count - 1] - values[0]) / middle : 0;
    return middle;
}

/* Writes what was printed into memory at once. */
static int write_stream(FILE *to, char **text, size_t *size) {
    int code = fclose(to) ? cli_fail(EXIT_MEMORY, "the results do not fit into memory") : cli_write_result_text(*text, *size);
    free(*text);
    return code;
}

double bench_limit(const bench_setting *setting) { return setting->count ? median(setting, LIMIT, NULL) : 0; }

/* Operations that each token of a prompt takes in the layers' matrices; the head is for the last token only, and attention's are
 * not counted. */
static double prompt_flops(const hd_model_info *m) {
    double heads = (double)(m->heads + m->kv_heads) * m->head_dim; /* q and o, k and v */
    return 2.0 * m->layers * m->hidden * (2 * heads + 3.0 * m->intermediate);
}

static void print_row(FILE *to, const bench_setting *s, const hd_model_info *info) {
    double prefill_spread, decode_spread, prefill = median(s, PREFILL, &prefill_spread),
                                          decode = median(s, DECODE, &decode_spread);
    fprintf(to, "%9lld %8d %7lld | %13.1f %5.1f %% %9.1f |", (long long)s->sequences, (int)s->used_threads, (long long)s->prompt,
            prefill, prefill_spread, 1e-9 * prompt_flops(info) * prefill);
    if (decode > 0)
        fprintf(to, " %12.1f %5.1f %% %8.2f %8.2f %4.0f %%\n", decode, decode_spread, median(s, READ, NULL) / 1e9,
                bench_limit(s) / 1e9, 100 * median(s, SHARE, NULL));
    else
        fprintf(to, " %12s %7s %8s %8.2f %6s\n", "-", "-", "-", bench_limit(s) / 1e9, "-");
}

int bench_print_table(const bench_result *result) {
    const hd_model_info *info = &result->info;
    char *text = NULL, bytes[32], device[32];
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return cli_fail(EXIT_MEMORY, "the results do not fit into memory");
    fprintf(to, "%s: %s, weights %s (%s) on %s (%s), medians of %d\n", result->folder, info->architecture,
            hd_weights_name(info->weights), cli_bytes(bytes, (double)info->weight_bytes), cli_device_name(info->device, device),
            hd_executor_kind_name(result->settings[0].executor), (int)result->settings[0].count);
    fprintf(to, "%9s %8s %7s | %12s %7s %9s | %12s %7s %8s %8s %6s\n", "sequences", "threads", "prompt", "prefill tok/s",
            "spread", "GFLOP/s", "decode tok/s", "spread", "GB/s", "limit", "share");
    for (size_t i = 0; i < result->count; i++)
        if (result->settings[i].count) print_row(to, &result->settings[i], info);
    for (size_t i = 0; i < result->count; i++)
        if (*result->settings[i].left_out)
            fprintf(to, "left out: %lld sequences, prompt %lld: %s\n", (long long)result->settings[i].sequences,
                    (long long)result->settings[i].prompt, result->settings[i].left_out);
    for (size_t i = 0; i < result->count; i++) bench_print_steps(to, &result->settings[i], bench_limit(&result->settings[i]));
    return write_stream(to, &text, &size);
}

static void print_samples(FILE *to, const bench_setting *s, const char *name, field which) {
    fprintf(to, ", \"%s\": [", name);
    for (int32_t i = 0; i < s->count; i++) fprintf(to, "%s%.6g", i ? ", " : "", get(&s->samples[i], which));
    fputc(']', to);
}

static void print_setting(FILE *to, const bench_setting *s, const hd_model_info *info) {
    char device[32];
    fprintf(to, "{\"device\": \"%s\", \"executor\": \"%s\", \"threads\": %d, \"sequences\": %lld, \"prompt\": %lld",
            cli_device_name(info->device, device), hd_executor_kind_name(s->executor), (int)s->used_threads,
            (long long)s->sequences, (long long)s->prompt);
    print_samples(to, s, "prefill_tokens_per_second", PREFILL);
    print_samples(to, s, "decode_tokens_per_second", DECODE);
    print_samples(to, s, "decode_bytes_per_second", READ);
    print_samples(to, s, "limit_bytes_per_second", LIMIT);
    print_samples(to, s, "share", SHARE);
    if (*s->left_out) {
        fputs(", \"left_out\": ", to);
        cli_json_string(to, s->left_out, strlen(s->left_out));
    }
    bench_print_steps_json(to, s);
    fputc('}', to);
}

int bench_print_json(const bench_result *result) {
    const hd_model_info *info = &result->info;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return cli_fail(EXIT_MEMORY, "the results do not fit into memory");
    fputs("{\"path\": ", to);
    cli_json_string(to, result->folder, strlen(result->folder));
    fprintf(to,
            ", \"weights\": \"%s\", \"weight_bytes\": %llu, \"parameters\": %llu, \"prompt_flops_per_token\": %.0f, "
            "\"stepped\": %s, \"lost_spans\": %llu, \"settings\": [",
            hd_weights_name(info->weights), (unsigned long long)info->weight_bytes, (unsigned long long)info->parameters,
            prompt_flops(info), result->stepped ? "true" : "false", (unsigned long long)result->lost);
    for (size_t i = 0; i < result->count; i++) {
        if (i) fputs(", ", to);
        print_setting(to, &result->settings[i], info);
    }
    fputs("]}\n", to);
    return write_stream(to, &text, &size);
}
