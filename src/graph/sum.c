/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on symbolic sizes in their normal form: a sum of products, coefficient x factors, where a factor is a symbol, or a
 * quotient, remainder, minimum or maximum. Terms and factors are in one order and like terms are added up, so equal polynomials
 * come out as the same entries. */
#include <string.h>

#include "base/memory.h"
#include "graph/dim.h"
#include "graph/sum.h"

enum { TERMS = HDI_EXPR_TERMS, FACTORS = HDI_EXPR_FACTORS };

typedef struct term {
    int64_t coefficient;
    int n;
    hdi_dim factor[FACTORS]; /* older entries first */
} term;

typedef struct sum {
    int n;
    term terms[TERMS]; /* more factors first, so the constant is last */
} sum;

/* ---- normal form ---- */

/* < 0: a comes first. */
static int compare(const term *a, const term *b) {
    if (a->n != b->n) return b->n - a->n;
    for (int i = 0; i < a->n; i++)
        if (a->factor[i] != b->factor[i]) return a->factor[i] > b->factor[i] ? -1 : 1;
    return 0;
}

static hd_status add_term(sum *s, const term *t) {
    int i = 0;
    while (i < s->n && compare(&s->terms[i], t) < 0) i++;
    if (i < s->n && compare(&s->terms[i], t) == 0) {
        int64_t *c = &s->terms[i].coefficient;
        HD_REQUIRE(!__builtin_add_overflow(*c, t->coefficient, c), HD_INVALID_ARGUMENT, "a size overflows 64 bits");
        if (*c == 0) memmove(&s->terms[i], &s->terms[i + 1], (size_t)(--s->n - i) * sizeof *t);
        return HD_OK;
    }
    if (t->coefficient == 0) return HD_OK;
    HD_REQUIRE(s->n < TERMS, HD_UNSUPPORTED, "a size adds up more than %d terms", TERMS);
    memmove(&s->terms[i + 1], &s->terms[i], (size_t)(s->n++ - i) * sizeof *t);
    s->terms[i] = *t;
    return HD_OK;
}

static hd_status times(const term *a, const term *b, term *out) {
    term product = *a;
    HD_REQUIRE(hdi_mul_i64(a->coefficient, b->coefficient, &product.coefficient), HD_INVALID_ARGUMENT,
               "a size overflows 64 bits");
    HD_REQUIRE(a->n + b->n <= FACTORS, HD_UNSUPPORTED, "a size multiplies more than %d symbols", FACTORS);
    for (int i = 0; i < b->n; i++) {
        int j = product.n++;
        for (; j > 0 && product.factor[j - 1] < b->factor[i]; j--) product.factor[j] = product.factor[j - 1];
        product.factor[j] = b->factor[i];
    }
    *out = product;
    return HD_OK;
}

static hd_status add_sum(sum *s, const sum *b, int64_t coefficient) {
    const term scale = {.coefficient = coefficient};
    for (int i = 0; i < b->n; i++) {
        term t;
        HD_TRY(times(&b->terms[i], &scale, &t));
        HD_TRY(add_term(s, &t));
    }
    return HD_OK;
}

static hd_status multiply(const sum *a, const sum *b, sum *out) {
    out->n = 0;
    for (int i = 0; i < a->n; i++)
        for (int j = 0; j < b->n; j++) {
            term t;
            HD_TRY(times(&a->terms[i], &b->terms[j], &t));
            HD_TRY(add_term(out, &t));
        }
    return HD_OK;
}

/* ---- entries to sums, and back ---- */

static hd_status expand_pair(const hdi_expr *exprs, const hdi_expr *e, sum *out);

static hd_status expand(const hdi_expr *exprs, hdi_dim dim, sum *out) {
    int64_t value;
    out->n = 0;
    if (hdi_expr_is_constant(exprs, dim, &value)) return add_term(out, &(term){.coefficient = value});
    const hdi_expr *e = &exprs[-(dim + 1)];
    if (e->kind == HDI_EXPR_ADD || e->kind == HDI_EXPR_MUL) return expand_pair(exprs, e, out);
    return add_term(out, &(term){.coefficient = 1, .n = 1, .factor = {dim}});
}

