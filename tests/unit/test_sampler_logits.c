/* SPDX-License-Identifier: Apache-2.0 */
/* Bias, penalties, log-probabilities and the random numbers of the sampler. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "engine/logits.h"
#include "engine/random.h"

enum { V = 8 };
static const int32_t tokens[] = {1, 2, 1, 5, 5, 6}; /* the first three are the prompt */

static void edit(float out[V], const hd_sampling *s) {
    static const float start[V] = {0, 1, -1, 2, -2, 3, -3, 0.5f};
    uint32_t count[V] = {0}, zeros[V] = {0};
    const hdi_history history = {tokens, 3, 6};
    memcpy(out, start, sizeof start);
    hdi_logits_edit(out, count, s, &history);
    assert_memory_equal(count, zeros, sizeof zeros);
}

static void expect(const hd_sampling *s, const float want[V]) {
    float got[V];
    edit(got, s);
    assert_memory_equal(got, want, sizeof got);
}

static void edits_by_the_book(void **state) {
    (void)state;
    hd_sampling s;
    const hdi_history prompt_only = {tokens, 3, 3}, all = {tokens, 3, 6};
    hd_sampling_init(&s);
    expect(&s, (float[V]){0, 1, -1, 2, -2, 3, -3, 0.5f});
    assert_false(hdi_logits_edited(&s, &all));
    s.repetition_penalty = 2; /* 1, 2, 5, 6 were seen; each is punished once */
    assert_true(hdi_logits_edited(&s, &prompt_only));
    expect(&s, (float[V]){0, 0.5f, -2, 2, -2, 1.5f, -6, 0.5f});
    s.penalty_last = 2; /* 5, 6 */
    expect(&s, (float[V]){0, 1, -1, 2, -2, 1.5f, -6, 0.5f});
    s.penalty_last = 100;
    expect(&s, (float[V]){0, 0.5f, -2, 2, -2, 1.5f, -6, 0.5f});

    hd_sampling_init(&s);
    s.presence_penalty = 0.5f; /* generated: 5 twice, 6 once */
    assert_false(hdi_logits_edited(&s, &prompt_only));
    assert_true(hdi_logits_edited(&s, &all));
    expect(&s, (float[V]){0, 1, -1, 2, -2, 2.5f, -3.5f, 0.5f});
    s.frequency_penalty = 0.25f;
    expect(&s, (float[V]){0, 1, -1, 2, -2, 2, -3.75f, 0.5f});

    hd_sampling_init(&s); /* the bias comes first: 1 + 3 = 4, then halved */
    const hd_logit_bias bias[] = {{1, 3}, {3, -INFINITY}, {1, 0}};
    s.bias = bias;
    s.n_bias = 3;
    s.repetition_penalty = 2;
    expect(&s, (float[V]){0, 2, -2, -INFINITY, -2, 1.5f, -6, 0.5f});
}

static void logits_must_be_numbers(void **state) {
    (void)state;
    float x[V] = {0, 1, -INFINITY, -3};
    assert_true(hdi_logits_valid(x, V));
    x[5] = NAN;
    assert_false(hdi_logits_valid(x, V));
    x[5] = INFINITY;
    assert_false(hdi_logits_valid(x, V));
    for (int i = 0; i < V; i++) x[i] = -INFINITY;
    assert_false(hdi_logits_valid(x, V));
}

static void logprobs_are_probabilities(void **state) {
    (void)state;
    enum { N = 1000 };
    float x[N], greatest;
    double log_sum, sum = 0;
    hd_token_logprob top[N];
    for (int i = 0; i < N; i++) x[i] = 1e4f + 20 * hdi_random_uniform(7, (uint64_t)i); /* far from where exp works */
    x[17] = x[400] = 1e4f + 21;
    x[3] = -INFINITY;
    hdi_logits_normaliser(x, N, &greatest, &log_sum);
    assert_int_equal(hdi_logits_top(x, N, greatest, log_sum, N, top), N);
    for (int i = 0; i < N; i++) sum += exp((double)top[i].logprob);
    assert_true(fabs(sum - 1) < 1e-4);
    assert_int_equal(top[0].token, 17);
    assert_int_equal(top[1].token, 400);
    assert_int_equal(top[N - 1].token, 3);
    for (int i = 1; i < N; i++) assert_true(x[top[i - 1].token] >= x[top[i].token]);
    hd_token_logprob few[3];
    assert_int_equal(hdi_logits_top(x, N, greatest, log_sum, 3, few), 3);
    assert_memory_equal(few, top, sizeof few);
    assert_int_equal(hdi_logits_top(x, 2, greatest, log_sum, 3, few), 2);
    assert_int_equal(hdi_logits_top(x, N, greatest, log_sum, 0, NULL), 0);
}

static void random_numbers_are_even(void **state) {
    (void)state;
    enum { DRAWS = 40000, BINS = 16 };
    int bins[BINS] = {0}, pairs[BINS] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        float u = hdi_random_uniform(3, i), next_seed = hdi_random_uniform(4, i);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * BINS)]++;
        pairs[(int)(u * 4) * 4 + (int)(next_seed * 4)]++; /* seeds side by side are independent */
    }
    for (int b = 0; b < BINS; b++) {
        assert_in_range(bins[b], DRAWS / BINS - 250, DRAWS / BINS + 250); /* 5 standard deviations */
        assert_in_range(pairs[b], DRAWS / BINS - 250, DRAWS / BINS + 250);
    }
    assert_true(hdi_random_uniform(3, 5) == hdi_random_uniform(3, 5));
    assert_true(hdi_random_uniform(3, 5) != hdi_random_uniform(4, 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_by_the_book),
        cmocka_unit_test(logits_must_be_numbers),
        cmocka_unit_test(logprobs_are_probabilities),
        cmocka_unit_test(random_numbers_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
