/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors on the CPU: what they hold, views of them, copies, conversions, the print. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/float16.h"
#include "base/memory.h"
#include "tensor/overlap.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

#define SHAPE(...) (const int64_t[]){__VA_ARGS__}, (int32_t)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define OK(expr)                                                         \
    do {                                                                 \
        if ((expr) != HD_OK) fail_msg("%s: %s", #expr, hd_last_error()); \
    } while (0)

/* A fresh tensor with bytes 0, 1, 2 ... so that every element differs from its neighbours. */
static hd_tensor *counting(hd_dtype dtype, const int64_t *shape, int32_t ndim) {
    hd_tensor *t = NULL;
    unsigned char *bytes;
    size_t n;
    OK(hdi_shape_check("test", shape, ndim, dtype, NULL, &n));
    OK(hd_tensor_create(shape, ndim, dtype, NULL, &t));
    OK(hdi_alloc(&bytes, n, 1, "test"));
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(i * 37 + i / 251);
    OK(hd_tensor_load(t, bytes));
    hdi_free(bytes);
    return t;
}

static void nothing_is_left(void **state) {
    hd_memory_stats s;
    (void)state;
    OK(hd_memory_get_stats(hdi_device_cpu(), &s));
    assert_int_equal(s.in_use, 0);
}

static void facts(void **state) {
    hd_tensor *t = NULL;
    OK(hd_tensor_create(SHAPE(2, 3, 4), HD_DTYPE_I16, NULL, &t));
    assert_int_equal(hd_tensor_ndim(t), 3);
    assert_int_equal(hd_tensor_numel(t), 24);
    assert_int_equal(hd_tensor_strides(t)[0], 12);
    assert_int_equal(hd_tensor_strides(t)[2], 1);
    assert_int_equal(hd_tensor_dtype(t), HD_DTYPE_I16);
    assert_ptr_equal(hd_tensor_device(t), hdi_device_cpu());
    assert_int_equal((uintptr_t)hd_tensor_data(t) % 64, 0);
    assert_true(hd_tensor_is_contiguous(t));
    hd_tensor_destroy(t);
    hd_tensor_destroy(NULL);
    t = NULL;
    assert_int_equal(hd_tensor_create(SHAPE(-2), HD_DTYPE_F32, NULL, &t), HD_INVALID_ARGUMENT);
    OK(hd_memory_configure(hdi_device_cpu(), HD_ALLOCATOR_CACHING, 1000));
    assert_int_equal(hd_tensor_create(SHAPE((int64_t)1 << 60), HD_DTYPE_U8, NULL, &t), HD_OUT_OF_MEMORY);
    assert_null(t);
    OK(hd_memory_configure(hdi_device_cpu(), HD_ALLOCATOR_CACHING, 0));
    nothing_is_left(state);
}

static void borrowed_memory_is_used_in_place(void **state) {
    float mine[6] = {0};
    const float from[6] = {1, 2, 3, 4, 5, 6};
    hd_tensor *t;
    OK(hd_tensor_borrow(mine, SHAPE(2, 3), HD_DTYPE_F32, hdi_device_cpu(), &t));
    OK(hd_tensor_load(t, from));
    assert_memory_equal(mine, from, sizeof mine);
    hd_tensor_destroy(t);
    assert_int_equal(hd_tensor_borrow(NULL, SHAPE(2, 3), HD_DTYPE_F32, NULL, &t), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_borrow((char *)mine + 1, SHAPE(2), HD_DTYPE_F32, NULL, &t), HD_INVALID_ARGUMENT);
    OK(hd_tensor_borrow(NULL, SHAPE(0, 3), HD_DTYPE_F32, NULL, &t));
    OK(hd_tensor_load(t, NULL));
    hd_tensor_destroy(t);
    nothing_is_left(state);
}

/* Bytes of element i (row-major) of any strided plain tensor. */
static const char *at(const hd_tensor *t, int64_t i) {
    int64_t offset = 0;
    for (int32_t d = t->ndim - 1; d >= 0; d--) {
        offset += i % t->shape[d] * t->stride[d];
        i /= t->shape[d];
    }
    return t->data + offset * (int64_t)hd_dtype_block_bytes(t->dtype);
}

static void strided_tensors_load_and_store(void **state) {
    static const hd_dtype types[] = {HD_DTYPE_U8, HD_DTYPE_BF16, HD_DTYPE_I32, HD_DTYPE_F64};
    static const int32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}};
    for (size_t k = 0; k < HDI_COUNTOF(types); k++)
        for (size_t o = 0; o < HDI_COUNTOF(orders); o++) {
            hd_tensor *whole = counting(types[k], SHAPE(5, 7, 19)), *part, *turned, *flat, *again;
            size_t size = hd_dtype_block_bytes(types[k]);
            char stored[4 * 7 * 18 * 8], back[sizeof stored];
            OK(hd_tensor_slice(whole, 0, 1, 5, &part));
            hd_tensor_destroy(whole);
            OK(hd_tensor_slice(part, 2, 0, 18, &whole));
            OK(hd_tensor_permute(whole, orders[o], &turned));
            for (int d = 0; d < 3; d++) assert_int_equal(turned->shape[d], whole->shape[orders[o][d]]);
            OK(hd_tensor_store(turned, stored));
            for (int64_t i = 0; i < hd_tensor_numel(turned); i++)
                assert_memory_equal(stored + (size_t)i * size, at(turned, i), size);
            OK(hd_tensor_contiguous(turned, &flat));
            assert_true(hd_tensor_is_contiguous(flat));
            assert_memory_equal(flat->data, stored, (size_t)hd_tensor_numel(flat) * size);
            for (size_t i = 0; i < sizeof stored; i++) stored[i] = (char)(stored[i] ^ 0x55);
            OK(hd_tensor_load(turned, stored));
            OK(hd_tensor_reshape(turned, SHAPE(-1), &again));
            OK(hd_tensor_store(again, back));
            assert_memory_equal(back, stored, (size_t)hd_tensor_numel(flat) * size);
            hd_tensor_destroy(part), hd_tensor_destroy(whole), hd_tensor_destroy(turned), hd_tensor_destroy(flat),
                hd_tensor_destroy(again);
        }
    nothing_is_left(state);
}

