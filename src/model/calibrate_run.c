/* SPDX-License-Identifier: Apache-2.0 */
/* One rank's runs for calibration: its plan as engines compile it, memory for all it wants, and the serial executor. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/calibrate.h"
#include "task/tracer.h"

enum { SEQUENCES = 8, TOKENS = 256, CONTEXT = 512 };
enum { TRACED = 4 }; /* runs of a case in a round */

typedef struct runner {
    hdi_calibrate_rank *rank;
    hd_model *model;
    hd_executor *executor;
    hdi_step_limits limits;
    void **memory; /* by slot, of inputs and states */
    double *steps; /* [cases x steps]: seconds of those that were traced, of the fastest run */
    double fastest[HDI_CALIBRATE_CASES];
    hd_trace *trace;
} runner;

/* ---- making it ---- */

static hd_status load(runner *r) {
    const hd_model_options options = {.threads = 1, .domain = r->rank->domain, .tensor = r->rank->tensor, .pipeline = 1};
    hd_sim_step most = {SEQUENCES, TOKENS / SEQUENCES, CONTEXT - TOKENS / SEQUENCES};
    hdi_kv_shape kv;
    HD_TRY(hd_model_load(r->rank->folder, &options, &r->model));
    hdi_model_kv_shape(r->model, &kv);
    r->limits = hdi_sim_step_limits(&most, kv.natural_dtype == HD_DTYPE_COUNT ? HD_DTYPE_F32 : kv.natural_dtype);
    return hdi_model_compile(r->model, &r->limits, &r->rank->plan);
}

static hd_status bind(runner *r) {
    const hd_plan *plan = r->rank->plan;
    HD_TRY(hdi_calloc(&r->memory, plan->n_slots, sizeof *r->memory, "calibration"));
    for (uint32_t i = 1; i < plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[i];
        if (slot->kind != HDI_SLOT_INPUT && slot->kind != HDI_SLOT_STATE) continue;
        HD_TRY(hdi_alloc_aligned(&r->memory[i], slot->bytes, "calibration"));
        memset(r->memory[i], 0, slot->bytes);
        HD_TRY(hd_executor_bind(r->executor, hdi_plan_name(plan, slot->name), r->memory[i], slot->bytes));
    }
    return hdi_model_bind(r->model, r->executor);
}

static hd_status make(runner *r) {
    const hd_executor_options options = {.kind = HD_EXECUTOR_SERIAL, .domain = r->rank->domain};
    HD_TRY(load(r));
    HD_TRY(hd_executor_create(r->rank->plan, &options, &r->executor));
    const hd_trace_options room = {.spans = r->rank->plan->n_steps};
    HD_TRY(hd_trace_create(&room, &r->trace));
    return bind(r);
}

static void clear(runner *r) {
    for (uint32_t i = 0; r->memory && i < r->rank->plan->n_slots; i++) hdi_free_aligned(r->memory[i]);
    hd_executor_destroy(r->executor);
    hd_model_release(r->model);
    hdi_free(r->memory);
    hdi_free(r->steps);
    hd_trace_destroy(r->trace);
}

/* ---- a case ---- */

static int32_t *input(const runner *r, const char *name) {
    const hd_plan *plan = r->rank->plan;
    for (uint32_t i = 1; i < plan->n_slots; i++)
        if (r->memory[i] && strcmp(hdi_plan_name(plan, hdi_plan_slots(plan)[i].name), name) == 0) return r->memory[i];
    return NULL;
}

static void put(int32_t *to, size_t i, int32_t value) {
    if (to) to[i] = value; /* a stage may not have the input */
}

static void fill_inputs(runner *r, const hd_sim_step *step) {
    int32_t page = r->limits.page_tokens, pages = r->limits.max_pages;
    int32_t *ids = input(r, "token_ids"), *positions = input(r, "positions"), *seqs = input(r, "token_seq"),
            *slots = input(r, "slots"), *table = input(r, "page_table"), *rows = input(r, "logit_rows"),
            *lengths = input(r, "rope_lengths");
    for (int32_t q = 0; q < step->sequences; q++) {
        for (int32_t p = 0; p < pages; p++) put(table, (size_t)(q * pages + p), q * pages + p);
        put(rows, (size_t)q, (q + 1) * step->tokens - 1);
        for (int32_t t = 0; t < step->tokens; t++) {
            size_t i = (size_t)(q * step->tokens + t);
            int32_t position = step->context + t;
            put(ids, i, (int32_t)(i * 7 % 251));
            put(positions, i, position);
            put(seqs, i, q);
            put(slots, i, (q * pages + position / page) * page + position % page);
            put(lengths, i, position + 1);
        }
    }
}

static hd_status set_case(runner *r, const hd_sim_step *step) {
    fill_inputs(r, step);
    HD_TRY(hd_executor_set(r->executor, "tokens", (int64_t)step->sequences * step->tokens));
    HD_TRY(hd_executor_set(r->executor, "sequences", step->sequences));
    HD_TRY(hd_executor_set(r->executor, "rows", step->sequences));
    return hd_executor_run(r->executor);
}

