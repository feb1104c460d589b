/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of a traced run went: a row for each kind of step, those that took most first, each rate beside its limit. What
 * is left of the engine's own time is waiting: of workers for each other, of a device for the host. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"

/* "56.20  97 %"; nothing where there is no limit or no rate. */
static void print_rate(FILE *to, double amount, double seconds, double limit, bool known) {
    if (!known || seconds <= 0 || amount <= 0) {
        fprintf(to, " %10s %6s", "-", "-");
        return;
    }
    fprintf(to, " %10.2f", amount / seconds * 1e-9);
    if (limit > 0)
        fprintf(to, " %4.0f %%", 100 * amount / seconds / limit);
    else
        fprintf(to, " %6s", "");
}

static void print_kind(FILE *to, const hd_trace_kind *k, double total, const bench_steps *steps, double limit) {
    fprintf(to, "  %-26s %-26s %8llu %10.3f", *k->kernel ? k->kernel : "engine", k->shape, (unsigned long long)k->steps,
            1e3 * k->seconds);
    if (total > 0)
        fprintf(to, " %5.1f %%", 100 * k->seconds / total);
    else
        fprintf(to, " %7s", "-");
    print_rate(to, k->bytes, k->seconds, limit, !k->partial && *k->kernel);
    print_rate(to, k->flops, k->seconds, steps->flop_limit, !k->partial && *k->kernel);
    fputc('\n', to);
}

/* Phases of the engine that hold others are no work of their own. */
static bool holds_others(const hd_trace_kind *k) {
    return !*k->kernel && (strcmp(k->shape, "run") == 0 || strcmp(k->shape, "wait") == 0);
}

/* The table is rank 0's, whose phases are timed; the JSON has what all ranks did. */
static bool of_another_rank(const hd_trace_kind *k) { return k->device == NULL; }

static void print_phase(FILE *to, const bench_setting *s, hd_trace_phase phase, double limit) {
    const bench_steps *steps = &s->steps;
    double total = steps->seconds[phase], rest = total;
    size_t n = 0, others = 0;
    for (size_t i = 0; i < steps->count; i++) {
        n += steps->kinds[i].phase == phase;
        others += of_another_rank(&steps->kinds[i]);
    }
    if (!n) return;
    fprintf(to, "\n%s, %lld sequence%s, prompt %lld, ", hd_trace_phase_name(phase), (long long)s->sequences,
            s->sequences == 1 ? "" : "s", (long long)s->prompt);
    if (s->executor == HD_EXECUTOR_THREADS || s->executor == HD_EXECUTOR_TASKS)
        fprintf(to, "%d thread%s, ", (int)s->used_threads, s->used_threads == 1 ? "" : "s");
    fprintf(to, "%straced: %.3f ms in steps; %.2f GB/s", others ? "rank 0, " : "", 1e3 * total, limit / 1e9);
    if (steps->flop_limit > 0)
        fprintf(to, " and %.1f GFLOP/s are the limits\n", steps->flop_limit / 1e9);
    else
        fputs(" is the limit; that of operations is not known here\n", to);
    fprintf(to, "  %-26s %-26s %8s %10s %7s %10s %6s %10s %6s\n", "kernel", "shape", "steps", "ms", "share", "GB/s", "limit",
            "GFLOP/s", "limit");
    bool late = false; /* a device works while the engine does other things */
    for (size_t i = 0; i < steps->count; i++)
        late |= *steps->kinds[i].kernel && steps->kinds[i].device && hd_device_get_type(steps->kinds[i].device) != HD_DEVICE_CPU;
    for (size_t i = 0; i < steps->count; i++) {
        const hd_trace_kind *k = &steps->kinds[i];
        if (k->phase != phase || holds_others(k) || of_another_rank(k)) continue;
        bool adds = *k->kernel || !late;
        print_kind(to, k, adds ? total : 0, steps, limit);
        if (adds) rest -= k->seconds;
    }
    if (rest > 0) fprintf(to, "  %-26s %-26s %8s %10.3f %5.1f %%\n", "waiting", "", "", 1e3 * rest, 100 * rest / total);
}

void bench_print_steps(FILE *to, const bench_setting *setting, double limit) {
    for (int phase = HD_TRACE_PREFILL; phase < HD_TRACE_PHASE_COUNT; phase++)
        print_phase(to, setting, (hd_trace_phase)phase, limit);
}

void bench_print_steps_json(FILE *to, const bench_setting *setting) {
    const bench_steps *steps = &setting->steps;
    if (!steps->kinds) return;
    fprintf(to, ", \"traced_prefill_seconds\": %.6g, \"traced_decode_seconds\": %.6g, \"limit_flops_per_second\": ",
            steps->seconds[HD_TRACE_PREFILL], steps->seconds[HD_TRACE_DECODE]);
    if (steps->flop_limit > 0)
        fprintf(to, "%.6g", steps->flop_limit);
    else
        fputs("null", to);
    fputs(", \"steps\": [", to);
    for (size_t i = 0; i < steps->count; i++) {
        const hd_trace_kind *k = &steps->kinds[i];
        fprintf(to, "%s{\"rank\": %d, \"phase\": \"%s\", \"kernel\": ", i ? ", " : "", k->rank, hd_trace_phase_name(k->phase));
        cli_json_string(to, k->kernel, strlen(k->kernel));
        fputs(", \"shape\": ", to);
        cli_json_string(to, k->shape, strlen(k->shape));
        fprintf(to, ", \"steps\": %llu, \"seconds\": %.6g, \"bytes\": %.0f, \"flops\": %.0f, \"partial\": %s}",
                (unsigned long long)k->steps, k->seconds, k->bytes, k->flops, k->partial ? "true" : "false");
    }
    fputc(']', to);
}