static void views_share_and_refuse(void **state) {
    hd_tensor *t = counting(HD_DTYPE_I32, SHAPE(4, 6)), *v, *p, *r;
    OK(hd_tensor_view(t, SHAPE(2, 2, 3, 2), &v));
    assert_ptr_equal(hd_tensor_data(v), hd_tensor_data(t));
    hd_tensor_destroy(v);
    assert_int_equal(hd_tensor_view(t, SHAPE(5, 5), &v), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "24 elements"));
    assert_int_equal(hd_tensor_view(t, SHAPE(-1), &v), HD_INVALID_ARGUMENT);
    OK(hd_tensor_permute(t, (const int32_t[]){1, 0}, &p));
    assert_int_equal(hd_tensor_view(p, SHAPE(24), &v), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "hd_tensor_reshape"));
    OK(hd_tensor_view(p, SHAPE(3, 2, 4), &v)); /* splitting a dim needs no copy */
    hd_tensor_destroy(v);
    OK(hd_tensor_reshape(p, SHAPE(24), &r));
    assert_ptr_not_equal(hd_tensor_data(r), hd_tensor_data(t));
    hd_tensor_destroy(r);
    assert_int_equal(hd_tensor_permute(t, (const int32_t[]){0, 0}, &v), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_permute(t, (const int32_t[]){0, 2}, &v), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_permute(t, (const int32_t[]){-1, 0}, &v), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_slice(t, 2, 0, 1, &v), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_slice(t, 0, 3, 2, &v), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_slice(t, 0, 0, 5, &v), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tensor_slice(t, 0, -1, 2, &v), HD_INVALID_ARGUMENT);
    OK(hd_tensor_slice(t, 0, 4, 4, &v));
    assert_int_equal(hd_tensor_numel(v), 0);
    hd_tensor_destroy(v), hd_tensor_destroy(p), hd_tensor_destroy(t);
    nothing_is_left(state);
}

