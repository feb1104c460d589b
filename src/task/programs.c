/* SPDX-License-Identifier: Apache-2.0 */
/* Programs for the persistent executor: the plan seen as units (groups, and steps alone), cut into the longest runs that the
 * device can walk through in one launch. What lies between is launched as usual. A unit that waits for other ranks begins a
 * program, one that tells them something ends it; steps that do not happen are in none. */
#include "runtime/context.h"
#include "task/executor.h"

#include "base/memory.h"

/* The plan as units. */
typedef struct unit_list {
    hdi_device_unit *units;
    uint32_t *first; /* step of each unit; one more entry: the number of steps */
    int64_t
        *unit_of; /* by step; one that does not happen counts to the unit before it, -1: none, whose end is that of all before */
    uint32_t n;
} unit_list;

static void list_units(const hd_executor *executor, unit_list *list) {
    const hd_plan *plan = executor->plan;
    const hdi_plan_group *groups = hdi_plan_groups(plan);
    uint32_t g = 0;
    for (uint32_t s = 0, n; s < plan->n_steps; s += n) {
        while (g < plan->n_groups && groups[g].first_step < s) g++;
        bool group = g < plan->n_groups && groups[g].first_step == s && hdi_group_happens(executor, &groups[g]);
        n = group ? groups[g].n_steps : 1;
        if (!group && !hdi_condition_holds(executor, &hdi_plan_steps(plan)[s].when)) {
            list->unit_of[s] = (int64_t)list->n - 1;
            continue;
        }
        list->units[list->n] = (hdi_device_unit){.group = group ? (int32_t)groups[g].kind : -1,
                                                 .kernel = (hdi_kernel_id)hdi_plan_steps(plan)[s].kernel,
                                                 .calls = &executor->calls[s],
                                                 .n = (int32_t)n};
        list->first[list->n] = s;
        for (uint32_t i = 0; i < n; i++) list->unit_of[s + i] = list->n;
        list->n++;
    }
    list->first[list->n] = plan->n_steps;
}

/* The latest unit that unit `u` waits for, counted from unit `from`; -1 when that one ended before the program begins. */
static int32_t wait_of(const hd_plan *plan, const unit_list *list, uint32_t u, uint32_t from) {
    int64_t latest = -1;
    for (uint32_t s = list->first[u]; s < list->first[u] + (uint32_t)list->units[u].n; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        for (uint32_t i = 0; i < step->n_waits; i++) {
            int64_t w = list->unit_of[hdi_plan_waits(plan)[step->first_wait + i]];
            if (w != (int64_t)u && w > latest) latest = w;
        }
    }
    return latest < (int64_t)from ? -1 : (int32_t)(latest - from);
}

/* Whether unit `u` waits for other ranks, or tells them something. */
static bool listens(const hd_plan *plan, const unit_list *list, uint32_t u) {
    uint32_t n = 0;
    for (int32_t i = 0; i < list->units[u].n; i++) n += hdi_plan_steps(plan)[list->first[u] + (uint32_t)i].n_remotes;
    return n > 0;
}
static bool tells(const hd_plan *plan, const unit_list *list, uint32_t u) {
    uint32_t n = 0;
    for (int32_t i = 0; i < list->units[u].n; i++) n += hdi_plan_steps(plan)[list->first[u] + (uint32_t)i].n_triggers;
    return n > 0;
}

/* The unit before which a program that begins at unit `from` must have ended. */
static uint32_t end_of(const hd_plan *plan, const unit_list *list, uint32_t from) {
    uint32_t u = from + 1;
    while (u < list->n && !listens(plan, list, u) && !tells(plan, list, u - 1)) u++;
    return u;
}

/* A program from unit `from` on, if the device takes at least two units: one is a launch anyway. */
static hd_status make_program(hd_executor *executor, unit_list *list, uint32_t from, hdi_programs *programs, uint32_t *next) {
    const hd_device *device = executor->device;
    hdi_program *program = &programs->programs[programs->n];
    int taken = 0;
    uint32_t end = end_of(executor->plan, list, from);
    *next = from + 1;
    if (end - from < 2) return HD_OK;
    for (uint32_t u = from; u < end; u++) list->units[u].wait = wait_of(executor->plan, list, u, from);
    HD_TRY(device->vtable->program_create(device, executor->stream->handle, list->units + from, (int)(end - from), &taken,
                                          &program->program));
    if (taken == 0) return HD_OK;
    program->first = list->first[from];
    program->n = list->first[from + (uint32_t)taken] - program->first;
    programs->n++;
    *next = from + (uint32_t)taken;
    return HD_OK;
}

hd_status hdi_programs_create(hd_executor *executor, hdi_programs **out) {
    size_t steps = executor->plan->n_steps;
    unit_list list = {0};
    hdi_programs *programs = NULL;
    hd_status status;
    HD_TRY_GOTO(hdi_alloc(&list.units, steps, sizeof *list.units, "an executor's programs"));
    HD_TRY_GOTO(hdi_alloc(&list.first, steps + 1, sizeof *list.first, "an executor's programs"));
    HD_TRY_GOTO(hdi_alloc(&list.unit_of, steps, sizeof *list.unit_of, "an executor's programs"));
    HD_TRY_GOTO(hdi_calloc(&programs, 1, sizeof *programs, "an executor's programs"));
    HD_TRY_GOTO(hdi_alloc(&programs->programs, steps, sizeof *programs->programs, "an executor's programs"));
    list_units(executor, &list);
    for (uint32_t u = 0; u < list.n;) HD_TRY_GOTO(make_program(executor, &list, u, programs, &u));
    *out = programs;
    programs = NULL;
fail:
    hdi_programs_destroy(executor, programs);
    hdi_free(list.units);
    hdi_free(list.first);
    hdi_free(list.unit_of);
    return status;
}

void hdi_programs_destroy(hd_executor *executor, hdi_programs *programs) {
    if (!programs) return;
    for (uint32_t i = 0; i < programs->n; i++) /* nobody is there to hear of it */
        (void)executor->device->vtable->program_destroy(executor->device, programs->programs[i].program);
    hdi_free(programs->programs);
    hdi_free(programs);
}
