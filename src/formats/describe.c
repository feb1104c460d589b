/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint's tensors as a table: the first thing to look at when a model does not load. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "formats/checkpoint.h"
#include "heddle/model.h"

typedef struct writer {
    char *text;
    size_t size, cap;
} writer;

static hd_status add_line(writer *w, const char *line) {
    size_t length = strlen(line);
    HD_TRY(hdi_grow(&w->text, &w->cap, w->size + length + 1, 1, "the table of tensors"));
    memcpy(w->text + w->size, line, length + 1);
    w->size += length;
    return HD_OK;
}

static hd_status add_tensor(writer *w, const hdi_stored_tensor *t, int width) {
    char shape[HD_MAX_DIMS * 22 + 3] = "[", line[1024];
    int n = 1;
    for (int32_t i = 0; i < t->ndim; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%s%lld", i ? ", " : "", (long long)t->shape[i]);
    snprintf(shape + n, sizeof shape - (size_t)n, "]");
    snprintf(line, sizeof line, "%-*.600s  %-8s %-24s %14zu\n", width, t->name, hd_dtype_name(t->dtype), shape, t->bytes);
    /* A name is the file's: nothing in it may end the line or drive a terminal. */
    for (char *c = line; c[0] && c[1]; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    return add_line(w, line);
}

hd_status hd_checkpoint_describe(const char *path, char **text) {
    hd_status status;
    writer w = {0};
    hdi_checkpoint *checkpoint = NULL;
    *text = NULL;
    HD_TRY(hdi_checkpoint_open(path, &checkpoint));
    size_t count = hdi_checkpoint_count(checkpoint);
    int width = 8;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(hdi_checkpoint_at(checkpoint, i)->name);
        if (length > (size_t)width) width = length > 100 ? 100 : (int)length;
    }
    char head[160];
    snprintf(head, sizeof head, "%zu tensors in %zu files, %llu bytes\n", count, hdi_checkpoint_files(checkpoint),
             (unsigned long long)hdi_checkpoint_bytes(checkpoint));
    HD_TRY_GOTO(add_line(&w, head));
    for (size_t i = 0; i < count; i++) HD_TRY_GOTO(add_tensor(&w, hdi_checkpoint_at(checkpoint, i), width));
    *text = w.text;
    w.text = NULL;
    status = HD_OK;
fail:
    hdi_free(w.text);
    hdi_checkpoint_close(checkpoint);
    return status;
}
