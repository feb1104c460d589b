/* SPDX-License-Identifier: Apache-2.0 */
/* The engine on every device against the engine on the CPU, token for token: many sequences through the pipeline, with too few
 * pages, with rows that the host has to draw among others that it need not, ended, cancelled, failing; and no allocation while it
 * decodes. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "conformance/remote_device.h"
#include "engine/random.h"
#include "support/devices.h"
#include "support/generate.h"
#include "support/tiny_model.h"

enum { VOCAB = 288, MOST = 12, LONGEST = 40, CONTEXT = 96 };

static const hd_device *device; /* of the test that runs */
static char *folder;
static hd_model *here, *there; /* one model, on the CPU and on the device */
static int32_t prompts[MOST][LONGEST];

static hd_model *load_on(const char *path, const hd_device *on, hd_weights weights) {
    hd_model *model;
    const hd_model_options options = {.device = on, .weights = weights};
    if (hd_model_load(path, &options, &model) != HD_OK) fail_msg("%s", hd_last_error());
    return model;
}

/* The host runs GPU kernels a fiber a thread: less of everything there. */
static int less(int usual, int slow) { return device->type == HD_DEVICE_HOST ? slow : usual; }

static int load(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "qwen2");
    m.context = CONTEXT;
    m.hidden = 32, m.intermediate = 64, m.heads = 2, m.kv_heads = 1;
    folder = tiny_model_write(&m);
    if (!folder) return -1;
    here = load_on(folder, NULL, HD_WEIGHTS_AS_IS);
    there = load_on(folder, device, HD_WEIGHTS_AS_IS);
    for (int i = 0; i < MOST; i++)
        for (int k = 0; k < LONGEST; k++) prompts[i][k] = (int32_t)(hdi_random_uniform((uint64_t)i + 7, (uint64_t)k) * VOCAB);
    return 0;
}

static int unload(void **state) {
    (void)state;
    hd_model_release(here);
    hd_model_release(there);
    tiny_model_remove(folder);
    return 0;
}

static hd_engine *create(hd_model *model, const hd_engine_options *options) {
    hd_engine *e;
    if (hd_engine_create(model, NULL, options, &e) != HD_OK) fail_msg("%s", hd_last_error());
    return e;
}

static hd_engine_options options_with(int32_t sequences, int32_t batch) {
    hd_engine_options o;
    hd_engine_options_init(&o);
    o.max_sequences = sequences;
    o.max_batch_tokens = batch;
    o.page_tokens = 16;
    o.threads = 1;
    return o;
}

static hd_request request(int i, int64_t max_tokens) {
    hd_request r;
    hd_request_init(&r);
    r.prompt = prompts[i];
    r.n_prompt = (size_t)(1 + (i * 13 + 5) % LONGEST);
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    r.sampling.temperature = i % 3 ? 1.2f : 0;
    r.sampling.seed = (uint64_t)i + 1;
    if (i % 4 == 2) r.sampling.top_k = 20, r.sampling.top_p = 0.9f;
    if (i % 4 == 3) r.sampling.min_p = 0.02f, r.sampling.typical_p = 0.95f;
    return r;
}

static void same(const char *what, const generation *want, const generation *got, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (want[i].finish != got[i].finish || want[i].n != got[i].n)
            fail_msg("%s, sequence %zu: %zu tokens, finish %d (%s); on the CPU %zu, finish %d", what, i, got[i].n, got[i].finish,
                     got[i].error, want[i].n, want[i].finish);
        for (size_t k = 0; k < want[i].n; k++) {
            if (want[i].ids[k] != got[i].ids[k])
                fail_msg("%s, sequence %zu, token %zu: %d; on the CPU %d", what, i, k, got[i].ids[k], want[i].ids[k]);
            if (fabs((double)want[i].logprobs[k] - (double)got[i].logprobs[k]) > 1e-4) fail_msg("%s: log-probabilities", what);
        }
    }
}

static void compare_models(const char *what, hd_model *a, hd_model *b, const hd_engine_options *options,
                           const hd_request *requests, size_t n) {
    generation want[MOST], got[MOST];
    hd_engine_stats stats;
    hd_engine_options cpu = *options;
    cpu.executor = HD_EXECUTOR_KIND_COUNT;
    hd_engine *e = create(a, &cpu);
    generate(e, requests, n, VOCAB, want);
    hd_engine_destroy(e);
    e = create(b, options);
    generate(e, requests, n, VOCAB, got);
    hd_engine_get_stats(e, &stats);
    assert_int_equal(stats.kv_pages_used, 0);
    assert_ptr_equal(stats.device, device);
    hd_engine_destroy(e);
    same(what, want, got, n);
    for (size_t i = 0; i < n; i++) generation_free(&want[i]), generation_free(&got[i]);
}

