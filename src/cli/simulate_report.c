/* SPDX-License-Identifier: Apache-2.0 */
/* Simulations and calibrations as tables and JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/simulate.h"

typedef void (*print_fn)(FILE *to, const simulate_options *o, const void *what, const void *more);

/* A text that is made whole before any of it is written. */
static int print_whole(print_fn print, const simulate_options *o, const void *what, const void *more) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return cli_fail(EXIT_MEMORY, "the results do not fit into memory");
    print(to, o, what, more);
    int code = fclose(to) ? cli_fail(EXIT_MEMORY, "the results do not fit into memory") : cli_write_result_text(text, size);
    free(text);
    return code;
}

/* ---- the critical path ---- */

/* "layers.3.mlp.linear" without its numbers, so that like steps of all layers are one. */
static void kind_of(const char *step, char *kind, size_t size) {
    size_t n = 0;
    for (; *step && n + 1 < size; step++) {
        if (*step < '0' || *step > '9')
            kind[n++] = *step;
        else if (n == 0 || kind[n - 1] != '#')
            kind[n++] = '#';
    }
    kind[n] = 0;
}

void simulate_print_path(FILE *to, const hd_sim_result *r) {
    enum { MOST = 64 };
    struct {
        char kind[64];
        size_t count, messages;
        double kernels, before;
    } kinds[MOST];
    size_t n = 0;
    for (size_t i = 0; i < r->n_path; i++) {
        const hd_sim_hop *hop = &r->path[i];
        char kind[64];
        size_t k = 0;
        kind_of(hop->step, kind, sizeof kind);
        while (k < n && strcmp(kinds[k].kind, kind) != 0) k++;
        if (k == n && n == MOST) continue;
        if (k == n) {
            memset(&kinds[n], 0, sizeof kinds[n]);
            snprintf(kinds[n++].kind, sizeof kind, "%s", kind);
        }
        kinds[k].count++;
        kinds[k].messages += hop->message;
        kinds[k].kernels += hop->end - hop->begin;
        kinds[k].before += hop->begin - (i ? r->path[i - 1].end : 0);
    }
    fprintf(to, "critical path of one run on %d ranks: %zu steps, %.3f ms, of which %.3f ms in kernels\n", r->ranks, r->n_path,
            r->seconds * 1e3, r->path_kernels * 1e3);
    fprintf(to, "  %-40s %7s %9s %12s %14s\n", "step", "times", "messages", "kernels us", "before it us");
    for (size_t k = 0; k < n; k++)
        fprintf(to, "  %-40s %7zu %9zu %12.1f %14.1f\n", kinds[k].kind, kinds[k].count, kinds[k].messages, kinds[k].kernels * 1e6,
                kinds[k].before * 1e6);
    fflush(to); /* what follows is written unbuffered */
}

/* ---- rows ---- */

static void print_machine(FILE *to, const simulate_options *o) {
    fprintf(to, "a rank: %g GB/s, %g TFLOP/s, %g us a step; ", o->memory, o->compute, o->step);
    fprintf(to, "links in a machine of %d: %g us, %g GB/s; between machines: %g us, %g GB/s\n", (int)o->per_machine, o->latency,
            o->rate, o->far_latency, o->far_rate);
}

static void print_table(FILE *to, const simulate_options *o, const void *what, const void *more) {
    const simulate_rows *rows = what;
    const hd_sim_shape *shape = more;
    fprintf(to, "%s, %d sequence%s behind %d tokens\n", shape->name, (int)o->sequences, o->sequences > 1 ? "s" : "",
            (int)o->context);
    print_machine(to, o);
    fprintf(to, "%6s %7s %7s %7s %7s %11s %9s %9s %12s %12s %12s\n", "ranks", "tensor", "stages", "layers", "tokens", "ms a run",
            "kernels", "waiting", "tokens/s", "in a row", "bound");
    for (size_t i = 0; i < rows->count; i++) {
        const simulate_row *r = &rows->row[i];
        double tokens = (double)(r->tokens * o->sequences);
        fprintf(to, "%6d %7d %7d %7d %7lld %11.3f %8.1f%% %8.1f%% %12.1f %12.1f %12.1f\n", r->ranks, r->tensor, r->pipeline,
                r->layers, (long long)r->tokens, r->seconds * 1e3, r->kernels * 100, r->alone_waiting * 100, tokens / r->seconds,
                tokens / r->every, tokens / r->busiest);
    }
}

