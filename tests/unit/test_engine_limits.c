/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and bounds of an engine's sizes, for machines and models of any size; and bounds of requests. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "engine/limits.h"
#include "engine/sequence.h"

static const hd_model_info model = {.context = 131072, .vocab = 100};
static const hdi_kv_shape kv = {.layers = 28, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .natural_dtype = HD_DTYPE_BF16};
static const size_t GiB = (size_t)1 << 30;

static void defaults_fit_the_machine(void **state) {
    (void)state;
    hd_engine_options o;
    hdi_engine_limits l;
    hd_engine_options_init(&o);
    assert_int_equal(hdi_limits_resolve(&o, &model, &kv, 64 * GiB, 6, &l), HD_OK);
    assert_int_equal(l.threads, 6);
    assert_int_equal(l.step.kv_dtype, HD_DTYPE_BF16);
    assert_int_equal(l.kv_token_bytes, 28 * 2 * 256 * 2);
    assert_int_equal(l.context, 131072);
    assert_int_equal(l.step.page_tokens, 32);
    assert_int_equal(l.step.pages, (131072 + 4096) / 32);
    assert_int_equal(l.step.max_pages, 131072 / 32);
    assert_int_equal(l.step.max_sequences, 8);
    assert_int_equal(l.step.max_tokens, 512);
    assert_int_equal(hdi_limits_resolve(&o, &model, &kv, 4 * GiB, 6, &l), HD_OK); /* a quarter of it */
    assert_in_range(l.kv_bytes, GiB - GiB / 64, GiB);
    assert_int_equal(l.context, (int64_t)l.step.pages * 32);
    o.max_sequences = 1;
    o.context = 1000;
    o.kv_dtype = HD_DTYPE_F32;
    assert_int_equal(hdi_limits_resolve(&o, &model, &kv, 4 * GiB, 6, &l), HD_OK);
    assert_int_equal(l.step.pages, 32);
    assert_int_equal(l.context, 1000);
    o.kv_tokens = 100; /* the cache bounds the context */
    assert_int_equal(hdi_limits_resolve(&o, &model, &kv, 4 * GiB, 6, &l), HD_OK);
    assert_int_equal(l.context, 128);
    o.max_sequences = 0;
    o.max_batch_tokens = 3;
    assert_int_equal(hdi_limits_resolve(&o, &model, &kv, 4 * GiB, 6, &l), HD_OK);
    assert_int_equal(l.step.max_sequences, 3);
}

static void refused(const hd_engine_options *o, size_t memory, hd_status code, const char *a, const char *b) {
    hdi_engine_limits l;
    hd_status status = hdi_limits_resolve(o, &model, &kv, memory, 1, &l);
    if (status != code || !strstr(hd_last_error(), a) || !strstr(hd_last_error(), b))
        fail_msg("code %d, \"%s\"; wanted %d, \"%s\", \"%s\"", status, hd_last_error(), code, a, b);
}

static void wrong_options_are_named(void **state) {
    (void)state;
    hd_engine_options o;
#define REFUSED(field, value, a, b) \
    hd_engine_options_init(&o);     \
    o.field = value;                \
    refused(&o, GiB, HD_INVALID_ARGUMENT, a, b)
    REFUSED(threads, -1, "threads is -1", "1 to 1024");
    REFUSED(max_sequences, 5000, "max_sequences is 5000", "1 to 4096");
    REFUSED(max_batch_tokens, -7, "max_batch_tokens is -7", "1 to 65536");
    REFUSED(page_tokens, 4096, "page_tokens is 4096", "1 to 1024");
    REFUSED(context, 131073, "context is 131073", "131072");
    REFUSED(context, -2, "context is -2", "131072");
    REFUSED(kv_tokens, INT64_MAX, "kv_tokens is 9223372036854775807", "2147483");
    REFUSED(kv_dtype, HD_DTYPE_Q8_0, "kv_dtype is q8_0", "f32, f16 or bf16");
    REFUSED(kv_dtype, HD_DTYPE_I32, "kv_dtype is i32", "f32, f16 or bf16");
    o.kv_dtype = HD_DTYPE_COUNT;
    o.max_sequences = 4;
    o.max_batch_tokens = 3;
    refused(&o, GiB, HD_INVALID_ARGUMENT, "max_batch_tokens is 3", "max_sequences (4)");
    hd_engine_options_init(&o);
    o.context = 131072;
    refused(&o, GiB, HD_OUT_OF_MEMORY, "KV cache of 131072 tokens takes 3.5 GiB", "use 1.0 GiB");
#undef REFUSED
}

