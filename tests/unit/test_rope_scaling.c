/* SPDX-License-Identifier: Apache-2.0 */
/* Frequencies against values of transformers 4.57.1 (ROPE_INIT_FUNCTIONS of a LlamaConfig with these parameters). */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "ops/rope_scaling.h"

static void expect(double theta, int32_t dims, const hd_rope_scaling *s, const float *want, double want_scale) {
    float inv_freq[64], scale = 0;
    assert_int_equal(hdi_rope_frequencies(theta, dims, s, inv_freq, &scale), HD_OK);
    assert_true(fabs((double)scale - want_scale) < 1e-7);
    for (int j = 0; j < dims / 2; j++)
        if (!(fabsf(inv_freq[j] - want[j]) <= 3e-7f * want[j]))
            fail_msg("pair %d is %.9g, not %.9g", j, (double)inv_freq[j], (double)want[j]);
}

static void plain(void **state) {
    static const float want[] = {1.0f,           0.316227764f,   0.100000001f,   0.0316227786f,
                                 0.00999999978f, 0.00316227786f, 0.00100000005f, 0.000316227786f};
    const hd_rope_scaling dynamic = {.kind = HD_ROPE_SCALING_DYNAMIC, .factor = 2, .original_positions = 4096};
    (void)state;
    expect(10000, 16, NULL, want, 1);
    expect(10000, 16, &dynamic, want, 1);
}

static void linear(void **state) {
    static const float want[] = {0.25f,          0.079056941f,    0.0250000004f,   0.00790569466f,
                                 0.00249999994f, 0.000790569466f, 0.000250000012f, 7.90569466e-05f};
    const hd_rope_scaling s = {.kind = HD_ROPE_SCALING_LINEAR, .factor = 4};
    (void)state;
    expect(10000, 16, &s, want, 1);
}

static void llama3(void **state) {
    static const float want[] = {1.0f,
                                 0.440366626f,
                                 0.193922758f,
                                 0.0853971019f,
                                 0.0376060307f,
                                 0.0165604409f,
                                 0.00729266508f,
                                 0.00321144611f,
                                 0.000524846022f,
                                 7.78465546e-05f,
                                 3.42810235e-05f,
                                 1.50962178e-05f,
                                 6.64786967e-06f,
                                 2.92749974e-06f,
                                 1.28917316e-06f,
                                 5.6770881e-07f};
    const hd_rope_scaling s = {
        .kind = HD_ROPE_SCALING_LLAMA3, .factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_positions = 8192};
    (void)state;
    expect(500000, 32, &s, want, 1);
}

static void yarn(void **state) {
    static const float qwen[] = {1.0f,
                                 0.421696514f,
                                 0.177827939f,
                                 0.0749894157f,
                                 0.0316227786f,
                                 0.0133352149f,
                                 0.00477990136f,
                                 0.00165996165f,
                                 0.000549999997f,
                                 0.000168678584f,
                                 4.44569851e-05f,
                                 1.87473561e-05f,
                                 7.90569356e-06f,
                                 3.33380353e-06f,
                                 1.40585337e-06f,
                                 5.92843435e-07f};
    static const float deepseek[] = {
        1.0f,           0.464158893f,   0.215443447f,    0.100000001f,    0.046415884f,    0.0202276874f,
        0.00579010416f, 0.00101713429f, 5.38608547e-05f, 2.49999994e-05f, 1.16039737e-05f, 5.38608538e-06f};
    hd_rope_scaling s = {.kind = HD_ROPE_SCALING_YARN, .factor = 4, .original_positions = 32768};
    (void)state;
    expect(1000000, 32, &s, qwen, 1.138629436111989);
    s.attention_factor = 0.5;
    expect(1000000, 32, &s, qwen, 0.5);
    s = (hd_rope_scaling){.kind = HD_ROPE_SCALING_YARN,
                          .factor = 40,
                          .original_positions = 4096,
                          .mscale = 0.707,
                          .mscale_all_dim = 1,
                          .beta_fast = 16,
                          .beta_slow = 2,
                          .no_truncate = true};
    expect(10000, 24, &s, deepseek, 0.9210423553163399);
}

static void nonsense_is_refused(void **state) {
    float f[64], scale;
    const hd_rope_scaling wrong[] = {
        {.kind = (hd_rope_scaling_kind)9, .factor = 1},
        {.kind = HD_ROPE_SCALING_LINEAR},
        {.kind = HD_ROPE_SCALING_LINEAR, .factor = NAN},
        {.kind = HD_ROPE_SCALING_DYNAMIC, .factor = 2},
        {.kind = HD_ROPE_SCALING_LLAMA3, .factor = 8, .low_freq_factor = 4, .high_freq_factor = 4, .original_positions = 8192},
        {.kind = HD_ROPE_SCALING_LLAMA3, .factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_positions = -1},
        {.kind = HD_ROPE_SCALING_YARN, .factor = 8},
        {.kind = HD_ROPE_SCALING_YARN, .factor = 8, .original_positions = 100, .beta_fast = -1},
    };
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(wrong); i++)
        assert_int_equal(hdi_rope_frequencies(10000, 16, &wrong[i], f, &scale), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_rope_frequencies(0, 16, NULL, f, &scale), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_rope_frequencies(INFINITY, 16, NULL, f, &scale), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_rope_frequencies(1e4, 15, NULL, f, &scale), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_rope_frequencies(1e4, 0, NULL, f, &scale), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "even"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(linear),
        cmocka_unit_test(llama3),
        cmocka_unit_test(yarn),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