static void print_all_reduces(FILE *to, const simulate_options *o, const void *what, const void *more) {
    const simulate_rows *rows = what;
    (void)more;
    print_machine(to, o);
    fprintf(to, "%6s %10s %10s %10s %12s %9s %9s\n", "ranks", "bytes", "us", "GB/s", "messages", "kernels", "waiting");
    for (size_t i = 0; i < rows->count; i++) {
        const simulate_row *r = &rows->row[i];
        fprintf(to, "%6d %10lld %10.2f %10.2f %12llu %8.1f%% %8.1f%%\n", r->ranks, (long long)r->bytes, r->seconds * 1e6,
                (double)r->bytes / r->seconds * 1e-9, (unsigned long long)r->messages, r->kernels * 100, r->alone_waiting * 100);
    }
}

static void print_json(FILE *to, const simulate_options *o, const void *what, const void *more) {
    const simulate_rows *rows = what;
    const hd_sim_shape *shape = more;
    fputs("{\"shape\": ", to);
    cli_json_string(to, shape->name, strlen(shape->name));
    fprintf(to, ", \"sequences\": %d, \"context\": %d, \"runs\": %d, \"rows\": [", (int)o->sequences, (int)o->context,
            (int)o->runs);
    for (size_t i = 0; i < rows->count; i++) {
        const simulate_row *r = &rows->row[i];
        fprintf(to,
                "%s\n{\"ranks\": %d, \"tensor\": %d, \"pipeline\": %d, \"layers\": %d, \"tokens\": %lld, \"bytes\": %lld, "
                "\"seconds\": %.9g, \"seconds_in_a_row\": %.9g, \"seconds_busiest\": %.9g, \"waiting\": %.4f, \"kernels\": %.4f, "
                "\"messages\": %llu, \"message_bytes\": %.0f}",
                i ? "," : "", r->ranks, r->tensor, r->pipeline, r->layers, (long long)r->tokens, (long long)r->bytes, r->seconds,
                r->every, r->busiest, r->alone_waiting, r->kernels, (unsigned long long)r->messages, r->message_bytes);
    }
    fputs("]}\n", to);
}

int simulate_print(const simulate_options *o, const hd_sim_shape *shape, const simulate_rows *rows) {
    return print_whole(o->json ? print_json : o->all_reduce ? print_all_reduces : print_table, o, rows, shape);
}

/* ---- calibration ---- */

static double error_of(const hd_sim_prediction *p) { return fabs(p->predicted - p->measured) / p->measured; }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

typedef struct errors {
    size_t n;
    double median, worst;
} errors;

/* Of predictions for so many ranks, fitted to or not. */
static errors sum_errors(const hd_sim_calibration *c, int32_t ranks, bool fitted) {
    double *all = calloc(c->n_predictions ? c->n_predictions : 1, sizeof *all);
    errors e = {0};
    if (!all) return e;
    for (size_t i = 0; i < c->n_predictions; i++)
        if (c->predictions[i].ranks == ranks && c->predictions[i].fitted == fitted) all[e.n++] = error_of(&c->predictions[i]);
    qsort(all, e.n, sizeof *all, by_value);
    if (e.n) {
        e.median = e.n % 2 ? all[e.n / 2] : (all[e.n / 2 - 1] + all[e.n / 2]) / 2;
        e.worst = all[e.n - 1];
    }
    free(all);
    return e;
}

static const struct {
    const char *what, *key;
    int32_t ranks;
    bool fitted;
} groups[] = {{"1 rank, sizes that were fitted to", "fitted", 1, true},
              {"1 rank, other sizes", "other", 1, false},
              {"2 ranks, no size of which was fitted to", "two_ranks", 2, false}};

static double rate(double seconds) { return seconds > 0 ? 1e-9 / seconds : INFINITY; }

