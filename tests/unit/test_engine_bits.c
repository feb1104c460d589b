/* SPDX-License-Identifier: Apache-2.0 */
/* The same prompt gives the same logits, bit for bit: alone or among others, whatever the chunks, threads and executor, after
 * a loss of its pages too; in every weight type and family. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "engine/random.h"
#include "support/generate.h"
#include "support/tiny_model.h"

enum { PROMPT = 83, NEW = 20, OTHERS = 7, VOCAB = 288 };

static int32_t prompts[1 + OTHERS][PROMPT];

static hd_request request(int i, size_t n_prompt, int64_t max_tokens) {
    hd_request r;
    for (size_t k = 0; k < PROMPT; k++) prompts[i][k] = (int32_t)(hdi_random_uniform((uint64_t)i + 99, k) * VOCAB);
    hd_request_init(&r);
    r.prompt = prompts[i];
    r.n_prompt = n_prompt;
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    r.sampling.temperature = 1.5f; /* greedy walks of a random model run in circles */
    r.sampling.seed = (uint64_t)i;
    return r;
}

/* The prompt in question is the third of eight; the others have other lengths and ends. */
static size_t make_requests(hd_request requests[1 + OTHERS], bool alone) {
    static const size_t lengths[OTHERS] = {1, 40, 7, 83, 64, 33, 2}, limits[OTHERS] = {30, 3, 12, 1, 25, 20, 44};
    size_t n = 0;
    for (int i = 0; i < OTHERS; i++) {
        if (i == 2 || alone) requests[n++] = request(0, PROMPT, NEW);
        if (alone) break;
        requests[n++] = request(i + 1, lengths[i], (int64_t)limits[i]);
    }
    return n;
}

static void run(hd_model *model, const hd_engine_options *options, bool alone, generation *out) {
    hd_request requests[1 + OTHERS];
    generation all[1 + OTHERS];
    hd_engine *engine = NULL;
    size_t n = make_requests(requests, alone), ours = alone ? 0 : 2;
    if (hd_engine_create(model, NULL, options, &engine) != HD_OK) fail_msg("%s", hd_last_error());
    generate(engine, requests, n, VOCAB, all);
    for (size_t i = 0; i < n; i++) {
        if (all[i].finish != HD_FINISH_LENGTH) fail_msg("sequence %zu: finish %d, \"%s\"", i, all[i].finish, all[i].error);
        assert_int_equal(all[i].n, requests[i].max_tokens);
        if (i == ours)
            *out = all[i];
        else
            generation_free(&all[i]);
    }
    hd_engine_destroy(engine);
}

static void compare(hd_model *model, const char *name, const hd_engine_options *options, bool alone, const generation *want) {
    generation got;
    run(model, options, alone, &got);
    const char *difference = generation_difference(&got, want, VOCAB);
    if (difference)
        fail_msg("%s, %d threads, batches of %d, %s%s: %s", name, options->threads, options->max_batch_tokens,
                 options->executor == HD_EXECUTOR_SERIAL ? "serial, " : "", alone ? "alone" : "among others", difference);
    generation_free(&got);
}

static hd_model *load(const char *folder, hd_weights weights) {
    hd_model_options mo = {.weights = weights};
    hd_model *model = NULL;
    if (hd_model_load(folder, &mo, &model) != HD_OK) fail_msg("%s: %s", hd_weights_name(weights), hd_last_error());
    return model;
}

static void check_weights(const char *folder, hd_weights weights) {
    static const int32_t chunks[] = {1, 7, 512}, threads[] = {1, 2, 4};
    hd_model *model = load(folder, weights);
    hd_engine_options o;
    generation want;
    hd_engine_options_init(&o);
    o.executor = HD_EXECUTOR_SERIAL;
    run(model, &o, true, &want);
    compare(model, hd_weights_name(weights), &o, false, &want);
    o.executor = HD_EXECUTOR_KIND_COUNT;
    for (int t = 0; t < 3; t++)
        for (int c = 0; c < 3; c++) {
            o.threads = threads[t];
            o.max_batch_tokens = chunks[c];
            compare(model, hd_weights_name(weights), &o, true, &want);
            if (chunks[c] > 1) compare(model, hd_weights_name(weights), &o, false, &want);
        }
    generation_free(&want);
    hd_model_release(model);
}

