/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
/* Older clangs have no __builtin_cpu_supports("f16c"). Its registers are those of AVX, which the caller asks for too. */
static int has_f16c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

uint64_t hdi_cpu_features(void) {
    uint64_t has = 0;
#if defined(__x86_64__)
    /* The compiler's own test reads CPUID and XGETBV, so it knows what the operating system saves. */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) has |= HDI_CPU_AVX2;
    if ((has & HDI_CPU_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        has |= HDI_CPU_AVX512;
    if ((has & HDI_CPU_AVX512) && __builtin_cpu_supports("avx512vnni")) has |= HDI_CPU_AVX512_VNNI;
    if ((has & HDI_CPU_AVX512) && __builtin_cpu_supports("avx512bf16")) has |= HDI_CPU_AVX512_BF16;
#elif defined(__aarch64__)
    has |= HDI_CPU_NEON; /* part of the base architecture */
#endif
    return has;
}

/* Reads one number from a small file; false when it is not there or says "max". */
static int read_numbers(const char *path, const char *format, long long *a, long long *b) {
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    int n = fscanf(file, format, a, b);
    fclose(file);
    return n < 0 ? 0 : n;
}

int hdi_cpu_count(void) {
    cpu_set_t set;
    int n = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    long long quota = 0, period = 0;
    if (read_numbers("/sys/fs/cgroup/cpu.max", "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0) {
        int limit = (int)((quota + period - 1) / period);
        if (limit < n) n = limit;
    }
    return n < 1 ? 1 : n;
}

size_t hdi_memory_size(void) {
    long long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    long long bytes = pages > 0 && size > 0 ? pages * size : 0, limit = 0, unused = 0;
    if (read_numbers("/sys/fs/cgroup/memory.max", "%lld%lld", &limit, &unused) >= 1 && limit > 0 && limit < bytes) bytes = limit;
    return (size_t)bytes;
}

void hdi_cpu_name(char *out, size_t size) {
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "%s",
#if defined(__x86_64__)
             "x86-64"
#elif defined(__aarch64__)
             "AArch64"
#else
             "CPU"
#endif
    );
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        colon[1 + strcspn(colon + 1, "\n")] = 0;
        snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(file);
}
