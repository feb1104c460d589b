/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "graph/sum.h"

bool hdi_expr_is_constant(const hdi_expr *exprs, hdi_dim dim, int64_t *value) {
    *value = dim;
    if (dim >= 0) return true;
    *value = exprs[-(dim + 1)].a;
    return exprs[-(dim + 1)].kind == HDI_EXPR_CONSTANT;
}

/* ---- ranges ---- */

hdi_interval hdi_expr_interval(const hdi_expr *exprs, hdi_dim dim) {
    if (dim >= 0) return (hdi_interval){dim, dim};
    return (hdi_interval){exprs[-(dim + 1)].min, exprs[-(dim + 1)].max};
}

bool hdi_interval_mul(hdi_interval a, hdi_interval b, hdi_interval *out) {
    const int64_t ends[4][2] = {{a.min, b.min}, {a.min, b.max}, {a.max, b.min}, {a.max, b.max}};
    *out = (hdi_interval){INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        int64_t v;
        if (!hdi_mul_i64(ends[i][0], ends[i][1], &v)) return false;
        out->min = hdi_min_i64(out->min, v);
        out->max = hdi_max_i64(out->max, v);
    }
    return true;
}

static bool combine(hdi_expr_kind kind, hdi_interval a, hdi_interval b, hdi_interval *out) {
    switch (kind) {
    case HDI_EXPR_ADD:
        return !__builtin_add_overflow(a.min, b.min, &out->min) && !__builtin_add_overflow(a.max, b.max, &out->max);
    case HDI_EXPR_MUL:
        return hdi_interval_mul(a, b, out);
    case HDI_EXPR_DIV:
        *out = (hdi_interval){hdi_floor_div(a.min, a.min < 0 ? hdi_max_i64(b.min, 1) : hdi_max_i64(b.max, 1)),
                              hdi_floor_div(a.max, a.max < 0 ? hdi_max_i64(b.max, 1) : hdi_max_i64(b.min, 1))};
        return b.min >= 1;
    case HDI_EXPR_MOD:
        *out = (hdi_interval){0, a.min >= 0 ? hdi_min_i64(a.max, b.max - 1) : b.max - 1};
        return b.min >= 1;
    case HDI_EXPR_MIN:
        *out = (hdi_interval){hdi_min_i64(a.min, b.min), hdi_min_i64(a.max, b.max)};
        return true;
    case HDI_EXPR_MAX:
        *out = (hdi_interval){hdi_max_i64(a.min, b.min), hdi_max_i64(a.max, b.max)};
        return true;
    default:
        return false;
    }
}

bool hdi_expr_range(const hdi_expr *exprs, const hdi_expr *entry, hdi_interval *out) {
    hdi_expr_kind kind = (hdi_expr_kind)entry->kind;
    if (!combine(kind, hdi_expr_interval(exprs, entry->a), hdi_expr_interval(exprs, entry->b), out)) return false;
    if (kind == HDI_EXPR_ADD) hdi_sum_tighten(exprs, entry, out);
    return true;
}

static int64_t kind_of(const hdi_expr *exprs, hdi_dim dim) { return dim >= 0 ? HDI_EXPR_CONSTANT : exprs[-(dim + 1)].kind; }

bool hdi_expr_is_formed(const hdi_expr *exprs, const hdi_expr *entry) {
    int most = entry->kind == HDI_EXPR_ADD ? HDI_EXPR_TERMS : HDI_EXPR_FACTORS, n = 2;
    if (entry->kind != HDI_EXPR_ADD && entry->kind != HDI_EXPR_MUL) return true;
    if (kind_of(exprs, entry->b) == HDI_EXPR_ADD) return false;
    if (entry->kind == HDI_EXPR_ADD) {
        for (hdi_dim a = entry->a; kind_of(exprs, a) == HDI_EXPR_ADD; a = exprs[-(a + 1)].a) n++;
        return n <= most;
    }
    if (kind_of(exprs, entry->a) == HDI_EXPR_CONSTANT) return true; /* b is a product, looked at before */
    if (kind_of(exprs, entry->a) == HDI_EXPR_ADD || kind_of(exprs, entry->b) == HDI_EXPR_MUL) return false;
    for (hdi_dim a = entry->a; kind_of(exprs, a) == HDI_EXPR_MUL; a = exprs[-(a + 1)].a) n++;
    return n <= most;
}

/* ---- values ---- */

static int64_t value_of(const hdi_expr *e, const int64_t *symbols, const int64_t *values) {
    if (e->kind == HDI_EXPR_CONSTANT) return e->a;
    if (e->kind == HDI_EXPR_SYMBOL) return symbols[e->a];
    int64_t a = hdi_expr_value(values, e->a), b = hdi_expr_value(values, e->b);
    switch ((hdi_expr_kind)e->kind) {
    case HDI_EXPR_ADD:
        return a + b;
    case HDI_EXPR_MUL:
        return a * b;
    case HDI_EXPR_DIV:
        return hdi_floor_div(a, b);
    case HDI_EXPR_MOD:
        return a - hdi_floor_div(a, b) * b;
    case HDI_EXPR_MIN:
        return hdi_min_i64(a, b);
    default:
        return hdi_max_i64(a, b);
    }
}

