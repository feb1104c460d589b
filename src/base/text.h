/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows: for printing graphs, plans and tensors. A failure sticks, so that callers check once, at the end. */
#ifndef HDI_BASE_TEXT_H
#define HDI_BASE_TEXT_H

#include <stddef.h>

#include "base/status.h"

typedef struct hdi_text { /* zero-initialised: empty */
    char *data;
    size_t size, cap;
    hd_status status;
} hdi_text;

void hdi_text_add(hdi_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Pads with spaces until the current line is `column` bytes long; at least one space. */
void hdi_text_column(hdi_text *text, size_t column);
/* Hands the string over (free with hdi_free), or frees it and reports the failure. */
hd_status hdi_text_finish(hdi_text *text, char **out);

#endif
