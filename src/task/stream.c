/* SPDX-License-Identifier: Apache-2.0 */
/* The stream executor: the plan's steps, in their order, on one stream of a device; groups of steps, and programs of many groups,
 * as one where the device has a way for them. The stream keeps the order, so the plan's waits for steps need nothing more; waits
 * for other ranks, and what they are told, are enqueued before and after. */
#include "runtime/context.h"
#include "task/exchange.h"
#include "task/exchange_device.h"
#include "task/tracer.h"

static hd_status name_step(const hd_executor *executor, uint32_t step, hd_status status) {
    return hdi_fail_prefix(status, "%s, on %s", hdi_plan_name(executor->plan, hdi_plan_steps(executor->plan)[step].name),
                           hdi_device_text(executor->device));
}

static hd_status launch_step(hd_executor *executor, uint32_t step) {
    hdi_kernel_id kernel = (hdi_kernel_id)hdi_plan_steps(executor->plan)[step].kernel;
    if (executor->tracer) HD_TRY(hdi_tracer_before(executor));
    hd_status status = hdi_launch(executor->stream, kernel, &executor->calls[step]);
    if (status != HD_OK) return name_step(executor, step, status);
    return executor->tracer ? hdi_tracer_after(executor, step, 1, -1) : HD_OK;
}

static hd_status launch_group(hd_executor *executor, const hdi_plan_group *group, bool *done) {
    const hd_device *device = executor->device;
    *done = false;
    if (!device->vtable->launch_group) return HD_OK;
    if (executor->tracer) HD_TRY(hdi_tracer_before(executor));
    hd_status status = device->vtable->launch_group(device, executor->stream->handle, (hdi_group_kind)group->kind,
                                                    executor->calls + group->first_step, (int)group->n_steps, done);
    if (status != HD_OK) return name_step(executor, group->first_step, status);
    if (!*done || !executor->tracer) return HD_OK;
    return hdi_tracer_after(executor, group->first_step, group->n_steps, group - hdi_plan_groups(executor->plan));
}

/* ---- steps that happen, and what they wait for and tell ---- */

static bool happens(const hd_executor *executor, uint32_t step) {
    return hdi_condition_holds(executor, &hdi_plan_steps(executor->plan)[step].when);
}

/* Steps from `first` on that wait for other ranks. Streams of the CPU have run what was enqueued: it waits itself. */
static hd_status listen(hd_executor *executor, uint32_t first, uint32_t n) {
    if (!executor->exchange) return HD_OK;
    for (uint32_t s = first; s < first + n; s++) {
        if (hdi_plan_steps(executor->plan)[s].n_remotes == 0 || !happens(executor, s)) continue;
        HD_TRY(executor->exchange->on_device ? hdi_exchange_device_wait(executor, s) : hdi_exchange_wait(executor, s, 0));
    }
    return HD_OK;
}

static hd_status tell(hd_executor *executor, uint32_t first, uint32_t n) {
    if (!executor->exchange) return HD_OK;
    for (uint32_t s = first; s < first + n; s++) {
        if (hdi_plan_steps(executor->plan)[s].n_triggers == 0 || !happens(executor, s)) continue;
        HD_TRY(executor->exchange->on_device ? hdi_exchange_device_trigger(executor, s)
                                             : hdi_exchange_trigger(executor, s, 0, 1, 0));
    }
    return HD_OK;
}

static hd_status begin(hd_executor *executor) {
    return executor->exchange && executor->exchange->on_device ? hdi_exchange_device_begin(executor) : HD_OK;
}

static hd_status end(hd_executor *executor) {
    return executor->exchange && executor->exchange->on_device ? hdi_exchange_device_end(executor) : hdi_exchange_end(executor);
}

/* ---- units ---- */

/* Enqueues the unit at step `s`: a group if one begins there and the device has a way for it, else the step. */
static hd_status launch_unit(hd_executor *executor, const hdi_plan_group *group, uint32_t s, uint32_t *n) {
    bool done = false;
    *n = 1;
    if (!happens(executor, s)) return HD_OK;
    if (group && group->first_step == s && hdi_group_happens(executor, group)) {
        HD_TRY(listen(executor, s, group->n_steps));
        HD_TRY(launch_group(executor, group, &done));
    } else {
        HD_TRY(listen(executor, s, 1));
    }
    if (done) *n = group->n_steps;
    if (!done) HD_TRY(launch_step(executor, s));
    return tell(executor, s, *n);
}

static hd_status launch_program(hd_executor *executor, const hdi_program *program) {
    const hd_device *device = executor->device;
    HD_TRY(listen(executor, program->first, program->n));
    hd_status status = device->vtable->program_launch(device, program->program, executor->stream->handle);
    if (status != HD_OK) return name_step(executor, program->first, status);
    return tell(executor, program->first, program->n);
}

hd_status hdi_run_stream(hd_executor *executor, const hdi_programs *programs) {
    const hd_plan *plan = executor->plan;
    const hdi_plan_group *groups = hdi_plan_groups(plan);
    uint32_t g = 0, p = 0;
    HD_TRY(begin(executor));
    for (uint32_t s = 0, n; s < plan->n_steps; s += n) {
        while (g < plan->n_groups && groups[g].first_step < s) g++;
        if (programs && p < programs->n && programs->programs[p].first == s) {
            n = programs->programs[p].n;
            HD_TRY(launch_program(executor, &programs->programs[p++]));
        } else {
            HD_TRY(launch_unit(executor, g < plan->n_groups ? &groups[g] : NULL, s, &n));
        }
    }
    return end(executor);
}
