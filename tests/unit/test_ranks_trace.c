/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of models over several ranks: the followers' spans come to the leader's trace when somebody looks at it, once each, with
 * their phases and times, on the same lanes every time; and whoever goes first, nobody waits for the other. */
#include <string.h>
#include <unistd.h>

#include "unit/cmocka_all.h"
#include "unit/good.h"

#include "support/crew.h"
#include "support/generate.h"
#include "support/tiny_model.h"
#include "task/trace.h"

enum { PROMPT = 20, TOKENS = 6, VOCAB = 288, THREADS = 2 };

static char *folder;

static int write_model(void **state) {
    tiny_model m;
    (void)state;
    tiny_model_init(&m, "llama");
    folder = tiny_model_write(&m);
    return folder ? 0 : -1;
}

static int remove_model(void **state) {
    (void)state;
    tiny_model_remove(folder);
    return 0;
}

static hd_engine *start(crew *c, int32_t tensor, int32_t pipeline, hd_executor_kind kind) {
    hd_engine_options options;
    hd_engine *engine;
    *c = (crew){.tensor = tensor, .pipeline = pipeline, .threads = THREADS};
    hd_model *model = crew_start(c, folder);
    if (!model) fail_msg("%s", hd_last_error());
    hd_engine_options_init(&options);
    options.threads = THREADS;
    options.context = PROMPT + TOKENS;
    options.max_sequences = 1;
    options.executor = kind;
    good(hd_engine_create(model, NULL, &options, &engine));
    return engine;
}

static void run(hd_engine *engine) {
    int32_t prompt[PROMPT];
    hd_request request;
    generation out;
    for (int i = 0; i < PROMPT; i++) prompt[i] = (7 * i + 3) % VOCAB;
    hd_request_init(&request);
    request.prompt = prompt;
    request.n_prompt = PROMPT;
    request.max_tokens = TOKENS;
    request.ignore_eos = true;
    generate(engine, &request, 1, VOCAB, &out);
    assert_int_equal(out.n, TOKENS);
    generation_free(&out);
}

static hd_trace *traced(hd_engine *engine, size_t spans) {
    hd_trace *trace;
    good(hd_trace_create(&(hd_trace_options){.spans = spans}, &trace));
    good(hd_engine_set_trace(engine, trace));
    return trace;
}

static size_t spans_now(hd_trace *trace) {
    hd_trace_info info;
    good(hd_trace_get_info(trace, &info));
    assert_int_equal(info.lost, 0);
    return info.spans;
}

/* Runs of each phase that rank `rank` has recorded; its spans lie between `from` and `to`. */
static void runs_of(const hd_trace *trace, int32_t rank, int64_t from, int64_t to, size_t runs[HD_TRACE_PHASE_COUNT]) {
    memset(runs, 0, HD_TRACE_PHASE_COUNT * sizeof *runs);
    for (size_t i = 0; i < trace->n; i++) {
        const hdi_span *s = &trace->spans[i];
        if (trace->lanes[s->lane].rank != rank) continue;
        assert_true(s->begin >= from && s->end <= to && s->begin <= s->end);
        assert_true(s->kind == HDI_SPAN_WORK || s->other != rank);
        runs[s->phase] += s->begins;
    }
}

static void every_rank_is_in_the_trace(void **state) {
    static const struct {
        int32_t tensor, pipeline;
        hd_executor_kind kind;
    } settings[] = {{2, 1, HD_EXECUTOR_SERIAL},
                    {2, 1, HD_EXECUTOR_THREADS},
                    {2, 1, HD_EXECUTOR_TASKS},
                    {1, 2, HD_EXECUTOR_THREADS},
                    {2, 2, HD_EXECUTOR_THREADS}};
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        crew c;
        hd_engine *engine = start(&c, settings[i].tensor, settings[i].pipeline, settings[i].kind);
        run(engine); /* not traced */
        hd_trace *trace = traced(engine, 0);
        int64_t from = hdi_now_ns() - trace->start;
        run(engine);
        size_t n = spans_now(trace);
        int64_t to = hdi_now_ns() - trace->start;
        assert_int_equal(spans_now(trace), n); /* what was collected does not come again */
        for (int32_t r = 0; r < settings[i].tensor * settings[i].pipeline; r++) {
            size_t runs[HD_TRACE_PHASE_COUNT];
            runs_of(trace, r, from, to, runs);
            assert_int_equal(runs[HD_TRACE_PREFILL], 1);
            assert_int_equal(runs[HD_TRACE_DECODE], TOKENS - 1);
            assert_int_equal(runs[HD_TRACE_OTHER], 0);
        }
        good(hd_engine_set_trace(engine, NULL));
        assert_int_equal(spans_now(trace), n);
        hd_trace_destroy(trace);
        run(engine);
        hd_engine_destroy(engine);
        crew_end(&c);
    }
}