static void many_sequences(void **state) {
    (void)state;
    hd_request r[MOST];
    int n = less(MOST, 7);
    for (int i = 0; i < n; i++) r[i] = request(i, 1 + i * 5 % 23);
    for (int kind = 0; kind < HD_EXECUTOR_KIND_COUNT; kind++) {
        hd_engine_options o = options_with(5, 24);
        o.executor = (hd_executor_kind)kind;
        if (hd_executor_kind_runs_on(o.executor, device))
            compare_models(hd_executor_kind_name(o.executor), here, there, &o, r, (size_t)n);
    }
}

static void too_few_pages(void **state) {
    (void)state;
    hd_request r[6];
    int n = less(6, 4);
    hd_engine_options o = options_with(4, 16);
    o.context = 64;
    o.kv_tokens = 96; /* room for one and a half */
    for (int i = 0; i < n; i++) r[i] = request(i + 1, less(24, 18));
    compare_models("too few pages", here, there, &o, r, (size_t)n);
}

static void rows_for_the_host(void **state) {
    (void)state;
    const hd_logit_bias bias[] = {{17, -INFINITY}, {40, 2}};
    hd_request r[5];
    hd_engine_options o = options_with(5, 32);
    for (int i = 0; i < 5; i++) r[i] = request(i, less(8, 4) + less(3, 1) * i);
    r[1].sampling.bias = bias, r[1].sampling.n_bias = 2;
    r[2].sampling.repetition_penalty = 1.3f;
    r[3].top_logprobs = 3;
    r[4].sampling.frequency_penalty = 0.5f;
    compare_models("rows for the host", here, there, &o, r, 5);
    for (int i = 0; i < 5; i++) r[i].top_logprobs = 0;
    compare_models("all rows for the host", here, there, &o, r, 5);
}

static void logits_can_be_kept(void **state) {
    (void)state;
    hd_request r[3] = {request(0, 6), request(1, 9), request(2, 3)};
    generation want[3], got[3];
    hd_engine_options o = options_with(3, 32);
    hd_engine *e = create(here, &o);
    generate(e, r, 3, VOCAB, want);
    hd_engine_destroy(e);
    o.keep_logits = true;
    e = create(there, &o);
    generate(e, r, 3, VOCAB, got);
    hd_engine_destroy(e);
    same("kept logits", want, got, 3);
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < want[i].n * VOCAB; k++)
            assert_true(fabs((double)want[i].logits[k] - (double)got[i].logits[k]) < 1e-3);
    for (int i = 0; i < 3; i++) generation_free(&want[i]), generation_free(&got[i]);
}

/* The end is seen a step late: what was drawn beyond it never shows. */
static void ends_are_ends(void **state) {
    (void)state;
    hd_request r = request(2, 30);
    hd_engine_options o = options_with(2, 64);
    generation plain, stopped, cut;
    hd_engine *e = create(there, &o);
    generate(e, &r, 1, VOCAB, &plain);
    r.stop_tokens = &plain.ids[7];
    r.n_stop_tokens = 1;
    generate(e, &r, 1, VOCAB, &stopped);
    assert_int_equal(stopped.finish, HD_FINISH_STOP);
    assert_in_range(stopped.n, 1, 8);
    for (size_t i = 0; i < stopped.n; i++) assert_int_equal(stopped.ids[i], plain.ids[i]);
    assert_int_equal(stopped.ids[stopped.n - 1], plain.ids[7]);
    r = request(2, -1); /* to the end of the context */
    generate(e, &r, 1, VOCAB, &cut);
    assert_int_equal(cut.finish, HD_FINISH_LENGTH);
    assert_int_equal(cut.n, CONTEXT - r.n_prompt);
    hd_engine_destroy(e);
    generation_free(&plain), generation_free(&stopped), generation_free(&cut);
}

