/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a tokenizer.json, an optional tokenizer_config.json behind a form feed, and an optional text behind another: what
 * loads must encode, decode and stream that text without a crash, and streaming must give what decoding at once gives. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char usual[] =
    "Hello  world's 123\r\n\t<s> foo\xC3\xA9 e\xCC\x81\xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80 \xFF\xE2\x96\x81 aaaa </s>";

static void require(bool condition) {
    if (!condition) abort();
}

static void stream(const hd_tokenizer *t, const int32_t *ids, size_t count, const char *whole, size_t whole_size) {
    hd_detokenizer *d;
    const char *text;
    size_t size, done = 0;
    require(hd_detokenizer_create(t, true, &d) == HD_OK);
    for (size_t i = 0; i <= count; i++) {
        hd_status status = i < count ? hd_detokenizer_push(d, ids[i], &text, &size) : hd_detokenizer_finish(d, &text, &size);
        if (status != HD_OK) break; /* a limit: both ways may reach it, at different places */
        require(hdi_utf8_valid(text, size) && size <= whole_size - done && memcmp(whole + done, text, size) == 0);
        done += size;
        require(i < count || done == whole_size);
    }
    hd_detokenizer_destroy(d);
}

static void use(const hd_tokenizer *t, const char *text, size_t size) {
    int32_t *ids;
    size_t count, back_size;
    char *back;
    for (int special = 0; special < 2; special++) {
        if (hd_tokenizer_encode(t, text, size, special, &ids, &count) != HD_OK) continue;
        for (size_t i = 0; i < count; i++) require(hd_tokenizer_token(t, ids[i]) != NULL);
        if (hd_tokenizer_decode(t, ids, count, true, &back, &back_size) == HD_OK) {
            require(hdi_utf8_valid(back, back_size));
            stream(t, ids, count, back, back_size);
            hd_free(back);
        }
        hd_free(ids);
    }
    /* Each id once, in order: decoders see every token of the file. */
    int32_t all[512];
    for (count = 0; count < HDI_COUNTOF(all) && (int32_t)count < hd_tokenizer_vocab_size(t); count++) all[count] = (int32_t)count;
    if (hd_tokenizer_decode(t, all, count, true, &back, &back_size) == HD_OK) {
        stream(t, all, count, back, back_size);
        hd_free(back);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data, *end = text + size;
    hdi_tokenizer_file file = {text, size, "tokenizer.json"}, config = {NULL, 0, "tokenizer_config.json"};
    const char *first = memchr(text, '\f', size), *second = NULL;
    if (size == 0) return 0;
    if (first) {
        file.size = (size_t)(first - text);
        second = memchr(first + 1, '\f', (size_t)(end - first - 1));
        config.data = first + 1;
        config.size = (size_t)((second ? second : end) - config.data);
    }
    hd_tokenizer *t;
    if (hdi_tokenizer_parse(&file, config.size ? &config : NULL, NULL, &t) != HD_OK) return 0;
    use(t, usual, sizeof usual - 1);
    if (second) use(t, second + 1, (size_t)(end - second - 1));
    hd_tokenizer_destroy(t);
    return 0;
}