static void blocks_stay_whole(void **state) {
    hd_tensor *t = counting(HD_DTYPE_Q8_0, SHAPE(3, 96)), *v;
    assert_int_equal(hd_tensor_slice(t, 1, 16, 96, &v), HD_INVALID_ARGUMENT);
    OK(hd_tensor_slice(t, 1, 32, 96, &v));
    assert_int_equal((char *)hd_tensor_data(v) - (char *)hd_tensor_data(t), 34);
    hd_tensor_destroy(v);
    OK(hd_tensor_slice(t, 0, 1, 3, &v));
    assert_int_equal((char *)hd_tensor_data(v) - (char *)hd_tensor_data(t), 3 * 34);
    hd_tensor_destroy(v);
    assert_int_equal(hd_tensor_permute(t, (const int32_t[]){1, 0}, &v), HD_UNSUPPORTED);
    assert_int_equal(hd_tensor_view(t, SHAPE(18, 16), &v), HD_INVALID_ARGUMENT);
    OK(hd_tensor_view(t, SHAPE(9, 32), &v));
    hd_tensor_destroy(v);
    assert_int_equal(hd_tensor_to_dtype(t, HD_DTYPE_I32, &v), HD_UNSUPPORTED);
    assert_int_equal(hd_tensor_to_dtype(t, HD_DTYPE_Q4_0, &v), HD_UNSUPPORTED);
    hd_tensor_destroy(t);
    nothing_is_left(state);
}

static hd_tensor *of_f32(const float *values, int64_t n) {
    hd_tensor *t;
    OK(hd_tensor_create(&n, 1, HD_DTYPE_F32, NULL, &t));
    OK(hd_tensor_load(t, values));
    return t;
}

static void conversions_follow_the_rules(void **state) {
    /* 2049 and 2051 lie between two f16 numbers: ties go to the even one. */
    const float values[] = {0, -0.0f, 1.5f, -2.75f, 2049, 2051, 70000, 300, -300, 1e10f, -1e10f, NAN, INFINITY, -INFINITY, 1e-8f};
    enum { N = (int)HDI_COUNTOF(values) };
    hd_tensor *t = of_f32(values, N), *to;
    uint16_t half[N], brain[N];
    int8_t i8[N];
    uint8_t u8[N], truth[N];
    int64_t i64[N];
    double f64[N];
    OK(hd_tensor_to_dtype(t, HD_DTYPE_F16, &to));
    OK(hd_tensor_store(to, half));
    hd_tensor_destroy(to);
    OK(hd_tensor_to_dtype(t, HD_DTYPE_BF16, &to));
    OK(hd_tensor_store(to, brain));
    hd_tensor_destroy(to);
    for (int i = 0; i < N; i++) {
        if (isnan(values[i])) continue;
        assert_int_equal(half[i], hdi_f32_to_f16(values[i]));
        assert_int_equal(brain[i], hdi_f32_to_bf16(values[i]));
    }
    assert_int_equal(half[4], hdi_f32_to_f16(2048));
    assert_int_equal(half[5], hdi_f32_to_f16(2052));
    assert_true(isnan(hdi_f16_to_f32(half[11])) && isnan(hdi_bf16_to_f32(brain[11])));
    OK(hd_tensor_to_dtype(t, HD_DTYPE_I8, &to));
    OK(hd_tensor_store(to, i8));
    hd_tensor_destroy(to);
    const int8_t want_i8[N] = {0, 0, 1, -2, 127, 127, 127, 127, -128, 127, -128, 0, 127, -128, 0};
    assert_memory_equal(i8, want_i8, sizeof i8);
    OK(hd_tensor_to_dtype(t, HD_DTYPE_U8, &to));
    OK(hd_tensor_store(to, u8));
    hd_tensor_destroy(to);
    const uint8_t want_u8[N] = {0, 0, 1, 0, 255, 255, 255, 255, 0, 255, 0, 0, 255, 0, 0};
    assert_memory_equal(u8, want_u8, sizeof u8);
    OK(hd_tensor_to_dtype(t, HD_DTYPE_BOOL, &to));
    OK(hd_tensor_store(to, truth));
    hd_tensor_destroy(to);
    for (int i = 0; i < N; i++) assert_int_equal(truth[i], !(values[i] == 0));
    OK(hd_tensor_to_dtype(t, HD_DTYPE_I64, &to));
    OK(hd_tensor_store(to, i64));
    hd_tensor_destroy(to);
    assert_true(i64[9] == 10000000000 && i64[12] == INT64_MAX && i64[13] == INT64_MIN && i64[11] == 0);
    OK(hd_tensor_to_dtype(t, HD_DTYPE_F64, &to));
    OK(hd_tensor_store(to, f64));
    for (int i = 0; i < N; i++) assert_true(f64[i] == (double)values[i] || isnan(values[i]));
    hd_tensor_destroy(to);
    OK(hd_tensor_to_dtype(t, HD_DTYPE_F32, &to)); /* nothing to do: a view */
    assert_ptr_equal(hd_tensor_data(to), hd_tensor_data(t));
    hd_tensor_destroy(to), hd_tensor_destroy(t);
    nothing_is_left(state);
}

