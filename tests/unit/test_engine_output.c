/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of tokens and their text: stop strings over token borders, characters over token borders, ids without text. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "engine/output.h"
#include "support/tiny_model.h"

static char *folder;
static hd_tokenizer *tokenizer;

static int load(void **state) {
    (void)state;
    tiny_model m;
    tiny_model_init(&m, "llama");
    m.layers = 1;
    folder = tiny_model_write(&m);
    return folder && hd_tokenizer_load(folder, &tokenizer) == HD_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    hd_tokenizer_destroy(tokenizer);
    tiny_model_remove(folder);
    return 0;
}

/* Pushes the bytes of `text`, an id each, until a stop string is complete. Returns whether one was. */
static bool push_bytes(hdi_output *o, const char *text) {
    bool stopped = false;
    for (; *text && !stopped; text++) assert_int_equal(hdi_output_push(o, (uint8_t)*text, true, 0, 0, &stopped), HD_OK);
    return stopped;
}

static void start(hdi_output *o, const char *const *stop, size_t n, int64_t limit) {
    hd_request r;
    hd_request_init(&r);
    r.stop = stop;
    r.n_stop = n;
    r.top_logprobs = 2;
    if (hdi_output_init(o, tokenizer, &r, limit) != HD_OK) fail_msg("%s", hd_last_error());
}

/* Fetches the next token and checks it. */
static void expect(hdi_output *o, int32_t id, const char *text, hd_finish finish) {
    hd_token t;
    assert_true(hdi_output_next(o, &t));
    assert_int_equal(t.id, id);
    assert_int_equal(t.size, strlen(text));
    assert_memory_equal(t.text, text, t.size);
    assert_int_equal(t.finish, finish);
}

static void characters_stay_whole(void **state) {
    (void)state;
    hdi_output o;
    hd_token t;
    bool stopped;
    start(&o, NULL, 0, 8);
    push_bytes(&o, "a\xe2\x82\xac!\xc3");
    assert_int_equal(hdi_output_push(&o, 287, true, 0, 0, &stopped), HD_OK);            /* the tokenizer has no such id */
    assert_int_equal(hdi_output_push(&o, TINY_MODEL_END, true, 0, 0, &stopped), HD_OK); /* special: skipped */
    assert_int_equal(hdi_output_finish(&o, HD_FINISH_LENGTH, true, true), HD_OK);
    expect(&o, 'a', "a", HD_FINISH_NONE);
    expect(&o, 0xe2, "", HD_FINISH_NONE);
    expect(&o, 0x82, "", HD_FINISH_NONE);
    expect(&o, 0xac, "\xe2\x82\xac", HD_FINISH_NONE);
    expect(&o, '!', "!", HD_FINISH_NONE);
    expect(&o, 0xc3, "", HD_FINISH_NONE);
    expect(&o, 287, "", HD_FINISH_NONE);
    expect(&o, TINY_MODEL_END, "\xef\xbf\xbd", HD_FINISH_LENGTH); /* the half character, now that it stays one */
    assert_false(hdi_output_next(&o, &t));
    hdi_output_deinit(&o);
}

static void stop_strings_span_tokens(void **state) {
    (void)state;
    static const char *const stop[] = {"ab\xc3\xa9", "xyz"};
    hdi_output o;
    start(&o, stop, 2, 32);
    assert_true(push_bytes(&o, "cab!xyab\xc3\xa9no more"));
    assert_int_equal(hdi_output_finish(&o, HD_FINISH_STOP, true, false), HD_OK);
    expect(&o, 'c', "c", HD_FINISH_NONE);
    expect(&o, 'a', "", HD_FINISH_NONE);
    expect(&o, 'b', "", HD_FINISH_NONE);
    expect(&o, '!', "ab!", HD_FINISH_NONE);
    expect(&o, 'x', "", HD_FINISH_NONE);
    expect(&o, 'y', "", HD_FINISH_NONE);
    expect(&o, 'a', "xy", HD_FINISH_NONE);
    expect(&o, 'b', "", HD_FINISH_NONE);
    expect(&o, 0xc3, "", HD_FINISH_NONE);
    expect(&o, 0xa9, "", HD_FINISH_STOP);
    hdi_output_deinit(&o);
}

static void held_text_comes_with_the_end(void **state) {
    (void)state;
    static const char *const stop[] = {"abc"};
    hdi_output o;
    start(&o, stop, 1, 4);
    push_bytes(&o, "xab");
    expect(&o, 'x', "x", HD_FINISH_NONE);
    expect(&o, 'a', "", HD_FINISH_NONE);
    expect(&o, 'b', "", HD_FINISH_NONE);
    assert_int_equal(hdi_output_finish(&o, HD_FINISH_CANCELLED, false, true), HD_OK);
    expect(&o, -1, "ab", HD_FINISH_CANCELLED);
    hdi_output_deinit(&o);
}

/* Text left lying makes the buffer grow; fetching makes room; nothing is lost either way. */
static void much_text_is_kept(void **state) {
    (void)state;
    enum { N = 3000 };
    hdi_output o;
    hd_token t;
    int32_t the = hd_tokenizer_id(tokenizer, "the");
    bool stopped;
    start(&o, NULL, 0, N);
    o.capacity = 8; /* a smaller room than any request has */
    for (int i = 0, fetched = 0; i < N; i++) {
        assert_int_equal(hdi_output_push(&o, i % 7 ? the : 'x', true, (float)i, 0, &stopped), HD_OK);
        for (; fetched < i / 3 * 2; fetched++) {
            assert_true(hdi_output_next(&o, &t));
            assert_int_equal(t.size, fetched % 7 ? 3 : 1);
            assert_memory_equal(t.text, fetched % 7 ? "the" : "x", t.size);
            assert_true(t.logprob == (float)fetched);
        }
    }
    assert_in_range(o.capacity, 1000, 6000); /* a third of the text, not all */
    hdi_output_deinit(&o);
}

static void alternatives_go_with_their_token(void **state) {
    (void)state;
    hdi_output o;
    hd_token t;
    bool stopped;
    start(&o, NULL, 0, 2);
    for (int i = 0; i < 2; i++) {
        hd_token_logprob *top = hdi_output_next_top(&o);
        top[0] = (hd_token_logprob){i, -1};
        top[1] = (hd_token_logprob){i + 10, -2};
        assert_int_equal(hdi_output_push(&o, 'x', true, -1, 2, &stopped), HD_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(hdi_output_next(&o, &t));
        assert_int_equal(t.n_top, 2);
        assert_int_equal(t.top[0].token, i);
        assert_int_equal(t.top[1].token, i + 10);
    }
    hdi_output_deinit(&o);
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    static const char *const stop[] = {"abc"};
    hd_request r;
    hdi_output o;
    hd_request_init(&r);
    r.stop = stop;
    r.n_stop = 1;
    r.top_logprobs = 1;
    hd_status status = HD_OUT_OF_MEMORY;
    int n = 0;
    for (; n < 100 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hdi_output_init(&o, tokenizer, &r, 10);
        hdi_memory_fail_after(-1);
        assert_true(status == HD_OK || status == HD_OUT_OF_MEMORY);
    }
    assert_in_range(n, 5, 99);
    hdi_output_deinit(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_stay_whole),
        cmocka_unit_test(stop_strings_span_tokens),
        cmocka_unit_test(held_text_comes_with_the_end),
        cmocka_unit_test(much_text_is_kept),
        cmocka_unit_test(alternatives_go_with_their_token),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
