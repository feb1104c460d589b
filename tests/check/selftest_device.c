/* SPDX-License-Identifier: Apache-2.0 */
/* Checks on devices must be able to fail, too: a device of host memory whose kernels are broken on purpose, each of which the
 * harness has to catch. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "check/selftest.h"
#include "device/device.h"
#include "kernels/ref.h"

/* What the device computes y = 2 x (or a group of two additions) with; `run` counts launches. */
typedef enum fault {
    RIGHT,
    BIT_OFF, /* within the tolerance: right on a device */
    WRONG_VALUE,
    LEAVES_AN_ELEMENT,
    WRITES_PAST_THE_END,
    WRITES_BEFORE_THE_START,
    MODIFIES_THE_INPUT,
    VARIES, /* within the tolerance, but from run to run */
    WRONG_IN_PLACE,
    DENIES_NAN,
    LACKS_THE_KERNEL,
    FAILS_LATE
} fault;
static fault broken;
static int run;

/* ---- the device ---- */

static hd_status alloc(const hd_device *device, size_t bytes, void **out) {
    (void)device;
    *out = aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    return *out ? HD_OK : hdi_fail(HD_OUT_OF_MEMORY, "no memory");
}
static hd_status free_memory(const hd_device *device, void *memory) {
    (void)device;
    free(memory);
    return HD_OK;
}
static hd_status copy(const hd_device *device, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    (void)device, (void)kind;
    memcpy(dst, src, bytes);
    return HD_OK;
}
static hd_status stream_create(const hd_device *device, void **stream) {
    (void)device;
    *stream = &run;
    return HD_OK;
}
static hd_status stream_destroy(const hd_device *device, void *stream) {
    (void)device, (void)stream;
    return HD_OK;
}
static hd_status stream_synchronize(const hd_device *device, void *stream) {
    (void)device, (void)stream;
    return broken == FAILS_LATE ? hdi_fail(HD_DEVICE, "it broke down meanwhile") : HD_OK;
}

static void spoil(const hdi_operand *y, const hdi_operand *x, int64_t r) {
    float *py = (float *)y->data + hdi_row_offset(y, r), *px = (float *)x->data + hdi_row_offset(x, r);
    int64_t n = hdi_row_length(y);
    if (n == 0) return;
    if (broken == BIT_OFF) py[n / 2] *= 1 + 0x1p-23f;
    if (broken == WRONG_VALUE) py[n / 2] *= 1.001f;
    if (broken == WRITES_PAST_THE_END && r == hdi_row_count(y) - 1) py[n] = 1;
    if (broken == WRITES_BEFORE_THE_START && r == 0) py[-1] = 1;
    if (broken == MODIFIES_THE_INPUT && px != py) px[0] += 1;
    if (broken == VARIES && run % 2) py[n / 2] *= 1 + 0x1p-23f;
    if (broken == WRONG_IN_PLACE && px == py) py[0] = 7;
    if (broken == DENIES_NAN && py[n / 2] != py[n / 2]) py[n / 2] = 0;
}

static hd_status launch(const hd_device *device, void *stream, hdi_kernel_id kernel, const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    (void)device, (void)stream, (void)kernel;
    run++;
    if (broken == LACKS_THE_KERNEL) return hdi_fail(HD_UNSUPPORTED, "no such kernel");
    for (int64_t r = 0; r < hdi_row_count(y); r++) {
        float *py = (float *)y->data + hdi_row_offset(y, r), *px = (float *)x->data + hdi_row_offset(x, r);
        for (int64_t i = 0; i < hdi_row_length(y); i++)
            if (broken != LEAVES_AN_ELEMENT || i != 3) py[i] = 2 * px[i];
        spoil(y, x, r);
    }
    return HD_OK;
}

static hd_status launch_group(const hd_device *device, void *stream, hdi_group_kind kind, const hdi_kernel_call *calls, int n,
                              bool *done) {
    (void)device, (void)stream, (void)kind;
    run++;
    *done = broken != LACKS_THE_KERNEL;
    for (int i = 0; i < n && *done; i++) {
        hdi_kernel_work work = {0};
        hdi_add_work(&calls[i], &work);
        hdi_kernel_get_isa(HDI_KERNEL_add_f32, HDI_ISA_SCALAR)(&calls[i], 0, work.items, NULL);
    }
    if (*done) spoil(&calls[n - 1].operand[0], &calls[n - 1].operand[2], 0);
    return HD_OK;
}

static const hdi_device_vtable vtable = {.alloc = alloc,
                                         .free = free_memory,
                                         .copy = copy,
                                         .stream_create = stream_create,
                                         .stream_destroy = stream_destroy,
                                         .stream_synchronize = stream_synchronize,
                                         .launch = launch,
                                         .launch_group = launch_group};

