/* SPDX-License-Identifier: Apache-2.0 */
/* What this CPU and its operating system can run, and how many cores this process may use. */
#ifndef HDI_BASE_CPU_FEATURES_H
#define HDI_BASE_CPU_FEATURES_H

#include <stddef.h>
#include <stdint.h>

/* Groups of features as the kernels need them together. A bit is set only when the OS saves the registers too. */
enum {
    HDI_CPU_NEON = 1 << 0,         /* AArch64 Advanced SIMD */
    HDI_CPU_AVX2 = 1 << 1,         /* AVX2, FMA, F16C */
    HDI_CPU_AVX512 = 1 << 2,       /* AVX-512 F, BW, DQ, VL, and all of HDI_CPU_AVX2 */
    HDI_CPU_AVX512_VNNI = 1 << 3,
    HDI_CPU_AVX512_BF16 = 1 << 4,
};

uint64_t hdi_cpu_features(void); /* thread-safe */

/* Cores this process may use: the affinity mask cut by the container's CPU quota; at least 1. */
int hdi_cpu_count(void);
/* Main memory this process may use, bytes: the machine's, cut by the container's limit. */
size_t hdi_memory_size(void);
/* The CPU's model name ("AMD EPYC 9354"), or the architecture where it is not told. */
void hdi_cpu_name(char *out, size_t size);

#endif
