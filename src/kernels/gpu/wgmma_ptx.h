/* SPDX-License-Identifier: Apache-2.0 */
/* The words of wgmma.h in PTX for sm_90a: one instruction each. Names of operands are numbers, since a product of 64 x 256 has
 * 128 accumulators a thread. */
#ifndef HDI_KERNELS_GPU_WGMMA_PTX_H
#define HDI_KERNELS_GPU_WGMMA_PTX_H

namespace HDI_GPU_NAMESPACE {

static __device__ __forceinline__ uint32_t gpu_shared_address(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

static __device__ __forceinline__ void gpu_mbar_init(uint64_t *barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(gpu_shared_address(barrier)), "r"(arrivals) : "memory");
}
static __device__ __forceinline__ void gpu_mbar_publish() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
static __device__ __forceinline__ void gpu_mbar_arrive(uint64_t *barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(gpu_shared_address(barrier)) : "memory");
}
static __device__ __forceinline__ void gpu_mbar_arrive_expect(uint64_t *barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(gpu_shared_address(barrier)), "r"(bytes)
                 : "memory");
}
static __device__ __forceinline__ void gpu_mbar_wait(uint64_t *barrier, unsigned parity) {
    uint32_t at = gpu_shared_address(barrier), done;
    do {
        asm volatile("{\n\t"
                     ".reg .pred p;\n\t"
                     "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\t"
                     "selp.u32 %0, 1, 0, p;\n\t"
                     "}"
                     : "=r"(done)
                     : "r"(at), "r"(parity)
                     : "memory");
    } while (!done);
}
static __device__ __forceinline__ void gpu_fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
static __device__ __forceinline__ void gpu_copy_box(void *shared, const gpu_tensor_map *map, int column, int row,
                                                    uint64_t *barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
                     gpu_shared_address(shared)),
                 "l"(map), "r"(column), "r"(row), "r"(gpu_shared_address(barrier))
                 : "memory");
}

template <int N> static __device__ __forceinline__ void gpu_registers_more() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}
template <int N> static __device__ __forceinline__ void gpu_registers_fewer() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

static __device__ __forceinline__ uint64_t gpu_wgmma_descriptor(const void *shared) {
    return GPU_WGMMA_DESCRIPTOR(gpu_shared_address(shared));
}
static __device__ __forceinline__ void gpu_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
static __device__ __forceinline__ void gpu_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int GROUPS> static __device__ __forceinline__ void gpu_wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(GROUPS) : "memory");
}
/* The compiler learns that the accumulators are new after the wait, so that it reads none before. */
template <int M> static __device__ __forceinline__ void gpu_wgmma_wait_all(float (&d)[M]) {
    gpu_wgmma_wait<0>();
#pragma unroll
    for (int i = 0; i < M; i++) asm volatile("" : "+f"(d[i])::"memory");
}

#define GPU_WGMMA_NAMES_0                                     \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, "           \
    "%11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
    "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define GPU_WGMMA_NAMES_1                                     \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, " \
    "%43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, " \
    "%54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define GPU_WGMMA_NAMES_2                                     \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, " \
    "%75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, " \
    "%86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define GPU_WGMMA_NAMES_3                                                \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, "     \
    "%107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, " \
    "%118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define GPU_WGMMA_4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define GPU_WGMMA_16(i) GPU_WGMMA_4(i), GPU_WGMMA_4(i + 4), GPU_WGMMA_4(i + 8), GPU_WGMMA_4(i + 12)
#define GPU_WGMMA_32(i) GPU_WGMMA_16(i), GPU_WGMMA_16(i + 16)
/* `a`, `b`, `p`: the numbers of the descriptors and of the flag that says whether to add. */
#define GPU_WGMMA(n, type, names, a, b, p, ...)                                                             \
    asm volatile("{\n\t"                                                                                    \
                 ".reg .pred p;\n\t"                                                                        \
                 "setp.ne.b32 p, %" p ", 0;\n\t"                                                            \
                 "wgmma.mma_async.sync.aligned.m64n" n "k16.f32." type "." type " {" names "}, %" a ", %" b \
                 ", p, 1, 1, 0, 0;\n\t"                                                                     \
                 "}"                                                                                        \
                 : __VA_ARGS__                                                                              \
                 : "l"(left), "l"(right), "r"((int)add))

template <bool F16> static __device__ __forceinline__ void gpu_wgmma(float (&d)[32], uint64_t left, uint64_t right, bool add) {
    if constexpr (F16)
        GPU_WGMMA("64", "f16", GPU_WGMMA_NAMES_0, "32", "33", "34", GPU_WGMMA_32(0));
    else
        GPU_WGMMA("64", "bf16", GPU_WGMMA_NAMES_0, "32", "33", "34", GPU_WGMMA_32(0));
}
template <bool F16> static __device__ __forceinline__ void gpu_wgmma(float (&d)[64], uint64_t left, uint64_t right, bool add) {
    if constexpr (F16)
        GPU_WGMMA("128", "f16", GPU_WGMMA_NAMES_0 ", " GPU_WGMMA_NAMES_1, "64", "65", "66", GPU_WGMMA_32(0), GPU_WGMMA_32(32));
    else
        GPU_WGMMA("128", "bf16", GPU_WGMMA_NAMES_0 ", " GPU_WGMMA_NAMES_1, "64", "65", "66", GPU_WGMMA_32(0), GPU_WGMMA_32(32));
}
#define GPU_WGMMA_NAMES GPU_WGMMA_NAMES_0 ", " GPU_WGMMA_NAMES_1 ", " GPU_WGMMA_NAMES_2 ", " GPU_WGMMA_NAMES_3
template <bool F16> static __device__ __forceinline__ void gpu_wgmma(float (&d)[128], uint64_t left, uint64_t right, bool add) {
    if constexpr (F16)
        GPU_WGMMA("256", "f16", GPU_WGMMA_NAMES, "128", "129", "130", GPU_WGMMA_32(0), GPU_WGMMA_32(32), GPU_WGMMA_32(64),
                  GPU_WGMMA_32(96));
    else
        GPU_WGMMA("256", "bf16", GPU_WGMMA_NAMES, "128", "129", "130", GPU_WGMMA_32(0), GPU_WGMMA_32(32), GPU_WGMMA_32(64),
                  GPU_WGMMA_32(96));
}
#undef GPU_WGMMA
#undef GPU_WGMMA_NAMES
#undef GPU_WGMMA_4
#undef GPU_WGMMA_16
#undef GPU_WGMMA_32

} // namespace HDI_GPU_NAMESPACE

#endif
