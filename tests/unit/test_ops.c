/* SPDX-License-Identifier: Apache-2.0 */
/* Type rules and kernel choice of operators, on constants and on symbols. */
#include <stdio.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "kernels/attention/attention.h"
#include "kernels/concat/concat.h"
#include "kernels/convert/convert.h"
#include "kernels/embedding/embedding.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/rope_table/rope_table.h"
#include "ops/op.h"

enum { T = -2, S = -3, P = -4 }; /* handles of symbols */

#define TYPE(dt, ...) \
    (&(hdi_type){.dtype = HD_DTYPE_##dt, .rank = sizeof((hdi_dim[]){__VA_ARGS__}) / sizeof(hdi_dim), .dim = {__VA_ARGS__}})
#define INPUTS(...) (const hdi_type *const[]){__VA_ARGS__}, (int)(sizeof((const hdi_type *const[]){__VA_ARGS__}) / sizeof(void *))

static hdi_type result[2];

static hd_status rule(const hdi_op *op, const void *attr, const hdi_type *const *in, int n) {
    memset(result, 0xff, sizeof result);
    return op->infer(in, n, attr, result);
}

#define GOOD(op, attr, want, ...)                                                                    \
    do {                                                                                             \
        if (rule(&hdi_op_##op, attr, INPUTS(__VA_ARGS__)) != HD_OK) fail_msg("%s", hd_last_error()); \
        assert_string_equal(hdi_type_text(&result[0]), want);                                        \
    } while (0)

/* Refused, with `word` in the message, and the operator's name at its beginning. */
#define BAD(op, attr, word, ...)                                                                  \
    do {                                                                                          \
        assert_int_not_equal(rule(&hdi_op_##op, attr, INPUTS(__VA_ARGS__)), HD_OK);               \
        if (!strstr(hd_last_error(), word) || strncmp(hd_last_error(), #op ":", sizeof #op) != 0) \
            fail_msg("%s", hd_last_error());                                                      \
    } while (0)

static void broadcasting(void **state) {
    (void)state;
    GOOD(add, NULL, "f32[2, 3]", TYPE(F32, 2, 3), TYPE(F32, 2, 3));
    GOOD(add, NULL, "f32[4, 2, 3]", TYPE(F32, 2, 1), TYPE(F32, 4, 1, 3));
    GOOD(mul, NULL, "bf16[?, 3]", TYPE(BF16, T, 3), TYPE(BF16, 3));
    assert_int_equal(result[0].dim[0], T);
    GOOD(add, NULL, "f16[?, ?]", TYPE(F16, 1, S), TYPE(F16, T, 1));
    assert_true(result[0].dim[0] == T && result[0].dim[1] == S);
    GOOD(add, NULL, "f32[0]", TYPE(F32, 1), TYPE(F32, 0));
    BAD(add, NULL, "equal or one of them 1", TYPE(F32, 2, 3), TYPE(F32, 2, 4));
    BAD(add, NULL, "equal or one of them 1", TYPE(F32, T), TYPE(F32, S));
    BAD(add, NULL, "equal or one of them 1", TYPE(F32, T), TYPE(F32, 5));
    BAD(mul, NULL, "must be of type f32", TYPE(F32, 2), TYPE(F16, 2));
    BAD(mul, NULL, "convert it first", TYPE(I32, 2), TYPE(I32, 2));
}

static void rows(void **state) {
    const hdi_layer_norm_attr ln = {.eps = 1e-5f}, negative = {.eps = -1};
    const hdi_rms_norm_attr rms = {.eps = 1e-5f};
    (void)state;
    GOOD(rms_norm, &rms, "bf16[?, 64]", TYPE(BF16, T, 64), TYPE(BF16, 64));
    BAD(rms_norm, &rms, "must be 64", TYPE(BF16, T, 64), TYPE(BF16, 32));
    GOOD(layer_norm, &ln, "f32[?, 64]", TYPE(F32, T, 64), TYPE(F32, 64), TYPE(F32, 64));
    GOOD(layer_norm, &ln, "f32[64]", TYPE(F32, 64), TYPE(F32, 64));
    GOOD(layer_norm, &ln, "f32[64]", TYPE(F32, 64), TYPE(F32, 64), NULL);
    BAD(layer_norm, &ln, "bias", TYPE(F32, 64), TYPE(F32, 64), TYPE(F32, 63));
    BAD(layer_norm, &negative, "negative", TYPE(F32, 64), TYPE(F32, 64));
    GOOD(swiglu, NULL, "f16[?, 10]", TYPE(F16, T, 10), TYPE(F16, T, 10));
    BAD(swiglu, NULL, "up", TYPE(F16, T, 10), TYPE(F16, S, 10));
    GOOD(softmax, NULL, "f32[2]", TYPE(F32, 2));
    GOOD(argmax, NULL, "i32[?]", TYPE(F32, T, 5));
    assert_string_equal(hdi_type_text(&result[1]), "f32[?]");
    BAD(argmax, NULL, "largest of nothing", TYPE(F32, T, 0));
    BAD(argmax, NULL, "scalar", (&(hdi_type){.dtype = HD_DTYPE_F32}));
}

static void matrices(void **state) {
    const hdi_linear_attr one = {.k_slices = 1}, three = {.k_slices = 3}, four = {.k_slices = 4, .k_unit = 80};
    const hdi_linear_attr backwards = {.k_slices = 2, .k_unit = -32};
    const hdi_embedding_attr f32 = {.out = HD_DTYPE_F32};
    hdi_kernel_id k;
    hdi_type w = *TYPE(Q8_0, 10, 64), y = *TYPE(F32, T, 10);
    (void)state;
    GOOD(linear, &one, "f32[2, ?, 10]", TYPE(F32, 2, T, 64), TYPE(BF16, 10, 64));
    GOOD(linear, &one, "f16[10]", TYPE(F16, 64), TYPE(F16, 10, 64), TYPE(F32, 10));
    GOOD(linear, &one, "f16[10]", TYPE(F16, 64), TYPE(F16, 10, 64), TYPE(F16, 10));
    BAD(linear, &one, "dim 1 must be 64", TYPE(F32, T, 64), TYPE(BF16, 64, 10));
    BAD(linear, &one, "bias", TYPE(F32, T, 64), TYPE(F32, 10, 64), TYPE(BF16, 10));
    BAD(linear, &one, "bias", TYPE(F32, T, 64), TYPE(F32, 10, 64), TYPE(F32, 1, 10));
    BAD(linear, &three, "k_slices", TYPE(F32, T, 64), TYPE(F32, 10, 64));
    GOOD(linear, &four, "f32[?, 10]", TYPE(F32, T, 64), TYPE(F32, 10, 64));
    BAD(linear, &four, "a multiple of 32", TYPE(F32, T, 64), &w);
    BAD(linear, &backwards, "k_unit", TYPE(F32, T, 64), TYPE(F32, 10, 64));
    assert_int_equal(hdi_op_linear.choose(INPUTS(TYPE(F32, T, 64), &w), &y, &one, &k), HD_UNSUPPORTED);
    assert_non_null(strstr(hd_last_error(), "f32_q8_0"));
    w.layout = HDI_LAYOUT_PANEL;
    assert_int_equal(hdi_op_linear.choose(INPUTS(TYPE(F32, T, 64), &w), &y, &one, &k), HD_OK);
    assert_string_equal(hdi_kernel_name(k), "linear_f32_q8_0_panel");
    assert_int_equal(hdi_op_embedding.choose(INPUTS(TYPE(I32, T), &w), &y, &f32, &k), HD_OK);
    assert_string_equal(hdi_kernel_name(k), "embedding_q8_0_f32");
    GOOD(embedding, &f32, "f32[?, 64]", TYPE(I64, T), TYPE(BF16, 100, 64));
    BAD(embedding, &f32, "i32 or i64", TYPE(F32, T), TYPE(BF16, 100, 64));
}

static void parts_of_ranks(void **state) {
    const hdi_reduce_attr two = {.parts = 2, .eps = 1e-5f}, nine = {.parts = 9}, none = {0}, negative = {.parts = 2, .eps = -1};
    const hdi_concat_attr pair = {.parts = 2}, three = {.parts = 3};
    const hdi_embedding_attr part = {.out = HD_DTYPE_F32, .first = 40, .total = 100},
                             narrow = {.out = HD_DTYPE_BF16, .total = 100};
    const hdi_embedding_attr lost = {.out = HD_DTYPE_F32, .first = 10};
    const hdi_type *y = TYPE(F32, T, 64), *n = TYPE(F32, 64);
    (void)state;
#define PARTS(a, b) a, b, NULL, NULL, NULL, NULL, NULL, NULL
    GOOD(reduce, &two, "f32[?, 64]", y, y);
    GOOD(reduce, &two, "f32[?, 64]", PARTS(y, y), n, y);
    GOOD(reduce, &two, "f32[?, 64]", PARTS(y, y), NULL, y);
    BAD(reduce, &two, "2 parts of 1", y);
    BAD(reduce, &two, "part 1 is missing", PARTS(y, NULL));
    BAD(reduce, &two, "part 2 is there", y, y, y);
    BAD(reduce, &nine, "9 parts", PARTS(y, y), n, y);
    BAD(reduce, &none, "0 parts", y);
    BAD(reduce, &two, "a part", y, TYPE(F32, S, 64));
    BAD(reduce, &two, "f32", TYPE(BF16, T, 64), TYPE(BF16, T, 64));
    BAD(reduce, &two, "bias", PARTS(y, y), TYPE(F32, 32));
    BAD(reduce, &two, "residual", PARTS(y, y), NULL, n);
    GOOD(reduce_norm, &two, "f32[?, 64]", PARTS(y, y), NULL, NULL, n);
    assert_string_equal(hdi_type_text(&result[1]), "f32[?, 64]");
    BAD(reduce_norm, &two, "weight", PARTS(y, y), n, y, TYPE(F32, 32));
    BAD(reduce_norm, &negative, "negative", PARTS(y, y), n, y, n);
    GOOD(concat, &pair, "f16[?, 10]", TYPE(F16, T, 10), TYPE(F16, T, 0));
    GOOD(concat, &three, "u8[7]", TYPE(U8, 1), TYPE(U8, 2), TYPE(U8, 4));
    BAD(concat, &pair, "a part", TYPE(F32, T, 10), TYPE(F16, T, 10));
    BAD(concat, &pair, "a part", TYPE(F32, T, 10), TYPE(F32, S, 10));
    BAD(concat, &pair, "symbolic", TYPE(F32, 2, T), TYPE(F32, 2, T));
    BAD(concat, &pair, "part 2 is there", y, y, y);
    BAD(concat, &three, "3 parts", y, y);
    BAD(concat, &pair, "64 bits", TYPE(U8, INT64_MAX), TYPE(U8, 1));
    BAD(concat, &pair, "blocks", TYPE(Q8_0, 2, 64), TYPE(Q8_0, 2, 64));
    GOOD(embedding, &part, "f32[?, 64]", TYPE(I32, T), TYPE(BF16, 60, 64));
    BAD(embedding, &part, "100 rows", TYPE(I32, T), TYPE(BF16, 61, 64));
    BAD(embedding, &narrow, "f32, not bf16", TYPE(I32, T), TYPE(BF16, 60, 64));
    BAD(embedding, &lost, "10 on", TYPE(I32, T), TYPE(BF16, 60, 64));
#undef PARTS
}

static void rotary_and_attention(void **state) {
    const hdi_rope_attr rope = {0};
    const hdi_rope_table_attr table = {.attention_scale = 1}, dynamic = {.attention_scale = 1, .dynamic_factor = 2};
    const hdi_attention_attr att = {.scale = 1}, backwards = {.scale = 1, .window = -1};
    (void)state;
    GOOD(rope_table, &table, "f32[?, 32]", TYPE(I32, T), NULL, TYPE(F32, 32));
    BAD(rope_table, &dynamic, "seq_len", TYPE(I32, T), NULL, TYPE(F32, 32));
    BAD(rope_table, &table, "seq_len", TYPE(I32, T), TYPE(I32, S), TYPE(F32, 32));
    GOOD(rope, &rope, "f32[?, 4, 64]", TYPE(F32, T, 4, 64), TYPE(F32, T, 32), TYPE(F32, T, 32));
    BAD(rope, &rope, "do not fit", TYPE(F32, T, 4, 62), TYPE(F32, T, 32), TYPE(F32, T, 32));
    BAD(rope, &rope, "cos", TYPE(F32, T, 4, 64), TYPE(F32, S, 32), TYPE(F32, S, 32));
    GOOD(kv_write, NULL, "bf16[?, 16, 2, 64]", TYPE(BF16, P, 16, 2, 64), TYPE(F32, T, 2, 64), TYPE(I32, T));
    GOOD(keep_ids, NULL, "i32[8]", TYPE(I32, 8), TYPE(I32, T));
    BAD(keep_ids, NULL, "x is", TYPE(I32, 8), TYPE(I64, T));
    BAD(keep_ids, NULL, "ids is", TYPE(I32, 8, 1), TYPE(I32, T));
    GOOD(take_ids, NULL, "i32[?]", TYPE(I32, T), TYPE(I32, T), TYPE(I32, 8));
    BAD(take_ids, NULL, "source", TYPE(I32, T), TYPE(I32, P), TYPE(I32, 8));
    BAD(take_ids, NULL, "ids is", TYPE(I32, T), TYPE(I32, T), TYPE(F32, 8));
    BAD(kv_write, NULL, "slots", TYPE(BF16, P, 16, 2, 64), TYPE(F32, T, 2, 64), TYPE(I64, T));
    BAD(kv_write, NULL, "x is", TYPE(BF16, P, 16, 2, 64), TYPE(F32, T, 3, 64), TYPE(I32, T));
#define ATTENTION(q, k, v) q, k, v, TYPE(I32, S, 8), TYPE(I32, T), TYPE(I32, T)
    GOOD(attention, &att, "f32[?, 6, 48]", ATTENTION(TYPE(F32, T, 6, 64), TYPE(BF16, P, 16, 2, 64), TYPE(BF16, P, 16, 2, 48)));
    BAD(attention, &att, "multiple", ATTENTION(TYPE(F32, T, 5, 64), TYPE(BF16, P, 16, 2, 64), TYPE(BF16, P, 16, 2, 48)));
    BAD(attention, &att, "multiple", ATTENTION(TYPE(F32, T, 5, 64), TYPE(BF16, P, 16, 0, 64), TYPE(BF16, P, 16, 0, 48)));
    BAD(attention, &att, "k is", ATTENTION(TYPE(F32, T, 6, 64), TYPE(BF16, P, 16, 2, 32), TYPE(BF16, P, 16, 2, 48)));
    BAD(attention, &att, "v is", ATTENTION(TYPE(F32, T, 6, 64), TYPE(BF16, P, 16, 2, 64), TYPE(F16, P, 16, 2, 48)));
    BAD(attention, &att, "page", ATTENTION(TYPE(F32, T, 6, 64), TYPE(F32, P, 0, 2, 64), TYPE(F32, P, 0, 2, 48)));
    BAD(attention, &backwards, "window", ATTENTION(TYPE(F32, T, 6, 64), TYPE(F32, P, 16, 2, 64), TYPE(F32, P, 16, 2, 48)));
}

static void others(void **state) {
    const hdi_convert_attr q4 = {.out = HD_DTYPE_Q4_0}, u8 = {.out = HD_DTYPE_U8}, none = {.out = 200};
    (void)state;
    GOOD(convert, &u8, "u8[?]", TYPE(F64, T));
    GOOD(convert, &q4, "q4_0[?, 64]", TYPE(F32, T, 64));
    BAD(convert, &q4, "multiple of 32", TYPE(F32, T, 65));
    BAD(convert, &q4, "cannot become", TYPE(I32, T, 64));
    BAD(convert, &none, "200", TYPE(I32, T, 64));
    GOOD(rearrange, NULL, "u16[?, 2]", TYPE(U16, T, 2));
    BAD(rearrange, NULL, "blocks", TYPE(Q8_0, T, 32));
    GOOD(sample, NULL, "i32[?]", TYPE(F32, T, 100), TYPE(F32, T, 8));
    BAD(sample, NULL, "params", TYPE(F32, T, 100), TYPE(F32, T, 7));
    BAD(sample, NULL, "nothing", TYPE(F32, T, 0), TYPE(F32, T, 8));
}

/* Every float dtype has its kernels, and what the types say is what is chosen. */
static void kernels_are_chosen_by_dtype(void **state) {
    static const hdi_op *const by_x[] = {&hdi_op_add,    &hdi_op_mul,      &hdi_op_gelu, &hdi_op_swiglu,    &hdi_op_softmax,
                                         &hdi_op_argmax, &hdi_op_rms_norm, &hdi_op_rope, &hdi_op_layer_norm};
    static const hd_dtype floats[] = {HD_DTYPE_F32, HD_DTYPE_F16, HD_DTYPE_BF16};
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(by_x); i++)
        for (size_t f = 0; f < HDI_COUNTOF(floats); f++) {
            hdi_type x = {.dtype = (uint8_t)floats[f], .rank = 1, .dim = {4}};
            hdi_kernel_id k = HDI_KERNEL_NONE;
            char want[64];
            snprintf(want, sizeof want, "%s_%s", by_x[i]->name, hd_dtype_name(floats[f]));
            assert_int_equal(by_x[i]->choose(INPUTS(&x, &x, &x), &x, NULL, &k), HD_OK);
            assert_string_equal(hdi_kernel_name(k), want);
        }
}

static void names_and_attributes(void **state) {
    char text[64];
    (void)state;
    assert_ptr_equal(hdi_op_find("linear"), &hdi_op_linear);
    assert_null(hdi_op_find("lineal"));
    hdi_op_rope.print(&(hdi_rope_attr){.interleaved = true}, text, sizeof text);
    assert_string_equal(text, "interleaved");
    hdi_op_attention.print(&(hdi_attention_attr){.scale = 0.125f, .window = 7}, text, sizeof text);
    assert_string_equal(text, "scale=0.125 window=7");
    hdi_op_attention.print(&(hdi_attention_attr){.scale = 0.125f, .window = 7}, text, 4); /* a small buffer is not overrun */
    assert_string_equal(text, "sca");
#define OP(name) assert_true(hdi_op_##name.attr_size <= HDI_ATTR_BYTES && hdi_op_find(#name) == &hdi_op_##name);
#include "ops/ops.def"
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasting),
        cmocka_unit_test(rows),
        cmocka_unit_test(matrices),
        cmocka_unit_test(parts_of_ranks),
        cmocka_unit_test(rotary_and_attention),
        cmocka_unit_test(others),
        cmocka_unit_test(kernels_are_chosen_by_dtype),
        cmocka_unit_test(names_and_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
