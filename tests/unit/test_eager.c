/* SPDX-License-Identifier: Apache-2.0 */
/* Eager operators against their formulas in double, in all float types, contiguous and strided; and what they refuse. */
#include "unit/eager_util.h"

static double a[TEST_MAX], b[TEST_MAX], c[TEST_MAX], want[TEST_MAX];

/* Runs the body for each float type D, contiguous and strided. */
#define FOR_EACH(D, strided)                                \
    for (hd_dtype D = HD_DTYPE_F16; D <= HD_DTYPE_F32; D++) \
        for (int strided = 0; strided < 2; strided++)

static void destroy(hd_tensor *x, hd_tensor *y, hd_tensor *z, hd_tensor *w) {
    hd_tensor_destroy(x), hd_tensor_destroy(y), hd_tensor_destroy(z), hd_tensor_destroy(w);
}

static int teardown(void **state) {
    hd_memory_stats s;
    (void)state;
    OK(hd_memory_get_stats(hdi_device_cpu(), &s));
    assert_int_equal(s.in_use, 0);
    return 0;
}

static void add_and_mul(void **state) {
    (void)state;
    FOR_EACH(D, strided) {
        hd_tensor *x = test_tensor(NULL, D, strided, 3, SHAPE(5, 1, 37)), *y = test_tensor(NULL, D, strided, 3, SHAPE(7, 37));
        hd_tensor *z = test_tensor(NULL, D, strided, 1, SHAPE(5, 7, 37));
        test_values(x, a), test_values(y, b);
        OK(hd_add(z, x, y));
        for (int i = 0; i < 5 * 7 * 37; i++) want[i] = a[i / 259 * 37 + i % 37] + b[i % 259];
        test_close("add", z, want, test_tolerance(D));
        OK(hd_mul(z, y, x));
        for (int i = 0; i < 5 * 7 * 37; i++) want[i] = a[i / 259 * 37 + i % 37] * b[i % 259];
        test_close("mul", z, want, test_tolerance(D));
        test_values(z, a);
        OK(hd_add(z, z, z)); /* in place */
        for (int i = 0; i < 5 * 7 * 37; i++) want[i] = 2 * a[i];
        test_close("add in place", z, want, test_tolerance(D));
        destroy(x, y, z, NULL);
    }
}

static void pointwise(void **state) {
    (void)state;
    FOR_EACH(D, strided) {
        hd_tensor *x = test_tensor(NULL, D, strided, 6, SHAPE(3, 67)), *u = test_tensor(NULL, D, strided, 2, SHAPE(3, 67));
        hd_tensor *y = test_tensor(NULL, D, !strided, 1, SHAPE(3, 67));
        test_values(x, a), test_values(u, b);
        OK(hd_gelu(y, x, false));
        for (int i = 0; i < 201; i++) want[i] = a[i] * 0.5 * erfc(-a[i] / sqrt(2));
        test_close("gelu", y, want, test_tolerance(D));
        OK(hd_gelu(y, x, true));
        for (int i = 0; i < 201; i++) want[i] = 0.5 * a[i] * (1 + tanh(sqrt(2 / M_PI) * (a[i] + 0.044715 * a[i] * a[i] * a[i])));
        test_close("gelu tanh", y, want, test_tolerance(D));
        OK(hd_swiglu(y, x, u));
        for (int i = 0; i < 201; i++) want[i] = b[i] * a[i] / (1 + exp(-a[i]));
        test_close("swiglu", y, want, test_tolerance(D));
        OK(hd_swiglu(x, x, u));
        test_close("swiglu in place", x, want, test_tolerance(D));
        OK(hd_softmax(y, u));
        for (int r = 0; r < 3; r++) {
            double sum = 0;
            for (int i = 0; i < 67; i++) sum += exp(b[r * 67 + i]);
            for (int i = 0; i < 67; i++) want[r * 67 + i] = exp(b[r * 67 + i]) / sum;
        }
        test_close("softmax", y, want, test_tolerance(D));
        destroy(x, u, y, NULL);
    }
}

