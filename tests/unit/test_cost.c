/* SPDX-License-Identifier: Apache-2.0 */
/* What calls cost, against figures worked out by hand. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "kernels/attention/attention.h"
#include "kernels/cost.h"

static uint8_t memory[64]; /* operands that are there have an address; nobody follows it */

/* Row-major. */
static hdi_operand operand(hd_dtype dtype, int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    hdi_operand o = {.data = memory, .shape = {a, b, c, d}, .dtype = (uint8_t)dtype, .rank = (uint8_t)rank};
    for (int64_t i = rank - 1, step = 1; i >= 0; step *= o.shape[i--]) o.stride[i] = step;
    return o;
}

static hdi_kernel_cost cost_of(const char *kernel, hdi_operand *operands, int n, const void *attr, const hdi_cost_view *view) {
    const hdi_kernel_call call = {.operand = operands, .attr = attr, .n_operands = n};
    hdi_kernel_id id = hdi_kernel_find(kernel);
    hdi_kernel_cost cost;
    memset(&cost, 0xff, sizeof cost);
    assert_int_not_equal(id, HDI_KERNEL_NONE);
    hdi_kernel_cost_get(id, &call, view, &cost);
    return cost;
}

static void expect(hdi_kernel_cost cost, double bytes, double flops) {
    assert_false(cost.partial);
    if (cost.bytes != bytes || cost.flops != flops)
        fail_msg("%.17g bytes and %.17g operations, not %.17g and %.17g", cost.bytes, cost.flops, bytes, flops);
}

static void elements_are_counted_once(void **state) {
    (void)state;
    hdi_operand add[] = {operand(HD_DTYPE_F32, 2, 3, 5, 0, 0), operand(HD_DTYPE_F32, 2, 3, 5, 0, 0),
                         operand(HD_DTYPE_F32, 2, 3, 5, 0, 0)};
    expect(cost_of("add_f32", add, 3, NULL, NULL), 3 * 15 * 4, 15);
    add[2].stride[0] = 0; /* one row for all */
    expect(cost_of("add_f32", add, 3, NULL, NULL), (2 * 15 + 5) * 4, 15);
    hdi_operand norm[] = {operand(HD_DTYPE_BF16, 2, 2, 8, 0, 0), operand(HD_DTYPE_BF16, 2, 2, 8, 0, 0),
                          operand(HD_DTYPE_BF16, 1, 8, 0, 0, 0)};
    expect(cost_of("rms_norm_bf16", norm, 3, NULL, NULL), (16 + 16 + 8) * 2, 4 * 16);
    norm[0].shape[0] = norm[1].shape[0] = 0;
    expect(cost_of("rms_norm_bf16", norm, 3, NULL, NULL), 8 * 2, 0);
}

static void products(void **state) {
    (void)state;
    hdi_operand o[] = {operand(HD_DTYPE_F32, 2, 3, 40, 0, 0), operand(HD_DTYPE_F32, 2, 3, 64, 0, 0),
                       operand(HD_DTYPE_BF16, 2, 40, 64, 0, 0), operand(HD_DTYPE_F32, 1, 40, 0, 0, 0)};
    expect(cost_of("linear_f32_bf16", o, 4, NULL, NULL), 3 * 40 * 4 + 3 * 64 * 4 + 40 * 64 * 2 + 40 * 4, 2.0 * 3 * 40 * 64);
    o[3] = (hdi_operand){0};
    o[2].dtype = HD_DTYPE_Q8_0; /* 40 rows are two panels of 32; 34 bytes hold 32 numbers */
    o[2].layout = HDI_LAYOUT_PANEL;
    expect(cost_of("linear_f32_q8_0_panel", o, 4, NULL, NULL), 3 * 40 * 4 + 3 * 64 * 4 + 64 * 64 * 34 / 32, 2.0 * 3 * 40 * 64);
}