static void every_plain_type_converts_to_every_other(void **state) {
    for (int from = 0; from < HD_DTYPE_COUNT; from++)
        for (int to = 0; to < HD_DTYPE_COUNT; to++) {
            const float small[] = {0, 1, 3, 2, 8, 1};
            hd_tensor *a = of_f32(small, 6), *b, *c, *d;
            float back[6];
            if (hd_dtype_block_elements((hd_dtype)from) > 1 || hd_dtype_block_elements((hd_dtype)to) > 1) {
                hd_tensor_destroy(a);
                continue;
            }
            OK(hd_tensor_to_dtype(a, (hd_dtype)from, &b));
            OK(hd_tensor_to_dtype(b, (hd_dtype)to, &c));
            OK(hd_tensor_to_dtype(c, HD_DTYPE_F32, &d));
            OK(hd_tensor_store(d, back));
            for (int i = 0; i < 6; i++)
                assert_true(back[i] == (from == HD_DTYPE_BOOL || to == HD_DTYPE_BOOL ? (float)(small[i] != 0) : small[i]));
            hd_tensor_destroy(a), hd_tensor_destroy(b), hd_tensor_destroy(c), hd_tensor_destroy(d);
        }
    nothing_is_left(state);
}

/* Quantised and back: each value within half a step of its block, whose scale is at most `worst` of the largest magnitude. */
static void blocks_are_made_and_read(void **state) {
    static const struct {
        hd_dtype dtype;
        double worst;
    } types[] = {{HD_DTYPE_Q8_0, 0.51 / 127}, {HD_DTYPE_Q4_0, 1.0 / 8}}; /* q4_0 cuts off at +7 of 8 steps */
    static const hd_dtype sources[] = {HD_DTYPE_F32, HD_DTYPE_F16, HD_DTYPE_BF16};
    for (size_t k = 0; k < HDI_COUNTOF(types); k++)
        for (size_t f = 0; f < HDI_COUNTOF(sources); f++) {
            float values[4 * 96], first[4 * 96], back[4 * 96];
            hd_tensor *t, *turned, *source, *blocks, *again;
            for (int i = 0; i < 4 * 96; i++) values[i] = (float)((i * 7919 % 1000) - 500) / 250.0f;
            OK(hd_tensor_create(SHAPE(96, 4), HD_DTYPE_F32, NULL, &t));
            OK(hd_tensor_load(t, values));
            OK(hd_tensor_permute(t, (const int32_t[]){1, 0}, &turned)); /* rows that are not contiguous */
            OK(hd_tensor_to_dtype(turned, sources[f], &source));
            OK(hd_tensor_to_dtype(source, types[k].dtype, &blocks));
            OK(hd_tensor_to_dtype(blocks, sources[f], &again));
            hd_tensor_destroy(t);
            OK(hd_tensor_to_dtype(source, HD_DTYPE_F32, &t));
            OK(hd_tensor_store(t, first));
            hd_tensor_destroy(t);
            OK(hd_tensor_to_dtype(again, HD_DTYPE_F32, &t));
            OK(hd_tensor_store(t, back));
            for (int i = 0; i < 4 * 96; i++) {
                double most = 0;
                for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++) most = fmax(most, fabs((double)first[j]));
                assert_true(fabs((double)back[i] - (double)first[i]) <= most * (types[k].worst + 0.005));
            }
            hd_tensor_destroy(t), hd_tensor_destroy(turned), hd_tensor_destroy(source), hd_tensor_destroy(blocks),
                hd_tensor_destroy(again);
        }
    nothing_is_left(state);
}