static hd_status expand_pair(const hdi_expr *exprs, const hdi_expr *e, sum *out) {
    sum a, b;
    HD_TRY(expand(exprs, e->a, &a));
    HD_TRY(expand(exprs, e->b, &b));
    if (e->kind == HDI_EXPR_MUL) return multiply(&a, &b, out);
    *out = a;
    return add_sum(out, &b, 1);
}

static hd_status build_term(hdi_dims *dims, const term *t, hdi_dim *out) {
    hdi_dim coefficient, product = t->n ? t->factor[0] : 1;
    for (int i = 1; i < t->n; i++) HD_TRY(hdi_dims_intern(dims, HDI_EXPR_MUL, product, t->factor[i], &product));
    *out = product;
    if (t->coefficient == 1) return HD_OK;
    HD_TRY(hdi_dims_constant(dims, t->coefficient, &coefficient));
    *out = coefficient;
    return t->n ? hdi_dims_intern(dims, HDI_EXPR_MUL, coefficient, product, out) : HD_OK;
}

static hd_status build(hdi_dims *dims, const sum *s, hdi_dim *out) {
    hdi_dim total = 0, next;
    for (int i = 0; i < s->n; i++) {
        HD_TRY(build_term(dims, &s->terms[i], &next));
        if (i == 0)
            total = next;
        else
            HD_TRY(hdi_dims_intern(dims, HDI_EXPR_ADD, total, next, &total));
    }
    *out = total;
    return HD_OK;
}

/* ---- sums and products ---- */

static hd_status combine(hdi_dims *dims, hdi_dim a, hdi_dim b, int64_t coefficient, hdi_dim *out) {
    sum x, y;
    HD_TRY(expand(dims->exprs, a, &x));
    HD_TRY(expand(dims->exprs, b, &y));
    HD_TRY(add_sum(&x, &y, coefficient));
    return build(dims, &x, out);
}

hd_status hdi_dims_add(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) { return combine(dims, a, b, 1, out); }
hd_status hdi_dims_sub(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) { return combine(dims, a, b, -1, out); }

hd_status hdi_dims_mul(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) {
    sum x, y, product;
    HD_TRY(expand(dims->exprs, a, &x));
    HD_TRY(expand(dims->exprs, b, &y));
    HD_TRY(multiply(&x, &y, &product));
    return build(dims, &product, out);
}

/* ---- quotients and remainders ---- */

/* s = divisor x quotient + rest, the rest's coefficients being 0 .. divisor - 1: floor(s / divisor) is the quotient and
 * floor(rest / divisor). */
static void split(const sum *s, int64_t divisor, sum *quotient, sum *rest) {
    quotient->n = rest->n = 0;
    for (int i = 0; i < s->n; i++) { /* in order, and none is added up: nothing can fail */
        term t = s->terms[i];
        int64_t c = t.coefficient;
        t.coefficient = hdi_floor_div(c, divisor);
        if (t.coefficient) quotient->terms[quotient->n++] = t;
        t.coefficient = c - hdi_floor_div(c, divisor) * divisor;
        if (t.coefficient) rest->terms[rest->n++] = t;
    }
}

/* What all coefficients but the constant's and the divisor have in common leaves both:
 * floor((g x + r) / (g d)) = floor((x + floor(r / g)) / d). */
static void reduce(sum *s, int64_t *divisor) {
    int64_t common = *divisor;
    for (int i = 0; i < s->n; i++)
        if (s->terms[i].n) common = hdi_gcd(common, s->terms[i].coefficient);
    int kept = 0;
    for (int i = 0; i < s->n; i++) {
        term t = s->terms[i];
        t.coefficient = hdi_floor_div(t.coefficient, common);
        if (t.coefficient) s->terms[kept++] = t;
    }
    s->n = kept;
    *divisor /= common;
}

