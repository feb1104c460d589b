/* SPDX-License-Identifier: Apache-2.0 */
/* Symbolic sizes: equal polynomials are one handle, simplified expressions have the values of plain ones, ranges hold, overflow
 * is caught. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "graph/dim.h"

static void equal_products_are_one_handle(void **state) {
    (void)state;
    hdi_dims dims = {0};
    hdi_dim t, s, ts, st, t64, back;
    assert_int_equal(hdi_dims_symbol(&dims, "tokens", 1, 512, &t), HD_OK);
    assert_int_equal(hdi_dims_symbol(&dims, "sequences", 1, 8, &s), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, t, s, &ts), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, s, t, &st), HD_OK);
    assert_true(ts == st);
    assert_int_equal(hdi_dims_mul(&dims, t, 64, &t64), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, 64, t, &back), HD_OK);
    assert_true(t64 == back && t64 != t);
    assert_int_equal(hdi_dims_mul(&dims, t, 1, &back), HD_OK);
    assert_true(back == t);
    assert_int_equal(hdi_dims_mul(&dims, t, 0, &back), HD_OK);
    assert_int_equal(back, 0);
    int64_t symbols[2] = {7, 3}, values[16];
    hdi_exprs_eval(dims.exprs, dims.n_exprs, symbols, values);
    assert_int_equal(hdi_expr_value(values, ts), 21);
    assert_int_equal(hdi_expr_value(values, t64), 448);
    assert_int_equal(hdi_expr_value(values, 5), 5);
    assert_int_equal(hdi_dims_max(&dims, ts), 4096);
    hdi_dims_clear(&dims);
}

/* n, m and what is written down of them. */
typedef struct fixture {
    hdi_dims dims;
    hdi_dim n, m;
} fixture;

static void begin(fixture *f) {
    *f = (fixture){0};
    assert_int_equal(hdi_dims_symbol(&f->dims, "n", 1, 100, &f->n), HD_OK);
    assert_int_equal(hdi_dims_symbol(&f->dims, "m", 2, 9, &f->m), HD_OK);
}

typedef hd_status (*binary)(hdi_dims *, hdi_dim, hdi_dim, hdi_dim *);

static hdi_dim of(fixture *f, binary op, hdi_dim a, hdi_dim b) {
    hdi_dim out;
    assert_int_equal(op(&f->dims, a, b, &out), HD_OK);
    return out;
}

static void expect_text(const fixture *f, hdi_dim dim, const char *want) {
    char text[128];
    assert_int_equal(hdi_dims_text(&f->dims, dim, text, sizeof text), strlen(want));
    assert_string_equal(text, want);
}

static void polynomials_have_one_form(void **state) {
    (void)state;
    fixture f;
    begin(&f);
    hdi_dim up = of(&f, hdi_dims_add, f.n, 1), down = of(&f, hdi_dims_sub, f.n, 1);
    hdi_dim square = of(&f, hdi_dims_mul, up, down), n2 = of(&f, hdi_dims_mul, f.n, f.n);
    assert_true(square == of(&f, hdi_dims_sub, n2, 1)); /* (n + 1)(n - 1) = n^2 - 1 */
    assert_true(of(&f, hdi_dims_sub, up, f.n) == 1);
    assert_true(of(&f, hdi_dims_sub, of(&f, hdi_dims_add, f.m, f.n), f.m) == f.n);
    assert_true(of(&f, hdi_dims_add, f.n, f.m) == of(&f, hdi_dims_add, f.m, f.n));
    expect_text(&f, square, "n*n - 1");
    expect_text(&f, of(&f, hdi_dims_mul, of(&f, hdi_dims_add, f.n, f.m), 3), "3*n + 3*m");
    expect_text(&f, of(&f, hdi_dims_sub, 5, of(&f, hdi_dims_mul, of(&f, hdi_dims_div, f.n, 2), of(&f, hdi_dims_mul, f.m, 2))),
                "-2*m*(n//2) + 5");
    expect_text(&f, of(&f, hdi_dims_mul, f.n, 64), "64*n");
    hdi_dims_clear(&f.dims);
}