static void parts_of_tables(void **state) {
    (void)state;
    hdi_operand rows[] = {operand(HD_DTYPE_F32, 2, 3, 64, 0, 0), operand(HD_DTYPE_I32, 1, 3, 0, 0, 0),
                          operand(HD_DTYPE_Q4_0, 2, 1000, 64, 0, 0)};
    expect(cost_of("embedding_q4_0_f32", rows, 3, NULL, NULL), 3 * 64 * 4 + 3 * 4 + 3 * 64 / 32 * 18, 0);
    hdi_operand put[] = {operand(HD_DTYPE_BF16, 4, 9, 16, 2, 8), operand(HD_DTYPE_BF16, 4, 9, 16, 2, 8),
                         operand(HD_DTYPE_F32, 3, 5, 2, 8, 0), operand(HD_DTYPE_I32, 1, 5, 0, 0, 0)};
    expect(cost_of("kv_write_f32_bf16", put, 4, NULL, NULL), 5 * 16 * 4 + 5 * 4 + 5 * 16 * 2, 0);
}

enum { T = 6, H = 4, KV = 2, D = 8, DV = 16 };

/* Sequence 0 has a chunk of three tokens from position 4, sequence 1 one at 9; one token of padding; sequence 2 one at 0. */
static const int32_t token_seq[T] = {0, 0, 0, 1, -1, 2};
static const int64_t positions[T] = {4, 5, 6, 9, 0, 0};

static void make_attention(hdi_operand o[7]) {
    o[0] = operand(HD_DTYPE_F32, 3, T, H, DV, 0);
    o[1] = operand(HD_DTYPE_F32, 3, T, H, D, 0);
    o[2] = operand(HD_DTYPE_F16, 4, 20, 16, KV, D);
    o[3] = operand(HD_DTYPE_F16, 4, 20, 16, KV, DV);
    o[4] = operand(HD_DTYPE_I32, 2, 3, 20, 0, 0);
    o[5] = operand(HD_DTYPE_I32, 1, T, 0, 0, 0);
    o[6] = operand(HD_DTYPE_I64, 1, T, 0, 0, 0);
    o[5].data = (void *)(uintptr_t)token_seq;
    o[6].data = (void *)(uintptr_t)positions;
}

static void keys_are_read_once_a_sequence(void **state) {
    (void)state;
    hdi_attention_attr attr = {.scale = 1};
    hdi_operand o[7];
    make_attention(o);
    double own = T * H * (D + DV) * 4, key = KV * (D + DV) * 2, each = 2.0 * H * (D + DV);
    expect(cost_of("attention_f32_f16", o, 7, &attr, NULL), own + (7 + 10 + 1) * key, (5 + 6 + 7 + 10 + 1) * each);
    attr.window = 3;
    expect(cost_of("attention_f32_f16", o, 7, &attr, NULL), own + (5 + 3 + 1) * key, (3 + 3 + 3 + 3 + 1) * each);
}

/* What a device holds is found by another address, or not at all. */
static const void *elsewhere(const void *user, const hdi_operand *o) {
    const void *const *hidden = user;
    return o->data == hidden[0] ? token_seq : o->data == hidden[1] ? (const void *)positions : NULL;
}

static void data_out_of_sight(void **state) {
    (void)state;
    const hdi_attention_attr attr = {.scale = 1};
    hdi_operand o[7];
    make_attention(o);
    o[5].data = memory + 1;
    o[6].data = memory + 2;
    const hdi_cost_view found = {elsewhere, (const void *[]){memory + 1, memory + 2}};
    const hdi_cost_view lost = {elsewhere, (const void *[]){memory + 1, memory + 3}};
    double own = T * H * (D + DV) * 4, key = KV * (D + DV) * 2;
    expect(cost_of("attention_f32_f16", o, 7, &attr, &found), own + 18 * key, 29 * 2.0 * H * (D + DV));
    hdi_kernel_cost cost = cost_of("attention_f32_f16", o, 7, &attr, &lost);
    assert_true(cost.partial && cost.bytes == own && cost.flops == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_counted_once),     cmocka_unit_test(products),          cmocka_unit_test(parts_of_tables),
        cmocka_unit_test(keys_are_read_once_a_sequence), cmocka_unit_test(data_out_of_sight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
