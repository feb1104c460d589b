/* SPDX-License-Identifier: Apache-2.0 */
/* How fast this machine multiplies and adds right now, with the instructions that its kernels use: what products of many rows are
 * measured against. Chains of fused multiply-adds on registers, enough of them to hide each other's latency. */
#include <math.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "base/memory.h"
#include "base/status.h"
#include "heddle/device.h"
#include "kernels/kernel.h"
#include "task/pool.h"

enum { CHAINS = 12, STEPS = 1 << 17, ROUNDS = 5 };

/* x <- x a + b, STEPS times in CHAINS vectors; the result keeps it from being optimised away. */
#define PROBE(name, attribute, vec, set1, fma, first)                                         \
    attribute static float name(float a, float b) {                                           \
        vec x[CHAINS], m = set1(a), c = set1(b);                                              \
        for (int k = 0; k < CHAINS; k++) x[k] = set1((float)k);                               \
        for (int i = 0; i < STEPS; i++) {                                                     \
            _Pragma("GCC unroll 12") for (int k = 0; k < CHAINS; k++) x[k] = fma(x[k], m, c); \
        }                                                                                     \
        float sum = 0;                                                                        \
        for (int k = 0; k < CHAINS; k++) sum += first(x[k]);                                  \
        return sum;                                                                           \
    }

#define SCALAR_SET1(v) (v)
#define SCALAR_FIRST(v) (v)
PROBE(probe_scalar, , float, SCALAR_SET1, fmaf, SCALAR_FIRST)
#if defined(__x86_64__)
PROBE(probe_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32)
PROBE(probe_avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32)
#elif defined(__aarch64__)
#define NEON_FMA(x, m, c) vfmaq_f32(c, x, m)
#define NEON_FIRST(v) vgetq_lane_f32(v, 0)
PROBE(probe_neon, , float32x4_t, vdupq_n_f32, NEON_FMA, NEON_FIRST)
#endif

typedef struct probe {
    float (*run)(float a, float b);
    int lanes;
    volatile float *sums; /* a cache line a worker */
} probe;

static probe choose(void) {
    switch (hdi_isa_best()) {
#if defined(__x86_64__)
    case HDI_ISA_AVX512:
        return (probe){probe_avx512, 16, NULL};
    case HDI_ISA_AVX2:
        return (probe){probe_avx2, 8, NULL};
#elif defined(__aarch64__)
    case HDI_ISA_NEON:
        return (probe){probe_neon, 4, NULL};
#endif
    default:
        return (probe){probe_scalar, 1, NULL};
    }
}

static void work(void *user, int worker) {
    const probe *p = user;
    p->sums[(size_t)worker * HDI_CACHE_LINE / sizeof(float)] = p->run(0.5f, 0.25f);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

hd_status hd_measure_flops(int32_t threads, double *flops_per_second) {
    enum { MOST_THREADS = 1024 };
    probe p = choose();
    hdi_pool *pool = NULL;
    hd_status status;
    HD_REQUIRE(threads >= 1 && threads <= MOST_THREADS && flops_per_second, HD_INVALID_ARGUMENT,
               "flops: %d threads; 1 to %d are possible", (int)threads, MOST_THREADS);
    *flops_per_second = 0;
    HD_TRY_GOTO(hdi_alloc_aligned(&p.sums, (size_t)threads * HDI_CACHE_LINE, "the probe of operations"));
    HD_TRY_GOTO(hdi_pool_create(threads, &pool));
    for (int round = 0; round < ROUNDS; round++) {
        double started = now();
        hdi_pool_run(pool, work, &p);
        double rate = 2.0 * p.lanes * CHAINS * STEPS * threads / (now() - started);
        if (rate > *flops_per_second) *flops_per_second = rate;
    }
fail:
    hdi_pool_destroy(pool);
    hdi_free_aligned((void *)(uintptr_t)p.sums);
    return status;
}