static void quotients_are_simplified(void **state) {
    (void)state;
    fixture f;
    begin(&f);
    hdi_dim n6 = of(&f, hdi_dims_mul, f.n, 6), nm = of(&f, hdi_dims_mul, f.n, f.m), half = of(&f, hdi_dims_div, f.n, 2);
    assert_true(of(&f, hdi_dims_div, n6, 3) == of(&f, hdi_dims_mul, f.n, 2));
    assert_true(of(&f, hdi_dims_div, n6, 4) == of(&f, hdi_dims_add, f.n, half)); /* 6n/4 = n + n/2, rounded down */
    assert_true(of(&f, hdi_dims_div, half, 3) == of(&f, hdi_dims_div, f.n, 6));
    assert_true(of(&f, hdi_dims_div, nm, f.m) == f.n);
    assert_true(of(&f, hdi_dims_div, f.m, 10) == 0);
    assert_true(of(&f, hdi_dims_mod, n6, 3) == 0);
    assert_true(of(&f, hdi_dims_mod, f.m, 10) == f.m);
    /* what a convolution of stride 2 leaves of n: (n - 1)/2 + 1 */
    hdi_dim conv = of(&f, hdi_dims_add, of(&f, hdi_dims_div, of(&f, hdi_dims_sub, f.n, 1), 2), 1);
    expect_text(&f, conv, "(n + 1)//2");
    assert_int_equal(hdi_dims_min(&f.dims, conv), 1);
    assert_int_equal(hdi_dims_max(&f.dims, conv), 50);
    hdi_dim rest = of(&f, hdi_dims_sub, f.n, half);
    expect_text(&f, rest, "n - n//2");
    assert_int_equal(hdi_dims_min(&f.dims, rest), 1); /* n - n/2 is half of n, rounded up */
    assert_int_equal(hdi_dims_max(&f.dims, rest), 50);
    assert_true(of(&f, hdi_dims_greater, f.n, of(&f, hdi_dims_add, f.n, 2)) == of(&f, hdi_dims_add, f.n, 2));
    assert_true(of(&f, hdi_dims_lesser, f.n, 1) == 1);
    expect_text(&f, of(&f, hdi_dims_greater, f.n, f.m), "max(n, m)");
    hdi_dims_clear(&f.dims);
}

/* Random expressions: what the forms make of them has the value of the plain arithmetic, within their ranges. */
static void forms_keep_values(void **state) {
    (void)state;
    static const binary ops[] = {hdi_dims_add, hdi_dims_sub,    hdi_dims_mul,    hdi_dims_div,
                                 hdi_dims_mod, hdi_dims_lesser, hdi_dims_greater};
    enum { EXPRESSIONS = 400, DEPTH = 8, POINTS = 6 };
    static const int64_t points[POINTS][2] = {{1, 2}, {100, 9}, {7, 3}, {64, 8}, {33, 5}, {99, 2}};
    uint32_t random = 2026;
    int made = 0;
    for (int e = 0; e < EXPRESSIONS; e++) {
        fixture f;
        begin(&f);
        hdi_dim dim[DEPTH + 3] = {f.n, f.m, 3};
        int64_t plain[DEPTH + 3][POINTS];
        for (int p = 0; p < POINTS; p++) plain[0][p] = points[p][0], plain[1][p] = points[p][1], plain[2][p] = 3;
        for (int i = 3; i < DEPTH + 3; i++) {
            random = random * 1664525u + 1013904223u;
            unsigned op = (random >> 8) % HDI_COUNTOF(ops);
            int a = (int)((random >> 12) % (unsigned)i), b = (int)((random >> 20) % (unsigned)i);
            if ((op == 3 || op == 4) && hdi_dims_min(&f.dims, dim[b]) < 1) b = 1;
            if (ops[op](&f.dims, dim[a], dim[b], &dim[i]) != HD_OK) { /* too large: take something plain */
                dim[i] = f.n;
                memcpy(plain[i], plain[0], sizeof plain[i]);
                continue;
            }
            made++;
            for (int p = 0; p < POINTS; p++) {
                int64_t x = plain[a][p], y = plain[b][p], q = op == 3 || op == 4 ? x / y - (x % y < 0) : 0;
                const int64_t results[] = {x + y, x - y, x * y, q, x - q * y, hdi_min_i64(x, y), hdi_max_i64(x, y)};
                plain[i][p] = results[op];
            }
        }
        int64_t *values;
        assert_int_equal(hdi_alloc(&values, f.dims.n_exprs, sizeof *values, "a test"), HD_OK);
        for (int p = 0; p < POINTS; p++) {
            hdi_exprs_eval(f.dims.exprs, f.dims.n_exprs, points[p], values);
            for (int i = 0; i < DEPTH + 3; i++) {
                assert_int_equal(hdi_expr_value(values, dim[i]), plain[i][p]);
                assert_true(hdi_dims_min(&f.dims, dim[i]) <= plain[i][p] && plain[i][p] <= hdi_dims_max(&f.dims, dim[i]));
            }
        }
        hdi_free(values);
        hdi_dims_clear(&f.dims);
    }
    assert_true(made > EXPRESSIONS * DEPTH / 2);
}

