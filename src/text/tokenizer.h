/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer as a whole: the parts of a tokenizer.json and how they are put together. */
#ifndef HDI_TEXT_TOKENIZER_H
#define HDI_TEXT_TOKENIZER_H

#include "heddle/tokenizer.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/postprocessor.h"
#include "text/pretokenizer.h"
#include "text/vocab.h"

struct hd_tokenizer {
    hdi_vocab vocab;
    hdi_added_tokens added;
    hdi_normalizer normalizer;
    hdi_pretokenizer pretokenizer;
    hdi_bpe bpe;
    hdi_postprocessor postprocessor;
    hdi_decoder decoder;
    int32_t bos, eos;
};

/* From the bytes of a tokenizer.json, and of a tokenizer_config.json and special_tokens_map.json where they are there (else
 * NULL). The names are for messages. */
typedef struct hdi_tokenizer_file {
    const char *data;
    size_t size;
    const char *name;
} hdi_tokenizer_file;
hd_status hdi_tokenizer_parse(const hdi_tokenizer_file *tokenizer, const hdi_tokenizer_file *config,
                              const hdi_tokenizer_file *special_map, hd_tokenizer **out);

/* What tokenizer_config.json (and special_tokens_map.json; either may be NULL) adds to what tokenizer.json says: more added
 * tokens, the ids of BOS and EOS, and for some classes the post-processor. */
hd_status hdi_tokenizer_configure(hd_tokenizer *t, const json_t *config, const char *where, const json_t *special_map,
                                  const char *map_where);

#endif
