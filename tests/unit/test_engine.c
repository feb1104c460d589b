/* SPDX-License-Identifier: Apache-2.0 */
/* The engine on a small random model: how sequences end, what they report, what fails and how, and that a step in which
 * sequences only decode does not allocate. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "heddle/trace.h"
#include "support/generate.h"
#include "support/tiny_model.h"

enum { VOCAB = 288, CONTEXT = 64 };

static char *folder;
static hd_model *model;
static hd_tokenizer *tokenizer;
static hd_engine *engine; /* of the test that runs */
static const int32_t prompt[] = {72, 101, 108, 108, 111, 44, 32, 256};

/* Counts every allocation of the process, the workers' too. Sanitizers bring an allocator of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef COUNTS_ALLOCATIONS
#define COUNTS_ALLOCATIONS 1
#endif
static atomic_long allocations;
#if COUNTS_ALLOCATIONS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(old, size);
}
int posix_memalign(void **out, size_t align, size_t size) {
    atomic_fetch_add(&allocations, 1);
    *out = __libc_memalign(align, size);
    return *out ? 0 : 12;
}
#endif

static int load(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "qwen2");
    m.context = CONTEXT;
    folder = tiny_model_write(&m);
    if (!folder || hd_model_load(folder, NULL, &model) != HD_OK || hd_tokenizer_load(folder, &tokenizer) != HD_OK) {
        fprintf(stderr, "%s\n", hd_last_error());
        return -1;
    }
    return 0;
}

static int unload(void **state) {
    (void)state;
    hd_tokenizer_destroy(tokenizer);
    hd_model_release(model);
    tiny_model_remove(folder);
    return 0;
}

static int create(void **state) {
    (void)state;
    hd_engine_options o;
    hd_engine_options_init(&o);
    o.threads = 2;
    o.max_sequences = 4;
    return hd_engine_create(model, tokenizer, &o, &engine) == HD_OK ? 0 : -1;
}

static int destroy(void **state) {
    (void)state;
    hd_engine_destroy(engine);
    engine = NULL;
    return 0;
}

static hd_request request(int64_t max_tokens) {
    hd_request r;
    hd_request_init(&r);
    r.prompt = prompt;
    r.n_prompt = HDI_COUNTOF(prompt);
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    return r;
}

static generation run(const hd_request *r) {
    generation g;
    generate(engine, r, 1, VOCAB, &g);
    if (*g.error) fail_msg("%s", g.error);
    return g;
}

static void greedy_takes_the_greatest(void **state) {
    (void)state;
    hd_request r = request(30);
    generation g = run(&r);
    assert_int_equal(g.n, 30);
    assert_int_equal(g.finish, HD_FINISH_LENGTH);
    for (size_t i = 0; i < g.n; i++) {
        const float *row = g.logits + i * VOCAB;
        int32_t best = 0;
        for (int32_t k = 1; k < VOCAB; k++)
            if (row[k] > row[best]) best = k;
        assert_int_equal(g.ids[i], best);
    }
    generation_free(&g);
}

static bool same_ids(const generation *a, const generation *b) {
    return a->n == b->n && memcmp(a->ids, b->ids, a->n * sizeof *a->ids) == 0;
}

static void seeds_decide(void **state) {
    (void)state;
    hd_request r = request(30);
    r.sampling.temperature = 1;
    r.sampling.seed = 42;
    generation a = run(&r), b = run(&r);
    r.sampling.seed = 43;
    generation c = run(&r);
    assert_true(same_ids(&a, &b));
    assert_false(same_ids(&a, &c));
    r.sampling.top_k = 1; /* one candidate: greedy again, whatever the seed */
    generation d = run(&r);
    r = request(30);
    generation e = run(&r);
    assert_true(same_ids(&d, &e));
    generation *all[] = {&a, &b, &c, &d, &e};
    for (int i = 0; i < 5; i++) generation_free(all[i]);
}

static void bias_and_penalties_steer(void **state) {
    (void)state;
    hd_request r = request(20);
    generation plain = run(&r);
    const hd_logit_bias forbid = {plain.ids[0], -INFINITY}, force = {7, 1000};
    r.sampling.bias = &forbid;
    r.sampling.n_bias = 1;
    generation without = run(&r);
    for (size_t i = 0; i < without.n; i++) assert_int_not_equal(without.ids[i], plain.ids[0]);
    assert_memory_equal(without.logits, plain.logits, VOCAB * sizeof(float)); /* logits are reported as the model gave them */
    r.sampling.bias = &force;
    generation forced = run(&r);
    for (size_t i = 0; i < forced.n; i++) assert_int_equal(forced.ids[i], 7);
    r = request(20);
    r.sampling.presence_penalty = 100; /* so much that nothing comes twice */
    generation fresh = run(&r);
    for (size_t i = 0; i < fresh.n; i++)
        for (size_t k = 0; k < i; k++) assert_int_not_equal(fresh.ids[i], fresh.ids[k]);
    generation *all[] = {&plain, &without, &forced, &fresh};
    for (int i = 0; i < 4; i++) generation_free(all[i]);
}

