/* SPDX-License-Identifier: Apache-2.0 */
/* Times of kernels on one thread: the best of several rounds, beside what the scalar kernel takes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "check/harness.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double best_seconds(const hdi_check *c, hdi_kernel_fn fn, const hdi_kernel_call *call, const hdi_kernel_work *work,
                           void *scratch) {
    double best = 1e9, start = now(), spent = 0;
    (void)c;
    fn(call, 0, work->items, scratch);
    double once = now() - start;
    int repeat = once > 4e-3 ? 1 : (int)(4e-3 / (once + 1e-8)) + 1;
    for (int round = 0; round < 12 && (round < 3 || spent < 0.06); round++) {
        start = now();
        for (int i = 0; i < repeat; i++) fn(call, 0, work->items, scratch);
        double t = now() - start;
        spent += t;
        if (t / repeat < best) best = t / repeat;
    }
    return best;
}

void check_print_case(const hdi_check *c) {
    char text[160];
    size_t n = 0;
    for (int i = 0; i < c->n && n < sizeof text; i++) {
        const operand *o = &c->operand[i];
        if (o->role == ROLE_ABSENT || o->role == ROLE_ALIAS) continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", hd_dtype_name((hd_dtype)o->op.dtype));
        for (int d = 0; d < o->op.rank && n < sizeof text; d++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%c%" PRId64, d ? 'x' : ':', o->op.shape[d]);
    }
    printf("%-24s %s\n", c->name, text);
}

void hdi_check_bench(hdi_check *c, double bytes, double flops) {
    hdi_operand ops[HDI_MAX_OPERANDS];
    hdi_kernel_call call = {.operand = ops, .attr = c->attr, .n_operands = c->n};
    hdi_kernel_work work = {0};
    double scalar = 0;
    if (c->device) {
        check_print_case(c);
        c->device_bench(c, bytes, flops);
        return;
    }
    for (int i = 0; i < c->n; i++) ops[i] = c->operand[i].op;
    c->work_fn(&call, &work);
    void *scratch = arena_take(&c->scratch, work.scratch + 64);
    check_print_case(c);
    for (int isa = 0; isa < HDI_ISA_COUNT; isa++) {
        if (!c->fns[isa] || (isa != HDI_ISA_SCALAR && !c->isa_on[isa])) continue;
        double s = best_seconds(c, c->fns[isa], &call, &work, scratch);
        if (isa == HDI_ISA_SCALAR) scalar = s;
        printf("    %-8s %12.0f ns %9.2f GB/s %9.2f GFLOP/s %7.2f x scalar\n", hdi_isa_name((hdi_isa)isa), s * 1e9,
               bytes / s * 1e-9, flops / s * 1e-9, scalar / s);
    }
    fflush(stdout);
}
