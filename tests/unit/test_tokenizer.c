/* SPDX-License-Identifier: Apache-2.0 */
/* Loading tokenizers: folders as they come, what tokenizer_config.json decides, files that lie, long words. */
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "text/tokenizer.h"

#define STORIES HEDDLE_SOURCE_DIR "/../shared/models/stories260k"

/* A small SentencePiece-like model: a line of JSON to put parts around. */
#define VOCAB "{\"<unk>\":0,\"<s>\":1,\"</s>\":2,\"a\":3,\"b\":4,\"aa\":5,\"aaaa\":6,\"ab\":7}"
#define MODEL(vocab, merges) "{\"type\":\"BPE\",\"vocab\":" vocab ",\"merges\":" merges "}"
#define GOOD MODEL(VOCAB, "[\"a a\",[\"aa\",\"aa\"],\"a b\"]")
#define FILE_OF(model, more) "{\"model\":" model more "}"
#define ADDED(id, content) "{\"id\":" id ",\"content\":\"" content "\",\"special\":true}"
#define MARKS ",\"added_tokens\":[" ADDED("1", "<s>") "," ADDED("2", "</s>") "]"

static hd_status parse(const char *text, const char *config, hd_tokenizer **out) {
    hdi_tokenizer_file file = {text, strlen(text), "tokenizer.json"};
    hdi_tokenizer_file settings = {config, config ? strlen(config) : 0, "tokenizer_config.json"};
    return hdi_tokenizer_parse(&file, config ? &settings : NULL, NULL, out);
}

static hd_tokenizer *parse_good(const char *text, const char *config) {
    hd_tokenizer *t;
    if (parse(text, config, &t) != HD_OK) fail_msg("%s", hd_last_error());
    return t;
}

/* Compares the ids of a text with a list that ends in -1. */
static void check_ids(const hd_tokenizer *t, const char *text, bool special, const int32_t *want) {
    int32_t *ids;
    size_t count, n = 0;
    assert_int_equal(hd_tokenizer_encode(t, text, strlen(text), special, &ids, &count), HD_OK);
    for (; want[n] >= 0; n++)
        if (n >= count || ids[n] != want[n]) fail_msg("\"%s\": id %zu must be %d", text, n, want[n]);
    assert_int_equal(count, n);
    hd_free(ids);
}
#define IDS(...) ((const int32_t[]){__VA_ARGS__, -1})

static void questions_about_tokens(void **state) {
    (void)state;
    hd_tokenizer *t = parse_good(FILE_OF(GOOD, MARKS), NULL);
    assert_int_equal(hd_tokenizer_vocab_size(t), 8);
    assert_string_equal(hd_tokenizer_token(t, 6), "aaaa");
    assert_null(hd_tokenizer_token(t, 8));
    assert_null(hd_tokenizer_token(t, -1));
    assert_int_equal(hd_tokenizer_id(t, "ab"), 7);
    assert_int_equal(hd_tokenizer_id(t, "abc"), -1);
    assert_true(hd_tokenizer_is_special(t, 1));
    assert_false(hd_tokenizer_is_special(t, 3));
    assert_false(hd_tokenizer_is_special(t, 1000000));
    check_ids(t, "aaaaab<s>aa", true, IDS(6, 7, 1, 5));
    hd_tokenizer_destroy(t);
    hd_tokenizer_destroy(NULL);
}

static void config_decides_bos_and_eos(void **state) {
    (void)state;
    static const struct {
        const char *config;
        int32_t bos, eos, ids[4];
    } cases[] = {
        {NULL, -1, 2, {3, -1}},
        {"{\"bos_token\":\"<s>\",\"add_bos_token\":true}", 1, 2, {3, -1}}, /* not a class that makes its own template */
        {"{\"tokenizer_class\":\"LlamaTokenizer\"}", 1, 2, {1, 3, -1}},
        {"{\"tokenizer_class\":\"LlamaTokenizerFast\",\"add_bos_token\":false}", 1, 2, {3, -1}},
        {"{\"tokenizer_class\":\"LlamaTokenizerFast\",\"add_eos_token\":true}", 1, 2, {1, 3, 2, -1}},
        {"{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":{\"content\":\"ab\"},\"eos_token\":null}", 7, 2, {7, 3, -1}},
        {"{\"eos_token\":\"<s>\"}", -1, 1, {3, -1}},
    };
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        hd_tokenizer *t = parse_good(FILE_OF(GOOD, MARKS), cases[i].config);
        assert_int_equal(hd_tokenizer_bos(t), cases[i].bos);
        assert_int_equal(hd_tokenizer_eos(t), cases[i].eos);
        check_ids(t, "a", true, cases[i].ids);
        check_ids(t, "a", false, IDS(3));
        hd_tokenizer_destroy(t);
    }
}

