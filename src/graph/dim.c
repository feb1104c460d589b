/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/dim.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void hdi_dims_clear(hdi_dims *dims) {
    for (size_t i = 0; i < dims->n_symbols; i++) hdi_free(dims->symbols[i].name);
    hdi_free(dims->symbols);
    hdi_free(dims->products);
    memset(dims, 0, sizeof *dims);
}

static hd_status intern(hdi_dims *dims, const hdi_product *product, hdi_dim *out) {
    for (size_t i = 0; i < dims->n_products; i++)
        if (memcmp(&dims->products[i], product, sizeof *product) == 0) {
            *out = -(hdi_dim)i - 1;
            return HD_OK;
        }
    HD_TRY(hdi_grow(&dims->products, &dims->cap_products, dims->n_products + 1, sizeof *dims->products, "symbolic sizes"));
    dims->products[dims->n_products++] = *product;
    *out = -(hdi_dim)dims->n_products;
    return HD_OK;
}

hd_status hdi_dims_symbol(hdi_dims *dims, const char *name, int64_t min, int64_t max, hdi_dim *out) {
    HD_REQUIRE(name && *name, HD_INVALID_ARGUMENT, "a symbolic size needs a name");
    HD_REQUIRE(0 <= min && min <= max, HD_INVALID_ARGUMENT, "symbol %s: its range %lld..%lld is not one of sizes", name,
               (long long)min, (long long)max);
    for (size_t i = 0; i < dims->n_symbols; i++)
        HD_REQUIRE(strcmp(dims->symbols[i].name, name) != 0, HD_INVALID_ARGUMENT, "symbol %s is there already", name);
    HD_TRY(hdi_grow(&dims->symbols, &dims->cap_symbols, dims->n_symbols + 1, sizeof *dims->symbols, "symbolic sizes"));
    char *copy = hdi_strdup(name);
    if (!copy) return HD_OUT_OF_MEMORY;
    hdi_product product;
    memset(&product, 0, sizeof product);
    product.coefficient = 1;
    product.n = 1;
    product.symbol[0] = (int32_t)dims->n_symbols;
    hd_status status = intern(dims, &product, out);
    if (status != HD_OK) {
        hdi_free(copy);
        return status;
    }
    dims->symbols[dims->n_symbols++] = (hdi_symbol){copy, min, max};
    return HD_OK;
}

static hdi_product expand(const hdi_dims *dims, hdi_dim dim) {
    hdi_product product;
    memset(&product, 0, sizeof product);
    if (dim >= 0)
        product.coefficient = dim;
    else
        product = dims->products[-dim - 1];
    return product;
}

hd_status hdi_dims_mul(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out) {
    hdi_product x = expand(dims, a), y = expand(dims, b);
    int64_t largest = 1;
    bool fits = hdi_mul_i64(x.coefficient, y.coefficient, &x.coefficient);
    HD_REQUIRE(x.n + y.n <= HDI_DIM_SYMBOLS, HD_UNSUPPORTED, "a size multiplies %d symbols; at most %d are supported", x.n + y.n,
               HDI_DIM_SYMBOLS);
    for (int i = 0; i < y.n; i++) { /* insertion keeps the indices ascending, so that equal products look equal */
        int j = x.n++;
        for (; j > 0 && x.symbol[j - 1] > y.symbol[i]; j--) x.symbol[j] = x.symbol[j - 1];
        x.symbol[j] = y.symbol[i];
    }
    largest = x.coefficient;
    for (int i = 0; i < x.n && fits; i++) fits = hdi_mul_i64(largest, dims->symbols[x.symbol[i]].max, &largest);
    HD_REQUIRE(fits, HD_INVALID_ARGUMENT, "a size overflows 64 bits");
    if (x.coefficient == 0 || x.n == 0) {
        *out = x.coefficient;
        return HD_OK;
    }
    return intern(dims, &x, out);
}

int64_t hdi_dims_eval(const hdi_product *products, hdi_dim dim, const int64_t *symbol_values) {
    if (dim >= 0) return dim;
    const hdi_product *p = &products[-dim - 1];
    int64_t value = p->coefficient;
    for (int i = 0; i < p->n; i++) value *= symbol_values[p->symbol[i]];
    return value;
}

static int64_t at_end(const hdi_dims *dims, hdi_dim dim, bool max) {
    if (dim >= 0) return dim;
    const hdi_product *p = &dims->products[-dim - 1];
    int64_t value = p->coefficient;
    for (int i = 0; i < p->n; i++) value *= max ? dims->symbols[p->symbol[i]].max : dims->symbols[p->symbol[i]].min;
    return value;
}

int64_t hdi_dims_min(const hdi_dims *dims, hdi_dim dim) { return at_end(dims, dim, false); }

int64_t hdi_dims_max(const hdi_dims *dims, hdi_dim dim) { return at_end(dims, dim, true); }

int hdi_dims_text(const hdi_dims *dims, hdi_dim dim, char *text, size_t size) {
    if (dim >= 0) return snprintf(text, size, "%lld", (long long)dim);
    const hdi_product *p = &dims->products[-dim - 1];
    int n = 0;
    if (p->coefficient != 1) n = snprintf(text, size, "%lld*", (long long)p->coefficient);
    for (int i = 0; i < p->n; i++) {
        size_t used = (size_t)n < size ? (size_t)n : size;
        n += snprintf(text + used, size - used, "%s%s", i ? "*" : "", dims->symbols[p->symbol[i]].name);
    }
    return n;
}
