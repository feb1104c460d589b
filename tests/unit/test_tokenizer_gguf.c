/* SPDX-License-Identifier: Apache-2.0 */
/* Real vocabularies: those of ../shared/tokenizers are turned into tokenizer.json by tests/golden/gguf_vocab.py, and every
 * text of their .inp files must give the ids of their .out files. */
#include <string.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "heddle/tokenizer.h"

#define FOLDER HEDDLE_SOURCE_DIR "/../shared/tokenizers"
#define SEPARATOR "\n__ggml_vocab_test__\n"

static hd_tokenizer *convert_and_load(const char *name) {
    char out[] = "/tmp/heddle-vocab-XXXXXX", command[1024];
    hd_tokenizer *tokenizer = NULL;
    int file = mkstemp(out);
    assert_true(file >= 0);
    close(file);
    snprintf(command, sizeof command, "python3 -B '%s/tests/golden/gguf_vocab.py' '%s/%s.gguf' '%s'", HEDDLE_SOURCE_DIR, FOLDER,
             name, out);
    assert_int_equal(system(command), 0);
    hd_status status = hd_tokenizer_load(out, &tokenizer);
    unlink(out);
    if (status != HD_OK) fail_msg("%s: %s", name, hd_last_error());
    return tokenizer;
}

/* Compares one text's ids with a line " 1 2 3". */
static void check_text(const hd_tokenizer *tokenizer, const char *text, size_t size, const char *line) {
    int32_t *ids;
    size_t count, n = 0;
    char *end, *back;
    assert_int_equal(hd_tokenizer_encode(tokenizer, text, size, false, &ids, &count), HD_OK);
    for (long want; want = strtol(line, &end, 10), end != line; line = end, n++)
        if (n >= count || ids[n] != want) fail_msg("\"%.*s\": id %zu must be %ld", (int)size, text, n, want);
    assert_int_equal(n, count);
    size_t back_size;
    /* deepseek-llm has an added token spelled as one letter of the byte-level alphabet; the reference too decodes it as that
     * one byte, which is no character. */
    int32_t letter = hd_tokenizer_id(tokenizer, "\xC3\xBC");
    for (size_t i = 0; i < count && letter >= 100000; i++)
        if (ids[i] == letter) {
            hd_free(ids);
            return;
        }
    assert_int_equal(hd_tokenizer_decode(tokenizer, ids, count, false, &back, &back_size), HD_OK);
    assert_int_equal(back_size, size);
    assert_memory_equal(back, text, size);
    hd_free(ids);
    hd_free(back);
}

static void check_vocabulary(const char *name) {
    char path[512];
    char *texts, *lines;
    size_t size, checked = 0;
    snprintf(path, sizeof path, "%s/%s.gguf.inp", FOLDER, name);
    if (!hdi_file_exists(path)) {
        print_message("%s is not there\n", path);
        skip();
    }
    if (system("python3 -c pass") != 0) {
        print_message("python3 is not there\n");
        skip();
    }
    assert_int_equal(hdi_file_read(path, 1 << 20, &texts, &size), HD_OK);
    snprintf(path, sizeof path, "%s/%s.gguf.out", FOLDER, name);
    assert_int_equal(hdi_file_read(path, 1 << 20, &lines, &size), HD_OK);
    hd_tokenizer *tokenizer = convert_and_load(name);
    for (char *text = texts, *line = lines; text; checked++) {
        char *end = strstr(text, SEPARATOR), *line_end = strchrnul(line, '\n');
        bool last = !*line_end;
        *line_end = 0;
        check_text(tokenizer, text, end ? (size_t)(end - text) : strlen(text), line);
        text = end ? end + strlen(SEPARATOR) : NULL;
        line = last ? line_end : line_end + 1;
    }
    assert_in_range(checked, 40, 1000);
    hd_tokenizer_destroy(tokenizer);
    free(texts);
    free(lines);
}

static void gpt_2(void **state) {
    (void)state;
    check_vocabulary("gpt-2");
}
static void deepseek_llm(void **state) {
    (void)state;
    check_vocabulary("deepseek-llm");
}
static void llama_spm(void **state) {
    (void)state;
    check_vocabulary("llama-spm");
}
static void phi_3(void **state) {
    (void)state;
    check_vocabulary("phi-3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt_2),
        cmocka_unit_test(deepseek_llm),
        cmocka_unit_test(llama_spm),
        cmocka_unit_test(phi_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
