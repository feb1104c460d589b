/* SPDX-License-Identifier: Apache-2.0 */
/* Running requests on an engine to their ends, with everything that came out kept for comparison. */
#ifndef HDI_TESTS_GENERATE_H
#define HDI_TESTS_GENERATE_H

#include "heddle/engine.h"

typedef struct generation {
    int32_t *ids; /* n of them, end tokens too */
    float *logprobs;
    float *logits; /* n rows of vocab */
    size_t n, capacity;
    char *text; /* NUL-terminated */
    size_t text_size;
    hd_finish finish;
    char error[512];
} generation;

/* Submits all requests, steps until nothing is left, releases them. out: an array of n, each to be given to
 * generation_free. Exits the process with a message when a call fails. */
void generate(hd_engine *engine, const hd_request *requests, size_t n, int32_t vocab, generation *out);
void generation_free(generation *g);
/* The first difference in ids, logits (bit for bit) or finish in words; NULL when there is none. A static buffer a thread. */
const char *generation_difference(const generation *a, const generation *b, int32_t vocab);

#endif
