/* SPDX-License-Identifier: Apache-2.0 */
/* The trained small model on every device: the beginning of a continuation that an independent engine made of it, text for text,
 * through each executor that the device has. Short, since the host runs GPU kernels a fiber a thread. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "support/devices.h"
#include "support/generate.h"

#define FOLDER HEDDLE_SOURCE_DIR "/../shared/models/stories260k"
enum { VOCAB = 512, NEW = 48 };

static const hd_device *device; /* of the test that runs */

static void continue_line(hd_model *model, hd_executor_kind kind, const hd_tokenizer *tokenizer, const json_t *line) {
    const char *prompt, *want;
    int32_t *ids, all[VOCAB];
    size_t n, size;
    char *got;
    generation g;
    hd_request r;
    hd_engine_options o;
    hd_engine *engine;
    assert_int_equal(hdi_json_get_string(line, "greedy.jsonl", "prompt", &prompt), HD_OK);
    assert_int_equal(hdi_json_get_string(line, "greedy.jsonl", "text", &want), HD_OK);
    assert_int_equal(hd_tokenizer_encode(tokenizer, prompt, strlen(prompt), true, &ids, &n), HD_OK);
    hd_engine_options_init(&o);
    o.executor = kind;
    o.context = 128;
    if (hd_engine_create(model, tokenizer, &o, &engine) != HD_OK) fail_msg("%s", hd_last_error());
    hd_request_init(&r);
    r.prompt = ids;
    r.n_prompt = n;
    r.max_tokens = NEW;
    generate(engine, &r, 1, VOCAB, &g);
    if (*g.error) fail_msg("%s", g.error);
    assert_int_equal(g.n, NEW);
    memcpy(all, ids, n * sizeof *ids);
    memcpy(all + n, g.ids, g.n * sizeof *ids);
    assert_int_equal(hd_tokenizer_decode(tokenizer, all, n + g.n, true, &got, &size), HD_OK);
    if (strncmp(got, want, size) != 0)
        fail_msg("%s: \"%s\" goes on as\n%s\ninstead of\n%s", hd_executor_kind_name(kind), prompt, got, want);
    hd_free(got);
    hd_free(ids);
    generation_free(&g);
    hd_engine_destroy(engine);
}

static void a_story_begins_as_it_should(void **state) {
    (void)state;
    hd_model *model;
    hd_tokenizer *tokenizer;
    json_t *line;
    char *text;
    size_t size;
    const hd_model_options options = {.device = device};
    if (!hdi_file_exists(FOLDER "/greedy.jsonl")) {
        print_message("skipped: " FOLDER " is not there\n");
        skip();
    }
    assert_int_equal(hdi_file_read(FOLDER "/greedy.jsonl", 1 << 20, &text, &size), HD_OK);
    assert_int_equal(hdi_json_parse(text, strcspn(text, "\n"), "greedy.jsonl", &line), HD_OK);
    if (hd_model_load(FOLDER, &options, &model) != HD_OK) fail_msg("%s", hd_last_error());
    assert_int_equal(hd_tokenizer_load(FOLDER, &tokenizer), HD_OK);
    for (int kind = HD_EXECUTOR_STREAM; kind < HD_EXECUTOR_KIND_COUNT; kind++)
        if (hd_executor_kind_runs_on((hd_executor_kind)kind, device))
            continue_line(model, (hd_executor_kind)kind, tokenizer, line);
    hd_tokenizer_destroy(tokenizer);
    hd_model_release(model);
    json_decref(line);
    hdi_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_story_begins_as_it_should)};
    int failed = 0;
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