/* A sum that is one quotient by a constant: x // c. */
static bool is_quotient(const hdi_dims *dims, const sum *s, hdi_dim *x, int64_t *c) {
    if (s->n != 1 || s->terms[0].n != 1 || s->terms[0].coefficient != 1) return false;
    const hdi_expr *e = &dims->exprs[-(s->terms[0].factor[0] + 1)];
    if (e->kind != HDI_EXPR_DIV || !hdi_expr_is_constant(dims->exprs, e->b, c)) return false;
    *x = e->a;
    return true;
}

static hd_status div_by_constant(hdi_dims *dims, const sum *s, int64_t divisor, hdi_dim *out) {
    sum quotient, rest;
    hdi_dim x, q;
    int64_t inner, both;
    split(s, divisor, &quotient, &rest);
    reduce(&rest, &divisor);
    HD_TRY(build(dims, &rest, &x));
    if (is_quotient(dims, &rest, &q, &inner) && hdi_mul_i64(inner, divisor, &both)) { /* (q // inner) // divisor */
        HD_TRY(hdi_dims_div(dims, q, both, &q));
    } else if (divisor == 1) {
        q = x;
    } else if (hdi_dims_min(dims, x) >= 0 && hdi_dims_max(dims, x) < divisor) {
        q = 0;
    } else {
        HD_TRY(hdi_dims_intern(dims, HDI_EXPR_DIV, x, divisor, &q));
    }
    HD_TRY(build(dims, &quotient, &x));
    return hdi_dims_add(dims, x, q, out);
}

/* a / b without a rest, as terms: whether b's factors and coefficient are in it. */
static bool cancel(const term *a, const term *b, term *out) {
    *out = (term){.coefficient = a->coefficient / b->coefficient};
    int j = 0;
    for (int i = 0; i < a->n; i++) {
        if (j < b->n && a->factor[i] == b->factor[j])
            j++;
        else
            out->factor[out->n++] = a->factor[i];
    }
    return j == b->n && a->coefficient % b->coefficient == 0;
}

hd_status hdi_dims_div(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) {
    sum x, y, q = {0};
    HD_REQUIRE(hdi_dims_min(dims, b) >= 1, HD_INVALID_ARGUMENT, "a size is divided by one that can be less than 1");
    HD_TRY(expand(dims->exprs, a, &x));
    HD_TRY(expand(dims->exprs, b, &y));
    if (y.n == 1 && y.terms[0].n == 0) return div_by_constant(dims, &x, y.terms[0].coefficient, out);
    if (a == b) {
        *out = 1;
        return HD_OK;
    }
    for (int i = 0; i < x.n && y.n == 1; i++) {
        term t;
        if (!cancel(&x.terms[i], &y.terms[0], &t)) break;
        HD_TRY(add_term(&q, &t));
        if (i == x.n - 1) return build(dims, &q, out);
    }
    return hdi_dims_intern(dims, HDI_EXPR_DIV, a, b, out);
}

hd_status hdi_dims_mod(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) {
    int64_t divisor;
    HD_REQUIRE(hdi_dims_min(dims, b) >= 1, HD_INVALID_ARGUMENT, "a size is divided by one that can be less than 1");
    if (hdi_expr_is_constant(dims->exprs, b, &divisor)) { /* multiples of the divisor go */
        sum x, quotient, rest;
        HD_TRY(expand(dims->exprs, a, &x));
        split(&x, divisor, &quotient, &rest);
        HD_TRY(build(dims, &rest, &a));
    }
    *out = a;
    if (hdi_dims_min(dims, a) >= 0 && hdi_dims_max(dims, a) < hdi_dims_min(dims, b)) return HD_OK;
    return hdi_dims_intern(dims, HDI_EXPR_MOD, a, b, out);
}

/* ---- ranges ---- */

