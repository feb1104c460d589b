/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler with its kernel: greedy, filters, seeds, and draws that follow the distribution. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "engine/sampler.h"

enum { V = 6 };
static const float logits[V] = {1, 3, 2, 3, -1, 0};
static const int32_t tokens[1] = {0};
static hdi_sampler sampler;

static int start(void **state) {
    (void)state;
    return hdi_sampler_init(&sampler, V) == HD_OK ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    hdi_sampler_deinit(&sampler);
    return 0;
}

/* The index-th draw after a prompt of one token. */
static hdi_draw draw(const hd_sampling *s, int64_t index, int32_t top_logprobs) {
    static hd_token_logprob top[V];
    int32_t many[1 + 20000];
    hdi_draw d = {.top = top};
    for (int64_t i = 0; i <= index; i++) many[i] = 0;
    const hdi_history history = {index ? many : tokens, 1, 1 + index};
    if (hdi_sampler_draw(&sampler, logits, s, &history, top_logprobs, &d) != HD_OK) fail_msg("%s", hd_last_error());
    return d;
}

static void greedy_takes_the_first_of_the_greatest(void **state) {
    (void)state;
    hd_sampling s;
    hd_sampling_init(&s);
    for (uint64_t seed = 0; seed < 20; seed++) {
        s.seed = seed;
        hdi_draw d = draw(&s, 0, 3);
        assert_int_equal(d.token, 1);
        assert_int_equal(d.n_top, 3);
        assert_int_equal(d.top[1].token, 3);
        double sum = 0;
        for (int i = 0; i < V; i++) sum += exp((double)logits[i]);
        assert_true(fabs((double)d.logprob - (3 - log(sum))) < 1e-6);
    }
    assert_true(draw(&s, 0, -1).logprob == 0);
}

static void draws_follow_the_distribution(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    int count[V] = {0};
    double sum = 0;
    hd_sampling s;
    hd_sampling_init(&s);
    s.temperature = 2;
    for (int i = 0; i < DRAWS; i++) {
        s.seed = (uint64_t)i;
        count[draw(&s, 0, -1).token]++;
    }
    for (int i = 0; i < V; i++) sum += exp((double)logits[i] / 2);
    for (int i = 0; i < V; i++) {
        double p = exp((double)logits[i] / 2) / sum, sigma = sqrt(p * (1 - p) * DRAWS);
        assert_true(fabs(count[i] - p * DRAWS) < 5 * sigma);
    }
}

/* The tokens that can come out under these options. */
static unsigned support(const hd_sampling *s) {
    unsigned seen = 0;
    hd_sampling copy = *s;
    for (copy.seed = 0; copy.seed < 2000; copy.seed++) seen |= 1u << draw(&copy, 0, -1).token;
    return seen;
}

static void filters_remove_the_unlikely(void **state) {
    (void)state;
    hd_sampling s; /* probabilities at temperature 1: .056 .413 .152 .413 .008 .021 (rounded, not normalised) */
    hd_sampling_init(&s);
    s.temperature = 1;
    s.top_k = 3;
    assert_int_equal(support(&s), 1u << 1 | 1u << 3 | 1u << 2);
    s.top_k = 100; /* more than there are: all */
    s.top_p = 0.5f;
    assert_int_equal(support(&s), 1u << 1 | 1u << 3);
    s.top_p = 1;
    s.min_p = 0.2f;
    assert_int_equal(support(&s), 1u << 1 | 1u << 3 | 1u << 2);
    s.min_p = 1;
    assert_int_equal(support(&s), 1u << 1 | 1u << 3);
}

static void each_token_has_its_own_number(void **state) {
    (void)state;
    hd_sampling s;
    unsigned seen = 0;
    hd_sampling_init(&s);
    s.temperature = 1;
    s.seed = 5;
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(draw(&s, i, -1).token, draw(&s, i, -1).token);
        seen |= 1u << draw(&s, i, -1).token;
    }
    assert_true(seen & (1u << 1) && seen & (1u << 3) && seen & (1u << 2));
}

static void impossible_rows_are_errors(void **state) {
    (void)state;
    const hd_logit_bias all[V] = {{0, -INFINITY}, {1, -INFINITY}, {2, -INFINITY}, {3, -INFINITY}, {4, -INFINITY}, {5, -INFINITY}};
    const float broken[V] = {0, 1, NAN, 2, 3, 4};
    const hdi_history history = {tokens, 1, 1};
    hd_sampling s;
    hdi_draw d = {0};
    hd_sampling_init(&s);
    assert_int_equal(hdi_sampler_draw(&sampler, broken, &s, &history, -1, &d), HD_CORRUPT);
    assert_non_null(strstr(hd_last_error(), "after 1 tokens are not finite"));
    s.bias = all;
    s.n_bias = V;
    assert_int_equal(hdi_sampler_draw(&sampler, logits, &s, &history, -1, &d), HD_INVALID_ARGUMENT);
    s.n_bias = V - 1; /* one is left */
    assert_int_equal(draw(&s, 0, -1).token, 5);
    s.temperature = 1;
    assert_int_equal(draw(&s, 0, -1).token, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_first_of_the_greatest),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(filters_remove_the_unlikely),
        cmocka_unit_test(each_token_has_its_own_number),
        cmocka_unit_test(impossible_rows_are_errors),
    };
    return cmocka_run_group_tests(tests, start, end);
}
