/* SPDX-License-Identifier: Apache-2.0 */
/* Pipeline stages work at the same time: on chunks of one prompt, and on decoding steps of different sequences. Whatever happens
 * while several steps are under way - sequences that are cancelled, an engine that goes, somebody who looks at the trace, a rank
 * that fails - takes no deadline and changes no other sequence's tokens. */
#include <string.h>

#include "unit/cmocka_all.h"
#include "unit/good.h"

#include "base/memory.h"
#include "engine/engine.h"
#include "support/crew.h"
#include "support/devices.h"
#include "support/tiny_model.h"
#include "task/trace.h"

enum { STAGES = 4, SEQUENCES = 8, PROMPT = 96, CHUNK = 8, TOKENS = 24, VOCAB = 288, DEADLINE_MS = 60000 };

static char *folder;

static int write_model(void **state) {
    tiny_model m;
    (void)state;
    tiny_model_init(&m, "llama");
    m.layers = 8;
    folder = tiny_model_write(&m);
    return folder ? 0 : -1;
}

static int remove_model(void **state) {
    (void)state;
    tiny_model_remove(folder);
    return 0;
}

/* ---- engines ---- */

typedef struct pipe {
    crew c;
    hd_engine *engine;
    hd_sequence *sequences[SEQUENCES];
    int32_t tokens[SEQUENCES][TOKENS];
    int n[SEQUENCES];
} pipe;

/* `device`: NULL for the CPU. */
static void start_on(pipe *p, const hd_device *device, int32_t tensor, int32_t stages) {
    hd_engine_options options;
    *p = (pipe){.c = {.tensor = tensor, .pipeline = stages, .threads = 1, .timeout_ms = DEADLINE_MS, .device = device}};
    hd_model *model = crew_start(&p->c, folder);
    if (!model) fail_msg("%s", hd_last_error());
    hd_engine_options_init(&options);
    options.threads = 1;
    options.context = PROMPT + TOKENS;
    options.max_sequences = SEQUENCES;
    options.max_batch_tokens = CHUNK;
    if (!device) options.executor = HD_EXECUTOR_SERIAL;
    good(hd_engine_create(model, NULL, &options, &p->engine));
}

static void start(pipe *p, int32_t stages) { start_on(p, NULL, 1, stages); }

static void end(pipe *p) {
    hd_engine_destroy(p->engine);
    for (int i = 0; i < SEQUENCES; i++) hd_sequence_release(p->sequences[i]);
    crew_end(&p->c);
}

/* Sequence `i`: half of them draw with a seed. */
static void submit(pipe *p, int i) {
    int32_t prompt[PROMPT];
    hd_request request;
    hd_request_init(&request);
    request.prompt = prompt;
    request.n_prompt = i ? (size_t)(3 * i) : PROMPT;
    for (size_t t = 0; t < request.n_prompt; t++) prompt[t] = (int32_t)(t * 7 + (size_t)i * 31 + 3) % VOCAB;
    request.max_tokens = TOKENS;
    request.ignore_eos = true;
    request.sampling.temperature = i % 2 ? 0.8f : 0;
    request.sampling.seed = (uint64_t)i;
    good(hd_engine_submit(p->engine, &request, &p->sequences[i]));
}

static void submit_all(pipe *p) {
    for (int i = 0; i < SEQUENCES; i++) submit(p, i);
}

static void fetch(pipe *p) {
    for (int i = 0; i < SEQUENCES; i++) {
        hd_token token;
        bool have = p->sequences[i] != NULL;
        while (have) {
            good(hd_sequence_next(p->sequences[i], &token, &have));
            if (have && token.id >= 0) p->tokens[i][p->n[i]++] = token.id;
        }
    }
}

static bool step(pipe *p) {
    bool busy;
    good(hd_engine_step(p->engine, &busy));
    fetch(p);
    return busy;
}