static void norms(void **state) {
    enum { R = 6, N = 131 };
    (void)state;
    FOR_EACH(D, strided) {
        hd_tensor *x = test_tensor(NULL, D, strided, 4, SHAPE(2, 3, N)), *w = test_tensor(NULL, D, false, 2, SHAPE(N));
        hd_tensor *bias = test_tensor(NULL, D, false, 2, SHAPE(N)), *y = test_tensor(NULL, D, strided, 1, SHAPE(2, 3, N));
        test_values(x, a), test_values(w, b), test_values(bias, c);
        for (int r = 0; r < R; r++) {
            double squares = 0;
            for (int i = 0; i < N; i++) squares += a[r * N + i] * a[r * N + i];
            for (int i = 0; i < N; i++) want[r * N + i] = a[r * N + i] / sqrt(squares / N + 1e-5) * b[i];
        }
        OK(hd_rms_norm(y, x, w, 1e-5f));
        test_close("rms_norm", y, want, test_tolerance(D));
        for (int r = 0; r < R; r++) {
            double mean = 0, variance = 0;
            for (int i = 0; i < N; i++) mean += a[r * N + i] / N;
            for (int i = 0; i < N; i++) variance += (a[r * N + i] - mean) * (a[r * N + i] - mean) / N;
            for (int i = 0; i < N; i++) want[r * N + i] = (a[r * N + i] - mean) / sqrt(variance + 1e-5) * b[i] + c[i];
        }
        OK(hd_layer_norm(y, x, w, bias, 1e-5f));
        test_close("layer_norm", y, want, test_tolerance(D));
        OK(hd_layer_norm(x, x, w, NULL, 1e-5f));
        for (int i = 0; i < R * N; i++) want[i] -= c[i % N];
        test_close("layer_norm in place without bias", x, want, test_tolerance(D) * 2);
        destroy(x, w, bias, y);
    }
}

static void argmax(void **state) {
    (void)state;
    FOR_EACH(D, strided) {
        hd_tensor *x = test_tensor(NULL, D, strided, 4, SHAPE(3, 77)), *value = test_empty(NULL, D, SHAPE(3)), *v1, *row;
        hd_tensor *index = test_empty(NULL, strided ? HD_DTYPE_I32 : HD_DTYPE_I64, SHAPE(3)), *i1;
        char bytes[24];
        test_values(x, a);
        OK(hd_argmax(index, value, x));
        OK(hd_tensor_store(index, bytes));
        for (int r = 0; r < 3; r++) {
            int best = 0;
            for (int i = 0; i < 77; i++)
                if (a[r * 77 + i] > a[r * 77 + best]) best = i;
            assert_int_equal(strided ? ((int32_t *)bytes)[r] : ((int64_t *)bytes)[r], best);
            want[r] = a[r * 77 + best];
        }
        test_close("argmax", value, want, 0);
        OK(hd_tensor_slice(x, 0, 1, 2, &row)); /* a vector with outputs of one element */
        OK(hd_tensor_reshape(row, SHAPE(77), &v1));
        hd_tensor_destroy(row);
        row = v1;
        i1 = test_empty(NULL, HD_DTYPE_I64, SHAPE(1)), v1 = test_empty(NULL, D, SHAPE(1));
        OK(hd_argmax(i1, v1, row));
        test_close("argmax of a vector", v1, want + 1, 0);
        destroy(x, value, index, i1);
        destroy(v1, row, NULL, NULL);
    }
}

static void linear(void **state) {
    enum { M = 5, N = 11, K = 96 };
    (void)state;
    FOR_EACH(D, strided)
    for (int with_bias = 0; with_bias < 3; with_bias++) {
        hd_tensor *x = test_tensor(NULL, D, strided, 1, SHAPE(M, K)), *w = test_tensor(NULL, D, strided, 0.3, SHAPE(N, K));
        hd_tensor *y = test_tensor(NULL, D, strided, 1, SHAPE(M, N)), *bias = NULL;
        if (with_bias) bias = test_tensor(NULL, with_bias == 1 ? HD_DTYPE_F32 : D, false, 1, SHAPE(N));
        test_values(x, a), test_values(w, b);
        if (bias) test_values(bias, c);
        for (int m = 0; m < M; m++)
            for (int n = 0; n < N; n++) {
                double sum = bias ? c[n] : 0;
                for (int k = 0; k < K; k++) sum += a[m * K + k] * b[n * K + k];
                want[m * N + n] = sum;
            }
        OK(hd_linear(y, x, w, bias));
        test_close("linear", y, want, test_tolerance(D));
        destroy(x, w, y, bias);
    }
}