static void cancelling_at_any_time(void **state) {
    (void)state;
    hd_engine_options o = options_with(3, 16);
    hd_request r[5];
    generation want[5];
    for (int i = 0; i < 5; i++) r[i] = request(i, less(14, 9));
    hd_engine *e = create(here, &o);
    generate(e, r, 5, VOCAB, want);
    hd_engine_destroy(e);
    e = create(there, &o);
    for (int when = 0; when < 12; when += less(1, 5)) {
        hd_sequence *s[5];
        bool busy = true, have;
        hd_token t;
        for (int i = 0; i < 5; i++) assert_int_equal(hd_engine_submit(e, &r[i], &s[i]), HD_OK);
        for (int i = 0; i < when; i++) assert_int_equal(hd_engine_step(e, &busy), HD_OK);
        hd_sequence_release(s[when % 5]); /* its token may be under way */
        hd_sequence_cancel(s[(when + 1) % 5]);
        while (busy) assert_int_equal(hd_engine_step(e, &busy), HD_OK);
        for (int k = 1; k < 5; k++) {
            int i = (when + k) % 5;
            for (size_t n = 0;; n++) {
                assert_int_equal(hd_sequence_next(s[i], &t, &have), HD_OK);
                if (!have || t.id < 0) break;
                assert_int_equal(t.id, want[i].ids[n]);
            }
            if (k > 1) assert_int_equal(hd_sequence_finish_reason(s[i]), HD_FINISH_LENGTH);
            hd_sequence_release(s[i]);
        }
    }
    hd_sequence *left; /* and leave with a step under way */
    bool busy;
    assert_int_equal(hd_engine_submit(e, &r[0], &left), HD_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(hd_engine_step(e, &busy), HD_OK);
    hd_engine_destroy(e);
    assert_int_equal(hd_sequence_finish_reason(left), HD_FINISH_CANCELLED);
    hd_sequence_release(left);
    for (int i = 0; i < 5; i++) generation_free(&want[i]);
}

static void decoding_does_not_allocate(void **state) {
    (void)state;
    hd_engine_options o = options_with(4, 64);
    hd_sequence *s[4];
    hd_memory_stats before, after;
    bool busy = true;
    hd_token t;
    hd_engine *e = create(there, &o);
    for (int round = 0; round < 2; round++) { /* graphs are recorded in the first */
        for (int i = 0; i < 4; i++) {
            hd_request r = request(i, less(40, 12));
            if (i == 3 && round == 1) r.top_logprobs = 2;
            assert_int_equal(hd_engine_submit(e, &r, &s[i]), HD_OK);
        }
        for (int i = 0; i < 4; i++) assert_int_equal(hd_engine_step(e, &busy), HD_OK);
        assert_int_equal(hd_memory_get_stats(device, &before), HD_OK);
        if (round == 1) hdi_memory_fail_after(0);
        hd_status status = HD_OK;
        while (busy && status == HD_OK) {
            bool have = true;
            status = hd_engine_step(e, &busy);
            for (int i = 0; i < 4; i++)
                for (have = true; have && status == HD_OK;) status = hd_sequence_next(s[i], &t, &have);
        }
        hdi_memory_fail_after(-1);
        if (status != HD_OK) fail_msg("%s", hd_last_error());
        assert_int_equal(hd_memory_get_stats(device, &after), HD_OK);
        assert_int_equal(after.requests, before.requests);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(hd_sequence_finish_reason(s[i]), HD_FINISH_LENGTH);
            hd_sequence_release(s[i]);
        }
    }
    hd_engine_destroy(e);
}

static void times_and_counts_are_kept(void **state) {
    (void)state;
    hd_engine_options o = options_with(2, 64);
    hd_engine_stats stats;
    hd_request r = request(1, 21);
    generation g;
    hd_engine *e = create(there, &o);
    generate(e, &r, 1, VOCAB, &g);
    hd_engine_get_stats(e, &stats);
    assert_int_equal(stats.prefill_tokens, r.n_prompt);
    assert_int_equal(stats.decode_tokens, 20);
    assert_int_equal(stats.steps, 21); /* none for a token beyond the last */
    assert_true(stats.prefill_seconds > 0 && stats.decode_seconds > 0 && stats.decode_seconds < 60);
    hd_engine_destroy(e);
    generation_free(&g);
}

/* Logits that are no numbers end the sequence with a sentence, drawn on the device or by the host. */
static void broken_weights_are_told(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "llama");
    m.broken = true;
    char *path = tiny_model_write(&m);
    hd_model *model = load_on(path, device, HD_WEIGHTS_AS_IS);
    hd_engine_options o = options_with(2, 64);
    hd_request r[2] = {request(1, 5), request(2, 5)};
    generation g[2];
    r[1].top_logprobs = 1;
    hd_engine *e = create(model, &o);
    generate(e, r, 2, VOCAB, g);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(g[i].finish, HD_FINISH_ERROR);
        assert_int_equal(g[i].n, 0);
        assert_non_null(strstr(g[i].error, "are not finite numbers"));
        generation_free(&g[i]);
    }
    hd_engine_destroy(e);
    hd_model_release(model);
    tiny_model_remove(path);
}