/* Steps until as many are under way as can be, and all of them draw. */
static void fill(pipe *p) {
    submit_all(p);
    for (int i = 0; i < 200; i++) {
        hd_engine_stats stats;
        assert_true(step(p));
        hd_engine_get_stats(p->engine, &stats);
        bool all = stats.waiting == 0 && p->engine->under_way == p->engine->depth;
        for (int k = 0; k < p->engine->under_way; k++)
            all &= p->engine->flights[(p->engine->oldest + k) % (p->engine->depth + 1)].n_rows > 0;
        if (all) return;
    }
    fail_msg("the stages are never full");
}

static double seconds(void) { return (double)hdi_now_ns() * 1e-9; }

/* ---- at the same time ---- */

typedef struct runs {
    size_t n;
    int64_t begin[1024], last[1024]; /* of its first step; of its last one */
    hd_trace_phase phase[1024];
} runs;

/* The runs of a rank of one worker, in their order. */
static void runs_of(const hd_trace *trace, int32_t rank, runs *out) {
    out->n = 0;
    for (size_t i = 0; i < trace->n; i++) {
        const hdi_span *s = &trace->spans[i];
        if (trace->lanes[s->lane].rank != rank || strstr(trace->lanes[s->lane].name, "engine")) continue;
        if (s->begins) {
            assert_true(out->n < 1024);
            out->begin[out->n] = s->begin;
            out->phase[out->n++] = (hd_trace_phase)s->phase;
        }
        assert_true(out->n > 0);
        out->last[out->n - 1] = s->begin;
    }
}

/* How often rank 0 began a run before the last stage came to the last step of the run before. */
static size_t overlaps(const hd_trace *trace, int32_t last, hd_trace_phase phase, size_t *n) {
    static runs first, behind;
    size_t count = 0;
    runs_of(trace, 0, &first);
    runs_of(trace, last, &behind);
    assert_int_equal(first.n, behind.n);
    *n = 0;
    for (size_t i = 0; i + 1 < first.n; i++) {
        if (first.phase[i + 1] != phase || first.phase[i] != phase) continue;
        ++*n;
        count += first.begin[i + 1] < behind.last[i];
    }
    return count;
}

static void stages_work_at_the_same_time(void **state) {
    (void)state;
    for (int32_t stages = 2; stages <= STAGES; stages += 2) {
        pipe p;
        hd_trace *trace;
        hd_trace_info info;
        size_t n, prefill, decode;
        start(&p, stages);
        good(hd_trace_create(&(hd_trace_options){0}, &trace));
        good(hd_engine_set_trace(p.engine, trace));
        submit_all(&p);
        while (step(&p)) continue;
        good(hd_trace_get_info(trace, &info));
        assert_int_equal(info.lost, 0);
        prefill = overlaps(trace, stages - 1, HD_TRACE_PREFILL, &n);
        printf("%d stages: %zu of %zu runs of prompts began before the last stage had ended the one before", stages, prefill, n);
        decode = overlaps(trace, stages - 1, HD_TRACE_DECODE, &n);
        printf(", %zu of %zu of decodes\n", decode, n);
        assert_true(prefill >= 3 && decode >= 3); /* none where they take turns, whatever the machine's load */
        hd_trace_destroy(trace);
        end(&p);
    }
}

/* ---- what happens meanwhile ---- */

static void all_tokens(pipe *p, int32_t stages) {
    start(p, stages);
    submit_all(p);
    while (step(p)) continue;
    for (int i = 0; i < SEQUENCES; i++) assert_int_equal(p->n[i], TOKENS);
}

static void expect_tokens(const pipe *got, const pipe *all, int i) {
    assert_int_equal(got->n[i], TOKENS);
    assert_memory_equal(got->tokens[i], all->tokens[i], sizeof all->tokens[i]);
}