static void embedding(void **state) {
    const int64_t ids[] = {6, 0, 3, 3, 1, 5};
    (void)state;
    FOR_EACH(D, strided) {
        hd_tensor *table = test_tensor(NULL, D, strided, 3, SHAPE(7, 33));
        hd_tensor *i = test_ints(NULL, strided ? HD_DTYPE_I32 : HD_DTYPE_I64, ids, SHAPE(2, 3)),
                  *same = test_empty(NULL, D, SHAPE(2, 3, 33));
        hd_tensor *wide = test_tensor(NULL, HD_DTYPE_F32, strided, 1, SHAPE(2, 3, 33));
        test_values(table, a);
        for (int k = 0; k < 6 * 33; k++) want[k] = a[ids[k / 33] * 33 + k % 33];
        OK(hd_embedding(same, i, table));
        test_close("embedding", same, want, 0);
        OK(hd_embedding(wide, i, table));
        test_close("embedding to f32", wide, want, 0);
        hd_tensor_destroy(i);
        i = test_ints(NULL, HD_DTYPE_I64, (const int64_t[]){0, 1, 2, 7, 0, 0}, SHAPE(2, 3));
        assert_int_equal(hd_embedding(same, i, table), HD_INVALID_ARGUMENT);
        assert_string_equal(hd_last_error(), "embedding: id 7 (entry 3) is outside 0 to 6");
        destroy(table, i, same, wide);
    }
}

static void copies(void **state) {
    static const int32_t order[] = {2, 0, 1};
    hd_tensor *x = test_tensor(NULL, HD_DTYPE_F32, true, 3, SHAPE(4, 5, 6)), *turned,
              *y = test_tensor(NULL, HD_DTYPE_F32, true, 3, SHAPE(6, 4, 5));
    hd_tensor *half = test_tensor(NULL, HD_DTYPE_F16, true, 1, SHAPE(6, 4, 5));
    (void)state;
    OK(hd_tensor_permute(x, order, &turned));
    test_values(x, a);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 20; j++) want[i * 20 + j] = a[j * 6 + i];
    OK(hd_rearrange(y, turned));
    test_close("rearrange", y, want, 0);
    OK(hd_convert(half, turned));
    test_close("convert", half, want, 1e-3);
    assert_int_equal(hd_rearrange(half, turned), HD_INVALID_ARGUMENT);
    destroy(x, turned, y, half);
}

static void rope(void **state) {
    enum { T = 4, H = 3, d = 16 };
    const int64_t positions[T] = {0, 5, 1, 300};
    (void)state;
    FOR_EACH(D, strided)
    for (int interleaved = 0; interleaved < 2; interleaved++)
        for (int dims = 8; dims <= 16; dims += 8) {
            const hd_rope_options o = {.theta = 10000, .interleaved = interleaved, .dims = dims == d ? 0 : dims};
            hd_tensor *x = test_tensor(NULL, D, strided, 1, SHAPE(T, H, d)),
                      *y = test_tensor(NULL, D, strided, 1, SHAPE(T, H, d));
            hd_tensor *p = test_ints(NULL, strided ? HD_DTYPE_I32 : HD_DTYPE_I64, positions, SHAPE(T));
            test_values(x, a);
            memcpy(want, a, sizeof *a * T * H * d);
            for (int t = 0; t < T; t++)
                for (int h = 0; h < H; h++)
                    for (int j = 0; j < dims / 2; j++) {
                        double angle = (double)positions[t] / pow(10000, 2.0 * j / dims);
                        int at = (t * H + h) * d, i0 = at + (interleaved ? 2 * j : j),
                            i1 = at + (interleaved ? 2 * j + 1 : j + dims / 2);
                        want[i0] = a[i0] * cos(angle) - a[i1] * sin(angle);
                        want[i1] = a[i1] * cos(angle) + a[i0] * sin(angle);
                    }
            OK(hd_rope(y, x, p, &o));
            test_close("rope", y, want, D == HD_DTYPE_F32 ? 1e-4 : test_tolerance(D));
            OK(hd_rope(x, x, p, &o));
            test_close("rope in place", x, want, D == HD_DTYPE_F32 ? 1e-4 : test_tolerance(D));
            destroy(x, y, p, NULL);
        }
}

