/* SPDX-License-Identifier: Apache-2.0 */
/* A test must be able to fail: kernels broken on purpose, each of which the harness has to catch, and a right one that it must
 * pass. */
#include <stdio.h>
#include <string.h>

#include "check/selftest.h"
#include "kernels/ref.h"

/* The kernel: y = 2 x over rows; an item is a row. */
typedef struct io {
    float *y;
    const float *x;
    int64_t n;
} io;

static io row_of(const hdi_kernel_call *call, int64_t r) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    return (io){(float *)y->data + hdi_row_offset(y, r), (const float *)x->data + hdi_row_offset(x, r), hdi_row_length(y)};
}

static void work(const hdi_kernel_call *call, hdi_kernel_work *w) {
    hdi_rows_work(&call->operand[0], w);
    w->scratch = 20;
}

static void reference(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < hdi_row_length(y); i++)
            hdi_ref_set(y, hdi_row_offset(y, r) + i, 2 * hdi_ref_get(x, hdi_row_offset(x, r) + i));
}

/* The right kernel with one statement more, for every row. */
#define KERNEL_WITH(name, before, after)                                                       \
    static void name(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch) { \
        for (int64_t r = begin; r < end; r++) {                                                \
            io k = row_of(call, r);                                                            \
            float *s = scratch;                                                                \
            (void)s;                                                                           \
            before;                                                                            \
            for (int64_t i = 0; i < k.n; i++) k.y[i] = 2 * k.x[i];                             \
            after;                                                                             \
        }                                                                                      \
    }
KERNEL_WITH(right, , )
KERNEL_WITH(writes_past_the_end, , k.y[k.n] = 1)
KERNEL_WITH(writes_before_the_start, , k.y[-1] = 1)
KERNEL_WITH(wrong_tail, , if (k.n % 16 == 5) k.y[k.n - 1] = 0)
KERNEL_WITH(leaves_an_element, float old = k.n > 3 ? k.y[3] : 0, if (k.n > 3) k.y[3] = old)
KERNEL_WITH(wrong_when_split, , if (r == begin && r > 0 && k.n) k.y[0] += 1)
KERNEL_WITH(wrong_when_rows_are_single, , if (end - begin == 1 && k.n) k.y[0] = 7)
KERNEL_WITH(modifies_the_input, , if (k.n)((float *)(uintptr_t)k.x)[0] += 1)
KERNEL_WITH(reads_far_beyond, , if (k.n) k.y[0] += 0 * k.x[k.n + 4096])
KERNEL_WITH(one_bit_off, , if (k.n > 7) k.y[7] *= 1 + 0x1p-23f)
KERNEL_WITH(overruns_the_scratch, s[5] = 1, )
KERNEL_WITH(underruns_the_scratch, s[-1] = 1, )
KERNEL_WITH(trusts_the_scratch, , if (s[2] != 0 && k.n) k.y[0] += s[2])
KERNEL_WITH(wrong_in_place, if (k.n > 1) k.y[1] = 0, )
KERNEL_WITH(ignores_strides, k.x = (const float *)call->operand[1].data + r * k.n, )
KERNEL_WITH(denies_nan, , for (int64_t i = 0; i < k.n; i++) if (k.x[i] != k.x[i]) k.y[i] = 0)
KERNEL_WITH(wrong_value, , for (int64_t i = 0; i < k.n; i++) k.y[i] *= 1.001f)

/* Runs all cases; `scalar` is the specification, `other` stands as another ISA. */
static int64_t failures(hdi_kernel_fn scalar, hdi_kernel_fn other) {
    static hdi_check c = {.glob = "*", .quiet = true, .seed = 99};
    hdi_kernel_fn fns[HDI_ISA_COUNT] = {[HDI_ISA_SCALAR] = scalar, [HDI_ISA_NEON] = other};
    c.failed = c.passed = 0;
    c.isa_on[HDI_ISA_SCALAR] = c.isa_on[HDI_ISA_NEON] = true;
    for (int i = 0; i < hdi_check_n_sizes; i++)
        for (int special = 0; special < 2; special++) {
            int64_t n = hdi_check_sizes[i];
            hdi_check_begin_custom(&c, "twice", work, fns, NULL, 0);
            hdi_check_out(&c, HD_DTYPE_F32, HDI_ROWS, HDI_DIMS(5, n));
            hdi_check_in(&c, HD_DTYPE_F32, HDI_ROWS, special ? HDI_SPECIAL : HDI_NORMAL(1), HDI_DIMS(5, n));
            hdi_check_inplace(&c, 0, 1);
            hdi_check_run(&c, reference);
        }
    return c.failed;
}

static int passed, failed;

static void expect(bool held, const char *text) {
    printf("%s: %s\n", held ? "ok" : "NOT CAUGHT", text);
    if (held)
        passed++;
    else
        failed++;
}

int main(void) {
#define BROKEN(fn) \
    { #fn, fn }
    static const struct {
        const char *name;
        hdi_kernel_fn fn;
    } broken[] = {BROKEN(writes_past_the_end),  BROKEN(writes_before_the_start), BROKEN(wrong_tail),
                  BROKEN(leaves_an_element),    BROKEN(wrong_when_split),        BROKEN(wrong_when_rows_are_single),
                  BROKEN(modifies_the_input),   BROKEN(reads_far_beyond),        BROKEN(one_bit_off),
                  BROKEN(overruns_the_scratch), BROKEN(underruns_the_scratch),   BROKEN(trusts_the_scratch),
                  BROKEN(wrong_in_place),       BROKEN(ignores_strides),         BROKEN(denies_nan)};
    check_catch_faults();
    expect(failures(right, right) == 0, "a right kernel passes");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) expect(failures(right, broken[i].fn) > 0, broken[i].name);
    expect(failures(wrong_value, wrong_value) > 0, "a wrong specification, against the reference");
    expect(failures(writes_past_the_end, right) > 0, "a specification that writes past the end");
    selftest_device(expect);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
