/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of kernels: what a folder's <kernel>_check.c is written with.
 *
 * `void hdi_<op>_check(hdi_check *c)`, found through KERNEL_OP in kernels.def, makes cases: hdi_check_begin, one call an operand
 * in the kernel's order, then hdi_check_run. A run compares scalar with the double precision reference, every ISA with scalar bit
 * for bit, one call with items one by one and with random ranges in random order, and looks at the memory around every operand.
 * With
 * --device, a case runs on that device instead, and is compared with the reference.
 */
#ifndef HEDDLE_TESTS_CHECK_H
#define HEDDLE_TESTS_CHECK_H

#include "kernels/group.h"
#include "kernels/kernel.h"

typedef struct hdi_check hdi_check;

/* hdi_<op>_check: makes and runs the cases of every kernel of the op. */
#define KERNEL_OP(op) void hdi_##op##_check(hdi_check *c);
#define KERNEL(op, variant)
#include "kernels/kernels.def"

/* ---- cases ---- */

/* Starts a case of kernel `id`; `attr` is copied. False when --kernel leaves it out: then skip the case. */
bool hdi_check_begin(hdi_check *c, hdi_kernel_id id, const void *attr, size_t attr_bytes);
/* The same for functions that are in no table: tests of the harness itself. fns[HDI_ISA_SCALAR] must be there. */
bool hdi_check_begin_custom(hdi_check *c, const char *name, hdi_kernel_work_fn work, const hdi_kernel_fn fns[HDI_ISA_COUNT],
                            const void *attr, size_t attr_bytes);

/* Which strides the harness may invent. Every operand may lie anywhere that its element size allows. */
typedef enum hdi_freedom {
    HDI_DENSE, /* row-major, no gaps */
    HDI_ROWS,  /* last dim contiguous; gaps between the others, which may be permuted */
    HDI_ANY    /* gaps everywhere, any order of dims */
} hdi_freedom;

/* What an operand holds at first. */
typedef struct hdi_fill {
    enum { HDI_FILL_UNIFORM, HDI_FILL_NORMAL, HDI_FILL_SPECIAL, HDI_FILL_BITS } kind;
    double lo, hi; /* UNIFORM: [lo, hi), integers in integer types; NORMAL: deviation in hi */
} hdi_fill;
#define HDI_UNIFORM(lo, hi) ((hdi_fill){HDI_FILL_UNIFORM, (lo), (hi)})
#define HDI_NORMAL(deviation) ((hdi_fill){HDI_FILL_NORMAL, 0, (deviation)})
/* Normal numbers with NaN, infinities, zeros of both signs, subnormals and the largest numbers among them. Such a case is
 * compared with scalar only, unless hdi_check_reference_specials says that the reference knows what must come. */
#define HDI_SPECIAL ((hdi_fill){HDI_FILL_SPECIAL, 0, 1})
#define HDI_BITS ((hdi_fill){HDI_FILL_BITS, 0, 0}) /* any bytes */

/* Rank and shape: HDI_DIMS(3, n) */
#define HDI_DIMS(...) \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }

/* Operands, in the kernel's order. The pointer returned is the operand as kernels get it (outputs hold poison); the data of
 * inputs may be changed through it until the run. */
hdi_operand *hdi_check_out(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, int rank, const int64_t *shape);
hdi_operand *hdi_check_in(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, hdi_fill fill, int rank, const int64_t *shape);
/* An input with these strides (0: broadcast). */
hdi_operand *hdi_check_in_strided(hdi_check *c, hd_dtype dtype, hdi_fill fill, int rank, const int64_t *shape,
                                  const int64_t *stride);
/* An output that is a state: filled first, changed in place. */
hdi_operand *hdi_check_inout(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, hdi_fill fill, int rank, const int64_t *shape);
/* The input that is the same memory as operand `of`. */
hdi_operand *hdi_check_alias(hdi_check *c, int of);
/* An absent optional input. */
void hdi_check_absent(hdi_check *c);
/* What one step of a group writes and another reads: afterwards its elements may hold anything. */
hdi_operand *hdi_check_temp(hdi_check *c, hd_dtype dtype, hdi_freedom freedom, int rank, const int64_t *shape);
/* An input of `bytes` opaque bytes (a panel), zeroed, 64-byte aligned: the caller fills it. */
hdi_operand *hdi_check_opaque(hdi_check *c, hd_dtype dtype, hdi_layout layout, size_t bytes, int rank, const int64_t *shape);

