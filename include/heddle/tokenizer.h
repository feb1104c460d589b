/* SPDX-License-Identifier: Apache-2.0 */
/* Text to token ids and back: the tokenizer of a Hugging Face folder (tokenizer.json, tokenizer_config.json). */
#ifndef HEDDLE_TOKENIZER_H
#define HEDDLE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once loaded: any number of threads may use one tokenizer at once. */
typedef struct hd_tokenizer hd_tokenizer;

/* Loads `path`: a folder with tokenizer.json, or the file itself. What the file asks for and Heddle does not know is
 * HD_UNSUPPORTED and names it; a file that contradicts itself is HD_CORRUPT. */
HD_API HD_CHECK_RESULT hd_status hd_tokenizer_load(const char *path, hd_tokenizer **out);
HD_API void hd_tokenizer_destroy(hd_tokenizer *tokenizer); /* NULL is legal */

/* One more than the largest id, added tokens included. */
HD_API int32_t hd_tokenizer_vocab_size(const hd_tokenizer *tokenizer);

/* Ids of special roles, -1 where the tokenizer has none. */
HD_API int32_t hd_tokenizer_bos(const hd_tokenizer *tokenizer);
HD_API int32_t hd_tokenizer_eos(const hd_tokenizer *tokenizer);

/* The token's own spelling as the vocabulary has it (not decoded text), borrowed; NULL for an id that is not used. */
HD_API const char *hd_tokenizer_token(const hd_tokenizer *tokenizer, int32_t id);
/* The id of a token spelled exactly so (as in the vocabulary or an added token); -1 when there is none. */
HD_API int32_t hd_tokenizer_id(const hd_tokenizer *tokenizer, const char *token);

/* Whether the id is an added token marked special (left out of decoded text by default). */
HD_API bool hd_tokenizer_is_special(const hd_tokenizer *tokenizer, int32_t id);

/* Encodes `size` bytes of text. *ids is a fresh array of *count ids (free with hd_free). `add_special` runs the
 * post-processor (BOS, EOS as the file says). Added tokens in the text are matched either way, as the reference does. Bytes that are not
 * valid UTF-8 are replaced by U+FFFD. */
HD_API HD_CHECK_RESULT hd_status hd_tokenizer_encode(const hd_tokenizer *tokenizer, const char *text, size_t size, bool add_special,
                                                     int32_t **ids, size_t *count);

/* Decodes ids to a fresh NUL-terminated string of *size bytes (free with hd_free), valid UTF-8 always: bytes that do not
 * form a character become U+FFFD. An id out of range is HD_INVALID_ARGUMENT. */
HD_API HD_CHECK_RESULT hd_status hd_tokenizer_decode(const hd_tokenizer *tokenizer, const int32_t *ids, size_t count, bool skip_special,
                                                     char **text, size_t *size);

/* Streaming decoder: ids go in one by one, text comes out as soon as it is final; what it has given, joined, is exactly what
 * decoding all ids at once gives. One thread at a time; keeps a reference to nothing but the borrowed tokenizer. */
typedef struct hd_detokenizer hd_detokenizer;
HD_API HD_CHECK_RESULT hd_status hd_detokenizer_create(const hd_tokenizer *tokenizer, bool skip_special, hd_detokenizer **out);
HD_API void hd_detokenizer_destroy(hd_detokenizer *detokenizer);
/* *text is borrowed until the next call and may be empty (*size 0) while a character is unfinished. */
HD_API HD_CHECK_RESULT hd_status hd_detokenizer_push(hd_detokenizer *detokenizer, int32_t id, const char **text, size_t *size);
/* Gives what is still held back (unfinished bytes as U+FFFD) and starts afresh. */
HD_API HD_CHECK_RESULT hd_status hd_detokenizer_finish(hd_detokenizer *detokenizer, const char **text, size_t *size);


#ifdef __cplusplus
}
#endif
#endif