static void every_weight_type(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "llama");
    char *folder = tiny_model_write(&m);
    assert_non_null(folder);
    for (int w = 0; w < HD_WEIGHTS_COUNT; w++) check_weights(folder, (hd_weights)w);
    tiny_model_remove(folder);
}

static void every_stored_type(void **state) {
    (void)state;
    static const hd_dtype dtypes[] = {HD_DTYPE_F16, HD_DTYPE_BF16};
    for (int i = 0; i < 2; i++) {
        tiny_model m;
        tiny_model_init(&m, "qwen2");
        m.dtype = dtypes[i];
        m.tied = true;
        char *folder = tiny_model_write(&m);
        assert_non_null(folder);
        check_weights(folder, HD_WEIGHTS_AS_IS);
        tiny_model_remove(folder);
    }
}

/* A window shorter than the prompt, a norm on heads, rope that depends on the sequence's length. */
static void every_kind_of_attention(void **state) {
    (void)state;
    static const char *const families[] = {"mistral", "qwen3", "llama"};
    for (int i = 0; i < 3; i++) {
        tiny_model m;
        tiny_model_init(&m, families[i]);
        m.window = 24;
        if (i == 2) m.context = 64, m.rope_scaling = "{\"rope_type\": \"dynamic\", \"factor\": 4.0}";
        char *folder = tiny_model_write(&m);
        assert_non_null(folder);
        check_weights(folder, HD_WEIGHTS_AS_IS);
        tiny_model_remove(folder);
    }
}

/* So few pages that the sequences chase each other out: more tokens are computed than there are, and none comes out other. */
static void losing_pages_changes_nothing(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "llama");
    char *folder = tiny_model_write(&m);
    assert_non_null(folder);
    hd_model *model = load(folder, HD_WEIGHTS_Q8);
    hd_request requests[6];
    generation want[6], got[6];
    hd_engine_options o;
    hd_engine *roomy = NULL, *tight = NULL;
    hd_engine_stats stats;
    hd_engine_options_init(&o);
    o.threads = 2;
    o.page_tokens = 8;
    o.max_sequences = 6;
    assert_int_equal(hd_engine_create(model, NULL, &o, &roomy), HD_OK);
    o.kv_tokens = 120;
    assert_int_equal(hd_engine_create(model, NULL, &o, &tight), HD_OK);
    for (int i = 0; i < 6; i++) requests[i] = request(i, (size_t)(3 + 5 * i), 60);
    for (int i = 0; i < 6; i++) generate(roomy, &requests[i], 1, VOCAB, &want[i]);
    generate(tight, requests, 6, VOCAB, got);
    for (int i = 0; i < 6; i++) {
        const char *difference = generation_difference(&got[i], &want[i], VOCAB);
        if (difference) fail_msg("sequence %d: %s", i, difference);
        generation_free(&got[i]);
        generation_free(&want[i]);
    }
    hd_engine_get_stats(tight, &stats);
    assert_in_range(stats.prefill_tokens, 3 + 8 + 13 + 18 + 23 + 28 + 20, 100000); /* prompts were computed again */
    assert_int_equal(stats.kv_pages, 15);
    assert_in_range(stats.kv_pages_peak, 13, 15);
    assert_int_equal(stats.kv_pages_used, 0);
    hd_engine_destroy(roomy);
    hd_engine_destroy(tight);
    hd_model_release(model);
    tiny_model_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_weight_type),
        cmocka_unit_test(every_stored_type),
        cmocka_unit_test(every_kind_of_attention),
        cmocka_unit_test(losing_pages_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