/* The second half goes where the first went. */
static void spans_come_as_often_as_somebody_looks(void **state) {
    crew c;
    (void)state;
    hd_engine *engine = start(&c, 2, 1, HD_EXECUTOR_THREADS);
    hd_trace *trace = traced(engine, 0);
    run(engine);
    size_t n = spans_now(trace), lanes = trace->n_lanes, runs[HD_TRACE_PHASE_COUNT];
    run(engine);
    assert_true(spans_now(trace) > n);
    assert_int_equal(trace->n_lanes, lanes);
    assert_int_equal(lanes, THREADS + 1 + THREADS); /* with the engine's */
    runs_of(trace, 1, 0, INT64_MAX, runs);
    assert_int_equal(runs[HD_TRACE_DECODE], 2 * (TOKENS - 1));
    hd_trace_clear(trace);
    assert_int_equal(spans_now(trace), 0);
    run(engine);
    hd_engine_destroy(engine); /* collects, too */
    runs_of(trace, 1, 0, INT64_MAX, runs);
    assert_int_equal(runs[HD_TRACE_DECODE], TOKENS - 1);
    hd_trace_destroy(trace);
    crew_end(&c);
}

static void one_trace_after_the_other(void **state) {
    crew c;
    size_t runs[HD_TRACE_PHASE_COUNT];
    (void)state;
    hd_engine *engine = start(&c, 2, 1, HD_EXECUTOR_THREADS);
    hd_trace *first = traced(engine, 0);
    run(engine);
    hd_trace *second = traced(engine, 0); /* the first gets what was recorded for it */
    runs_of(first, 1, 0, INT64_MAX, runs);
    assert_int_equal(runs[HD_TRACE_PREFILL], 1);
    run(engine);
    hd_trace_destroy(second); /* and what the others have is lost */
    run(engine);
    hd_trace *third = traced(engine, 0);
    (void)spans_now(third); /* there is nothing to collect */
    run(engine);
    (void)spans_now(third);
    runs_of(third, 1, 0, INT64_MAX, runs);
    assert_int_equal(runs[HD_TRACE_PREFILL], 1);
    hd_engine_destroy(engine);
    hd_trace_destroy(third);
    hd_trace_destroy(first);
    crew_end(&c);
}

/* A follower's trace is as large as the leader's; what it has no room for is counted. */
static void full_traces_say_so(void **state) {
    crew c;
    hd_trace_info info;
    (void)state;
    hd_engine *engine = start(&c, 2, 1, HD_EXECUTOR_SERIAL);
    hd_trace *trace = traced(engine, 300);
    run(engine);
    good(hd_trace_get_info(trace, &info));
    assert_true(info.lost > 0);
    size_t theirs = 0;
    for (size_t i = 0; i < trace->n; i++) theirs += trace->lanes[trace->spans[i].lane].rank == 1;
    assert_true(theirs > 0 && theirs <= 300);
    hd_engine_destroy(engine);
    hd_trace_destroy(trace);
    crew_end(&c);
}

/* Bytes that go round in several pieces. */
static void long_traces_come_whole(void **state) {
    crew c;
    size_t runs[HD_TRACE_PHASE_COUNT];
    (void)state;
    hd_engine *engine = start(&c, 2, 1, HD_EXECUTOR_SERIAL);
    hd_trace *trace = traced(engine, 0);
    for (int i = 0; i < 12; i++) run(engine);
    (void)spans_now(trace);
    runs_of(trace, 1, 0, INT64_MAX, runs);
    assert_int_equal(runs[HD_TRACE_DECODE], 12 * (TOKENS - 1));
    size_t theirs = 0;
    for (size_t i = 0; i < trace->n; i++) theirs += trace->lanes[trace->spans[i].lane].rank == 1;
    assert_true(theirs * 48 > 2 * 65536);
    hd_engine_destroy(engine);
    hd_trace_destroy(trace);
    crew_end(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_is_in_the_trace), cmocka_unit_test(spans_come_as_often_as_somebody_looks),
        cmocka_unit_test(one_trace_after_the_other),  cmocka_unit_test(full_traces_say_so),
        cmocka_unit_test(long_traces_come_whole),
    };
    return cmocka_run_group_tests(tests, write_model, remove_model);
}
