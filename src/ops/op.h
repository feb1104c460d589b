/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator is: the checks, the shape rule and the choice of a kernel, said once for both of its uses - run at once on
 * tensors (include/heddle/ops.h) and placed in a graph whose sizes may be symbols.
 *
 * One file an operator defines `const hdi_op hdi_op_<name>`; ops.def lists them. */
#ifndef HDI_OPS_OP_H
#define HDI_OPS_OP_H

#include "base/status.h"
#include "kernels/kernel.h"

/* A size: a constant when >= 0, else the handle of a symbol or expression of the graph's dim table (graph/dim.h). Handles are
 * interned: equal handles, equal sizes for every value of the symbols. */
typedef int64_t hdi_dim;

/* The type of a value. */
typedef struct hdi_type {
    uint8_t dtype;  /* hd_dtype */
    uint8_t layout; /* hdi_layout */
    uint8_t rank;
    hdi_dim dim[HD_MAX_DIMS];
} hdi_type;

static inline hdi_dim hdi_type_last(const hdi_type *t) { return t->dim[t->rank - 1]; }

enum { HDI_ATTR_BYTES = 48 }; /* the most that an operator's attributes may take */

typedef enum hdi_op_flags {
    HDI_OP_INPLACE = 1 << 0,   /* output 0 may share memory with input 0 when both have the same type and input 0 dies here */
    HDI_OP_MUTATES = 1 << 1,   /* output 0 IS input 0, a state, changed in place (a KV cache) */
    HDI_OP_ROWWISE = 1 << 3,   /* row i of output 0 (along dim 0) depends on row i of input 0, and on no other row of it */
    HDI_OP_BROADCAST = 1 << 2, /* inputs are bound in output 0's shape: see hdi_broadcast_strides */
} hdi_op_flags;

typedef struct hdi_op {
    const char *name;
    uint8_t min_inputs, max_inputs;
    uint16_t optional; /* bit i: input i, though below min_inputs, may be absent (its type is NULL) */
    uint8_t outputs;
    uint8_t flags;
    uint8_t attr_size;
    /* Checks the inputs (types, ranks, sizes that must agree) and writes the outputs' types. Sizes compare as handles; a new size
     * is only ever one of the inputs' sizes or a constant, so no dim table is needed. The message names the operator, the operand
     * and both sizes. in[i] is NULL for an absent optional input. */
    hd_status (*infer)(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out);
    /* The kernel for checked types; HD_UNSUPPORTED, naming the dtypes, when there is none. NULL for views. */
    hd_status (*choose)(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel);
    /* Prints the attributes for people ("eps=1e-05"), at most `size` bytes; NULL when there are none. */
    void (*print)(const void *attr, char *text, size_t size);
} hdi_op;

#define OP(name) extern const hdi_op hdi_op_##name;
#include "ops/ops.def"

/* The operator of this name, or NULL. */
const hdi_op *hdi_op_find(const char *name);

/* ---- helpers for the shape rules ---- */

/* "f32[12, 64]" (symbols as ?) into a thread-local ring of buffers, for messages. */
const char *hdi_type_text(const hdi_type *t);
hd_status hdi_expect_rank(const char *op, const char *operand, const hdi_type *t, int rank);
hd_status hdi_expect_dim(const char *op, const char *operand, const hdi_type *t, int dim, hdi_dim want);
hd_status hdi_expect_dtype(const char *op, const char *operand, const hdi_type *t, hd_dtype want);
hd_status hdi_expect_rows(const char *op, const char *operand, const hdi_type *t);  /* at least one dim, to work along */
hd_status hdi_expect_float(const char *op, const char *operand, const hdi_type *t); /* f32, f16 or bf16 */
hd_status hdi_expect_index(const char *op, const char *operand, const hdi_type *t); /* i32 or i64 */
hd_status hdi_expect_same(const char *op, const char *operand, const hdi_type *t,
                          const hdi_type *like); /* dtype, rank and sizes */

/* The common shape of a and b by NumPy's rules; two symbols are alike only when they are the same. out gets a's dtype. */
hd_status hdi_broadcast_types(const char *op, const hdi_type *a, const hdi_type *b, hdi_type *out);
/* Strides in the larger shape `like`, aligned at the right, of a value of sizes `dim` and strides `stride`: 0 where it has size 1
 * or no dim. Sizes and strides may be symbolic. `out` (like_rank entries) may be `stride`. */
void hdi_broadcast_strides(int rank, const hdi_dim *dim, const hdi_dim *stride, int like_rank, const hdi_dim *like, hdi_dim *out);

/* The kernel "<op>_<variant>", the variant in printf style; HD_UNSUPPORTED naming it when there is none. Variants are named
 * after dtypes, so a new weight type needs no line in the operators that read weights. */
hd_status hdi_choose(hdi_kernel_id *out, const char *op, const char *variant, ...) __attribute__((format(printf, 3, 4)));

#endif