static void rope_with_dynamic_scaling(void **state) {
    enum { T = 2, d = 8 };
    const int64_t positions[T] = {3, 63};
    const hd_rope_options o = {.theta = 10000,
                               .scaling = {.kind = HD_ROPE_SCALING_DYNAMIC, .factor = 2, .original_positions = 32}};
    hd_tensor *x = test_tensor(NULL, HD_DTYPE_F32, false, 1, SHAPE(T, 1, d)),
              *p = test_ints(NULL, HD_DTYPE_I64, positions, SHAPE(T));
    double base = 10000 * pow(2.0 * 64 / 32 - 1, (double)d / (d - 2));
    (void)state;
    test_values(x, a);
    for (int t = 0; t < T; t++)
        for (int j = 0; j < d / 2; j++) {
            double angle = (double)positions[t] / pow(base, 2.0 * j / d), u = a[t * d + j], v = a[t * d + j + d / 2];
            want[t * d + j] = u * cos(angle) - v * sin(angle);
            want[t * d + j + d / 2] = v * cos(angle) + u * sin(angle);
        }
    OK(hd_rope(x, x, p, &o));
    test_close("dynamic rope", x, want, 1e-4);
    destroy(x, p, NULL, NULL);
}

static void self_attention(void **state) {
    enum { S = 5, T = 9, H = 4, G = 2, d = 24, dv = 20 };
    (void)state;
    FOR_EACH(D, strided)
    for (int window = 0; window <= 3; window += 3) {
        const hd_attention_options o = {.window = window};
        hd_tensor *q = test_tensor(NULL, D, strided, 2, SHAPE(S, H, d)), *k = test_tensor(NULL, D, strided, 2, SHAPE(T, G, d));
        hd_tensor *v = test_tensor(NULL, D, strided, 1, SHAPE(T, G, dv)), *y = test_tensor(NULL, D, strided, 1, SHAPE(S, H, dv));
        test_values(q, a), test_values(k, b), test_values(v, c);
        for (int s = 0; s < S; s++)
            for (int h = 0; h < H; h++) {
                int last = s + T - S, first = window && last - window + 1 > 0 ? last - window + 1 : 0, g = h / (H / G);
                double e[T], sum = 0;
                for (int t = first; t <= last; t++) {
                    e[t] = 0;
                    for (int i = 0; i < d; i++) e[t] += a[(s * H + h) * d + i] * b[(t * G + g) * d + i];
                    sum += e[t] = exp(e[t] / sqrt(d));
                }
                for (int i = 0; i < dv; i++) {
                    double *w = &want[(s * H + h) * dv + i];
                    *w = 0;
                    for (int t = first; t <= last; t++) *w += e[t] / sum * c[(t * G + g) * dv + i];
                }
            }
        OK(hd_self_attention(y, q, k, v, &o));
        test_close("self_attention", y, want, test_tolerance(D));
        destroy(q, k, v, y);
    }
}

static void sample(void **state) {
    const float logits[2][4] = {{0, 3, 3, 1}, {-1, -2, -0.5f, -3}};
    hd_sample_options o[2] = {{0, 0, 1, 0, 1, 0}, {1, 1, 1, 0, 1, 0.99f}};
    hd_tensor *x = test_empty(NULL, HD_DTYPE_F32, SHAPE(2, 4)), *ids = test_empty(NULL, HD_DTYPE_I32, SHAPE(2));
    int32_t got[2];
    (void)state;
    OK(hd_tensor_load(x, logits));
    OK(hd_sample(ids, x, o));
    OK(hd_tensor_store(ids, got));
    assert_true(got[0] == 1 && got[1] == 2);
    o[0] = (hd_sample_options){1, 0, 1, 0, 1, 0.95f}; /* past both threes: e^3 * 2 / (1 + 2 e^3 + e) is 0.915 */
    OK(hd_sample(ids, x, o));
    OK(hd_tensor_store(ids, got));
    assert_int_equal(got[0], 3);
    o[1].top_p = 0;
    assert_int_equal(hd_sample(ids, x, o), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "row 1: top_p"));
    destroy(x, ids, NULL, NULL);
}

