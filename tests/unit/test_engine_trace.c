/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of whole engines: each phase of each step, prefill told from decode, and the bytes that decoding reads, which the engine
 * counts on its own, found again in the trace. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "heddle/trace.h"
#include "support/devices.h"
#include "support/generate.h"
#include "support/tiny_model.h"
#include "task/trace.h"

enum { PROMPT = 20, TOKENS = 12, SEQUENCES = 3, VOCAB = 288, LAYERS = 2 };

static const hd_device *device; /* of the test that runs */
static char *folder;
static hd_model *model;

static int load(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "llama");
    folder = tiny_model_write(&m);
    const hd_model_options options = {.device = device};
    if (hd_model_load(folder, &options, &model) == HD_OK) return 0;
    fprintf(stderr, "%s\n", hd_last_error());
    return 1;
}

static int unload(void **state) {
    (void)state;
    hd_model_release(model);
    tiny_model_remove(folder);
    return 0;
}

static hd_engine *start(void) {
    hd_engine_options options;
    hd_engine *engine;
    hd_engine_options_init(&options);
    options.threads = 2;
    options.context = PROMPT + TOKENS;
    options.max_sequences = SEQUENCES;
    if (hd_engine_create(model, NULL, &options, &engine) != HD_OK) fail_msg("%s", hd_last_error());
    return engine;
}

static void run(hd_engine *engine) {
    int32_t prompt[PROMPT];
    hd_request requests[SEQUENCES];
    generation out[SEQUENCES];
    for (int i = 0; i < PROMPT; i++) prompt[i] = (7 * i + 3) % VOCAB;
    for (int i = 0; i < SEQUENCES; i++) {
        hd_request_init(&requests[i]);
        requests[i].prompt = prompt;
        requests[i].n_prompt = PROMPT;
        requests[i].max_tokens = TOKENS;
        requests[i].ignore_eos = true;
    }
    generate(engine, requests, SEQUENCES, VOCAB, out);
    for (int i = 0; i < SEQUENCES; i++) {
        assert_int_equal(out[i].n, TOKENS);
        generation_free(&out[i]);
    }
}

static uint64_t spans_named(const hd_trace_kind *kinds, size_t n, const char *name, hd_trace_phase phase) {
    for (size_t i = 0; i < n; i++)
        if (!*kinds[i].kernel && kinds[i].phase == phase && strcmp(kinds[i].shape, name) == 0) return kinds[i].steps;
    return 0;
}

static void phases_are_recorded(void **state) {
    (void)state;
    hd_engine *engine = start();
    hd_engine_stats stats;
    hd_trace *trace;
    hd_trace_kind *kinds;
    size_t n;
    assert_int_equal(hd_trace_create(NULL, &trace), HD_OK);
    assert_int_equal(hd_engine_set_trace(engine, trace), HD_OK);
    run(engine);
    hd_engine_get_stats(engine, &stats);
    if (hd_trace_kinds(trace, 0, &kinds, &n) != HD_OK) fail_msg("%s", hd_last_error());
    uint64_t prefills = spans_named(kinds, n, "run", HD_TRACE_PREFILL), decodes = spans_named(kinds, n, "run", HD_TRACE_DECODE);
    assert_int_equal(prefills + decodes, stats.steps);
    assert_int_equal(spans_named(kinds, n, "schedule", HD_TRACE_PREFILL), prefills);
    assert_int_equal(spans_named(kinds, n, "schedule", HD_TRACE_DECODE), decodes);
    assert_int_equal(prefills, 1); /* all prompts fit into one step */
    assert_int_equal(spans_named(kinds, n, "fill", HD_TRACE_PREFILL) + spans_named(kinds, n, "fill", HD_TRACE_DECODE),
                     stats.steps);
    assert_int_equal(spans_named(kinds, n, "sample", HD_TRACE_PREFILL), device->vtable->immediate ? SEQUENCES : 0);
    assert_true(spans_named(kinds, n, "text", HD_TRACE_PREFILL) + spans_named(kinds, n, "text", HD_TRACE_DECODE) ==
                SEQUENCES * TOKENS);
    assert_int_equal(spans_named(kinds, n, "wait", HD_TRACE_DECODE) > 0, !device->vtable->immediate);
    hd_free(kinds);
    hd_engine_destroy(engine);
    hd_trace_destroy(trace);
}

