/* SPDX-License-Identifier: Apache-2.0 */
/* The helper that writes small random models: what it writes opens, whole and in shards, and goes away again. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "formats/checkpoint.h"
#include "support/tiny_model.h"

static void check_json(const char *folder, const char *name) {
    char *path = hdi_path_join(folder, name);
    json_t *root = NULL;
    if (hdi_json_load(path, 1 << 20, &root) != HD_OK) fail_msg("%s", hd_last_error());
    json_decref(root);
    hdi_free(path);
}

static void check_model(const tiny_model *model, size_t tensors) {
    hdi_checkpoint *c = NULL;
    char *folder = tiny_model_write(model);
    assert_non_null(folder);
    if (hdi_checkpoint_open(folder, &c) != HD_OK) fail_msg("%s", hd_last_error());
    assert_int_equal(hdi_checkpoint_count(c), tensors);
    const hdi_stored_tensor *q = hdi_checkpoint_find(c, "model.layers.1.self_attn.q_proj.weight");
    assert_non_null(q);
    assert_int_equal(q->dtype, model->dtype);
    assert_int_equal(q->shape[0], model->heads * model->head_dim);
    assert_int_equal(q->shape[1], model->hidden);
    hdi_checkpoint_close(c);
    check_json(folder, "config.json");
    check_json(folder, "generation_config.json");
    check_json(folder, "tokenizer.json");
    check_json(folder, "tokenizer_config.json");
    char *copy = hdi_strdup(folder);
    tiny_model_remove(folder);
    assert_false(hdi_is_directory(copy));
    hdi_free(copy);
}

static void every_family_is_written(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "llama");
    check_model(&m, 3 + 2 * 9);
    m.tied = true;
    m.shards = 3;
    m.dtype = HD_DTYPE_BF16;
    check_model(&m, 2 + 2 * 9);
    tiny_model_init(&m, "qwen2");
    check_model(&m, 3 + 2 * 12);
    tiny_model_init(&m, "qwen3");
    m.dtype = HD_DTYPE_F16;
    check_model(&m, 3 + 2 * 11);
    tiny_model_init(&m, "mistral");
    m.window = 32;
    check_model(&m, 3 + 2 * 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_family_is_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