/* ---- what must hold ---- */

/* The distance from the reference that is right beside the rounding to the output's type: absolute + relative * |reference|. */
void hdi_check_tolerance(hdi_check *c, double absolute, double relative);
/* Float outputs must equal the reference's doubles: it has rounded them itself. */
void hdi_check_exact(hdi_check *c);
void hdi_check_reference_specials(hdi_check *c);
/* With special values, sums of both signs come out, or overflow, as the order of additions has it: on a device such a case is looked
 * at for NaN only, where the reference has it. */
void hdi_check_order_overflows(hdi_check *c);
/* With special values a device may add an infinity whose weight is 0: it may give one where the reference has NaN. */
void hdi_check_infinite_for_nan(hdi_check *c);
/* Also run with output `out` in the memory of input `in` (same type and shape): must give the same bits. */
void hdi_check_inplace(hdi_check *c, int out, int in);

/* Whether the case runs on a device, whose kernels may round where those of CPUs do not. */
bool hdi_check_on_device(const hdi_check *c);
/* A device may have no kernel for this case: a group may be run step by step then, a kernel not at all. */
void hdi_check_may_lack(hdi_check *c);

typedef void (*hdi_check_ref_fn)(const hdi_kernel_call *call);

/* Runs the case. `ref` gets the inputs and, for each float output, a dense f64 one (other outputs: dense, of their own type,
 * compared exactly). NULL: no reference. Returns whether all held; on failure it has been printed and counted. */
bool hdi_check_run(hdi_check *c, hdi_check_ref_fn ref);

/* ---- groups (kernels/groups.def), on devices only ---- */

/* hdi_<group>_check: makes and runs the cases of a group. */
#define GROUP(name) void hdi_##name##_check(hdi_check *c);
#include "kernels/groups.def"

/* Starts a case of a group; then the operands of all its steps, each once, in any order: inputs, outputs, states and temps.
 * False when no device is under test or --kernel leaves the group out: then skip the case. */
bool hdi_check_begin_group(hdi_check *c, hdi_group_kind kind);
/* The next step. `operands`, in the kernel's order, are copied: they point into the memory of the case's operands, which
 * steps share, but may see it with another shape, strides or start (a view); data == NULL: absent. `attr` is copied. */
void hdi_check_step(hdi_check *c, hdi_kernel_id id, const void *attr, size_t attr_bytes, int n_operands,
                    const hdi_operand *operands);
#define HDI_OPERANDS(...) \
    (int)(sizeof((hdi_operand[]){__VA_ARGS__}) / sizeof(hdi_operand)), (hdi_operand[]) { __VA_ARGS__ }
/* Runs the steps one after the other with the scalar kernels, and the group on the device: outputs and states within the case's
 * tolerance of scalar's. */
bool hdi_check_run_group(hdi_check *c);

/* ---- random numbers, from the printed seed ---- */
uint64_t hdi_check_random(hdi_check *c);
int64_t hdi_check_int(hdi_check *c, int64_t lo, int64_t hi); /* lo..hi, both included */
double hdi_check_real(hdi_check *c, double lo, double hi);

/* 0 .. 2 * lanes + 1, then some longer ones. */
extern const int64_t hdi_check_sizes[];
extern const int hdi_check_n_sizes;

/* ---- benches ---- */

/* Whether --bench asks for them: make large cases only then. */
bool hdi_check_benching(const hdi_check *c);
/* `rows`, or so many on a device that its memory is what is timed. */
int64_t hdi_check_bench_rows(const hdi_check *c, int64_t rows);
/* Times the case made (instead of running it) with every ISA on one thread, or on the device under test; `bytes` that must move
 * and `flops` done, for rates. */
void hdi_check_bench(hdi_check *c, double bytes, double flops);

#endif