static void print_calibration(FILE *to, const simulate_options *o, const void *what, const void *more) {
    const hd_sim_calibration *c = what;
    fprintf(to, "%s, %d repetitions, %zu steps fitted to\n\n", (const char *)more, (int)o->repetitions, c->samples);
    fprintf(to, "%-20s %10s %12s %12s %14s\n", "kind of step", "us a step", "GB/s", "GFLOP/s", "median error");
    for (int k = 0; k < HD_SIM_CLASS_COUNT; k++) {
        const hd_sim_rates *r = &c->machine.rates[k];
        fprintf(to, "%-20s %10.2f %12.1f %12.1f %13.1f%%\n", hd_sim_class_name((hd_sim_class)k), r->step * 1e6, rate(r->byte),
                rate(r->flop), c->step_error[k] * 100);
    }
    const hd_sim_link *l = &c->machine.inside;
    fprintf(to,
            "\nlocal transport: latency %.3f us, overhead and gap %.3f us; what another rank wrote is read at %.1f GB/s\n\n"
            "%-40s %12s %12s %8s\n",
            l->latency * 1e6, l->overhead * 1e6, rate(c->machine.read), "run", "measured us", "predicted us", "error");
    for (size_t i = 0; i < c->n_predictions; i++) {
        const hd_sim_prediction *p = &c->predictions[i];
        fprintf(to, "%-40s %12.1f %12.1f %7.1f%%%s\n", p->what, p->measured * 1e6, p->predicted * 1e6, error_of(p) * 100,
                p->fitted ? "  fitted" : "");
    }
    fputc('\n', to);
    for (size_t g = 0; g < CLI_COUNT(groups); g++) {
        errors e = sum_errors(c, groups[g].ranks, groups[g].fitted);
        fprintf(to, "%-42s %2zu runs: median error %.1f%%, worst %.1f%%\n", groups[g].what, e.n, e.median * 100, e.worst * 100);
    }
}

static void print_calibration_json(FILE *to, const simulate_options *o, const void *what, const void *more) {
    const hd_sim_calibration *c = what;
    const hd_sim_link *l = &c->machine.inside;
    fputs("{\"model\": ", to);
    cli_json_string(to, more, strlen(more));
    fprintf(to, ", \"repetitions\": %d, \"rates\": [", (int)o->repetitions);
    for (int k = 0; k < HD_SIM_CLASS_COUNT; k++) {
        const hd_sim_rates *r = &c->machine.rates[k];
        fprintf(to, "%s{\"kind\": \"%s\", \"step\": %.6g, \"byte\": %.6g, \"flop\": %.6g, \"median_error\": %.4f}", k ? ", " : "",
                hd_sim_class_name((hd_sim_class)k), r->step, r->byte, r->flop, c->step_error[k]);
    }
    fprintf(to, "], \"link\": {\"latency\": %.6g, \"overhead\": %.6g, \"gap\": %.6g, \"byte\": %.6g}, \"read\": %.6g", l->latency,
            l->overhead, l->gap, l->byte, c->machine.read);
    for (size_t g = 0; g < CLI_COUNT(groups); g++) {
        errors e = sum_errors(c, groups[g].ranks, groups[g].fitted);
        fprintf(to, ", \"%s\": {\"runs\": %zu, \"median_error\": %.4f, \"worst_error\": %.4f}", groups[g].key, e.n, e.median,
                e.worst);
    }
    fputs(", \"predictions\": [", to);
    for (size_t i = 0; i < c->n_predictions; i++) {
        const hd_sim_prediction *p = &c->predictions[i];
        fprintf(to, "%s\n{\"run\": \"%s\", \"fitted\": %s, \"measured\": %.6g, \"predicted\": %.6g}", i ? "," : "", p->what,
                p->fitted ? "true" : "false", p->measured, p->predicted);
    }
    fputs("]}\n", to);
}

int simulate_print_calibration(const simulate_options *o, const char *folder, const hd_sim_calibration *c) {
    return print_whole(o->json ? print_calibration_json : print_calibration, o, c, folder);
}
