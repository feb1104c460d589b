/* SPDX-License-Identifier: Apache-2.0 */
/* Cases on a device, through its table of functions: whole windows go to its memory and come back, so that what a kernel writes
 * beside its operands shows there as it does here. Two runs must give the same bits; the first is compared with the reference. */
#include "device/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/device_test.h"

bool device_failed(hdi_check *c, hd_status status, const char *doing) {
    if (status == HD_OK) return false;
    check_report(c, "%s: %s", doing, hd_last_error());
    return true;
}

/* ---- memory ---- */

/* A block of at least `bytes`, kept from case to case. */
static hd_status take_block(const hd_device *device, void **block, size_t *room, size_t bytes) {
    if (*block && *room >= bytes) return HD_OK;
    if (*block) HD_TRY(device->vtable->free(device, *block));
    *block = NULL;
    *room = bytes + bytes / 2;
    return device->vtable->alloc(device, *room, block);
}

/* Where a window of `bytes` lies in a block of `room` bytes: at its end, so that what reads too far leaves the block, with the
 * operand, `at` bytes into it, at the same place of a 64-byte line as on the host. */
static uint8_t *place_in(void *block, size_t room, size_t bytes, size_t at, const void *host) {
    uintptr_t data = (uintptr_t)block + room - bytes + at;
    return (uint8_t *)(data - (data - (uintptr_t)host) % 64 - at);
}

static hd_status to_device(hdi_check *c) {
    const hd_device *device = c->device->device;
    for (int i = 0; i < c->n; i++) {
        operand *o = &c->operand[i];
        if (!operand_has_window(o)) continue;
        HD_TRY(take_block(device, &o->device_block, &o->device_room, o->window_bytes + 64));
        o->device = place_in(o->device_block, o->device_room, o->window_bytes, o->at, o->op.data);
        HD_TRY(device->vtable->copy(device, o->device, o->window, o->window_bytes, HDI_COPY_H2D));
    }
    return HD_OK;
}

static hd_status from_device(hdi_check *c) {
    const hd_device *device = c->device->device;
    for (int i = 0; i < c->n; i++) {
        operand *o = &c->operand[i];
        if (operand_has_window(o)) HD_TRY(device->vtable->copy(device, o->window, o->device, o->window_bytes, HDI_COPY_D2H));
    }
    return HD_OK;
}

bool device_prepare(hdi_check *c, int poison) {
    check_poison(c, poison);
    return !device_failed(c, to_device(c), "copying operands to the device");
}

bool device_finish(hdi_check *c) {
    const device_test *d = c->device;
    return !device_failed(c, d->device->vtable->stream_synchronize(d->device, d->stream), "waiting for the kernel") &&
           !device_failed(c, from_device(c), "copying operands back");
}

void device_bind(const hdi_check *c, hdi_operand *ops, int n) {
    for (int i = 0; i < n; i++) {
        if (!ops[i].data) continue;
        for (int k = 0; k < c->n; k++) {
            const operand *o = &c->operand[k];
            if (!operand_has_window(o)) continue;
            size_t into = (size_t)((uintptr_t)ops[i].data - (uintptr_t)o->op.data);
            if ((uintptr_t)ops[i].data < (uintptr_t)o->op.data || into >= (o->span ? o->span : 1)) continue;
            ops[i].data = o->device + o->at + into;
            break;
        }
    }
}

/* ---- kernels ---- */

static void bind(const hdi_check *c, hdi_operand *ops) {
    for (int i = 0; i < c->n; i++) ops[i] = c->operand[i].op;
    for (int i = 0; i < c->n; i++) {
        const operand *o = &c->operand[i];
        if (o->role == ROLE_ALIAS) o = &c->operand[o->alias_of];
        ops[i].data = o->role == ROLE_ABSENT ? NULL : o->device + o->at;
    }
}

/* *lacks: the device has no kernel for this case, which fails it unless the check allows that. */
static bool launch(hdi_check *c, const hdi_operand *ops, bool *lacks) {
    const device_test *d = c->device;
    hdi_operand own[HDI_MAX_OPERANDS];
    memcpy(own, ops, (size_t)c->n * sizeof *own);
    hdi_kernel_call call = {.operand = own, .attr = c->attr, .n_operands = c->n};
    hd_status status = d->device->vtable->launch(d->device, d->stream, c->kernel, &call);
    *lacks = status == HD_UNSUPPORTED;
    if (*lacks && c->kernel >= 0) c->device->lacks[c->kernel]++;
    if (*lacks && c->may_lack) return false;
    return !device_failed(c, status, "launching");
}