static void config_adds_tokens(void **state) {
    (void)state;
    hd_tokenizer *t = parse_good(FILE_OF(GOOD, ""), "{\"eos_token\":\"</s>\",\"added_tokens_decoder\":"
                                                    "{\"8\":{\"content\":\"<new>\",\"special\":true,\"rstrip\":true},"
                                                    "\"3\":{\"content\":\"a\",\"special\":false,\"normalized\":false}}}");
    assert_int_equal(hd_tokenizer_vocab_size(t), 9);
    assert_true(hd_tokenizer_is_special(t, 8));
    assert_true(hd_tokenizer_is_special(t, 2));
    check_ids(t, "aa<new>  b</s>", true, IDS(3, 3, 8, 4, 2));
    hd_tokenizer_destroy(t);
}

/* A special token is special however the config flags it, if it flags it otherwise than tokenizer.json. */
static void config_overrides_flags(void **state) {
    (void)state;
    static const char changed[] = "{\"added_tokens_decoder\":{\"1\":{\"content\":\"<s>\",\"special\":false},"
                                  "\"2\":{\"content\":\"</s>\",\"special\":false,\"rstrip\":true}},\"eos_token\":\"</s>\"}";
    hd_tokenizer *t = parse_good(FILE_OF(GOOD, MARKS), changed);
    assert_false(hd_tokenizer_is_special(t, 1));
    assert_true(hd_tokenizer_is_special(t, 2));
    check_ids(t, "a</s>  a", false, IDS(3, 2, 3));
    hd_tokenizer_destroy(t);
}

