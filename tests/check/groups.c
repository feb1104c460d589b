/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of groups: their specification is the steps one after the other, by the scalar kernels. */
#include <stdlib.h>
#include <string.h>

#include "check/device_test.h"

static const char *const group_names[HDI_GROUP_COUNT] = {
#define GROUP(name) #name,
#include "kernels/groups.def"
};

bool hdi_check_begin_group(hdi_check *c, hdi_group_kind kind) {
    if (!c->device || !check_begin_case(c, group_names[kind])) return false;
    if (!c->step) c->step = calloc(HDI_GROUP_STEPS, sizeof *c->step);
    if (!c->step) abort();
    c->group = kind;
    return true;
}

void hdi_check_step(hdi_check *c, hdi_kernel_id id, const void *attr, size_t attr_bytes, int n_operands,
                    const hdi_operand *operands) {
    if (c->n_steps >= HDI_GROUP_STEPS || n_operands > HDI_MAX_OPERANDS || attr_bytes > MAX_ATTR) abort();
    group_step *s = &c->step[c->n_steps++];
    s->id = id;
    s->n_operands = n_operands;
    memcpy(s->operand, operands, (size_t)n_operands * sizeof *operands);
    if (attr_bytes) memcpy(s->attr, attr, attr_bytes);
}

static void run_scalar(hdi_check *c) {
    check_poison(c, 0x5a);
    for (int i = 0; i < c->n_steps; i++) {
        group_step *s = &c->step[i];
        hdi_kernel_call call = {.operand = s->operand, .attr = s->attr, .n_operands = s->n_operands};
        hdi_kernel_work work = {0};
        hdi_kernel_work_of(s->id)(&call, &work);
        if (work.items > 0)
            hdi_kernel_get_isa(s->id, HDI_ISA_SCALAR)(&call, 0, work.items, arena_take(&c->scratch, work.scratch + 64));
    }
    for (int i = 0; i < c->n; i++)
        if (operand_is_result(&c->operand[i])) memcpy(c->operand[i].expected, c->operand[i].window, c->operand[i].window_bytes);
}

/* The group as one, or, where the device will not and the check allows that, step by step. */
static bool launch(hdi_check *c, bool *whole) {
    const hdi_device_vtable *vtable = c->device->device->vtable;
    hdi_operand ops[HDI_GROUP_STEPS][HDI_MAX_OPERANDS];
    hdi_kernel_call calls[HDI_GROUP_STEPS];
    bool done = false;
    for (int i = 0; i < c->n_steps; i++) {
        const group_step *s = &c->step[i];
        memcpy(ops[i], s->operand, sizeof ops[i]);
        device_bind(c, ops[i], s->n_operands);
        calls[i] = (hdi_kernel_call){.operand = ops[i], .attr = s->attr, .n_operands = s->n_operands};
    }
    if (vtable->launch_group &&
        device_failed(
            c, vtable->launch_group(c->device->device, c->device->stream, (hdi_group_kind)c->group, calls, c->n_steps, &done),
            "launching the group"))
        return false;
    *whole = done;
    if (!done && !c->may_lack) {
        check_report(c, "the device has no way to run this group as one");
        return false;
    }
    for (int i = 0; i < c->n_steps && !done; i++)
        if (device_failed(c, vtable->launch(c->device->device, c->device->stream, c->step[i].id, &calls[i]), "launching a step"))
            return false;
    return true;
}

static bool run_once(hdi_check *c, int poison, bool *whole) {
    return device_prepare(c, poison) && launch(c, whole) && device_finish(c) && compare_surroundings(c);
}

static bool run(hdi_check *c) {
    bool whole, again;
    c->mode = "first run";
    if (!run_once(c, 0x5a, &whole) || !device_keep_results(c)) return false;
    c->mode = "second run";
    return run_once(c, 0xc3, &again) && device_same_results(c);
}

bool hdi_check_run_group(hdi_check *c) {
    check_snapshot(c);
    c->isa = HDI_ISA_SCALAR;
    c->mode = "step by step";
    run_scalar(c);
    bool held = compare_surroundings(c);
    c->on_device = true;
    held = held && run(c);
    check_count(c, held);
    return held;
}