void hdi_exprs_eval(const hdi_expr *exprs, size_t n, const int64_t *symbols, int64_t *values) {
    for (size_t i = 0; i < n; i++) values[i] = value_of(&exprs[i], symbols, values);
}

/* ---- forms ---- */

bool hdi_expr_product(const hdi_expr *exprs, hdi_dim dim, hdi_product *out) {
    if (dim >= 0) {
        *out = (hdi_product){.coefficient = dim};
        return true;
    }
    const hdi_expr *e = &exprs[-(dim + 1)];
    if (e->kind == HDI_EXPR_SYMBOL) {
        *out = (hdi_product){.coefficient = 1, .n = 1, .symbol = {(int32_t)e->a}};
        return true;
    }
    hdi_product b;
    if (e->kind != HDI_EXPR_MUL || !hdi_expr_product(exprs, e->a, out) || !hdi_expr_product(exprs, e->b, &b)) return false;
    if (out->n + b.n > HDI_EXPR_FACTORS || !hdi_mul_i64(out->coefficient, b.coefficient, &out->coefficient)) return false;
    for (int i = 0; i < b.n; i++) {
        int j = out->n++;
        for (; j > 0 && out->symbol[j - 1] > b.symbol[i]; j--) out->symbol[j] = out->symbol[j - 1];
        out->symbol[j] = b.symbol[i];
    }
    return true;
}

/* ---- text ---- */

typedef struct writer {
    const hdi_expr *exprs;
    hdi_symbol_name name;
    const void *user;
    char *text;
    size_t size;
    int n;
} writer;

static void write(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void write(writer *w, const char *format, ...) {
    size_t used = (size_t)w->n < w->size ? (size_t)w->n : w->size;
    va_list args;
    va_start(args, format);
    w->n += vsnprintf(w->text + used, w->size - used, format, args);
    va_end(args);
}

enum { OF_SUM, OF_QUOTIENT, OF_PRODUCT, OF_FACTOR }; /* how tightly what stands around it binds */

static void write_dim(writer *w, hdi_dim dim, int around);

static void write_pair(writer *w, const hdi_expr *e, const char *between, int around) {
    write_dim(w, e->a, around);
    write(w, "%s", between);
    write_dim(w, e->b, around);
}

/* A negative term is written as a difference. */
static void write_sum(writer *w, const hdi_expr *e) {
    const hdi_expr *term = e->b < 0 ? &w->exprs[-(e->b + 1)] : NULL;
    int64_t constant = term && term->kind == HDI_EXPR_CONSTANT ? term->a : 0, factor = 0;
    write_dim(w, e->a, OF_SUM);
    if (term && term->kind == HDI_EXPR_MUL) (void)hdi_expr_is_constant(w->exprs, term->a, &factor);
    if (constant < 0) {
        write(w, " - %lld", -(long long)constant);
    } else if (factor < 0 && hdi_expr_is_constant(w->exprs, term->a, &factor)) {
        write(w, " - ");
        if (factor != -1) write(w, "%lld*", -(long long)factor);
        write_dim(w, term->b, factor == -1 ? OF_QUOTIENT : OF_PRODUCT);
    } else {
        write(w, " + ");
        write_dim(w, e->b, OF_SUM);
    }
}

static const struct {
    const char *between;
    int binds, around;
} form[HDI_EXPR_KINDS] = {
    [HDI_EXPR_CONSTANT] = {"", OF_FACTOR, OF_SUM},   [HDI_EXPR_SYMBOL] = {"", OF_FACTOR, OF_SUM},
    [HDI_EXPR_ADD] = {" + ", OF_SUM, OF_SUM},        [HDI_EXPR_MUL] = {"*", OF_PRODUCT, OF_PRODUCT},
    [HDI_EXPR_DIV] = {"//", OF_QUOTIENT, OF_FACTOR}, [HDI_EXPR_MOD] = {"%", OF_QUOTIENT, OF_FACTOR},
    [HDI_EXPR_MIN] = {", ", OF_FACTOR, OF_SUM},      [HDI_EXPR_MAX] = {", ", OF_FACTOR, OF_SUM},
};

static void write_dim(writer *w, hdi_dim dim, int around) {
    if (dim >= 0) {
        write(w, "%lld", (long long)dim);
        return;
    }
    const hdi_expr *e = &w->exprs[-(dim + 1)];
    bool named = e->kind == HDI_EXPR_MIN || e->kind == HDI_EXPR_MAX, brackets = named || form[e->kind].binds < around;
    if (named) write(w, e->kind == HDI_EXPR_MIN ? "min" : "max");
    if (brackets) write(w, "(");
    if (e->kind == HDI_EXPR_CONSTANT)
        write(w, "%lld", (long long)e->a);
    else if (e->kind == HDI_EXPR_SYMBOL)
        write(w, "%s", w->name(w->user, e->a));
    else if (e->kind == HDI_EXPR_ADD)
        write_sum(w, e);
    else
        write_pair(w, e, form[e->kind].between, form[e->kind].around);
    if (brackets) write(w, ")");
}

int hdi_expr_text(const hdi_expr *exprs, hdi_dim dim, hdi_symbol_name name, const void *user, char *text, size_t size) {
    writer w = {.exprs = exprs, .name = name, .user = user, .text = text, .size = size};
    write_dim(&w, dim, OF_SUM);
    return w.n;
}
