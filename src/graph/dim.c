/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/dim.h"

#include <string.h>

#include "base/memory.h"

void hdi_dims_clear(hdi_dims *dims) {
    for (size_t i = 0; i < dims->n_symbols; i++) hdi_free(dims->symbols[i].name);
    hdi_free(dims->symbols);
    hdi_free(dims->exprs);
    memset(dims, 0, sizeof *dims);
}

hd_status hdi_dims_copy(const hdi_dims *from, hdi_dims *to) {
    for (size_t i = 0; i < from->n_symbols; i++) {
        hdi_dim dim;
        HD_TRY(hdi_dims_symbol(to, from->symbols[i].name, from->symbols[i].min, from->symbols[i].max, &dim));
    }
    HD_TRY(hdi_grow(&to->exprs, &to->cap_exprs, from->n_exprs, sizeof *to->exprs, "symbolic sizes"));
    if (from->n_exprs) memcpy(to->exprs, from->exprs, from->n_exprs * sizeof *from->exprs);
    to->n_exprs = from->n_exprs;
    return HD_OK;
}

/* ---- entries ---- */

static hd_status append(hdi_dims *dims, const hdi_expr *expr, hdi_dim *out) {
    HD_TRY(hdi_grow(&dims->exprs, &dims->cap_exprs, dims->n_exprs + 1, sizeof *dims->exprs, "symbolic sizes"));
    dims->exprs[dims->n_exprs++] = *expr;
    *out = -(hdi_dim)dims->n_exprs;
    return HD_OK;
}

static bool find(const hdi_dims *dims, hdi_expr_kind kind, hdi_dim a, hdi_dim b, hdi_dim *out) {
    for (size_t i = 0; i < dims->n_exprs; i++) {
        const hdi_expr *e = &dims->exprs[i];
        if (e->kind != (int64_t)kind || e->a != a || e->b != b) continue;
        *out = -(hdi_dim)i - 1;
        return true;
    }
    return false;
}

hd_status hdi_dims_intern(hdi_dims *dims, hdi_expr_kind kind, hdi_dim a, hdi_dim b, hdi_dim *out) {
    hdi_expr expr = {.kind = kind, .a = a, .b = b};
    hdi_interval range;
    if (find(dims, kind, a, b, out)) return HD_OK;
    HD_REQUIRE(hdi_expr_range(dims->exprs, &expr, &range), HD_INVALID_ARGUMENT, "a size overflows 64 bits");
    expr.min = range.min;
    expr.max = range.max;
    return append(dims, &expr, out);
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
    const hdi_expr expr = {.kind = HDI_EXPR_SYMBOL, .a = (int64_t)dims->n_symbols, .min = min, .max = max};
    hd_status status = append(dims, &expr, out);
    if (status != HD_OK) {
        hdi_free(copy);
        return status;
    }
    dims->symbols[dims->n_symbols++] = (hdi_symbol){copy, min, max};
    return HD_OK;
}

hd_status hdi_dims_constant(hdi_dims *dims, int64_t value, hdi_dim *out) {
    const hdi_expr expr = {.kind = HDI_EXPR_CONSTANT, .a = value, .min = value, .max = value};
    *out = value;
    return value >= 0 || find(dims, HDI_EXPR_CONSTANT, value, 0, out) ? HD_OK : append(dims, &expr, out);
}

int64_t hdi_dims_min(const hdi_dims *dims, hdi_dim dim) { return hdi_expr_interval(dims->exprs, dim).min; }
int64_t hdi_dims_max(const hdi_dims *dims, hdi_dim dim) { return hdi_expr_interval(dims->exprs, dim).max; }

static const char *symbol_name(const void *user, int64_t index) { return ((const hdi_dims *)user)->symbols[index].name; }

int hdi_dims_text(const hdi_dims *dims, hdi_dim dim, char *text, size_t size) {
    return hdi_expr_text(dims->exprs, dim, symbol_name, dims, text, size);
}