static bool run_once(hdi_check *c, int poison, bool *lacks) {
    hdi_operand ops[HDI_MAX_OPERANDS];
    if (!device_prepare(c, poison)) return false;
    bind(c, ops);
    return launch(c, ops, lacks) && device_finish(c) && compare_surroundings(c);
}

/* Output and input are one: a copy of the input's window. */
static bool run_inplace(hdi_check *c) {
    const hd_device *device = c->device->device;
    const operand *in = &c->operand[c->inplace_in];
    hdi_operand ops[HDI_MAX_OPERANDS];
    bool lacks;
    c->mode = "in place";
    if (in->span == 0) return true;
    if (!device_prepare(c, 0x11)) return false;
    if (device_failed(c, take_block(device, &c->device->inplace, &c->device->inplace_room, in->window_bytes + 64),
                      "device memory"))
        return false;
    uint8_t *window = place_in(c->device->inplace, c->device->inplace_room, in->window_bytes, in->at, in->op.data);
    uint8_t *back = arena_take(&c->copy, in->window_bytes);
    if (device_failed(c, device->vtable->copy(device, window, in->window, in->window_bytes, HDI_COPY_H2D), "copying"))
        return false;
    bind(c, ops);
    ops[c->inplace_out] = ops[c->inplace_in];
    ops[c->inplace_in].data = ops[c->inplace_out].data = window + in->at;
    if (!launch(c, ops, &lacks) || !device_finish(c) || !compare_surroundings(c)) return false;
    if (device_failed(c, device->vtable->copy(device, back, window, in->window_bytes, HDI_COPY_D2H), "copying back"))
        return false;
    if (memcmp(back, in->snapshot, in->at) != 0 ||
        memcmp(back + in->at + in->span, in->snapshot + in->at + in->span, in->window_bytes - in->at - in->span) != 0) {
        check_report(c, "wrote beside the operand");
        return false;
    }
    hdi_operand got = in->op;
    got.data = back + in->at;
    return compare_expected(c, &got, c->inplace_out);
}

bool device_keep_results(hdi_check *c) {
    for (int i = 0; i < c->n; i++) {
        operand *o = &c->operand[i];
        if (!operand_is_result(o)) continue;
        if (!compare_device(c, i)) return false;
        memcpy(o->expected, o->window, o->window_bytes);
    }
    return true;
}

bool device_same_results(hdi_check *c) {
    for (int i = 0; i < c->n; i++)
        if (operand_is_result(&c->operand[i]) && !compare_expected(c, &c->operand[i].op, i)) return false;
    return true;
}

static bool run(hdi_check *c) {
    bool lacks = false;
    c->on_device = true;
    c->mode = "first run";
    if (!run_once(c, 0x5a, &lacks)) return lacks && c->may_lack;
    if (!device_keep_results(c)) return false;
    c->mode = "second run";
    if (!run_once(c, 0xc3, &lacks) || !device_same_results(c)) return false;
    return c->inplace_out < 0 || run_inplace(c);
}

/* ---- the device ---- */

bool check_device_open(hdi_check *c, const hd_device *device, const char *name) {
    static device_test test;
    memset(&test, 0, sizeof test);
    test.device = device;
    test.name = name;
    if (device->vtable->stream_create(device, &test.stream) != HD_OK) {
        fprintf(stderr, "heddle-check: a stream on %s: %s\n", name, hd_last_error());
        return false;
    }
    c->device = &test;
    c->device_run = run;
    c->device_bench = device_bench;
    return true;
}

void check_device_close(hdi_check *c) {
    const hd_device *device = c->device->device;
    hd_status status = device->vtable->stream_destroy(device, c->device->stream);
    for (int i = 0; i < MAX_OPERANDS && status == HD_OK; i++)
        if (c->operand[i].device_block) {
            status = device->vtable->free(device, c->operand[i].device_block);
            c->operand[i].device_block = NULL;
        }
    if (c->device->inplace && status == HD_OK) status = device->vtable->free(device, c->device->inplace);
    free(c->step);
    c->step = NULL;
    c->device = NULL;
    if (status == HD_OK) return;
    printf("FAIL: giving the device's memory back: %s\n", hd_last_error());
    c->failed++;
}

void check_device_report(const hdi_check *c) {
    for (int id = 0; id < HDI_KERNEL_COUNT; id++)
        if (c->device->lacks[id])
            printf("%s has no %s for %" PRId64 " cases\n", c->device->name, hdi_kernel_name((hdi_kernel_id)id),
                   c->device->lacks[id]);
}