static void empty_tensors_are_nothing_to_do(void **state) {
    const hd_rope_options o = {.theta = 10000};
    hd_tensor *x = test_empty(NULL, HD_DTYPE_F32, SHAPE(0, 8)), *w = test_tensor(NULL, HD_DTYPE_F32, false, 1, SHAPE(5, 8));
    hd_tensor *y = test_empty(NULL, HD_DTYPE_F32, SHAPE(0, 5)), *p = test_empty(NULL, HD_DTYPE_I32, SHAPE(0)), *h, *n;
    (void)state;
    OK(hd_linear(y, x, w, NULL));
    OK(hd_softmax(x, x));
    OK(hd_tensor_view(x, SHAPE(0, 1, 8), &h));
    OK(hd_rope(h, h, p, &o));
    OK(hd_self_attention(h, h, h, h, NULL));
    OK(hd_tensor_create(SHAPE(5, 0), HD_DTYPE_F32, NULL, &n));
    OK(hd_softmax(n, n));
    destroy(x, w, y, p), destroy(h, n, NULL, NULL);
}

static void refusals_say_why(void **state) {
    hd_tensor *x = test_tensor(NULL, HD_DTYPE_F32, false, 1, SHAPE(4, 6)), *y = test_empty(NULL, HD_DTYPE_F32, SHAPE(4, 7)), *t,
              *left, *right;
    (void)state;
#define REFUSED(call, word)                                                                  \
    do {                                                                                     \
        assert_int_not_equal(call, HD_OK);                                                   \
        if (!strstr(hd_last_error(), word)) fail_msg("%s said: %s", #call, hd_last_error()); \
    } while (0)
    REFUSED(hd_add(y, x, x), "add: c is f32[4, 7]; it must be f32[4, 6]");
    REFUSED(hd_add(NULL, x, x), "no c was given");
    REFUSED(hd_add(x, x, NULL), "no b was given");
    REFUSED(hd_rope(x, x, x, &(hd_rope_options){.theta = 1e4}), "3 dims");
    REFUSED(hd_self_attention(x, x, x, x, NULL), "3 dims");
    OK(hd_tensor_permute(x, (const int32_t[]){1, 0}, &t));
    REFUSED(hd_softmax(t, t), "last dim must be contiguous");
    OK(hd_tensor_slice(x, 1, 0, 5, &left));
    OK(hd_tensor_slice(x, 1, 1, 6, &right));
    REFUSED(hd_gelu(left, right, false), "overlaps");
    REFUSED(hd_linear(left, right, right, NULL), "linear: out is");
    REFUSED(hd_rearrange(left, right), "memory of its own");
    hd_tensor_destroy(left), hd_tensor_destroy(right);
    OK(hd_tensor_slice(x, 1, 0, 3, &left)); /* side by side: address ranges overlap, elements do not */
    OK(hd_tensor_slice(x, 1, 3, 6, &right));
    OK(hd_gelu(left, right, false));
    destroy(x, y, t, left), hd_tensor_destroy(right);
}

int main(void) {
#define TEST(f) cmocka_unit_test_teardown(f, teardown)
    const struct CMUnitTest tests[] = {
        TEST(add_and_mul),      TEST(pointwise), TEST(norms),
        TEST(argmax),           TEST(linear),    TEST(embedding),
        TEST(copies),           TEST(rope),      TEST(rope_with_dynamic_scaling),
        TEST(self_attention),   TEST(sample),    TEST(empty_tensors_are_nothing_to_do),
        TEST(refusals_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
