/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel is on a GPU: a host function that looks at a bound call and enqueues the launches that compute it.
 *
 * One an operation, in <op>/<op>.cu; it takes the same hdi_kernel_call as the CPU kernels, with device addresses, and gives what
 * their specification gives, up to the order of float additions. Groups (kernels/groups.def) are runs of plan steps that a device
 * may compute with fewer launches; their specification is the steps one after the other. */
#ifndef HDI_KERNELS_GPU_GPU_H
#define HDI_KERNELS_GPU_GPU_H

#include "kernels/group.h"
#include "kernels/kernel.h"

/* What a launch may know and use. One a stream; used by the thread that uses the stream. */
typedef struct hdi_gpu_queue {
    void *stream;         /* GPU(Stream_t) */
    int32_t units;        /* multiprocessors */
    int32_t major, minor; /* compute capability, as the vendor counts it */
    size_t shared_limit;  /* dynamic shared memory that a block may have */
    size_t cache_bytes;   /* of the L2 cache */
    void *blas;           /* the vendor's matrix library, ready for this stream (gpu/blas.h); NULL: there is none */
    bool capturing;       /* into a graph: nothing may be allocated or waited for */
    bool overlaps;        /* a kernel may begin before the one before it has ended (gpu/early.h) */
    /* Not NULL: the function describes its work there for the persistent kernel (gpu/unit.h) instead of launching it; one that
     * cannot gives HDI_GPU_UNSUPPORTED. Only asked of operations and groups that know of it (gpu/walk.cu). */
    struct gpu_unit *unit;
    /* Device memory of at least `bytes`, zeroed when it was new, for this stream's kernels from here on until the next call of
     * this function: `what` keeps unlike uses apart (HDI_GPU_WORK_...). The address stays while the size suffices. Gives a
     * GPU(Error_t). While capturing only what a run before has asked for is there. */
    int (*workspace)(struct hdi_gpu_queue *queue, int what, size_t bytes, void **out);
} hdi_gpu_queue;

enum {
    HDI_GPU_WORK_SCRATCH,  /* contents undefined */
    HDI_GPU_WORK_SCRATCH2, /* the same, beside it */
    HDI_GPU_WORK_COUNTERS, /* zero; whoever counts leaves it zero again */
    HDI_GPU_WORK_COUNT
};

/* Gives a GPU(Error_t), or HDI_GPU_UNSUPPORTED for types or sizes that this operation has no kernel for. Operands and attributes
 * are read before it returns. A call with nothing to do launches nothing. */
typedef int (*hdi_gpu_fn)(hdi_gpu_queue *queue, const hdi_kernel_call *call);
enum { HDI_GPU_UNSUPPORTED = -1 };

/* A run of steps: calls[i] is step i of the group. HDI_GPU_UNSUPPORTED: run the steps one by one instead. */
typedef int (*hdi_gpu_group_fn)(hdi_gpu_queue *queue, const hdi_kernel_call *calls, int n);

/* hdi_<op>_gpu, one an op, and hdi_<group>_gpu, one a group. All GPU code lies in HDI_GPU_NAMESPACE: the host vendor compiles it
 * twice, for 32 and for 64 lanes, into one library. */
#ifdef __cplusplus
#ifndef HDI_GPU_NAMESPACE
#define HDI_GPU_NAMESPACE hdi_gpu
#endif
namespace HDI_GPU_NAMESPACE {
#define KERNEL_OP(op) int hdi_##op##_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call);
#define KERNEL(op, variant)
#include "kernels/kernels.def"
#define GROUP(name) int hdi_##name##_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *calls, int n);
#include "kernels/groups.def"
} // namespace HDI_GPU_NAMESPACE
#endif

/* What a rank's exchange holds in device memory (zero at first), and in memory of the host that the device reaches: there each
 * word is written by one side and read by the other, nothing but whole words. */
typedef struct hdi_gpu_ranks {
    uint64_t run;    /* number of the current one */
    uint64_t waits;  /* that took long */
    uint64_t failed; /* a wait was given up */
} hdi_gpu_ranks;

typedef struct hdi_gpu_report {
    uint64_t stop; /* from the host: give up */
    uint64_t line[7];
    uint64_t number, ended, gave_up, where, index, run, expected, seen; /* hdi_device_waiting's */
} hdi_gpu_report;

enum { HDI_GPU_SIGNALS = 64 }; /* of one launch: they are its argument */

/* One counter: run x chunks, or (run - lag) x chunks. As hdi_device_signal. */
typedef struct hdi_gpu_signal {
    uint64_t *word;
    uint32_t chunks, lag;
} hdi_gpu_signal;

/* All kernels of a vendor, by id; group kernels, by hdi_group_kind; and the persistent kernel. Defined by gpu/table.cu. */
typedef struct hdi_gpu_kernels {
    hdi_gpu_fn op[HDI_KERNEL_COUNT];
    hdi_gpu_group_fn group[HDI_GROUP_COUNT];
    /* The persistent kernel (gpu/walk.cu). walk_fill makes a unit of walk_unit_bytes of a call (group -1) or a group's calls, to
     * begin after unit `wait` (-1: at once); HDI_GPU_UNSUPPORTED: it cannot walk over these. walk runs `n` units that lie in
     * device memory, with n + 1 counters there that are zero; `shared` is the largest that walk_shared says of them. */
    size_t walk_unit_bytes;
    int (*walk_fill)(hdi_gpu_queue *queue, int group, hdi_kernel_id kernel, const hdi_kernel_call *calls, int n, int wait,
                     void *unit);
    size_t (*walk_shared)(const void *unit);
    int (*walk)(hdi_gpu_queue *queue, const void *units, int n, unsigned *counters, size_t shared);
    /* Ranks (gpu/ranks.cu): a run begins; waits for and raises up to HDI_GPU_SIGNALS signals. */
    int (*ranks_begin)(hdi_gpu_queue *queue, hdi_gpu_ranks *ranks);
    int (*ranks_wait)(hdi_gpu_queue *queue, hdi_gpu_ranks *ranks, hdi_gpu_report *report, const hdi_gpu_signal *signals, int n,
                      uint32_t where, uint32_t first);
    int (*ranks_raise)(hdi_gpu_queue *queue, const hdi_gpu_ranks *ranks, const hdi_gpu_signal *signals, int n);
} hdi_gpu_kernels;

/* Fills the table of this vendor (and, on the host vendor, of this lane count). */
#ifdef __cplusplus
namespace HDI_GPU_NAMESPACE {
const hdi_gpu_kernels *hdi_gpu_table();
void hdi_gpu_walk_table(hdi_gpu_kernels *kernels);  /* the entries of the persistent kernel */
void hdi_gpu_ranks_table(hdi_gpu_kernels *kernels); /* and those of ranks */
} // namespace HDI_GPU_NAMESPACE
#endif

#endif