static bool bounds(const hdi_expr *exprs, const sum *s, hdi_interval *out) {
    *out = (hdi_interval){0, 0};
    for (int i = 0; i < s->n; i++) {
        const term *t = &s->terms[i];
        hdi_interval range = {t->coefficient, t->coefficient};
        for (int k = 0; k < t->n; k++)
            if (!hdi_interval_mul(range, hdi_expr_interval(exprs, t->factor[k]), &range)) return false;
        if (__builtin_add_overflow(out->min, range.min, &out->min) || __builtin_add_overflow(out->max, range.max, &out->max))
            return false;
    }
    return true;
}

/* c x (x // d), d a constant. */
static bool is_multiple_of_quotient(const hdi_expr *exprs, const term *t, hdi_dim *x, int64_t *d) {
    if (t->n != 1) return false;
    const hdi_expr *e = &exprs[-(t->factor[0] + 1)];
    *x = e->a;
    return e->kind == HDI_EXPR_DIV && hdi_expr_is_constant(exprs, e->b, d);
}

/* The least common multiple of all constants that are divided by; 0: too large. */
static int64_t denominator(const hdi_expr *exprs, const sum *s) {
    int64_t all = 1, d;
    hdi_dim x;
    for (int i = 0; i < s->n && all; i++)
        if (is_multiple_of_quotient(exprs, &s->terms[i], &x, &d) && !hdi_mul_i64(all / hdi_gcd(all, d), d, &all)) all = 0;
    return all;
}

/* `by` times the sum, with what its quotients are at most (or at least) in their places. */
static hd_status replace(const hdi_expr *exprs, const sum *s, int64_t by, bool most, sum *out) {
    out->n = 0;
    for (int i = 0; i < s->n; i++) {
        const term *t = &s->terms[i], scale = {.coefficient = by};
        int64_t d, c;
        hdi_dim x;
        term scaled;
        sum inside;
        HD_TRY(times(t, &scale, &scaled));
        if (!is_multiple_of_quotient(exprs, t, &x, &d)) {
            HD_TRY(add_term(out, &scaled));
            continue;
        }
        c = scaled.coefficient / d;
        HD_TRY(expand(exprs, x, &inside));
        HD_TRY(add_sum(out, &inside, c));
        if ((c > 0) != most) HD_TRY(add_term(out, &(term){.coefficient = -c * (d - 1)})); /* fits: |c d| is there */
    }
    return HD_OK;
}

void hdi_sum_tighten(const hdi_expr *exprs, const hdi_expr *entry, hdi_interval *range) {
    sum plain, least, most;
    hdi_interval low, high;
    if (expand_pair(exprs, entry, &plain) != HD_OK) return;
    int64_t by = denominator(exprs, &plain);
    if (by <= 1 || replace(exprs, &plain, by, false, &least) != HD_OK || replace(exprs, &plain, by, true, &most) != HD_OK) return;
    if (bounds(exprs, &least, &low)) range->min = hdi_max_i64(range->min, -hdi_floor_div(-low.min, by));
    if (bounds(exprs, &most, &high)) range->max = hdi_min_i64(range->max, hdi_floor_div(high.max, by));
}

/* ---- minima and maxima ---- */

static hd_status choose(hdi_dims *dims, hdi_expr_kind kind, hdi_dim a, hdi_dim b, hdi_dim *out) {
    hdi_dim difference, less, more;
    HD_TRY(hdi_dims_sub(dims, a, b, &difference));
    bool a_is_more = hdi_dims_min(dims, difference) >= 0, b_is_more = hdi_dims_max(dims, difference) <= 0;
    if (a_is_more || b_is_more) {
        less = a_is_more ? b : a;
        more = a_is_more ? a : b;
        *out = kind == HDI_EXPR_MIN ? less : more;
        return HD_OK;
    }
    return hdi_dims_intern(dims, kind, hdi_max_i64(a, b), hdi_min_i64(a, b), out);
}

hd_status hdi_dims_lesser(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) { return choose(dims, HDI_EXPR_MIN, a, b, out); }
hd_status hdi_dims_greater(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) { return choose(dims, HDI_EXPR_MAX, a, b, out); }