static void files_that_lie(void **state) {
    (void)state;
    static const struct {
        const char *file, *config;
        hd_status status;
        const char *says[2];
    } cases[] = {
        {"{", NULL, HD_CORRUPT, {"tokenizer.json", "JSON"}},
        {"[]", NULL, HD_CORRUPT, {"tokenizer.json", "object"}},
        {"{}", NULL, HD_CORRUPT, {"tokenizer.json", "model"}},
        {"{\"model\":[]}", NULL, HD_CORRUPT, {"model", "object"}},
        {FILE_OF("{\"type\":\"Unigram\"}", ""), NULL, HD_UNSUPPORTED, {"Unigram", "BPE"}},
        {FILE_OF(MODEL("{}", "[]"), ""), NULL, HD_CORRUPT, {"vocab", "empty"}},
        {FILE_OF(MODEL("{\"a\":0,\"a\":1}", "[]"), ""), NULL, HD_CORRUPT, {"tokenizer.json", "dup"}},
        {FILE_OF(MODEL("{\"a\":0,\"b\":0}", "[]"), ""), NULL, HD_CORRUPT, {"vocab", "same id"}},
        {FILE_OF(MODEL("{\"a\":-1}", "[]"), ""), NULL, HD_CORRUPT, {"\"a\"", "out of range"}},
        {FILE_OF(MODEL("{\"a\":2000000000}", "[]"), ""), NULL, HD_CORRUPT, {"\"a\"", "out of range"}},
        {FILE_OF(MODEL("{\"a\":1.5}", "[]"), ""), NULL, HD_CORRUPT, {"\"a\"", "integer"}},
        {FILE_OF(MODEL("{\"a\":0}", "[\"a z\"]"), ""), NULL, HD_CORRUPT, {"merges[0]", "\"z\""}},
        {FILE_OF(MODEL("{\"a\":0}", "[\"a a\"]"), ""), NULL, HD_CORRUPT, {"merges[0]", "\"aa\""}},
        {FILE_OF(MODEL("{\"a\":0,\"aa\":1}", "[\"a a\",\"aa\"]"), ""), NULL, HD_CORRUPT, {"merges[1]", "one space"}},
        {FILE_OF(MODEL("{\"a\":0,\"aa\":1}", "[\"a a a\"]"), ""), NULL, HD_CORRUPT, {"merges[0]", "one space"}},
        {FILE_OF(MODEL("{\"a\":0}", "[[\"a\"]]"), ""), NULL, HD_CORRUPT, {"merges[0]", "two strings"}},
        {FILE_OF(MODEL("{\"a\":0}", "[7]"), ""), NULL, HD_CORRUPT, {"merges[0]", "two strings"}},
        {FILE_OF("{\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}", ""), NULL, HD_UNSUPPORTED, {"dropout", "0.1"}},
        {FILE_OF(GOOD, ",\"added_tokens\":[" ADDED("99", "a") "]"), NULL, HD_CORRUPT, {"added_tokens[0]", "has id 99"}},
        {FILE_OF(GOOD, ",\"added_tokens\":[" ADDED("3", "x") "]"), NULL, HD_CORRUPT, {"added_tokens[0]", "same id"}},
        {FILE_OF(GOOD, ",\"added_tokens\":[" ADDED("-5", "x") "]"), NULL, HD_CORRUPT, {"added_tokens[0]", "negative"}},
        {FILE_OF(GOOD, ",\"added_tokens\":[" ADDED("2147483647", "x") "]"), NULL, HD_CORRUPT, {"added_tokens[0]", "range"}},
        {FILE_OF(GOOD, ",\"added_tokens\":[{\"id\":8}]"), NULL, HD_CORRUPT, {"added_tokens[0]", "content"}},
        {FILE_OF(GOOD, ",\"added_tokens\":[3]"), NULL, HD_CORRUPT, {"added_tokens[0]", "object"}},
        {FILE_OF(GOOD, ",\"normalizer\":{\"type\":\"Precompiled\"}"), NULL, HD_UNSUPPORTED, {"normalizer", "Precompiled"}},
        {FILE_OF(GOOD, ",\"normalizer\":7"), NULL, HD_CORRUPT, {"normalizer", "object"}},
        {FILE_OF(GOOD, ",\"normalizer\":{\"type\":\"Prepend\"}"), NULL, HD_CORRUPT, {"normalizer", "prepend"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"New\"}"), NULL, HD_UNSUPPORTED, {"pre_tokenizer", "New"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"},null]}"),
         NULL,
         HD_CORRUPT,
         {"pre_tokenizer[1]", "object"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a\"},\"behavior\":\"Isolated\"}"),
         NULL,
         HD_CORRUPT,
         {"pattern", "not closed"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a**+{2}{\"},\"behavior\":\"Gone\"}"),
         NULL,
         HD_UNSUPPORTED,
         {"behavior", "Gone"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"*\"},\"behavior\":\"Removed\"}"),
         NULL,
         HD_CORRUPT,
         {"pattern", "not valid"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a&&b]\"},\"behavior\":\"Removed\"}"),
         NULL,
         HD_UNSUPPORTED,
         {"pattern", "&&"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{},\"behavior\":\"Removed\"}"),
         NULL,
         HD_CORRUPT,
         {"pattern", "Regex"}},
        {FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\"}"),
         NULL,
         HD_CORRUPT,
         {"replacement", "one character"}},
        {FILE_OF(GOOD, ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}}]}"),
         NULL,
         HD_CORRUPT,
         {"post_processor", "special_tokens"}},
        {FILE_OF(GOOD, ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}"),
         NULL,
         HD_UNSUPPORTED,
         {"post_processor", "\"A\""}},
        {FILE_OF(GOOD, ",\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"x\",77],\"sep\":[\"x\",1]}"),
         NULL,
         HD_CORRUPT,
         {"post_processor", "77"}},
        {FILE_OF(GOOD, ",\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}"),
         NULL,
         HD_CORRUPT,
         {"decoder", "start"}},
        {FILE_OF(GOOD, ",\"decoder\":{\"type\":\"CTC\"}"), NULL, HD_UNSUPPORTED, {"decoder", "CTC"}},
        {FILE_OF(GOOD, ""), "[]", HD_CORRUPT, {"tokenizer_config.json", "object"}},
        {FILE_OF(GOOD, ""), "{\"bos_token\":5}", HD_CORRUPT, {"tokenizer_config.json", "bos_token"}},
        {FILE_OF(GOOD, ""),
         "{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}",
         HD_CORRUPT,
         {"added_tokens_decoder", "\"x\""}},
        {FILE_OF(GOOD, ""),
         "{\"added_tokens_decoder\":{\"99999999\":{\"content\":\"y\"}}}",
         HD_CORRUPT,
         {"added_tokens_decoder", "range"}},
        {FILE_OF(GOOD, ""),
         "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"<none>\"}",
         HD_CORRUPT,
         {"tokenizer_config.json", "bos_token"}},
    }; /* clang-format keeps these on lines of their own */
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        hd_tokenizer *t;
        hd_status status = parse(cases[i].file, cases[i].config, &t);
        if (status != cases[i].status || !strstr(hd_last_error(), cases[i].says[0]) || !strstr(hd_last_error(), cases[i].says[1]))
            fail_msg("case %zu: %s: %s", i, hd_status_text(status), hd_last_error());
        assert_null(t);
    }
}