static void expect_text(const hd_tensor *t, const char *want) {
    char *text = NULL;
    OK(hd_tensor_debug(t, &text));
    assert_string_equal(text, want);
    hd_free(text);
}

static void the_print_reads_well(void **state) {
    const float values[] = {1, -2.5f, 3, 0.125f, 1e10f, 6};
    const int64_t none = 0;
    hd_tensor *t = of_f32(values, 6), *m, *p, *empty, *scalar, *line;
    OK(hd_tensor_view(t, SHAPE(2, 3), &m));
    expect_text(m, "f32[2, 3] on cpu\nmin -2.5  max 1e+10  mean 1.66667e+09\n[[    1,  -2.5,     3],\n [0.125, 1e+10,     6]]\n");
    OK(hd_tensor_permute(m, (const int32_t[]){1, 0}, &p));
    expect_text(p, "f32[3, 2] on cpu, strides [1, 3]\nmin -2.5  max 1e+10  mean 1.66667e+09\n[[    1, 0.125],\n [ -2.5, "
                   "1e+10],\n [    3,     6]]\n");
    OK(hd_tensor_create(&none, 1, HD_DTYPE_I32, NULL, &empty));
    expect_text(empty, "i32[0] on cpu\n[]\n");
    OK(hd_tensor_create(NULL, 0, HD_DTYPE_U64, NULL, &scalar));
    OK(hd_tensor_load(scalar, &(uint64_t){UINT64_MAX}));
    expect_text(scalar, "u64[] on cpu\n18446744073709551615\n");
    OK(hd_tensor_create(SHAPE(20), HD_DTYPE_F32, NULL, &line));
    float twenty[20];
    for (int i = 0; i < 20; i++) twenty[i] = (float)i;
    twenty[7] = NAN;
    twenty[8] = -INFINITY;
    OK(hd_tensor_load(line, twenty));
    expect_text(line, "f32[20] on cpu\nmin -inf  max 19  mean 9.72222  1 infinite  1 NaN\n[ 0,  1,  2, ..., 17, 18, 19]\n");
    hd_tensor_destroy(t), hd_tensor_destroy(m), hd_tensor_destroy(p), hd_tensor_destroy(empty), hd_tensor_destroy(scalar),
        hd_tensor_destroy(line);
    nothing_is_left(state);
}

static void long_prints_stay_short(void **state) {
    hd_tensor *t = counting(HD_DTYPE_I32, SHAPE(50, 40, 30, 20));
    char *text;
    OK(hd_tensor_debug(t, &text));
    assert_in_range(strlen(text), 1000, 20000);
    assert_non_null(strstr(text, "...\n"));
    hd_free(text), hd_tensor_destroy(t);
    nothing_is_left(state);
}

static void a_part_of_a_storage_is_a_tensor(void **state) {
    hdi_storage *s;
    hd_tensor *t;
    OK(hdi_storage_create(hdi_device_cpu(), 100, &s));
    assert_int_equal(hdi_tensor_wrap(s, 40, SHAPE(16), HD_DTYPE_F32, &t), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_tensor_wrap(s, SIZE_MAX, SHAPE(1), HD_DTYPE_F32, &t), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_tensor_wrap(s, 2, SHAPE(1), HD_DTYPE_F32, &t), HD_INVALID_ARGUMENT);
    OK(hdi_tensor_wrap(s, 36, SHAPE(16), HD_DTYPE_F32, &t));
    hdi_storage_release(s); /* the tensor holds it */
    memset(hd_tensor_data(t), 0, 64);
    hd_tensor_destroy(t);
    nothing_is_left(state);
}