static void the_context_ends_a_sequence(void **state) {
    (void)state;
    hd_request r = request(-1);
    generation g = run(&r);
    assert_int_equal(g.n, CONTEXT - HDI_COUNTOF(prompt));
    assert_int_equal(g.finish, HD_FINISH_LENGTH);
    generation_free(&g);
    r.max_tokens = 1 << 30;
    g = run(&r);
    assert_int_equal(g.n, CONTEXT - HDI_COUNTOF(prompt));
    generation_free(&g);
}

static void end_tokens_and_stop_tokens_end_it(void **state) {
    (void)state;
    const hd_logit_bias end = {TINY_MODEL_END, 1000};
    hd_request r = request(20);
    generation plain = run(&r);
    r.stop_tokens = &plain.ids[5];
    r.n_stop_tokens = 1;
    generation stopped = run(&r);
    assert_int_equal(stopped.finish, HD_FINISH_STOP);
    assert_in_range(stopped.n, 1, 6);
    assert_int_equal(stopped.ids[stopped.n - 1], plain.ids[5]);
    r = request(20);
    r.sampling.bias = &end;
    r.sampling.n_bias = 1;
    generation ignored = run(&r);
    assert_int_equal(ignored.n, 20);
    r.ignore_eos = false;
    generation ended = run(&r);
    assert_int_equal(ended.n, 1);
    assert_int_equal(ended.finish, HD_FINISH_STOP);
    assert_int_equal(ended.text_size, 0);
    generation *all[] = {&plain, &stopped, &ignored, &ended};
    for (int i = 0; i < 4; i++) generation_free(all[i]);
}

/* Text is what the tokenizer makes of the ids; a stop string cuts it in front, wherever the tokens' borders are. */
static void stop_strings_cut_the_text(void **state) {
    (void)state;
    hd_request r = request(40);
    r.sampling.temperature = 1;
    generation plain = run(&r);
    int32_t known[40];
    size_t n = 0, size;
    char *whole, needle[16];
    for (size_t i = 0; i < plain.n; i++)
        if (plain.ids[i] < TINY_MODEL_TOKENS) known[n++] = plain.ids[i];
    assert_int_equal(hd_tokenizer_decode(tokenizer, known, n, true, &whole, &size), HD_OK);
    assert_int_equal(size, plain.text_size);
    assert_memory_equal(whole, plain.text, size);
    size_t from = size / 2; /* a few characters from the middle */
    while (((uint8_t)whole[from] & 0xc0) == 0x80 || !whole[from]) from++;
    size_t to = from + 4;
    while (((uint8_t)whole[to] & 0xc0) == 0x80) to++;
    memcpy(needle, whole + from, to - from);
    needle[to - from] = 0;
    assert_int_equal(strlen(needle), to - from);
    const char *const stop[] = {"never to be seen", needle};
    r.stop = stop;
    r.n_stop = 2;
    generation cut = run(&r);
    assert_int_equal(cut.finish, HD_FINISH_STOP);
    assert_true(cut.n < plain.n);
    char *found = memmem(whole, size, needle, to - from); /* the text may hold NULs */
    assert_non_null(found);
    assert_int_equal(cut.text_size, found - whole);
    assert_memory_equal(cut.text, whole, cut.text_size);
    hd_free(whole);
    generation_free(&plain);
    generation_free(&cut);
}

static void logprobs_agree_with_logits(void **state) {
    (void)state;
    hd_request r = request(10);
    hd_sequence *s;
    hd_token t;
    bool busy = true, have;
    int seen = 0;
    r.sampling.temperature = 0.7f; /* does not change them */
    r.top_logprobs = 5;
    assert_int_equal(hd_engine_submit(engine, &r, &s), HD_OK);
    while (busy) {
        assert_int_equal(hd_engine_step(engine, &busy), HD_OK);
        assert_int_equal(hd_sequence_next(s, &t, &have), HD_OK);
        if (!have) continue;
        const float *row = hd_sequence_logits(s);
        double sum = 0;
        for (int k = 0; k < VOCAB; k++) sum += exp((double)row[k]);
        assert_true(fabs((double)t.logprob - ((double)row[t.id] - log(sum))) < 1e-5);
        assert_int_equal(t.n_top, 5);
        for (int k = 0; k < 5; k++) {
            assert_true(fabs((double)t.top[k].logprob - ((double)row[t.top[k].token] - log(sum))) < 1e-5);
            assert_true(k == 0 || t.top[k].logprob <= t.top[k - 1].logprob);
        }
        assert_true(t.logprob <= t.top[0].logprob);
        seen++;
    }
    assert_int_equal(seen, 10);
    hd_sequence_release(s);
}

