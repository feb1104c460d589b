/* SPDX-License-Identifier: Apache-2.0 */
/* A real, trained small model against the continuations that an independent engine made of it: text for text. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "kernels/kernel.h"
#include "support/generate.h"

#define FOLDER HEDDLE_SOURCE_DIR "/../shared/models/stories260k"
enum { VOCAB = 512 };

static hd_model *model;
static hd_tokenizer *tokenizer;
static const char *why_not;

static int load(void **state) {
    (void)state;
    if (!hdi_file_exists(FOLDER "/greedy.jsonl")) why_not = FOLDER " is not there";
    if (hdi_isa_check() != HD_OK) why_not = hd_last_error(); /* HD_ISA asks for what this machine has not */
    if (why_not) return 0;
    if (hd_model_load(FOLDER, NULL, &model) == HD_OK && hd_tokenizer_load(FOLDER, &tokenizer) == HD_OK) return 0;
    fprintf(stderr, "%s\n", hd_last_error());
    return -1;
}

static int unload(void **state) {
    (void)state;
    hd_tokenizer_destroy(tokenizer);
    hd_model_release(model);
    return 0;
}

/* One line: prompt, n_positions, and the text of prompt and continuation, which ends at an end token. */
static void check_line(hd_engine *engine, const char *line, size_t size) {
    json_t *root;
    const char *prompt, *want;
    int64_t positions;
    int32_t *ids, all[VOCAB];
    size_t n, got_size;
    char *got;
    generation g;
    hd_request r;
    if (hdi_json_parse(line, size, "greedy.jsonl", &root) != HD_OK) fail_msg("%s", hd_last_error());
    assert_int_equal(hdi_json_get_string(root, "greedy.jsonl", "prompt", &prompt), HD_OK);
    assert_int_equal(hdi_json_get_string(root, "greedy.jsonl", "text", &want), HD_OK);
    assert_int_equal(hdi_json_get_i64(root, "greedy.jsonl", "n_positions", &positions), HD_OK);
    assert_int_equal(hd_tokenizer_encode(tokenizer, prompt, strlen(prompt), true, &ids, &n), HD_OK);
    assert_in_range(positions, n, VOCAB - 1);
    hd_request_init(&r);
    r.prompt = ids;
    r.n_prompt = n;
    r.max_tokens = positions + 1 - (int64_t)n; /* a position gives the token after it: BOS is position 0 and no text */
    generate(engine, &r, 1, VOCAB, &g);
    if (*g.error) fail_msg("%s", g.error);
    memcpy(all, ids, n * sizeof *ids);
    memcpy(all + n, g.ids, g.n * sizeof *ids);
    assert_int_equal(hd_tokenizer_decode(tokenizer, all, n + g.n, true, &got, &got_size), HD_OK);
    if (strcmp(got, want) != 0) fail_msg("\"%s\" goes on as\n%s\ninstead of\n%s", prompt, got, want);
    /* and the streamed text is the rest of it */
    assert_string_equal(g.text, got + got_size - g.text_size);
    hd_free(got);
    hd_free(ids);
    generation_free(&g);
    json_decref(root);
}

static void greedy_continuations(void **state) {
    (void)state;
    static const int32_t threads[] = {0, 1, 2, 4}; /* 0: serial */
    char *text;
    size_t size;
    int lines = 0;
    if (!model) {
        print_message("skipped: %s\n", why_not);
        skip();
    }
    assert_int_equal(hdi_file_read(FOLDER "/greedy.jsonl", 1 << 20, &text, &size), HD_OK);
    for (size_t t = 0; t < HDI_COUNTOF(threads); t++) {
        hd_engine_options o;
        hd_engine *engine;
        hd_engine_options_init(&o);
        o.threads = threads[t];
        o.executor = threads[t] ? HD_EXECUTOR_THREADS : HD_EXECUTOR_SERIAL;
        if (hd_engine_create(model, tokenizer, &o, &engine) != HD_OK) fail_msg("%s", hd_last_error());
        for (char *line = text; *line;) {
            size_t length = strcspn(line, "\n");
            if (length) check_line(engine, line, length), lines++;
            line += length + (line[length] == '\n');
        }
        hd_engine_destroy(engine);
    }
    assert_in_range(lines, 4, 4000);
    hdi_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(greedy_continuations)};
    return cmocka_run_group_tests(tests, load, unload);
}
