/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of size expressions, as graphs build them (graph/dim.h) and plans hold them: flat, each entry over those before it, so
 * that one pass evaluates all. A dim is a constant (>= 0), or -1 - i for entry i. */
#ifndef HDI_GRAPH_EXPR_H
#define HDI_GRAPH_EXPR_H

#include "ops/op.h"

enum {
    HDI_EXPR_TERMS = 16,  /* the most products in one sum */
    HDI_EXPR_FACTORS = 8, /* the most factors in one product */
};

typedef enum hdi_expr_kind {
    HDI_EXPR_CONSTANT, /* a: the value, negative (others are dims themselves) */
    HDI_EXPR_SYMBOL,   /* a: its index */
    HDI_EXPR_ADD,
    HDI_EXPR_MUL,
    HDI_EXPR_DIV, /* rounded down; the divisor is at least 1 */
    HDI_EXPR_MOD, /* 0 .. divisor - 1; the divisor is at least 1 */
    HDI_EXPR_MIN,
    HDI_EXPR_MAX,
    HDI_EXPR_KINDS
} hdi_expr_kind;

typedef struct hdi_expr {
    int64_t kind;     /* hdi_expr_kind */
    hdi_dim a, b;     /* operands: dims of entries before this one */
    int64_t min, max; /* its values lie between, and need not reach them (hdi_expr_range) */
} hdi_expr;

typedef struct hdi_interval {
    int64_t min, max;
} hdi_interval;

bool hdi_expr_is_constant(const hdi_expr *exprs, hdi_dim dim, int64_t *value);
/* Between which values a product of two lies; false when it could overflow. */
bool hdi_interval_mul(hdi_interval a, hdi_interval b, hdi_interval *out);
/* Between which values a dim lies. */
hdi_interval hdi_expr_interval(const hdi_expr *exprs, hdi_dim dim);
/* Between which values an entry over two operands lies, worked out from their ranges; false when it could overflow, or divide by
 * less than 1. Of a sum with quotients by constants it knows that n - n//2 is not negative. */
bool hdi_expr_range(const hdi_expr *exprs, const hdi_expr *entry, hdi_interval *out);
/* Whether an entry has the form that sums and products are kept in: ((t + t) + t), a term being a product c*((f*f)*f), of at most
 * so many. What walks through sums relies on it. */
bool hdi_expr_is_formed(const hdi_expr *exprs, const hdi_expr *entry);

/* The values of all n entries for these values of the symbols, which lie in their ranges. */
void hdi_exprs_eval(const hdi_expr *exprs, size_t n, const int64_t *symbols, int64_t *values);
static inline int64_t hdi_expr_value(const int64_t *values, hdi_dim dim) { return dim >= 0 ? dim : values[-(dim + 1)]; }

/* coefficient x symbol[0] x ... x symbol[n - 1], indices ascending. */
typedef struct hdi_product {
    int64_t coefficient;
    int32_t n;
    int32_t symbol[HDI_EXPR_FACTORS];
} hdi_product;
/* Whether a dim is a product of symbols, and which. */
bool hdi_expr_product(const hdi_expr *exprs, hdi_dim dim, hdi_product *out);

/* The name of symbol `index`. */
typedef const char *(*hdi_symbol_name)(const void *user, int64_t index);
/* "12", "tokens", "64*tokens + 1", "(n + 1)//2"; returns the length as snprintf does. */
int hdi_expr_text(const hdi_expr *exprs, hdi_dim dim, hdi_symbol_name name, const void *user, char *text, size_t size);

#endif