static void cancelling_and_releasing_leave_the_others(void **state) {
    (void)state;
    hd_request r = request(40);
    hd_sequence *s[6];
    hd_engine_stats stats;
    hd_token t;
    bool busy, have;
    generation want = run(&r);
    for (int i = 0; i < 6; i++) assert_int_equal(hd_engine_submit(engine, &r, &s[i]), HD_OK);
    for (int i = 0; i < 5; i++) assert_int_equal(hd_engine_step(engine, &busy), HD_OK);
    hd_engine_get_stats(engine, &stats);
    assert_int_equal(stats.running, 4);
    assert_int_equal(stats.waiting, 2);
    hd_sequence_cancel(s[0]);
    hd_sequence_cancel(s[0]);
    assert_int_equal(hd_sequence_finish_reason(s[0]), HD_FINISH_CANCELLED);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hd_sequence_next(s[0], &t, &have), HD_OK);
        assert_true(have && t.id == want.ids[i] && t.finish == HD_FINISH_NONE);
    }
    assert_int_equal(hd_sequence_next(s[0], &t, &have), HD_OK);
    assert_true(have && t.id == -1 && t.finish == HD_FINISH_CANCELLED);
    assert_int_equal(hd_sequence_next(s[0], &t, &have), HD_OK);
    assert_false(have);
    hd_sequence_release(s[1]); /* running */
    hd_sequence_release(s[5]); /* waiting */
    do assert_int_equal(hd_engine_step(engine, &busy), HD_OK);
    while (busy);
    for (int i = 2; i < 5; i++) {
        for (int k = 0; k < 40; k++) {
            assert_int_equal(hd_sequence_next(s[i], &t, &have), HD_OK);
            assert_true(have && t.id == want.ids[k]);
        }
        assert_int_equal(hd_sequence_finish_reason(s[i]), HD_FINISH_LENGTH);
        hd_sequence_release(s[i]);
    }
    hd_sequence_release(s[0]);
    hd_sequence_release(NULL);
    hd_engine_get_stats(engine, &stats);
    assert_int_equal(stats.kv_pages_used, 0);
    generation_free(&want);
}

static void forgotten_sequences_outlive_the_engine(void **state) {
    (void)state;
    hd_request r = request(10);
    hd_sequence *s, *waiting;
    hd_token t;
    bool busy, have;
    assert_int_equal(hd_engine_submit(engine, &r, &s), HD_OK);
    assert_int_equal(hd_engine_step(engine, &busy), HD_OK);
    assert_int_equal(hd_engine_submit(engine, &r, &waiting), HD_OK);
    hd_engine_destroy(engine);
    engine = NULL;
    assert_int_equal(hd_sequence_finish_reason(s), HD_FINISH_CANCELLED);
    assert_int_equal(hd_sequence_finish_reason(waiting), HD_FINISH_CANCELLED);
    assert_null(hd_sequence_logits(s));
    assert_int_equal(hd_sequence_next(s, &t, &have), HD_OK);
    assert_true(have && t.id >= 0);
    hd_sequence_cancel(s);
    hd_sequence_release(s);
    hd_sequence_release(waiting);
}

static void wrong_requests_leave_the_engine_well(void **state) {
    (void)state;
    hd_request r = request(10);
    hd_sequence *s = (hd_sequence *)&r;
    r.n_prompt = 0;
    assert_int_equal(hd_engine_submit(engine, &r, &s), HD_INVALID_ARGUMENT);
    assert_null(s);
    r = request(10);
    static hd_logit_bias all[VOCAB];
    for (int i = 0; i < VOCAB; i++) all[i] = (hd_logit_bias){i, -INFINITY};
    r.sampling.bias = all;
    r.sampling.n_bias = VOCAB;
    generation g;
    generate(engine, &r, 1, VOCAB, &g);
    assert_int_equal(g.finish, HD_FINISH_ERROR);
    assert_non_null(strstr(g.error, "leave no token"));
    assert_int_equal(g.n, 0);
    generation_free(&g);
    r = request(10);
    g = run(&r);
    assert_int_equal(g.n, 10);
    generation_free(&g);
}

