/* SPDX-License-Identifier: Apache-2.0 */
/* Two engines in two threads on one model and one tokenizer, each with workers of its own: the same answers as one alone, and
 * nothing for the thread sanitizer to find. */
#include <pthread.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "support/generate.h"
#include "support/tiny_model.h"

enum { VOCAB = 288, SEQUENCES = 3, ROUNDS = 4 };

typedef struct job {
    hd_model *model;
    const hd_tokenizer *tokenizer;
    const generation *want;
    char wrong[256];
} job;

static void make_requests(hd_request requests[SEQUENCES]) {
    static const int32_t prompt[] = {84, 104, 101, 32, 256, 10, 33, 70, 71, 72};
    for (int i = 0; i < SEQUENCES; i++) {
        hd_request_init(&requests[i]);
        requests[i].prompt = prompt;
        requests[i].n_prompt = (size_t)(3 + 3 * i);
        requests[i].max_tokens = 12;
        requests[i].sampling.temperature = 1;
        requests[i].ignore_eos = true;
    }
}

static void *work(void *argument) {
    job *j = argument;
    hd_request requests[SEQUENCES];
    hd_engine_options o;
    hd_engine *engine;
    make_requests(requests);
    hd_engine_options_init(&o);
    o.threads = 2;
    if (hd_engine_create(j->model, j->tokenizer, &o, &engine) != HD_OK) {
        snprintf(j->wrong, sizeof j->wrong, "%s", hd_last_error());
        return NULL;
    }
    for (int round = 0; round < ROUNDS; round++) {
        generation got[SEQUENCES];
        generate(engine, requests, SEQUENCES, VOCAB, got);
        for (int i = 0; i < SEQUENCES; i++) {
            const char *difference = generation_difference(&got[i], &j->want[i], VOCAB);
            if (difference) snprintf(j->wrong, sizeof j->wrong, "sequence %d: %s", i, difference);
            generation_free(&got[i]);
        }
    }
    hd_engine_destroy(engine);
    return NULL;
}

static void two_engines_on_one_model(void **state) {
    (void)state;
    tiny_model m;
    hd_model_options mo = {.weights = HD_WEIGHTS_Q8, .threads = 2};
    hd_model *model = NULL;
    hd_tokenizer *tokenizer = NULL;
    hd_engine *engine = NULL;
    hd_request requests[SEQUENCES];
    generation want[SEQUENCES];
    job jobs[2];
    pthread_t threads[2];
    tiny_model_init(&m, "llama");
    char *folder = tiny_model_write(&m);
    assert_non_null(folder);
    if (hd_model_load(folder, &mo, &model) != HD_OK || hd_tokenizer_load(folder, &tokenizer) != HD_OK ||
        hd_engine_create(model, tokenizer, NULL, &engine) != HD_OK)
        fail_msg("%s", hd_last_error());
    make_requests(requests);
    for (int i = 0; i < SEQUENCES; i++) generate(engine, &requests[i], 1, VOCAB, &want[i]);
    for (int i = 0; i < 2; i++) {
        jobs[i] = (job){.model = model, .tokenizer = tokenizer, .want = want};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        if (*jobs[i].wrong) fail_msg("engine %d: %s", i, jobs[i].wrong);
    }
    for (int i = 0; i < SEQUENCES; i++) generation_free(&want[i]);
    hd_engine_destroy(engine);
    hd_tokenizer_destroy(tokenizer);
    hd_model_release(model);
    tiny_model_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_engines_on_one_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
