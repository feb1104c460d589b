/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runner.h"

#include <string.h>

#include "base/memory.h"
#include "compile/plan.h"

/* Gives every state of the plan its memory, in one block. */
static hd_status make_states(hdi_runner *r, const hd_device *device) {
    const hdi_plan_slot *slots = hdi_plan_slots(r->plan);
    size_t bytes = 0, at = 0;
    for (uint32_t i = 0; i < r->plan->n_slots; i++)
        if (slots[i].kind == HDI_SLOT_STATE) bytes += hdi_align_up(slots[i].bytes, HDI_CACHE_LINE);
    HD_TRY(hdi_storage_create_large(device, bytes, "the KV cache", &r->states));
    for (uint32_t i = 0; i < r->plan->n_slots; i++) {
        const char *name = hdi_plan_name(r->plan, slots[i].name);
        void *data = (uint8_t *)r->states->data + at;
        if (slots[i].kind != HDI_SLOT_STATE) continue;
        HD_TRY(hd_executor_bind(r->executor, name, data, slots[i].bytes));
        if (strcmp(name, "next_ids") == 0) r->next_ids = data;
        at += hdi_align_up(slots[i].bytes, HDI_CACHE_LINE);
    }
    return HD_OK;
}

hd_status hdi_runner_init(hdi_runner *r, const hd_model *model, const hdi_runner_options *options) {
    const hd_executor_options executor = {
        .kind = options->kind, .threads = options->threads, .device = options->device, .domain = hdi_model_domain(model)};
    *r = (hdi_runner){0};
    HD_TRY(hdi_batch_init(&r->batch, &options->step, options->uses_rope_lengths, options->vocab, options->device));
    r->batch.pads = options->kind == HD_EXECUTOR_GRAPH || options->kind == HD_EXECUTOR_PERSISTENT;
    HD_TRY(hdi_model_compile(model, &options->step, &r->plan));
    HD_TRY(hd_executor_create(r->plan, &executor, &r->executor));
    HD_TRY(hdi_model_bind(model, r->executor));
    HD_TRY(hdi_batch_bind(&r->batch, r->executor));
    HD_TRY(make_states(r, options->device));
    return hdi_return_init(&r->back, model, &options->step, r->executor);
}

void hdi_runner_deinit(hdi_runner *r) {
    hdi_return_deinit(&r->back);
    hd_executor_destroy(r->executor);
    hd_plan_destroy(r->plan);
    hdi_storage_release(r->states);
    hdi_batch_deinit(&r->batch);
    *r = (hdi_runner){0};
}