static void decode_without_allocating(hd_trace *trace) {
    static const char *const stop[] = {"never to be seen"};
    const hd_logit_bias bias = {5, 0.5f};
    hd_request r = request(CONTEXT);
    hd_sequence *s[4];
    bool busy, have;
    hd_token t;
    r.stop = stop;
    r.n_stop = 1;
    r.top_logprobs = 20;
    r.sampling.temperature = 1.2f;
    r.sampling.top_k = 40;
    r.sampling.top_p = 0.95f;
    r.sampling.min_p = 0.01f;
    r.sampling.typical_p = 0.98f;
    r.sampling.repetition_penalty = 1.1f;
    r.sampling.frequency_penalty = 0.1f;
    r.sampling.bias = &bias;
    r.sampling.n_bias = 1;
    for (int i = 0; i < 4; i++) {
        r.sampling.seed = (uint64_t)i;
        assert_int_equal(hd_engine_submit(engine, &r, &s[i]), HD_OK);
    }
    assert_int_equal(hd_engine_set_trace(engine, trace), HD_OK);
    assert_int_equal(hd_engine_step(engine, &busy), HD_OK); /* the prompts */
    hdi_memory_fail_after(0);
    long before = atomic_load(&allocations);
    hd_status status = HD_OK;
    int steps = 0;
    while (busy && status == HD_OK) {
        status = hd_engine_step(engine, &busy);
        for (int i = 0; i < 4 && status == HD_OK; i++) status = hd_sequence_next(s[i], &t, &have);
        steps++;
    }
    long after = atomic_load(&allocations);
    hdi_memory_fail_after(-1);
    assert_int_equal(status, HD_OK);
    assert_int_equal(steps, CONTEXT - (int)HDI_COUNTOF(prompt) - 1);
    assert_int_equal(after, before);
    assert_true(!COUNTS_ALLOCATIONS || before > 0); /* the counter counts */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(hd_sequence_finish_reason(s[i]), HD_FINISH_LENGTH);
        hd_sequence_release(s[i]);
    }
}

static void decoding_does_not_allocate(void **state) {
    (void)state;
    hd_trace *trace;
    assert_int_equal(hd_trace_create(&(hd_trace_options){.spans = 20000}, &trace), HD_OK);
    decode_without_allocating(NULL);
    decode_without_allocating(trace);
    assert_int_equal(hd_engine_set_trace(engine, NULL), HD_OK);
    hd_trace_destroy(trace);
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    static const char *const stop[] = {"x"};
    hd_engine_options o;
    hd_engine *e = NULL;
    hd_sequence *s = NULL;
    hd_request r = request(10);
    hd_status status = HD_OUT_OF_MEMORY;
    int n = 0;
    hd_engine_options_init(&o);
    o.executor = HD_EXECUTOR_SERIAL;
    for (; n < 100000 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hd_engine_create(model, tokenizer, &o, &e);
        hdi_memory_fail_after(-1);
        if (status != HD_OK && (status != HD_OUT_OF_MEMORY || e)) fail_msg("allocation %d: %d, %s", n, status, hd_last_error());
    }
    assert_in_range(n, 20, 99999);
    r.stop = stop;
    r.n_stop = 1;
    for (n = 0, status = HD_OUT_OF_MEMORY; n < 1000 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hd_engine_submit(e, &r, &s);
        hdi_memory_fail_after(-1);
        if (status != HD_OK && (status != HD_OUT_OF_MEMORY || s)) fail_msg("allocation %d: %d, %s", n, status, hd_last_error());
    }
    assert_in_range(n, 5, 999);
    hd_sequence_release(s);
    hd_engine_destroy(e);
}

static void statistics_add_up(void **state) {
    (void)state;
    hd_request r = request(11);
    hd_engine_stats st;
    hd_model_info info;
    generation g = run(&r);
    generation_free(&g);
    hd_engine_get_stats(engine, &st);
    hd_model_get_info(model, &info);
    size_t kv_token = 2 * 2 * 2 * 32 * sizeof(float); /* layers, k and v, kv heads, width */
    assert_int_equal(st.prefill_tokens, HDI_COUNTOF(prompt));
    assert_int_equal(st.decode_tokens, 10);
    assert_int_equal(st.steps, 11);
    assert_int_equal(st.decode_bytes, 10 * info.matrix_bytes_per_token + (9 + 18) * 10 / 2 * kv_token);
    assert_true(st.prefill_seconds > 0 && st.decode_seconds > 0);
    assert_int_equal(st.kv_pages_used, 0);
    assert_int_equal(st.kv_pages_peak, 1);
    assert_int_equal(st.kv_bytes, (size_t)st.kv_pages * 32 * kv_token);
    assert_true(st.arena_bytes > 0);
    assert_int_equal(st.threads, 2);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(greedy_takes_the_greatest),
        TEST(seeds_decide),
        TEST(bias_and_penalties_steer),
        TEST(the_context_ends_a_sequence),
        TEST(end_tokens_and_stop_tokens_end_it),
        TEST(stop_strings_cut_the_text),
        TEST(logprobs_agree_with_logits),
        TEST(cancelling_and_releasing_leave_the_others),
        TEST(forgotten_sequences_outlive_the_engine),
        TEST(wrong_requests_leave_the_engine_well),
        TEST(decoding_does_not_allocate),
        TEST(failing_allocations_leave_nothing),
        TEST(statistics_add_up),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
