/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const hdi_op *const ops[] = {
#define OP(name) &hdi_op_##name,
#include "ops/ops.def"
};

const hdi_op *hdi_op_find(const char *name) {
    for (size_t i = 0; i < HDI_COUNTOF(ops); i++)
        if (strcmp(ops[i]->name, name) == 0) return ops[i];
    return NULL;
}

const char *hdi_type_text(const hdi_type *t) {
    static _Thread_local char ring[4][160];
    static _Thread_local unsigned turn;
    char *text = ring[turn++ % HDI_COUNTOF(ring)];
    size_t size = sizeof ring[0], n = (size_t)snprintf(text, size, "%s[", hd_dtype_name((hd_dtype)t->dtype));
    for (int i = 0; i < t->rank && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s", i ? ", " : "");
        if (n < size && t->dim[i] >= 0)
            n += (size_t)snprintf(text + n, size - n, "%lld", (long long)t->dim[i]);
        else if (n < size)
            n += (size_t)snprintf(text + n, size - n, "?");
    }
    if (n < size) snprintf(text + n, size - n, "]");
    return text;
}

hd_status hdi_expect_rank(const char *op, const char *operand, const hdi_type *t, int rank) {
    HD_REQUIRE(t->rank == rank, HD_INVALID_ARGUMENT, "%s: %s is %s; it needs %d dims", op, operand, hdi_type_text(t), rank);
    return HD_OK;
}

hd_status hdi_expect_dim(const char *op, const char *operand, const hdi_type *t, int dim, hdi_dim want) {
    if (t->dim[dim] == want) return HD_OK;
    if (want >= 0)
        return hdi_fail(HD_INVALID_ARGUMENT, "%s: %s is %s; dim %d must be %lld", op, operand, hdi_type_text(t), dim,
                        (long long)want);
    return hdi_fail(HD_INVALID_ARGUMENT, "%s: %s is %s; dim %d must be the same symbol as its partner's", op, operand,
                    hdi_type_text(t), dim);
}

hd_status hdi_expect_dtype(const char *op, const char *operand, const hdi_type *t, hd_dtype want) {
    HD_REQUIRE(t->dtype == want, HD_INVALID_ARGUMENT, "%s: %s is %s; it must be of type %s", op, operand, hdi_type_text(t),
               hd_dtype_name(want));
    return HD_OK;
}

hd_status hdi_expect_rows(const char *op, const char *operand, const hdi_type *t) {
    HD_REQUIRE(t->rank >= 1, HD_INVALID_ARGUMENT, "%s: %s is a scalar; it needs at least one dim to work along", op, operand);
    return HD_OK;
}

hd_status hdi_expect_float(const char *op, const char *operand, const hdi_type *t) {
    HD_REQUIRE(t->dtype == HD_DTYPE_F32 || t->dtype == HD_DTYPE_F16 || t->dtype == HD_DTYPE_BF16, HD_UNSUPPORTED,
               "%s: %s is %s; it must be f32, f16 or bf16 (convert it first)", op, operand, hdi_type_text(t));
    return HD_OK;
}

hd_status hdi_expect_index(const char *op, const char *operand, const hdi_type *t) {
    HD_REQUIRE(t->dtype == HD_DTYPE_I32 || t->dtype == HD_DTYPE_I64, HD_INVALID_ARGUMENT, "%s: %s is %s; it must be i32 or i64",
               op, operand, hdi_type_text(t));
    return HD_OK;
}

hd_status hdi_expect_same(const char *op, const char *operand, const hdi_type *t, const hdi_type *like) {
    bool same = t->dtype == like->dtype && t->rank == like->rank && memcmp(t->dim, like->dim, sizeof t->dim[0] * t->rank) == 0;
    HD_REQUIRE(same, HD_INVALID_ARGUMENT, "%s: %s is %s; it must be %s", op, operand, hdi_type_text(t), hdi_type_text(like));
    return HD_OK;
}

hd_status hdi_broadcast_types(const char *op, const hdi_type *a, const hdi_type *b, hdi_type *out) {
    const hdi_type *wide = a->rank >= b->rank ? a : b, *narrow = wide == a ? b : a;
    hdi_type result = *wide;
    result.dtype = a->dtype;
    for (int i = 0; i < narrow->rank; i++) {
        hdi_dim *d = &result.dim[wide->rank - narrow->rank + i], n = narrow->dim[i];
        HD_REQUIRE(*d == n || *d == 1 || n == 1, HD_INVALID_ARGUMENT,
                   "%s: a is %s and b is %s; from the right, sizes must be equal or one of them 1", op, hdi_type_text(a),
                   hdi_type_text(b));
        if (*d == 1) *d = n;
    }
    *out = result;
    return HD_OK;
}

void hdi_broadcast_strides(int rank, const hdi_dim *dim, const hdi_dim *stride, int like_rank, const hdi_dim *like,
                           hdi_dim *out) {
    int missing = like_rank - rank;
    for (int i = like_rank - 1; i >= 0; i--) { /* from the right: out[i] never lies before what is still to be read */
        bool repeats = i < missing || (dim[i - missing] == 1 && like[i] != 1);
        out[i] = repeats ? 0 : stride[i - missing];
    }
}

hd_status hdi_choose(hdi_kernel_id *out, const char *op, const char *variant, ...) {
    char types[64], name[96];
    va_list args;
    va_start(args, variant);
    vsnprintf(types, sizeof types, variant, args);
    va_end(args);
    snprintf(name, sizeof name, "%s_%s", op, types);
    *out = hdi_kernel_find(name);
    HD_REQUIRE(*out != HDI_KERNEL_NONE, HD_UNSUPPORTED, "%s: there is no kernel for operands of the types %s", op, types);
    return HD_OK;
}
