/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of a step: what decodes are padded to, what padding looks like, and tokens that only the device knows yet. */
#include "unit/cmocka_all.h"

#include "engine/batch.h"
#include "kernels/sample/sample.h"

static void few_sizes_hold_all(void **state) {
    (void)state;
    static const int32_t sizes[] = {1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};
    size_t at = 0;
    for (int32_t n = 1; n <= 512; n++) {
        if (n > sizes[at]) at++;
        assert_int_equal(hdi_batch_padded(n, 4096), sizes[at]);
        assert_int_equal(hdi_batch_padded(n, 300), sizes[at] < 300 ? sizes[at] : 300);
    }
}

static void decodes_are_padded(void **state) {
    (void)state;
    const hdi_step_limits limits = {.max_tokens = 16,
                                    .max_sequences = 8,
                                    .max_rows = 8,
                                    .pages = 9,
                                    .page_tokens = 4,
                                    .max_pages = 3,
                                    .kv_dtype = HD_DTYPE_F32,
                                    .draws = true};
    int32_t tokens[3][8] = {{5, 6, 7, 8, 9}, {11, 12}, {21}}, pages[3][3] = {{2, 7}, {4}, {8, 1}};
    hd_sequence s[3] = {{.n = 5, .n_prompt = 3}, {.n = 2, .n_prompt = 2, .pending = 1, .row = 6}, {.n = 1, .n_prompt = 1}};
    hdi_chunk chunks[3];
    hdi_batch b;
    assert_int_equal(hdi_batch_init(&b, &limits, false, 100, hdi_device_cpu()), HD_OK);
    b.pads = true;
    for (int i = 0; i < 3; i++) {
        s[i].tokens = tokens[i];
        s[i].pages = pages[i];
        s[i].n_pages = i == 1 ? 1 : 2;
        hd_sampling_init(&s[i].sampling);
        s[i].sampling.temperature = (float)i;
        chunks[i] = (hdi_chunk){.sequence = &s[i], .begin = s[i].n + s[i].pending - 1, .count = 1, .draws = true};
    }
    hdi_batch_fill(&b, chunks, 3);
    assert_true(b.decodes);
    assert_int_equal(b.n_tokens, 4);
    assert_int_equal(b.n_sequences, 4);
    assert_int_equal(b.n_rows, 4);
    static const int32_t ids[] = {9, 0, 21, 0}, source[] = {-1, 6, -1, -1}, positions[] = {4, 2, 0, 0},
                         slots[] = {28, 18, 32, -1};
    static const int32_t token_seq[] = {0, 1, 2, -1}, rows[] = {0, 1, 2, -1};
    assert_memory_equal(b.token_ids, ids, sizeof ids);
    assert_memory_equal(b.source, source, sizeof source);
    assert_memory_equal(b.positions, positions, sizeof positions);
    assert_memory_equal(b.slots, slots, sizeof slots);
    assert_memory_equal(b.token_seq, token_seq, sizeof token_seq);
    assert_memory_equal(b.logit_rows, rows, sizeof rows);
    assert_int_equal(b.page_table[0], 2);
    assert_int_equal(b.page_table[2 * 3 + 1], 1);
    for (int i = 0; i < 4; i++)
        assert_true(b.sample_params[i * HDI_SAMPLE_PARAMS + HDI_SAMPLE_TEMPERATURE] == (i == 3 ? 0 : (float)i));
    chunks[1].draws = false; /* a chunk of a prompt among them: nothing is padded */
    hdi_batch_fill(&b, chunks, 3);
    assert_false(b.decodes);
    assert_int_equal(b.n_tokens, 3);
    assert_int_equal(b.n_rows, 2);
    hdi_batch_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_sizes_hold_all), cmocka_unit_test(decodes_are_padded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
