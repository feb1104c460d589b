/* SPDX-License-Identifier: Apache-2.0 */
/* What a run must have left: the memory around operands, the bits of the scalar kernel, the values of the reference. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "kernels/ref.h"

enum { MAX_PRINTED = 3 }; /* failures printed for one kernel: the first ones tell */

static bool is_float(int dtype) {
    return dtype == HD_DTYPE_F32 || dtype == HD_DTYPE_F16 || dtype == HD_DTYPE_BF16 || dtype == HD_DTYPE_F64;
}

static void print_operand(const operand *o, int index) {
    static const char *const roles[] = {"in", "out", "state", "alias", "absent", "temp"};
    printf("    operand %d: %s", index, roles[o->role]);
    if (o->role != ROLE_ABSENT) {
        printf(" %s%s [", hd_dtype_name((hd_dtype)o->op.dtype), o->op.layout == HDI_LAYOUT_PANEL ? " panel" : "");
        for (int d = 0; d < o->op.rank; d++) printf("%s%" PRId64, d ? ", " : "", o->op.shape[d]);
        printf("] strides (");
        for (int d = 0; d < o->op.rank; d++) printf("%s%" PRId64, d ? ", " : "", o->op.stride[d]);
        printf(") address %% 64 = %d", (int)((uintptr_t)o->op.data % 64));
    }
    printf("\n");
}

void check_report(hdi_check *c, const char *fmt, ...) {
    va_list args;
    c->failed_case = true;
    if (c->quiet || c->fails_printed++ >= MAX_PRINTED) return;
    printf("FAIL %s, %s, %s, case %d, --seed %" PRIu64 "\n    ", c->name, c->on_device ? c->device->name : hdi_isa_name(c->isa),
           c->mode, c->case_number, c->seed);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    for (int i = 0; i < c->n; i++) print_operand(&c->operand[i], i);
}

/* Inputs are as they were, and so is all that lies around and between the elements of outputs. */
bool compare_surroundings(hdi_check *c) {
    for (int i = 0; i < c->n; i++) {
        const operand *o = &c->operand[i];
        if (!operand_has_window(o)) continue;
        if (memcmp(o->window, o->snapshot, o->window_bytes) == 0) continue;
        for (size_t b = 0; b < o->window_bytes; b++) {
            if (o->window[b] == o->snapshot[b] || (o->role != ROLE_INPUT && o->mask[b])) continue;
            check_report(c, "operand %d: byte %lld from its start (it has %zu) was 0x%02x and became 0x%02x: %s", i,
                         (long long)b - (long long)o->at, o->span, o->snapshot[b], o->window[b],
                         o->role == ROLE_INPUT ? "inputs must stay as they are" : "it belongs to no element");
            return false;
        }
    }
    return true;
}

static double value_of(const hdi_operand *op, const uint8_t *p) {
    hdi_operand one = {.data = (void *)(uintptr_t)p, .dtype = op->dtype};
    return hdi_ref_get(&one, 0);
}

/* `got`, which may lie elsewhere and otherwise, has the bits that the run before left in output `index` (the scalar one, or the
 * device's first); any NaN is like another. */
bool compare_expected(hdi_check *c, const hdi_operand *got, int index) {
    const operand *o = &c->operand[index];
    size_t bytes = hd_dtype_block_bytes((hd_dtype)o->op.dtype);
    for (int64_t i = 0, n = operand_count(&o->op); i < n; i++) {
        const uint8_t *want = o->expected + o->at + operand_offset(&o->op, i),
                      *have = (const uint8_t *)got->data + operand_offset(got, i);
        char where[128], bits[2][2 * 40 + 1] = {"", ""};
        if (memcmp(want, have, bytes) == 0) continue;
        double a = is_float(o->op.dtype) ? value_of(&o->op, want) : 0, b = is_float(o->op.dtype) ? value_of(&o->op, have) : 0;
        if (isnan(a) && isnan(b)) continue;
        operand_index_text(&o->op, i, where, sizeof where);
        for (size_t k = 0; k < bytes && k < 40; k++) {
            sprintf(bits[0] + 2 * k, "%02x", have[bytes - 1 - k]);
            sprintf(bits[1] + 2 * k, "%02x", want[bytes - 1 - k]);
        }
        check_report(c, "output %d at %s is %.9g (0x%s), %s gave %.9g (0x%s)", index, where, b, bits[0],
                     c->on_device ? "the first run" : "scalar in one call", a, bits[1]);
        return false;
    }
    return true;
}

