/* SPDX-License-Identifier: Apache-2.0 */
/* Symbolic sizes of a graph: sums, products, quotients, remainders, minima and maxima of symbols. What is built is kept in one
 * form - a sum of products, like terms added up - and interned: equal handles mean equal sizes, and equal polynomials have equal
 * handles, so that shape rules compare handles.
 *
 * One thread at a time. What comes out must not be able to overflow (HD_INVALID_ARGUMENT) or have too many terms or factors
 * (HD_UNSUPPORTED). */
#ifndef HDI_GRAPH_DIM_H
#define HDI_GRAPH_DIM_H

#include "graph/expr.h"

typedef struct hdi_symbol {
    char *name;
    int64_t min, max;
} hdi_symbol;

typedef struct hdi_dims {
    hdi_symbol *symbols;
    size_t n_symbols, cap_symbols;
    hdi_expr *exprs;
    size_t n_exprs, cap_exprs;
} hdi_dims;

void hdi_dims_clear(hdi_dims *dims);
/* The same symbols and expressions under the same handles; `to` is empty. */
hd_status hdi_dims_copy(const hdi_dims *from, hdi_dims *to);
/* A fresh symbol; its name must be new and 0 <= min <= max. */
hd_status hdi_dims_symbol(hdi_dims *dims, const char *name, int64_t min, int64_t max, hdi_dim *out);
/* A constant of either sign. */
hd_status hdi_dims_constant(hdi_dims *dims, int64_t value, hdi_dim *out);
/* Entry (kind, a, b), found or made, as it stands; what forms are made of (graph/sum.c). */
hd_status hdi_dims_intern(hdi_dims *dims, hdi_expr_kind kind, hdi_dim a, hdi_dim b, hdi_dim *out);

hd_status hdi_dims_add(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
hd_status hdi_dims_sub(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
hd_status hdi_dims_mul(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
/* Rounded down, and what is left then; HD_INVALID_ARGUMENT when b can be less than 1. */
hd_status hdi_dims_div(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
hd_status hdi_dims_mod(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
/* The smaller and the larger one. */
hd_status hdi_dims_lesser(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
hd_status hdi_dims_greater(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);

/* Whether it is a constant, or an entry of this table. */
static inline bool hdi_dims_has(const hdi_dims *dims, hdi_dim dim) { return dim >= 0 || (size_t)(-(dim + 1)) < dims->n_exprs; }
/* Between which values it lies. */
int64_t hdi_dims_min(const hdi_dims *dims, hdi_dim dim);
int64_t hdi_dims_max(const hdi_dims *dims, hdi_dim dim);
/* As hdi_expr_text. */
int hdi_dims_text(const hdi_dims *dims, hdi_dim dim, char *text, size_t size);

#endif