static uint32_t next(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u, *seed >> 16; }

/* A random view of `whole`: sliced in each dim, sometimes permuted, sometimes seen as bytes of another width by a cast of the
 * type. */
static hd_tensor *random_view(const hd_tensor *whole, uint32_t *seed) {
    hd_tensor *v, *w;
    OK(hd_tensor_view(whole, whole->shape, whole->ndim, &v));
    for (int32_t d = 0; d < whole->ndim; d++) {
        int64_t a = next(seed) % (uint32_t)(whole->shape[d] + 1), b = next(seed) % (uint32_t)(whole->shape[d] + 1);
        OK(hd_tensor_slice(v, d, a < b ? a : b, a < b ? b : a, &w));
        hd_tensor_destroy(v);
        v = w;
    }
    if (next(seed) % 2) {
        OK(hd_tensor_permute(v, (const int32_t[]){2, 0, 1}, &w));
        hd_tensor_destroy(v);
        v = w;
    }
    return v;
}

static void overlap_is_exact(void **state) {
    hd_tensor *whole = counting(HD_DTYPE_I32, SHAPE(4, 5, 6));
    uint32_t seed = 99;
    int yes = 0, no = 0;
    for (int round = 0; round < 5000; round++) {
        hd_tensor *a = random_view(whole, &seed), *b = random_view(whole, &seed);
        bool want = false;
        for (int64_t i = 0; i < hd_tensor_numel(a) && !want; i++)
            for (int64_t j = 0; j < hd_tensor_numel(b) && !want; j++) want = at(a, i) == at(b, j);
        assert_int_equal(hdi_tensor_overlap(a, b), want);
        want ? yes++ : no++;
        hd_tensor_destroy(a), hd_tensor_destroy(b);
    }
    assert_true(yes > 500 && no > 500);
    hd_tensor_destroy(whole);
    nothing_is_left(state);
}

static void failing_allocations_leak_nothing(void **state) {
    hd_tensor *t = counting(HD_DTYPE_F32, SHAPE(4, 6)), *p;
    int succeeded = 0;
    OK(hd_tensor_permute(t, (const int32_t[]){1, 0}, &p));
    for (int n = 0; n < 12; n++) {
        hd_tensor *a = NULL, *b = NULL;
        char *text = NULL;
        OK(hd_memory_trim(hdi_device_cpu()));
        hdi_memory_fail_after(n);
        hd_status s = hd_tensor_reshape(p, SHAPE(24), &a);
        if (s == HD_OK) s = hd_tensor_to_dtype(a, HD_DTYPE_BF16, &b);
        if (s == HD_OK) s = hd_tensor_debug(p, &text);
        hdi_memory_fail_after(-1);
        assert_true(s == HD_OK || s == HD_OUT_OF_MEMORY);
        succeeded += s == HD_OK;
        hd_tensor_destroy(a), hd_tensor_destroy(b), hd_free(text);
    }
    assert_true(succeeded < 12);
    hd_tensor_destroy(t), hd_tensor_destroy(p);
    nothing_is_left(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(borrowed_memory_is_used_in_place),
        cmocka_unit_test(strided_tensors_load_and_store),
        cmocka_unit_test(views_share_and_refuse),
        cmocka_unit_test(blocks_stay_whole),
        cmocka_unit_test(conversions_follow_the_rules),
        cmocka_unit_test(every_plain_type_converts_to_every_other),
        cmocka_unit_test(blocks_are_made_and_read),
        cmocka_unit_test(the_print_reads_well),
        cmocka_unit_test(long_prints_stay_short),
        cmocka_unit_test(a_part_of_a_storage_is_a_tensor),
        cmocka_unit_test(overlap_is_exact),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