static void cancelled_ones_change_no_other(void **state) {
    static pipe all, p;
    (void)state;
    all_tokens(&all, 1);
    end(&all);
    for (int32_t stages = 2; stages <= STAGES; stages += 2) {
        start(&p, stages);
        fill(&p);
        for (int i = 1; i < SEQUENCES; i += 3) hd_sequence_cancel(p.sequences[i]);
        while (step(&p)) continue;
        for (int i = 0; i < SEQUENCES; i++)
            if (i % 3 != 1) expect_tokens(&p, &all, i);
        end(&p);
    }
}

static void an_engine_can_go_at_once(void **state) {
    static pipe p;
    (void)state;
    for (int32_t stages = 2; stages <= STAGES; stages += 2) {
        double began = seconds();
        start(&p, stages);
        fill(&p);
        hd_engine_destroy(p.engine);
        p.engine = NULL;
        good(hd_domain_check(p.c.domain)); /* nobody gave up */
        for (int i = 0; i < SEQUENCES; i++) assert_int_equal(hd_sequence_finish_reason(p.sequences[i]), HD_FINISH_CANCELLED);
        end(&p);
        assert_true(seconds() - began < DEADLINE_MS * 1e-3);
    }
}

static void a_trace_can_be_looked_at(void **state) {
    static pipe p;
    hd_trace *trace;
    hd_trace_info info;
    (void)state;
    double began = seconds();
    start(&p, STAGES);
    good(hd_trace_create(&(hd_trace_options){0}, &trace));
    good(hd_engine_set_trace(p.engine, trace));
    fill(&p);
    good(hd_trace_get_info(trace, &info)); /* all ranks come together, behind the steps under way */
    good(hd_engine_set_trace(p.engine, NULL));
    while (step(&p)) continue;
    hd_trace_destroy(trace);
    end(&p);
    assert_true(seconds() - began < DEADLINE_MS * 1e-3);
}

static void a_failure_ends_all_sequences(void **state) {
    static pipe p;
    (void)state;
    for (int32_t stages = 2; stages <= STAGES; stages += 2) {
        bool busy = true;
        int failed = 0;
        double began = seconds();
        start(&p, stages);
        fill(&p);
        hd_domain_abort(p.c.domain, HD_COMM, "rank 0 had enough");
        for (int i = 0; busy && i < 100; i++) failed += hd_engine_step(p.engine, &busy) != HD_OK;
        assert_false(busy);
        assert_true(failed > 0);
        for (int i = 0; i < SEQUENCES; i++) {
            assert_int_equal(hd_sequence_finish_reason(p.sequences[i]), HD_FINISH_ERROR);
            assert_non_null(strstr(hd_sequence_error(p.sequences[i]), "had enough"));
        }
        end(&p);
        assert_true(seconds() - began < DEADLINE_MS * 1e-3);
    }
}

/* Where the plan draws, the logits come back within it, for chunks that draw: rank 0 runs ahead through prompts. One device of
 * those that share memory is enough: what GPUs do is tested elsewhere, and slow where the CPU plays one. */
static void a_device_gives_the_same_tokens(void **state) {
    static pipe all, p;
    const hd_device *device;
    int i = 0;
    (void)state;
    while ((device = test_devices(i)) && (device->type == HD_DEVICE_CPU || !device->vtable->memory_share)) i++;
    if (!device) skip();
    for (int32_t stages = 1; stages <= 2; stages++) {
        pipe *now = stages == 1 ? &all : &p;
        start_on(now, device, 1, stages);
        for (int k = 0; k < 2; k++) submit(now, k);
        while (step(now)) continue;
        end(now);
    }
    for (int k = 0; k < 2; k++) expect_tokens(&p, &all, k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_work_at_the_same_time), cmocka_unit_test(cancelled_ones_change_no_other),
        cmocka_unit_test(an_engine_can_go_at_once),     cmocka_unit_test(a_trace_can_be_looked_at),
        cmocka_unit_test(a_failure_ends_all_sequences), cmocka_unit_test(a_device_gives_the_same_tokens),
    };
    return cmocka_run_group_tests(tests, write_model, remove_model);
}