static void endless_depth(void **state) {
    (void)state;
    hdi_buffer text = {0};
    hd_tokenizer *t;
    static const char open[] = "{\"type\":\"Sequence\",\"normalizers\":[";
    assert_int_equal(hdi_buffer_add(&text, "{\"model\":" GOOD ",\"normalizer\":", strlen("{\"model\":" GOOD ",\"normalizer\":")),
                     HD_OK);
    for (int i = 0; i < 500; i++) assert_int_equal(hdi_buffer_add(&text, open, sizeof open - 1), HD_OK);
    for (int i = 0; i < 500; i++) assert_int_equal(hdi_buffer_add(&text, "]}", 2), HD_OK);
    assert_int_equal(hdi_buffer_add(&text, "}", 2), HD_OK);
    assert_int_equal(parse(text.data, NULL, &t), HD_UNSUPPORTED);
    assert_non_null(strstr(hd_last_error(), "sequences inside each other"));
    hdi_buffer_free(&text);
}

static void catastrophic_expressions_stop(void **state) {
    (void)state;
    static const char *const regexes[] = {"(a+)+c", "(a|aa)+$b", "((a*)*)*c", "(?:a?){60}a{60}c"};
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = 0;
    for (size_t i = 0; i < HDI_COUNTOF(regexes); i++) {
        char file[512];
        int32_t *ids;
        size_t count;
        snprintf(
            file, sizeof file,
            FILE_OF(GOOD, ",\"pre_tokenizer\":{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\"%s\"}}"),
            regexes[i]);
        hd_tokenizer *t = parse_good(file, NULL);
        hd_status status = hd_tokenizer_encode(t, text, 4000, false, &ids, &count);
        if (status != HD_OK) {
            assert_int_equal(status, HD_EXHAUSTED);
            assert_non_null(strstr(hd_last_error(), "needs too much"));
        }
        hd_free(ids);
        hd_tokenizer_destroy(t);
    }
}

static void a_megabyte_in_one_word(void **state) {
    (void)state;
    enum { SIZE = 1000001 };
    hd_tokenizer *t = parse_good(FILE_OF(GOOD, ""), NULL);
    char *text = malloc(SIZE), *back;
    int32_t *ids;
    size_t count, size;
    memset(text, 'a', SIZE);
    clock_t start = clock();
    assert_int_equal(hd_tokenizer_encode(t, text, SIZE, false, &ids, &count), HD_OK);
    assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, 10);
    assert_int_equal(count, SIZE / 4 + 1);
    for (size_t i = 0; i + 1 < count; i++) assert_int_equal(ids[i], 6);
    assert_int_equal(ids[count - 1], 3);
    assert_int_equal(hd_tokenizer_decode(t, ids, 2, false, &back, &size), HD_OK);
    assert_string_equal(back, "aaaa aaaa"); /* without a decoder tokens are joined with spaces */
    hd_free(ids);
    hd_free(back);
    free(text);
    hd_tokenizer_destroy(t);
}