static double own_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void keep_least(double *least, double seconds) {
    if (*least == 0 || seconds < *least) *least = seconds;
}

static hd_status time_alone(runner *r, double *seconds) {
    enum { TIMES = 4 };
    for (int i = 0; i < TIMES; i++) {
        double begin = own_clock();
        HD_TRY(hd_executor_run(r->executor));
        keep_least(seconds, own_clock() - begin);
    }
    return HD_OK;
}

/* A rank cannot be a run ahead: before it tells the others anything it waits for the end of their last one. */
static hd_status time_together(runner *r, double *seconds) {
    enum { TIMES = 60 };
    HD_TRY(hd_domain_barrier(r->rank->domain));
    for (int32_t i = 0; i < TIMES; i++) {
        int64_t begin = hdi_now_ns();
        HD_TRY(hd_executor_run(r->executor));
        keep_least(seconds, (double)(hdi_now_ns() - begin) * 1e-9);
    }
    return HD_OK;
}

/* ---- traced steps ---- */

/* What the run's steps took together. */
static double sum_of(const hd_trace *trace) {
    double sum = 0;
    for (size_t i = 0; i < trace->n; i++) sum += (double)(trace->spans[i].end - trace->spans[i].begin) * 1e-9;
    return sum;
}

/* Seconds of each step of the fastest run so far, which took *fastest; 0: it did nothing. The fastest time of each step by itself
 * would add up to less than any run takes. */
static hd_status trace_steps(runner *r, double *seconds, double *fastest) {
    uint32_t n = r->rank->plan->n_steps;
    HD_TRY(hd_executor_set_trace(r->executor, r->trace));
    for (int i = 0; i < TRACED; i++) {
        hd_trace_clear(r->trace);
        HD_TRY(hd_executor_run(r->executor));
        double sum = sum_of(r->trace);
        if (*fastest > 0 && sum >= *fastest) continue;
        *fastest = sum;
        for (size_t k = 0; k < r->trace->n; k++) {
            const hdi_span *span = &r->trace->spans[k];
            uint32_t s = span->label - r->executor->tracer->step_label;
            if (s < n) seconds[s] = (double)(span->end - span->begin) * 1e-9;
        }
    }
    return hd_executor_set_trace(r->executor, NULL);
}

static hd_status add_samples(runner *r, const hd_sim_step *step, const double *seconds) {
    const hd_plan *plan = r->rank->plan;
    hdi_samples *to = &r->rank->samples;
    hd_sim_plans *set;
    hdi_sim_costs costs = {0};
    HD_TRY(hd_sim_plans_create(&plan, 1, &set));
    hd_status status = hdi_sim_step_set(set, step);
    if (status == HD_OK) status = hdi_sim_costs_of(set, 0, NULL, &costs);
    if (status == HD_OK) status = hdi_grow(&to->all, &to->cap, to->n + plan->n_steps, sizeof *to->all, "calibration");
    for (uint32_t s = 0; status == HD_OK && s < plan->n_steps; s++)
        if (seconds[s] > 0)
            to->all[to->n++] = (hdi_sample){costs.step[s].kind, costs.step[s].bytes, costs.step[s].flops, seconds[s]};
    hdi_sim_costs_clear(&costs);
    hd_sim_plans_destroy(set);
    return status;
}

static bool traced(const runner *r, size_t i) { return r->rank->cases[i].fitted && !r->rank->domain; }

/* All cases again and again: a machine that is slow for a while is so for a part of each. */
static hd_status measure(runner *r) {
    size_t n = r->rank->n_cases, steps;
    HD_TRY(make(r));
    steps = r->rank->plan->n_steps;
    HD_TRY(hdi_calloc(&r->steps, n * steps, sizeof *r->steps, "calibration"));
    for (int32_t round = 0; round < r->rank->repetitions; round++)
        for (size_t i = 0; i < n; i++) {
            HD_TRY(set_case(r, &r->rank->cases[i].step));
            HD_TRY(r->rank->domain ? time_together(r, &r->rank->seconds[i]) : time_alone(r, &r->rank->seconds[i]));
            if (traced(r, i)) HD_TRY(trace_steps(r, r->steps + i * steps, &r->fastest[i]));
        }
    for (size_t i = 0; i < n; i++)
        if (traced(r, i)) HD_TRY(add_samples(r, &r->rank->cases[i].step, r->steps + i * steps));
    return HD_OK;
}

hd_status hdi_calibrate_measure(hdi_calibrate_rank *rank) {
    runner r = {.rank = rank};
    hd_status status = measure(&r);
    if (status != HD_OK && rank->domain) hd_domain_abort(rank->domain, status, hd_last_error());
    clear(&r);
    return status;
}
