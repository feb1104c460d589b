/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void hdi_text_add(hdi_text *text, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (text->status != HD_OK || n < 0) return;
    text->status = hdi_grow(&text->data, &text->cap, text->size + (size_t)n + 1, 1, "a text");
    if (text->status != HD_OK) return;
    va_start(args, fmt);
    vsnprintf(text->data + text->size, (size_t)n + 1, fmt, args);
    va_end(args);
    text->size += (size_t)n;
}

void hdi_text_column(hdi_text *text, size_t column) {
    size_t start = text->size;
    while (start > 0 && text->data[start - 1] != '\n') start--;
    size_t used = text->size - start;
    hdi_text_add(text, "%*s", used < column ? (int)(column - used) : 1, "");
}

hd_status hdi_text_finish(hdi_text *text, char **out) {
    hdi_text_add(text, "%s", ""); /* an empty text is still a string */
    *out = text->data;
    if (text->status == HD_OK) return HD_OK;
    hdi_free(text->data);
    *out = NULL;
    return text->status;
}