/* Half the distance between neighbours of `x` in a float type of `digits` binary digits and least exponent `least`. */
static double half_ulp(double x, int digits, int least) {
    int e;
    if (x == 0 || !isfinite(x)) return ldexp(1, least - digits);
    frexp(x, &e);
    return ldexp(1, (e > least ? e : least) - digits - 1);
}

static double rounding_of(int dtype, double x) {
    switch (dtype) {
    case HD_DTYPE_F32:
        return half_ulp(x, 24, -125);
    case HD_DTYPE_F16:
        return half_ulp(x, 11, -13);
    case HD_DTYPE_BF16:
        return half_ulp(x, 8, -125);
    default:
        return 0;
    }
}

static double largest_of(int dtype) {
    return dtype == HD_DTYPE_F16 ? 65504 : dtype == HD_DTYPE_BF16 ? 0x1.fep127 : 0x1.fffffep127;
}

static bool near(const hdi_check *c, int dtype, double got, double want) {
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (got == want || c->exact) return got == want;
    double room = c->absolute + c->relative * fabs(want) + rounding_of(dtype, want) * 1.0001;
    if (dtype != HD_DTYPE_F64 && isinf(got))
        return got > 0 ? want + room >= largest_of(dtype) : want - room <= -largest_of(dtype);
    return isfinite(want) && fabs(got - want) <= room;
}

/* `got` lies within the tolerance of the reference, which is dense f64 for float outputs and of the output's own type for others.
 */
bool compare_reference(hdi_check *c, const hdi_operand *got, int index) {
    const hdi_operand *ref = &c->operand[index].reference;
    size_t bytes = hd_dtype_block_bytes((hd_dtype)got->dtype);
    for (int64_t i = 0, n = operand_count(got); i < n; i++) {
        const uint8_t *have = (const uint8_t *)got->data + operand_offset(got, i),
                      *want = (const uint8_t *)ref->data + operand_offset(ref, i);
        char where[128];
        if (is_float(got->dtype)) {
            double a = value_of(got, have), b = value_of(ref, want);
            if (near(c, got->dtype, a, b)) continue;
            operand_index_text(got, i, where, sizeof where);
            check_report(c, "output %d at %s is %.9g, the reference %.9g: off by %g where %g + rounding %g are allowed", index,
                         where, a, b, fabs(a - b), c->absolute + c->relative * fabs(b), rounding_of(got->dtype, b));
            return false;
        }
        if (memcmp(have, want, bytes) == 0) continue;
        operand_index_text(got, i, where, sizeof where);
        size_t k = 0;
        while (have[k] == want[k]) k++;
        check_report(c, "output %d at %s: byte %zu is 0x%02x, the reference's 0x%02x", index, where, k, have[k], want[k]);
        return false;
    }
    return true;
}

/* What a device left in output `index` is right: near the reference, or near scalar where there is none. Where special values
 * made scalar overflow away from the reference, which does not, the order of additions decides, and anything is right. */
bool compare_device(hdi_check *c, int index) {
    const operand *o = &c->operand[index];
    const hdi_operand *got = &o->op;
    bool special = c->specials && !c->reference_specials;
    if (o->reference.data && !(special && is_float(got->dtype))) return compare_reference(c, got, index);
    size_t bytes = hd_dtype_block_bytes((hd_dtype)got->dtype);
    for (int64_t i = 0, n = operand_count(got); i < n; i++) {
        int64_t at = operand_offset(got, i);
        const uint8_t *have = (const uint8_t *)got->data + at, *scalar = o->expected + o->at + at;
        char where[128];
        if (memcmp(have, scalar, bytes) == 0) continue;
        double a = 0, b = 0;
        if (is_float(got->dtype)) {
            a = value_of(got, have);
            b = value_of(got, scalar);
            if (near(c, got->dtype, a, b)) continue;
            if (o->reference.data) {
                double r = ((const double *)o->reference.data)[i];
                if (!near(c, got->dtype, b, r) || near(c, got->dtype, a, r)) continue;
                if (c->order_overflows && !isnan(r)) continue;
                if (c->infinite_for_nan && isnan(r) && !isfinite(a)) continue;
            }
        }
        operand_index_text(got, i, where, sizeof where);
        check_report(c, "output %d at %s is %.9g, scalar gave %.9g: %g + rounding %g are allowed", index, where, a, b,
                     c->absolute + c->relative * fabs(b), rounding_of(got->dtype, b));
        return false;
    }
    return true;
}