/* ---- the cases ---- */

static void work(const hdi_kernel_call *call, hdi_kernel_work *w) { hdi_rows_work(&call->operand[0], w); }

static void twice(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    (void)scratch;
    for (int64_t r = begin; r < end; r++)
        for (int64_t i = 0; i < hdi_row_length(y); i++)
            ((float *)y->data)[hdi_row_offset(y, r) + i] = 2 * ((const float *)x->data)[hdi_row_offset(x, r) + i];
}

static void reference(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < hdi_row_length(y); i++)
            hdi_ref_set(y, hdi_row_offset(y, r) + i, 2 * hdi_ref_get(x, hdi_row_offset(x, r) + i));
}

static hdi_check *begin(fault f) {
    static const hd_device device = {.vtable = &vtable, .type = HD_DEVICE_HOST};
    static hdi_check c;
    c = (hdi_check){.glob = "*", .quiet = true, .seed = 77};
    broken = f;
    run = 0;
    if (!check_device_open(&c, &device, "broken:0")) abort();
    return &c;
}

static int64_t end(hdi_check *c) {
    check_device_close(c);
    check_release(c);
    return c->failed;
}

static int64_t failures(fault f, bool may_lack) {
    hdi_check *c = begin(f);
    hdi_kernel_fn fns[HDI_ISA_COUNT] = {[HDI_ISA_SCALAR] = twice};
    for (int i = 0; i < hdi_check_n_sizes; i++)
        for (int special = 0; special < 2; special++) {
            int64_t n = hdi_check_sizes[i];
            hdi_check_begin_custom(c, "twice", work, fns, NULL, 0);
            hdi_check_out(c, HD_DTYPE_F32, HDI_ROWS, HDI_DIMS(5, n));
            hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, special ? HDI_SPECIAL : HDI_NORMAL(1), HDI_DIMS(5, n));
            hdi_check_tolerance(c, 0, 0x1p-22);
            hdi_check_inplace(c, 0, 1);
            if (may_lack) hdi_check_may_lack(c);
            hdi_check_run(c, reference);
        }
    return end(c);
}

/* y = (a + b) + d as a group; what lies between its steps is not looked at. */
static int64_t group_failures(fault f) {
    hdi_check *c = begin(f);
    for (int64_t n = 1; n < 40; n++) {
        if (!hdi_check_begin_group(c, HDI_GROUP_linear_add)) abort();
        hdi_operand t = *hdi_check_temp(c, HD_DTYPE_F32, HDI_ROWS, HDI_DIMS(1, n)), in[3];
        for (int i = 0; i < 3; i++) in[i] = *hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_NORMAL(1), HDI_DIMS(1, n));
        hdi_operand y = *hdi_check_out(c, HD_DTYPE_F32, HDI_ROWS, HDI_DIMS(1, n));
        hdi_check_step(c, HDI_KERNEL_add_f32, NULL, 0, HDI_OPERANDS(t, in[0], in[1]));
        hdi_check_step(c, HDI_KERNEL_add_f32, NULL, 0, HDI_OPERANDS(y, t, in[2]));
        hdi_check_tolerance(c, 0, 0x1p-22);
        hdi_check_run_group(c);
    }
    return end(c);
}

void selftest_device(void (*expect)(bool held, const char *text)) {
#define CAUGHT(fault) expect(failures(fault, false) > 0, "a device: " #fault)
#define GROUP_CAUGHT(fault) expect(group_failures(fault) > 0, "a device's group: " #fault)
    expect(failures(RIGHT, false) == 0, "a device's right kernel passes");
    expect(failures(BIT_OFF, false) == 0, "a device's kernel passes within the tolerance");
    CAUGHT(WRONG_VALUE);
    CAUGHT(LEAVES_AN_ELEMENT);
    CAUGHT(WRITES_PAST_THE_END);
    CAUGHT(WRITES_BEFORE_THE_START);
    CAUGHT(MODIFIES_THE_INPUT);
    CAUGHT(VARIES);
    CAUGHT(WRONG_IN_PLACE);
    CAUGHT(DENIES_NAN);
    CAUGHT(LACKS_THE_KERNEL);
    CAUGHT(FAILS_LATE);
    expect(failures(LACKS_THE_KERNEL, true) == 0, "a device may lack a kernel where the check says so");
    expect(group_failures(RIGHT) == 0, "a device's right group passes");
    GROUP_CAUGHT(WRONG_VALUE);
    GROUP_CAUGHT(WRITES_PAST_THE_END);
    GROUP_CAUGHT(MODIFIES_THE_INPUT);
    GROUP_CAUGHT(VARIES);
    GROUP_CAUGHT(LACKS_THE_KERNEL);
}
