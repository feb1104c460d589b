/* SPDX-License-Identifier: Apache-2.0 */
/* Weights on a device: the same values as on the CPU for every type, progress and stopping, too little memory, nothing left
 * behind. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "kernels/weights/panel.h"
#include "model/model.h"
#include "runtime/storage.h"
#include "support/devices.h"
#include "support/tiny_model.h"
#include "task/executor.h"

typedef struct loaded {
    hd_model *model;
    hd_plan *plan;
    hd_executor *executor;
} loaded;

static loaded load(const char *folder, hd_weights weights, const hd_device *device) {
    loaded l = {0};
    const hd_model_options options = {.weights = weights, .device = device};
    const hd_executor_options executor = {.kind = device ? HD_EXECUTOR_STREAM : HD_EXECUTOR_SERIAL, .device = device};
    const hdi_step_limits limits = {.max_tokens = 4,
                                    .max_sequences = 1,
                                    .max_rows = 1,
                                    .pages = 2,
                                    .page_tokens = 16,
                                    .max_pages = 2,
                                    .kv_dtype = HD_DTYPE_F32};
    hd_status status = hd_model_load(folder, &options, &l.model);
    if (status == HD_OK) status = hdi_model_compile(l.model, &limits, &l.plan);
    if (status == HD_OK) status = hd_executor_create(l.plan, &executor, &l.executor);
    if (status == HD_OK) status = hdi_model_bind(l.model, l.executor);
    if (status != HD_OK) fail_msg("%s", hd_last_error());
    return l;
}

static void unload(loaded *l) {
    hd_executor_destroy(l->executor);
    hd_plan_destroy(l->plan);
    hd_model_release(l->model);
}

/* Row r of a bound weight as f32. */
static void get_row(const hdi_type *type, const uint8_t *data, int64_t r, float *out) {
    int64_t k = hdi_type_last(type);
    const hdi_weight *w = hdi_weight_of((hd_dtype)type->dtype);
    if (type->layout == HDI_LAYOUT_PANEL)
        hdi_panel_get_row(data, (hd_dtype)type->dtype, k, r, out);
    else
        w->dequantize_row(data + (size_t)(r * k) * hd_dtype_block_bytes(w->dtype), out, k);
}

static size_t compare(const loaded *cpu, const loaded *there) {
    size_t n = 0;
    assert_int_equal(cpu->plan->n_slots, there->plan->n_slots);
    for (uint32_t i = 1; i < cpu->plan->n_slots; i++) {
        const hdi_plan_slot *a = &hdi_plan_slots(cpu->plan)[i], *b = &hdi_plan_slots(there->plan)[i];
        if (a->kind != HDI_SLOT_WEIGHT) continue;
        uint8_t *copy;
        float x[256], y[256];
        int64_t rows = a->type.rank == 2 ? a->type.dim[0] : 1, k = hdi_type_last(&a->type);
        assert_true(k <= 256 && a->type.dtype == b->type.dtype);
        assert_int_equal(hdi_alloc_aligned(&copy, b->bytes, "a copy"), HD_OK);
        assert_int_equal(hdi_copy(hdi_device_cpu(), copy, there->executor->device, there->executor->slot[i], b->bytes), HD_OK);
        for (int64_t r = 0; r < rows; r++) {
            get_row(&a->type, cpu->executor->slot[i], r, x);
            get_row(&b->type, copy, r, y);
            if (memcmp(x, y, (size_t)k * sizeof *x) != 0) fail_msg("%s, row %d", hdi_plan_name(cpu->plan, a->name), (int)r);
        }
        hdi_free_aligned(copy);
        n++;
    }
    return n;
}

static void every_type_arrives(void **state) {
    (void)state;
    static const hd_dtype stored[] = {HD_DTYPE_F32, HD_DTYPE_BF16, HD_DTYPE_F16};
    for (size_t s = 0; s < HDI_COUNTOF(stored); s++) {
        tiny_model m;
        tiny_model_init(&m, "qwen2"); /* has biases, too */
        m.dtype = stored[s];
        char *folder = tiny_model_write(&m);
        assert_non_null(folder);
        for (int w = 0; w < HD_WEIGHTS_COUNT; w++) {
            hd_model_info info;
            loaded cpu = load(folder, (hd_weights)w, NULL), there = load(folder, (hd_weights)w, remote_device());
            hd_model_get_info(there.model, &info);
            assert_ptr_equal(info.device, remote_device());
            assert_true(compare(&cpu, &there) > 20);
            unload(&there);
            unload(&cpu);
        }
        tiny_model_remove(folder);
    }
}

static bool stop_halfway(void *user, uint64_t done, uint64_t total) {
    *(uint64_t *)user = total;
    return done < total / 2;
}

static void stopping_and_lack_of_memory_leave_nothing(void **state) {
    (void)state;
    tiny_model m;
    hd_model *model;
    hd_memory_stats before, after;
    uint64_t total = 0;
    tiny_model_init(&m, "llama");
    char *folder = tiny_model_write(&m);
    hd_model_options options = {.device = remote_device(), .progress = stop_halfway, .progress_user = &total};
    assert_int_equal(hd_memory_get_stats(remote_device(), &before), HD_OK);
    assert_int_equal(hd_model_load(folder, &options, &model), HD_CANCELLED);
    assert_null(model);
    assert_true(total > 100000);
    options.progress = NULL;
    assert_int_equal(hd_memory_trim(remote_device()), HD_OK);
    assert_int_equal(hd_memory_configure(remote_device(), HD_ALLOCATOR_CACHING, (size_t)total / 2), HD_OK);
    assert_int_equal(hd_model_load(folder, &options, &model), HD_OUT_OF_MEMORY);
    assert_non_null(strstr(hd_last_error(), "the weights take"));
    assert_non_null(strstr(hd_last_error(), "no room for"));
    assert_int_equal(hd_memory_configure(remote_device(), HD_ALLOCATOR_CACHING, 0), HD_OK);
    for (int n = 0;; n++) { /* every allocation of the host fails once */
        hdi_memory_fail_after(n);
        hd_status status = hd_model_load(folder, &options, &model);
        hdi_memory_fail_after(-1);
        if (status == HD_OK) break;
        assert_int_equal(status, HD_OUT_OF_MEMORY);
        assert_null(model);
    }
    hd_model_release(model);
    assert_int_equal(hd_memory_get_stats(remote_device(), &after), HD_OK);
    assert_int_equal(after.in_use, before.in_use);
    tiny_model_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_arrives),
        cmocka_unit_test(stopping_and_lack_of_memory_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
