/* SPDX-License-Identifier: Apache-2.0 */
#include "support/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(hd_status status, const char *call) {
    if (status == HD_OK) return;
    fprintf(stderr, "%s: %s: %s\n", call, hd_status_text(status), hd_last_error());
    exit(1);
}

static void *grown(void *p, size_t bytes) {
    p = realloc(p, bytes ? bytes : 1);
    if (!p) exit(1);
    return p;
}

static void keep_token(generation *g, const hd_token *t, const float *logits, size_t vocab) {
    g->text = grown(g->text, g->text_size + t->size + 1);
    memcpy(g->text + g->text_size, t->text, t->size);
    g->text_size += t->size;
    g->text[g->text_size] = 0;
    if (t->id < 0) return;
    if (g->n == g->capacity) {
        g->capacity = g->capacity * 2 + 16;
        g->ids = grown(g->ids, g->capacity * sizeof *g->ids);
        g->logprobs = grown(g->logprobs, g->capacity * sizeof *g->logprobs);
        g->logits = grown(g->logits, g->capacity * vocab * sizeof *g->logits);
    }
    g->ids[g->n] = t->id;
    g->logprobs[g->n] = t->logprob;
    if (logits) memcpy(g->logits + g->n * vocab, logits, vocab * sizeof *logits);
    g->n++;
}

void generate(hd_engine *engine, const hd_request *requests, size_t n, int32_t vocab, generation *out) {
    hd_sequence **sequences = grown(NULL, n * sizeof *sequences);
    bool busy = true;
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < n; i++) must(hd_engine_submit(engine, &requests[i], &sequences[i]), "hd_engine_submit");
    while (busy) {
        must(hd_engine_step(engine, &busy), "hd_engine_step");
        for (size_t i = 0; i < n; i++) {
            hd_token token;
            bool have;
            for (;;) {
                must(hd_sequence_next(sequences[i], &token, &have), "hd_sequence_next");
                if (!have) break;
                keep_token(&out[i], &token, hd_sequence_logits(sequences[i]), (size_t)vocab);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i].finish = hd_sequence_finish_reason(sequences[i]);
        snprintf(out[i].error, sizeof out[i].error, "%s", hd_sequence_error(sequences[i]));
        hd_sequence_release(sequences[i]);
    }
    free(sequences);
}

void generation_free(generation *g) {
    free(g->ids);
    free(g->logprobs);
    free(g->logits);
    free(g->text);
    memset(g, 0, sizeof *g);
}

const char *generation_difference(const generation *a, const generation *b, int32_t vocab) {
    static _Thread_local char text[160];
    size_t row = (size_t)vocab;
    if (a->n != b->n || a->finish != b->finish) {
        snprintf(text, sizeof text, "%zu tokens, finish %d against %zu tokens, finish %d", a->n, a->finish, b->n, b->finish);
        return text;
    }
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < row; k++) {
            float x = a->logits[i * row + k], y = b->logits[i * row + k];
            if (memcmp(&x, &y, sizeof x) == 0) continue;
            snprintf(text, sizeof text, "logit %zu of token %zu is %.9g against %.9g", k, i, (double)x, (double)y);
            return text;
        }
        if (a->ids[i] == b->ids[i]) continue;
        snprintf(text, sizeof text, "token %zu is %d against %d", i, a->ids[i], b->ids[i]);
        return text;
    }
    return NULL;
}
