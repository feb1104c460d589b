/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel is: a pure function over bound operands that computes a range of work items.
 *
 * No allocation, no threads, no I/O, no errors: operators have checked everything before. Any split of the items into ranges,
 * in any order, on any number of threads, gives the same bits; so does every instruction set (see simd/README.md for how). */
#ifndef HDI_KERNELS_KERNEL_H
#define HDI_KERNELS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/tensor.h"

#ifdef __CUDACC__
#define HDI_DEVICE_TOO __host__ __device__ /* small functions that GPU code shares */
#else
#define HDI_DEVICE_TOO
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* How the elements of a weight lie in memory: part of its type. */
typedef enum hdi_layout {
    HDI_LAYOUT_STRIDED = 0, /* by strides; a weight [N, K] as checkpoints hold it: K contiguous */
    HDI_LAYOUT_PANEL = 1,   /* packed for matmul: panels of 32 output rows, see kernels/weights/panel.h */
    HDI_LAYOUT_COUNT
} hdi_layout;

/* A bound tensor. Strides count elements; the last one is in elements too, even of block types (1 there). A panel has no
 * strides. */
typedef struct hdi_operand {
    void *data;
    int64_t shape[HD_MAX_DIMS];
    int64_t stride[HD_MAX_DIMS];
    uint8_t dtype;  /* hd_dtype */
    uint8_t layout; /* hdi_layout */
    uint8_t rank;
} hdi_operand;

#define HDI_MAX_OPERANDS 16

/* One invocation: outputs first, then inputs, in the order that the kernel's header gives; an optional input that is absent
 * has data == NULL. `attr` points at the kernel's attribute struct. */
typedef struct hdi_kernel_call {
    hdi_operand *operand; /* array of n_operands */
    const void *attr;
    int32_t n_operands;
} hdi_kernel_call;

/* How a call divides: `items` independent pieces, of which about `grain` make a task worth handing to a thread (ranges begin
 * at multiples of it), and the bytes of scratch that one thread needs (64-byte aligned, contents undefined). */
typedef struct hdi_kernel_work {
    int64_t items;
    int64_t grain;
    size_t scratch;
} hdi_kernel_work;

/* What a call costs wherever it runs, for rates beside limits: the bytes that must move (each operand's part that is used, once)
 * and the floating-point operations, a function like exp counting as one. */
typedef struct hdi_kernel_cost {
    double bytes, flops;
    bool partial; /* a part that depends on data out of the host's sight is left out */
} hdi_kernel_cost;

/* Where the host can read the values of an operand that the cost depends on; NULL: nowhere. */
typedef struct hdi_cost_view {
    const void *(*find)(const void *user, const hdi_operand *operand);
    const void *user;
} hdi_cost_view;

/* Computes items [begin, end). */
typedef void (*hdi_kernel_fn)(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch);
typedef void (*hdi_kernel_work_fn)(const hdi_kernel_call *call, hdi_kernel_work *work);
typedef void (*hdi_kernel_cost_fn)(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost);

/* ---- the list: src/kernels/kernels.def gathers the .kernels file of each folder ---- */
typedef enum hdi_kernel_id {
#define KERNEL_OP(op)
#define KERNEL(op, variant) HDI_KERNEL_##op##_##variant,
#include "kernels/kernels.def"
    HDI_KERNEL_COUNT,
    HDI_KERNEL_NONE = -1
} hdi_kernel_id;

/* One an op: hdi_<op>_work says how its calls divide, hdi_<op>_cost what they cost (kernels/cost.h helps). */
#define KERNEL_OP(op)                                                         \
    void hdi_##op##_work(const hdi_kernel_call *call, hdi_kernel_work *work); \
    void hdi_##op##_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost);
#define KERNEL(op, variant)
#include "kernels/kernels.def"

/* Instruction sets, worst first. */
#define HDI_ISA_LIST(X) X(SCALAR, scalar) X(NEON, neon) X(AVX2, avx2) X(AVX512, avx512)
typedef enum hdi_isa {
#define HDI_ISA_ENUM(NAME, name) HDI_ISA_##NAME,
    HDI_ISA_LIST(HDI_ISA_ENUM)
#undef HDI_ISA_ENUM
        HDI_ISA_COUNT
} hdi_isa;

const char *hdi_isa_name(hdi_isa isa);
/* Whether kernels of this ISA are in the binary, this CPU and system can run them, and HD_ISA (a comma-separated list of
 * names; unset: all) allows it. HD_ISA is read once; an unknown name in it is reported by hdi_isa_check. */
bool hdi_isa_usable(hdi_isa isa);
/* HD_INVALID_ARGUMENT when HD_ISA names an unknown ISA or leaves none that can run here; says which there are. */
hd_status hdi_isa_check(void);
/* The best usable ISA. */
hdi_isa hdi_isa_best(void);

const char *hdi_kernel_name(hdi_kernel_id id); /* "rms_norm_f32" */
/* The kernel of this name, or HDI_KERNEL_NONE: for operators whose variants follow from the dtypes of their operands. */
hdi_kernel_id hdi_kernel_find(const char *name);
hdi_kernel_work_fn hdi_kernel_work_of(hdi_kernel_id id);
hdi_kernel_cost_fn hdi_kernel_cost_of(hdi_kernel_id id);
/* The kernel of the best usable ISA that has it; every kernel exists in scalar, so never NULL. Thread-safe. */
hdi_kernel_fn hdi_kernel_get(hdi_kernel_id id);
/* The kernel of just this ISA, for checks; NULL when it has none of its own. */
hdi_kernel_fn hdi_kernel_get_isa(hdi_kernel_id id, hdi_isa isa);

#ifdef __cplusplus
}
#endif

#endif
