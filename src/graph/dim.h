/* SPDX-License-Identifier: Apache-2.0 */
/* Symbolic sizes. A dim is a constant (>= 0) or a handle (< 0) of a product: coefficient x symbols. Products are interned, so
 * equal handles mean equal sizes; strides, byte counts and reshaped sizes of tensors never need more than products. */
#ifndef HDI_GRAPH_DIM_H
#define HDI_GRAPH_DIM_H

#include "ops/op.h"

enum { HDI_DIM_SYMBOLS = 4 }; /* the most symbols in one product */

typedef struct hdi_symbol {
    char *name;
    int64_t min, max;
} hdi_symbol;

/* coefficient x symbol[0] x ... x symbol[n - 1], indices ascending. */
typedef struct hdi_product {
    int64_t coefficient;
    int32_t n;
    int32_t symbol[HDI_DIM_SYMBOLS];
} hdi_product;

typedef struct hdi_dims {
    hdi_symbol *symbols;
    size_t n_symbols, cap_symbols;
    hdi_product *products;
    size_t n_products, cap_products;
} hdi_dims;

void hdi_dims_clear(hdi_dims *dims);
/* A fresh symbol; its name must be new and 0 <= min <= max. */
hd_status hdi_dims_symbol(hdi_dims *dims, const char *name, int64_t min, int64_t max, hdi_dim *out);
/* a x b; HD_INVALID_ARGUMENT when the product overflows at the symbols' maxima or has too many symbols. */
hd_status hdi_dims_mul(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);
/* The value for given symbol values, at the minima and at the maxima. */
int64_t hdi_dims_eval(const hdi_product *products, hdi_dim dim, const int64_t *symbol_values);
int64_t hdi_dims_min(const hdi_dims *dims, hdi_dim dim);
int64_t hdi_dims_max(const hdi_dims *dims, hdi_dim dim);
/* Appends "12", "tokens" or "64*tokens" to text; returns the length as snprintf does. */
int hdi_dims_text(const hdi_dims *dims, hdi_dim dim, char *text, size_t size);

#endif