static void products_are_recognised(void **state) {
    (void)state;
    fixture f;
    hdi_product p;
    begin(&f);
    hdi_dim nm6 = of(&f, hdi_dims_mul, of(&f, hdi_dims_mul, f.m, 6), f.n);
    assert_true(hdi_expr_product(f.dims.exprs, nm6, &p));
    assert_int_equal(p.coefficient, 6);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.symbol[0], 0);
    assert_int_equal(p.symbol[1], 1);
    assert_false(hdi_expr_product(f.dims.exprs, of(&f, hdi_dims_add, f.n, 1), &p));
    assert_false(hdi_expr_product(f.dims.exprs, of(&f, hdi_dims_div, f.n, 2), &p));
    hdi_dims_clear(&f.dims);
}

static void bad_sizes_are_refused(void **state) {
    (void)state;
    hdi_dims dims = {0};
    hdi_dim big, out;
    assert_int_equal(hdi_dims_symbol(&dims, "big", 0, INT64_MAX / 2, &big), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, big, 2, &out), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, big, 3, &out), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "overflow"));
    assert_int_equal(hdi_dims_div(&dims, 7, big, &out), HD_INVALID_ARGUMENT); /* it can be 0 */
    assert_int_equal(hdi_dims_mod(&dims, big, 0, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "big", 0, 1, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "backwards", 2, 1, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "below", -1, 1, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "", 0, 1, &out), HD_INVALID_ARGUMENT);
    hdi_dims_clear(&dims);
}

/* More terms, and more factors, than a form holds. */
static void long_sizes_are_refused(void **state) {
    (void)state;
    hdi_dims dims = {0};
    hdi_dim sum = 0, product = 1, symbol;
    hd_status added = HD_OK, multiplied = HD_OK;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(hdi_dims_symbol(&dims, name, 1, 2, &symbol), HD_OK);
        if (added == HD_OK) added = hdi_dims_add(&dims, sum, symbol, &sum);
        if (multiplied == HD_OK) multiplied = hdi_dims_mul(&dims, product, symbol, &product);
    }
    assert_int_equal(added, HD_UNSUPPORTED);
    assert_int_equal(multiplied, HD_UNSUPPORTED);
    hdi_dims_clear(&dims);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_products_are_one_handle), cmocka_unit_test(polynomials_have_one_form),
        cmocka_unit_test(quotients_are_simplified),      cmocka_unit_test(forms_keep_values),
        cmocka_unit_test(products_are_recognised),       cmocka_unit_test(bad_sizes_are_refused),
        cmocka_unit_test(long_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