/* A device that refuses work ends the sequences of that step; what was delivered stays, and the engine goes on. */
static void a_failing_device_ends_a_step(void **state) {
    (void)state;
    hd_engine_options o = options_with(3, 64);
    hd_request r[3];
    generation want[3];
    if (device != remote_device()) skip();
    for (int i = 0; i < 3; i++) r[i] = request(i, 10);
    hd_engine *e = create(there, &o);
    generate(e, r, 3, VOCAB, want);
    for (int when = 0; when < 9; when++) {
        hd_sequence *s[3];
        bool busy = true, have;
        hd_token t;
        int failures = 0;
        for (int i = 0; i < 3; i++) assert_int_equal(hd_engine_submit(e, &r[i], &s[i]), HD_OK);
        for (int i = 0; i < when; i++) assert_int_equal(hd_engine_step(e, &busy), HD_OK);
        remote_device_fail_after(when * 7 % 20);
        while (busy) {
            hd_status status = hd_engine_step(e, &busy);
            failures += status != HD_OK;
            if (status != HD_OK) assert_int_equal(status, HD_DEVICE);
        }
        remote_device_fail_after(-1);
        assert_int_equal(failures, 1);
        for (int i = 0; i < 3; i++) {
            for (size_t n = 0;; n++) {
                assert_int_equal(hd_sequence_next(s[i], &t, &have), HD_OK);
                if (!have || t.id < 0) break;
                assert_int_equal(t.id, want[i].ids[n]);
            }
            assert_int_equal(hd_sequence_finish_reason(s[i]), HD_FINISH_ERROR);
            assert_non_null(strstr(hd_sequence_error(s[i]), "told to fail"));
            hd_sequence_release(s[i]);
        }
        generation again;
        generate(e, &r[1], 1, VOCAB, &again);
        same("after a failure", &want[1], &again, 1);
        generation_free(&again);
    }
    hd_engine_destroy(e);
    for (int i = 0; i < 3; i++) generation_free(&want[i]);
}

/* Many rows of weights of 16 bits and less: a GPU's products may round what they multiply to 16 bits, so logits are near and
 * tokens need not be equal. */
static void logits_are_near(const char *what, hd_model *a, hd_model *b) {
    hd_request r[2] = {request(2, 1), request(4, 1)};
    generation want[2], got[2];
    hd_engine_options o = options_with(2, 64);
    o.kv_dtype = HD_DTYPE_F32;
    o.keep_logits = true;
    for (int i = 0; i < 2; i++) {
        hd_engine *e = create(i ? b : a, &o);
        generate(e, r, 2, VOCAB, i ? got : want);
        hd_engine_destroy(e);
    }
    for (int i = 0; i < 2; i++) {
        double largest = 0, off = 0;
        if (got[i].n != 1) fail_msg("%s: %s", what, got[i].error);
        for (int k = 0; k < VOCAB; k++) {
            largest = fmax(largest, fabs((double)want[i].logits[k]));
            off = fmax(off, fabs((double)want[i].logits[k] - (double)got[i].logits[k]));
        }
        if (!(off <= 0.03 * largest)) fail_msg("%s: logits differ by %g of %g", what, off, largest);
        generation_free(&want[i]), generation_free(&got[i]);
    }
}

static void families_and_weights(void **state) {
    (void)state;
    static const char *const families[] = {"llama", "mistral", "qwen2", "qwen3"};
    static const hd_weights weights[] = {HD_WEIGHTS_AS_IS, HD_WEIGHTS_BF16, HD_WEIGHTS_F16, HD_WEIGHTS_Q8, HD_WEIGHTS_Q4};
    for (size_t f = 0; f < HDI_COUNTOF(families); f++) {
        tiny_model m;
        tiny_model_init(&m, families[f]);
        if (f == 1) m.window = 9;
        if (f == 3) m.tied = true;
        if (f == 0) m.rope_scaling = "{\"rope_type\": \"dynamic\", \"factor\": 2.0}", m.context = 24;
        char *path = tiny_model_write(&m);
        assert_non_null(path);
        for (size_t w = 0; w < HDI_COUNTOF(weights); w++) {
            if (w > 0 && f != 2) continue;
            hd_model *a = load_on(path, NULL, weights[w]), *b = load_on(path, device, weights[w]);
            hd_request r[2] = {request(0, less(16, 8)), request(4, less(12, 5))};
            hd_engine_options o = options_with(2, w ? 8 : 32); /* few rows are exact for every type */
            o.kv_dtype = HD_DTYPE_F32;
            char what[64];
            snprintf(what, sizeof what, "%s, weights %s", families[f], hd_weights_name(weights[w]));
            compare_models(what, a, b, &o, r, 2);
            logits_are_near(what, a, b);
            hd_model_release(b);
            hd_model_release(a);
        }
        tiny_model_remove(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_sequences),
        cmocka_unit_test(too_few_pages),
        cmocka_unit_test(rows_for_the_host),
        cmocka_unit_test(logits_can_be_kept),
        cmocka_unit_test(ends_are_ends),
        cmocka_unit_test(cancelling_at_any_time),
        cmocka_unit_test(decoding_does_not_allocate),
        cmocka_unit_test(times_and_counts_are_kept),

        cmocka_unit_test(a_failing_device_ends_a_step),
        cmocka_unit_test(broken_weights_are_told),
        cmocka_unit_test(families_and_weights),
    };
    int failed = 0;
    for (int i = 1; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, load, unload);
    }
    return failed != 0;
}