/* Weights and cache that decoding read, by the engine's count, are what products and attention read by the trace's, but for their
 * own inputs and outputs, which are counted here: f32, 64 wide, 4 heads of 32 over 2, 96 in the middle. Exactly. */
static void decode_reads_what_the_engine_counts(void **state) {
    (void)state;
    hd_engine *engine = start();
    hd_engine_stats before, after;
    hd_trace *trace;
    hd_trace_kind *kinds;
    size_t n;
    double weights_and_keys = 0, all = 0;
    assert_int_equal(hd_trace_create(NULL, &trace), HD_OK);
    assert_int_equal(hd_engine_set_trace(engine, trace), HD_OK);
    hd_engine_get_stats(engine, &before);
    run(engine);
    hd_engine_get_stats(engine, &after);
    if (hd_trace_kinds(trace, 0, &kinds, &n) != HD_OK) fail_msg("%s", hd_last_error());
    double tokens = (double)(after.decode_tokens - before.decode_tokens);
    for (size_t i = 0; i < n; i++) {
        const hd_trace_kind *k = &kinds[i];
        if (k->phase != HD_TRACE_DECODE) continue;
        assert_false(k->partial);
        all += k->bytes;
        if (strncmp(k->kernel, "linear", 6) != 0 && strncmp(k->kernel, "attention", 9) != 0) continue;
        weights_and_keys += k->bytes;
    }
    double own = tokens * 4 * (LAYERS * ((64 + 128) + 2 * (64 + 64) + (128 + 64) + 3 * (64 + 96) + 2 * 128) + 64 + VOCAB);
    double vectors = 4.0 * ((2 * LAYERS + 1) * 64 + 16); /* norms and rope's frequencies, which other steps read */
    double steps = (double)spans_named(kinds, n, "run", HD_TRACE_DECODE);
    double engine_counts = (double)(after.decode_bytes - before.decode_bytes);
    if (device->vtable->launch_group) /* steps that are one have another name, and padding is added */
        assert_true(all > engine_counts && all < 1.2 * engine_counts);
    else
        assert_true(weights_and_keys - own + steps * vectors == engine_counts);
    hd_free(kinds);
    hd_trace_destroy(trace);
    hd_engine_destroy(engine);
}

static void memory_and_order_of_ends(void **state) {
    (void)state;
    hd_engine *engine = start();
    hd_trace *trace, *other;
    hd_trace_info info;
    assert_int_equal(hd_trace_create(&(hd_trace_options){.spans = 4}, &trace), HD_OK);
    assert_int_equal(hd_trace_create(NULL, &other), HD_OK);
    assert_int_equal(hd_engine_set_trace(engine, trace), HD_OK);
    run(engine);
    assert_int_equal(hd_trace_get_info(trace, &info), HD_OK);
    assert_int_equal(info.spans, 4); /* the engine's; no run fits */
    assert_true(info.lost > 20);
    assert_int_equal(hd_engine_set_trace(engine, other), HD_OK);
    run(engine);
    assert_int_equal(hd_trace_get_info(other, &info), HD_OK);
    assert_true(info.spans > 20 && info.lost == 0);
    hd_trace_destroy(other);
    hd_trace_destroy(trace);
    run(engine);
    assert_int_equal(hd_trace_create(NULL, &trace), HD_OK);
    assert_int_equal(hd_engine_set_trace(engine, trace), HD_OK);
    run(engine);
    hd_engine_destroy(engine);
    assert_int_equal(hd_trace_get_info(trace, &info), HD_OK);
    assert_true(info.spans > 20);
    hd_trace_destroy(trace);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_are_recorded),
        cmocka_unit_test(decode_reads_what_the_engine_counts),
        cmocka_unit_test(memory_and_order_of_ends),
    };
    int failed = 0;
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, load, unload);
    }
    return failed != 0;
}
