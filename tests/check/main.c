/* SPDX-License-Identifier: Apache-2.0 */
/* heddle-check: tests every kernel of kernels.def against its specification, and benches it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check/harness.h"
#ifndef HEDDLE_KERNELS_ONLY
#include "heddle/device.h"
#endif

enum { EXIT_SKIPPED = 77 };

static void (*const checks[])(hdi_check *) = {
#define KERNEL_OP(op) hdi_##op##_check,
#define KERNEL(op, variant)
#include "kernels/kernels.def"
#ifndef HEDDLE_KERNELS_ONLY
#define GROUP(group) hdi_##group##_check,
#include "kernels/groups.def"
#endif
};

static int usage(int status) {
    fprintf(status ? stderr : stdout,
            "usage: heddle-check [--isa NAME | --device NAME] [--kernel GLOB] [--seed N] [--bench]\n"
            "Tests each kernel of each instruction set of this machine (or of NAME only) against its specification.\n"
            "  --device NAME  the kernels and groups of a device instead, as 'cuda:0'\n"
            "  --kernel GLOB  only kernels and groups whose name matches, as 'rms_norm_*'\n"
            "  --seed N       the random numbers of an earlier run\n"
            "  --bench        also times the kernels\n");
    return status;
}

/* What the machine copies, so that GB/s can be read beside it. */
static void print_copy_rate(void) {
    size_t bytes = (size_t)64 << 20;
    uint8_t *from = malloc(bytes), *to = malloc(bytes);
    double best = 1e9;
    for (int i = 0; from && to && i < 6; i++) {
        struct timespec a, b;
        memset(i ? to : from, i, i ? 0 : bytes);
        clock_gettime(CLOCK_MONOTONIC, &a);
        memcpy(to, from, bytes);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double t = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        if (t < best) best = t;
    }
    printf("copying 64 MiB with one thread: %.2f GB/s read and written\n", 2 * (double)bytes / best * 1e-9);
    free(from);
    free(to);
}

static bool choose_isas(hdi_check *c, const char *name) {
    bool known = !name, any = false;
    for (int i = 0; i < HDI_ISA_COUNT; i++) {
        bool wanted = !name || strcmp(name, hdi_isa_name((hdi_isa)i)) == 0;
        known |= wanted;
        c->isa_on[i] = wanted && hdi_isa_usable((hdi_isa)i);
        any |= c->isa_on[i];
    }
    if (!known) {
        fprintf(stderr, "heddle-check: there is no instruction set \"%s\"\n", name);
        exit(usage(2));
    }
    return any;
}

/* The device of this name becomes what is tested; false, with the reason printed, where that is impossible. */
static bool choose_device(hdi_check *c, const char *name) {
#ifdef HEDDLE_KERNELS_ONLY
    (void)c;
    fprintf(stderr, "heddle-check: %s: this build has the CPU's kernels only\n", name);
    return false;
#else
    const hd_device *device;
    if (hd_device_parse(name, &device) != HD_OK) {
        fprintf(stderr, "heddle-check: %s\n", hd_last_error());
        return false;
    }
    return check_device_open(c, device, name);
#endif
}

static void print_tested(const hdi_check *c, const char *device) {
    printf("heddle-check --seed %" PRIu64 ":", c->seed);
    if (device) printf(" %s", device);
    for (int i = 0; i < HDI_ISA_COUNT && !device; i++)
        if (c->isa_on[i]) printf(" %s", hdi_isa_name((hdi_isa)i));
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    static hdi_check c = {.glob = "*"};
    const char *isa = NULL, *device = NULL;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    c.seed = (uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec << 20;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--help") == 0) return usage(0);
        if (strcmp(argv[i], "--bench") == 0)
            c.bench = true;
        else if (strcmp(argv[i], "--isa") == 0 && value)
            isa = argv[++i];
        else if (strcmp(argv[i], "--device") == 0 && value)
            device = argv[++i];
        else if (strcmp(argv[i], "--kernel") == 0 && value)
            c.glob = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && value)
            c.seed = strtoull(argv[++i], NULL, 0);
        else
            return usage(2);
    }
    if (isa && device) return usage(2);
    if (device && !choose_device(&c, device)) return 1;
    if (!choose_isas(&c, isa)) {
        printf("heddle-check: %s is not in this binary, not in this machine, or masked by HD_ISA: skipped\n0 passed, 0 failed\n",
               isa ? isa : "?");
        return EXIT_SKIPPED;
    }
    print_tested(&c, device);
    check_catch_faults();
    if (c.bench && !device) print_copy_rate();
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        c.state = c.seed + i;
        checks[i](&c);
    }
#ifndef HEDDLE_KERNELS_ONLY
    if (device) {
        check_device_report(&c);
        check_device_close(&c);
    }
#endif
    check_release(&c);
    if (c.passed + c.failed == 0) printf("no kernel matches \"%s\"\n", c.glob);
    printf("%" PRId64 " passed, %" PRId64 " failed\n", c.passed, c.failed);
    return c.failed || !c.passed ? 1 : 0;
}
