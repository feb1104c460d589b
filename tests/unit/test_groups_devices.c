/* SPDX-License-Identifier: Apache-2.0 */
/* On a GPU every group of a real decoder's layers is taken as one, for each family and type of weights: a launcher that declines
 * is right all the same, so nothing else would notice that decoding takes twice the launches. */
#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "model/model.h"
#include "runtime/context.h"
#include "runtime/storage.h"
#include "support/devices.h"
#include "support/tiny_model.h"
#include "task/executor.h"

enum { MOST = 16 };

static const hd_device *device; /* of the test that runs */

/* An executor of a tiny model's plan with zeros in all inputs and states. */
typedef struct running {
    hd_model *model;
    hd_plan *plan;
    hd_executor *executor;
    hdi_storage *memory[64];
    int n;
} running;

static void bind_zeros(running *r) {
    for (uint32_t i = 1; i < r->plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(r->plan)[i];
        if (slot->kind != HDI_SLOT_INPUT && slot->kind != HDI_SLOT_STATE) continue;
        hdi_storage **memory = &r->memory[r->n++];
        assert_int_equal(hdi_storage_create(device, slot->bytes, memory), HD_OK);
        assert_int_equal(device->vtable->set(device, (*memory)->data, 0, slot->bytes), HD_OK);
        assert_int_equal(hd_executor_bind(r->executor, hdi_plan_name(r->plan, slot->name), (*memory)->data, slot->bytes), HD_OK);
    }
}

static running start(const char *family, hd_weights weights) {
    running r = {0};
    tiny_model tiny;
    tiny_model_init(&tiny, family);
    tiny.dtype = HD_DTYPE_BF16;
    char *folder = tiny_model_write(&tiny);
    assert_non_null(folder);
    assert_int_equal(hd_model_load(folder, &(hd_model_options){.weights = weights, .device = device}, &r.model), HD_OK);
    tiny_model_remove(folder);
    hdi_step_limits limits = {.max_tokens = MOST,
                              .max_sequences = MOST,
                              .max_rows = MOST,
                              .pages = 16,
                              .page_tokens = 16,
                              .max_pages = 2,
                              .kv_dtype = HD_DTYPE_BF16};
    assert_int_equal(hdi_model_compile(r.model, &limits, &r.plan), HD_OK);
    const hd_executor_options options = {.kind = HD_EXECUTOR_STREAM, .device = device};
    assert_int_equal(hd_executor_create(r.plan, &options, &r.executor), HD_OK);
    assert_int_equal(hdi_model_bind(r.model, r.executor), HD_OK);
    bind_zeros(&r);
    return r;
}

static void stop(running *r) {
    hd_executor_destroy(r->executor);
    for (int i = 0; i < r->n; i++) hdi_storage_release(r->memory[i]);
    hd_plan_destroy(r->plan);
    hd_model_release(r->model);
}

static void try_all(running *r, int rows) {
    hd_executor *e = r->executor;
    assert_int_equal(hd_executor_set(e, "tokens", rows), HD_OK);
    assert_int_equal(hd_executor_set(e, "sequences", rows), HD_OK);
    assert_int_equal(hd_executor_set(e, "rows", rows), HD_OK);
    assert_int_equal(hdi_executor_prepare(e), HD_OK);
    assert_int_equal(r->plan->n_groups, 9);
    for (uint32_t g = 0; g < r->plan->n_groups; g++) {
        const hdi_plan_group *group = &hdi_plan_groups(r->plan)[g];
        bool done = false;
        hd_status status = device->vtable->launch_group(device, e->stream->handle, (hdi_group_kind)group->kind,
                                                        e->calls + group->first_step, (int)group->n_steps, &done);
        if (status != HD_OK) fail_msg("%s", hd_last_error());
        if (!done) fail_msg("group %u (kind %u) of %d rows was declined", g, group->kind, rows);
    }
    if (hd_executor_synchronize(e) != HD_OK) fail_msg("%s", hd_last_error());
}

static void every_group_is_one(void **state) {
    static const char *const families[] = {"llama", "mistral", "qwen2", "qwen3"};
    static const hd_weights weights[] = {HD_WEIGHTS_AS_IS, HD_WEIGHTS_F32, HD_WEIGHTS_F16, HD_WEIGHTS_Q8, HD_WEIGHTS_Q4};
    static const int rows[] = {1, 3, MOST};
    (void)state;
    if (!device->vtable->launch_group) skip();
    for (size_t f = 0; f < HDI_COUNTOF(families); f++)
        for (size_t w = 0; w < HDI_COUNTOF(weights); w++) {
            running r = start(families[f], weights[w]);
            for (size_t i = 0; i < HDI_COUNTOF(rows); i++) try_all(&r, rows[i]);
            stop(&r);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_group_is_one)};
    int failed = 0;
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