static void marks_in_any_number_take_linear_time(void **state) {
    (void)state;
    hd_tokenizer *t = parse_good(FILE_OF(GOOD, ",\"normalizer\":{\"type\":\"NFC\"}"), NULL);
    enum { PAIRS = 200000 };
    char *text = malloc(4 * PAIRS);
    int32_t *ids;
    size_t count;
    for (int i = 0; i < PAIRS; i++) memcpy(text + 4 * i, "\xCC\x81\xCC\xA3", 4); /* classes 230 and 220: always out of order */
    clock_t start = clock();
    assert_int_equal(hd_tokenizer_encode(t, text, 4 * PAIRS, false, &ids, &count), HD_OK);
    assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, 10);
    hd_free(ids);
    free(text);
    hd_tokenizer_destroy(t);
}

static void invalid_utf8_is_replaced(void **state) {
    (void)state;
    hd_tokenizer *t = parse_good(FILE_OF(MODEL("{\"a\":0,\"b\":1,\"\xEF\xBF\xBD\":2}", "[]"), ""), NULL);
    check_ids(t,
              "a\xFF"
              "b\xE2\x82"
              "a\xC3",
              false, IDS(0, 2, 1, 2, 0, 2));
    hd_tokenizer_destroy(t);
}

static void wrong_arguments(void **state) {
    (void)state;
    hd_tokenizer *t = parse_good(FILE_OF(GOOD, ""), NULL), *none;
    char *text;
    size_t size;
    assert_int_equal(hd_tokenizer_load(NULL, &none), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tokenizer_load("/nonexistent", &none), HD_NOT_FOUND);
    assert_int_equal(hd_tokenizer_load("/", &none), HD_NOT_FOUND);
    assert_non_null(strstr(hd_last_error(), "tokenizer.json"));
    assert_int_equal(hd_tokenizer_decode(t, IDS(8), 1, false, &text, &size), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "out of range"));
    assert_int_equal(hd_tokenizer_decode(t, (const int32_t[]){-2}, 1, false, &text, &size), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_tokenizer_decode(t, NULL, 0, false, &text, &size), HD_OK);
    assert_int_equal(size, 0);
    hd_free(text);
    check_ids(t, "", true, (const int32_t[]){-1});
    hd_tokenizer_destroy(t);
}

static void a_folder_as_it_comes(void **state) {
    (void)state;
    if (!hdi_is_directory(STORIES)) {
        print_message(STORIES " is not there\n");
        skip();
    }
    hd_tokenizer *t;
    int32_t *ids;
    size_t count, size;
    char *text;
    if (hd_tokenizer_load(STORIES, &t) != HD_OK) fail_msg("%s", hd_last_error());
    assert_int_equal(hd_tokenizer_vocab_size(t), 512);
    assert_int_equal(hd_tokenizer_bos(t), 1);
    assert_int_equal(hd_tokenizer_eos(t), 2);
    check_ids(t, "Once upon a time", true, IDS(1, 403, 407, 261, 378));
    static const char story[] =
        "Once upon a time, there was a little girl named Lily.\nShe said, \"H\xC3\xA9llo!\" \xF0\x9F\x98\x80";
    assert_int_equal(hd_tokenizer_encode(t, story, sizeof story - 1, true, &ids, &count), HD_OK);
    assert_int_equal(ids[0], 1);
    assert_int_equal(hd_tokenizer_decode(t, ids, count, true, &text, &size), HD_OK);
    assert_string_equal(text, story);
    hd_free(ids);
    hd_free(text);
    hd_tokenizer_destroy(t);
}

static void *encode_often(void *tokenizer) {
    for (int i = 0; i < 200; i++) check_ids(tokenizer, "ab<s>aaaa a", true, IDS(7, 1, 6, 3));
    return NULL;
}

static void threads_share_one_tokenizer(void **state) {
    (void)state;
    hd_tokenizer *t =
        parse_good(FILE_OF(GOOD, MARKS ",\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"), NULL);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, encode_often, t), 0);
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    hd_tokenizer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_about_tokens),
        cmocka_unit_test(config_decides_bos_and_eos),
        cmocka_unit_test(config_adds_tokens),
        cmocka_unit_test(config_overrides_flags),
        cmocka_unit_test(files_that_lie),
        cmocka_unit_test(endless_depth),
        cmocka_unit_test(catastrophic_expressions_stop),
        cmocka_unit_test(a_megabyte_in_one_word),
        cmocka_unit_test(marks_in_any_number_take_linear_time),
        cmocka_unit_test(invalid_utf8_is_replaced),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(a_folder_as_it_comes),
        cmocka_unit_test(threads_share_one_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
