/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of kernels, and the choice among instruction sets: once a process, by CPU features and HD_ISA. */
#include "kernels/kernel.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu_features.h"
#include "base/status.h"

extern const hdi_kernel_fn hdi_kernels_scalar[HDI_KERNEL_COUNT];
#if defined(__x86_64__)
extern const hdi_kernel_fn hdi_kernels_avx2[HDI_KERNEL_COUNT];
extern const hdi_kernel_fn hdi_kernels_avx512[HDI_KERNEL_COUNT];
#elif defined(__aarch64__)
extern const hdi_kernel_fn hdi_kernels_neon[HDI_KERNEL_COUNT];
#endif

/* The tables that this binary holds. */
static const hdi_kernel_fn *const tables[HDI_ISA_COUNT] = {
    [HDI_ISA_SCALAR] = hdi_kernels_scalar,
#if defined(__x86_64__)
    [HDI_ISA_AVX2] = hdi_kernels_avx2,
    [HDI_ISA_AVX512] = hdi_kernels_avx512,
#elif defined(__aarch64__)
    [HDI_ISA_NEON] = hdi_kernels_neon,
#endif
};

static const char *const isa_names[HDI_ISA_COUNT] = {
#define NAME_OF(NAME, name) #name,
    HDI_ISA_LIST(NAME_OF)
#undef NAME_OF
};

typedef struct kernel_info {
    const char *name;
    hdi_kernel_work_fn work;
    hdi_kernel_cost_fn cost;
} kernel_info;

static const kernel_info infos[HDI_KERNEL_COUNT] = {
#define KERNEL_OP(op)
#define KERNEL(op, variant) {#op "_" #variant, hdi_##op##_work, hdi_##op##_cost},
#include "kernels/kernels.def"
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable[HDI_ISA_COUNT];
static hdi_kernel_fn best[HDI_KERNEL_COUNT];
static char bad_name[64]; /* the first unknown name in HD_ISA */
static bool mask_set, mask_hits;

static bool cpu_can(hdi_isa isa) {
    uint64_t has = hdi_cpu_features();
    switch (isa) {
    case HDI_ISA_SCALAR:
        return true;
    case HDI_ISA_NEON:
        return has & HDI_CPU_NEON;
    case HDI_ISA_AVX2:
        return has & HDI_CPU_AVX2;
    case HDI_ISA_AVX512:
        return has & HDI_CPU_AVX512;
    default:
        return false;
    }
}

/* Reads HD_ISA into a mask; no variable means all. */
static void read_mask(bool allowed[HDI_ISA_COUNT]) {
    const char *env = getenv("HD_ISA");
    mask_set = env && *env;
    for (int i = 0; i < HDI_ISA_COUNT; i++) allowed[i] = !mask_set;
    for (const char *p = env; mask_set && *p;) {
        size_t n = strcspn(p, ",");
        bool known = n == 0;
        for (int i = 0; i < HDI_ISA_COUNT; i++)
            if (strlen(isa_names[i]) == n && memcmp(isa_names[i], p, n) == 0) known = allowed[i] = true;
        if (!known && !*bad_name) snprintf(bad_name, sizeof bad_name, "%.*s", (int)n, p);
        p += n + (p[n] == ',');
    }
}

static void choose(void) {
    bool allowed[HDI_ISA_COUNT];
    read_mask(allowed);
    for (int i = 0; i < HDI_ISA_COUNT; i++) {
        usable[i] = tables[i] && cpu_can((hdi_isa)i) && allowed[i];
        mask_hits |= usable[i];
    }
    for (int k = 0; k < HDI_KERNEL_COUNT; k++) {
        best[k] = tables[HDI_ISA_SCALAR][k];
        for (int i = 0; i < HDI_ISA_COUNT; i++)
            if (usable[i] && tables[i][k]) best[k] = tables[i][k];
    }
}

const char *hdi_isa_name(hdi_isa isa) { return (unsigned)isa < HDI_ISA_COUNT ? isa_names[isa] : "?"; }

bool hdi_isa_usable(hdi_isa isa) {
    pthread_once(&once, choose);
    return usable[isa];
}

hdi_isa hdi_isa_best(void) {
    pthread_once(&once, choose);
    hdi_isa isa = HDI_ISA_SCALAR;
    for (int i = 0; i < HDI_ISA_COUNT; i++)
        if (usable[i]) isa = (hdi_isa)i;
    return isa;
}

hd_status hdi_isa_check(void) {
    char have[128] = "";
    pthread_once(&once, choose);
    for (int i = 0; i < HDI_ISA_COUNT; i++)
        if (tables[i] && cpu_can((hdi_isa)i)) {
            strcat(have, *have ? ", " : "");
            strcat(have, isa_names[i]);
        }
    HD_REQUIRE(!*bad_name, HD_INVALID_ARGUMENT, "HD_ISA names \"%s\", which is no instruction set; this machine has %s", bad_name,
               have);
    HD_REQUIRE(!mask_set || mask_hits, HD_INVALID_ARGUMENT,
               "HD_ISA leaves no instruction set that this machine can run; it has %s", have);
    return HD_OK;
}

const char *hdi_kernel_name(hdi_kernel_id id) { return (unsigned)id < HDI_KERNEL_COUNT ? infos[id].name : "none"; }

hdi_kernel_id hdi_kernel_find(const char *name) {
    for (int k = 0; k < HDI_KERNEL_COUNT; k++)
        if (strcmp(infos[k].name, name) == 0) return (hdi_kernel_id)k;
    return HDI_KERNEL_NONE;
}

hdi_kernel_work_fn hdi_kernel_work_of(hdi_kernel_id id) { return infos[id].work; }

hdi_kernel_cost_fn hdi_kernel_cost_of(hdi_kernel_id id) { return infos[id].cost; }

hdi_kernel_fn hdi_kernel_get(hdi_kernel_id id) {
    pthread_once(&once, choose);
    return best[id];
}

hdi_kernel_fn hdi_kernel_get_isa(hdi_kernel_id id, hdi_isa isa) { return tables[isa] ? tables[isa][id] : NULL; }