static const int32_t prompt[] = {1, 2, 3};

static void check_request(const hd_request *r, const char *want) {
    const hdi_request_limits limits = {.vocab = 100, .context = 4};
    hd_status status = hdi_request_check(r, &limits);
    hd_status expected = strstr(want, "with a context of") ? HD_EXHAUSTED : HD_INVALID_ARGUMENT;
    if (status != expected || !strstr(hd_last_error(), want))
        fail_msg("%d, \"%s\"; wanted \"%s\"", status, hd_last_error(), want);
}

static void wrong_requests_are_named(void **state) {
    (void)state;
    hd_request good, r;
    hd_request_init(&good);
    good.prompt = prompt;
    good.n_prompt = 3;
    assert_int_equal(hdi_request_check(&good, &(hdi_request_limits){.vocab = 100, .context = 4}), HD_OK);
#define REFUSED(field, value, text) \
    r = good;                       \
    r.field = value;                \
    check_request(&r, text)
    const hd_logit_bias nan_bias = {5, NAN}, far_bias = {100, 1}, inf_bias = {5, INFINITY};
    const char *stop[] = {"x"};
    REFUSED(n_prompt, 0, "prompt is empty");
    REFUSED(n_prompt, 4, "prompt has 4 tokens; with a context of 4 at most 3");
    REFUSED(prompt, ((const int32_t[]){1, 100, 2}), "prompt token 1 is 100; the vocabulary has 0 to 99");
    REFUSED(prompt, ((const int32_t[]){1, 2, -5}), "prompt token 2 is -5");
    REFUSED(max_tokens, 0, "max_tokens is 0");
    REFUSED(max_tokens, -2, "max_tokens is -2");
    REFUSED(top_logprobs, 21, "top_logprobs is 21; it must be 0 to 20");
    REFUSED(sampling.temperature, -1, "temperature is -1");
    REFUSED(sampling.temperature, NAN, "temperature is nan");
    REFUSED(sampling.temperature, INFINITY, "temperature is inf");
    REFUSED(sampling.top_k, -1, "top_k is -1");
    REFUSED(sampling.top_p, 0, "top_p is 0; it must be greater than 0 and at most 1");
    REFUSED(sampling.top_p, 1.5f, "top_p is 1.5");
    REFUSED(sampling.min_p, -0.5f, "min_p is -0.5; it must be at least 0 and at most 1");
    REFUSED(sampling.typical_p, 2, "typical_p is 2");
    REFUSED(sampling.repetition_penalty, 0, "repetition_penalty is 0");
    REFUSED(sampling.presence_penalty, 101, "presence_penalty is 101");
    REFUSED(sampling.frequency_penalty, NAN, "frequency_penalty is nan");
    REFUSED(sampling.penalty_last, -1, "penalty_last is -1");
    REFUSED(n_stop_tokens, 1, "stop tokens are NULL");
    REFUSED(n_stop, 1, "stop strings are NULL");
    REFUSED(sampling.n_bias, 1, "logit bias is NULL");
    good.stop = stop;
    REFUSED(n_stop, 1, "without a tokenizer");
    good.stop_tokens = (const int32_t[]){7, 101};
    REFUSED(n_stop_tokens, 2, "stop token 1 is 101");
    good.sampling.n_bias = 1;
    REFUSED(sampling.bias, &nan_bias, "logit bias 0 (token 5) is nan");
    REFUSED(sampling.bias, &inf_bias, "logit bias 0 (token 5) is inf");
    REFUSED(sampling.bias, &far_bias, "logit bias 0 is for token 100");
#undef REFUSED
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fit_the_machine),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(wrong_requests_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
