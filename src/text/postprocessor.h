/* SPDX-License-Identifier: Apache-2.0 */
/* The "post_processor" of a tokenizer file, reduced to what it does to one text: ids in front and ids behind. */
#ifndef HDI_TEXT_POSTPROCESSOR_H
#define HDI_TEXT_POSTPROCESSOR_H

#include <jansson.h>

#include "text/vocab.h"

typedef struct hdi_postprocessor {
    hdi_ids prefix, suffix;
} hdi_postprocessor;

/* Reads a post_processor object; NULL or null makes one that adds nothing. `where` names it in messages. */
hd_status hdi_postprocessor_parse(hdi_postprocessor *p, const hdi_vocab *vocab, const json_t *node, const char *where);
/* Replaces what was read: `bos` in front and `eos` behind, each left out when negative. */
hd_status hdi_postprocessor_set(hdi_postprocessor *p, int32_t bos, int32_t eos);
void hdi_postprocessor_free(hdi_postprocessor *p); /* legal on a zeroed one */

#endif
