/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that were given unlike models, types of weights or shapes hear so, in one sentence that names the rank. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "heddle/comm.h"
#include "heddle/model.h"
#include "support/tiny_model.h"

enum { RANKS = 2 };

typedef struct rank {
    const char *name, *folder;
    hd_weights weights;
    int32_t number, tensor, pipeline;
    int64_t two_shot;
    hd_status status;
    char sentence[600];
    pthread_t thread;
} rank;

static void *load(void *argument) {
    rank *r = argument;
    hd_domain *domain = NULL;
    hd_model *model = NULL;
    const hd_domain_options meet = {.name = r->name, .rank = r->number, .ranks = RANKS, .timeout_ms = 20000};
    r->status = hd_domain_create(&meet, &domain);
    const hd_model_options options = {.weights = r->weights,
                                      .domain = domain,
                                      .tensor = r->tensor,
                                      .pipeline = r->pipeline,
                                      .two_shot = r->two_shot,
                                      .threads = 1};
    if (r->status == HD_OK) r->status = hd_model_load(r->folder, &options, &model);
    snprintf(r->sentence, sizeof r->sentence, "%s", r->status == HD_OK ? "" : hd_last_error());
    if (r->status != HD_OK && domain) hd_domain_abort(domain, r->status, r->sentence);
    hd_model_release(model);
    hd_domain_destroy(domain);
    return NULL;
}

/* Loads as two ranks; NULL `words`: it must do. */
static void load_both(rank mine, rank theirs, const char *words) {
    char name[64];
    rank ranks[RANKS] = {mine, theirs};
    hd_domain_fresh_name(name, sizeof name);
    for (int i = 0; i < RANKS; i++) {
        ranks[i].name = name;
        ranks[i].number = i;
        assert_int_equal(pthread_create(&ranks[i].thread, NULL, load, &ranks[i]), 0);
    }
    for (int i = 0; i < RANKS; i++) pthread_join(ranks[i].thread, NULL);
    for (int i = 0; i < RANKS; i++) {
        if (!words) assert_string_equal(ranks[i].sentence, "");
        assert_int_equal(ranks[i].status, words ? HD_INVALID_ARGUMENT : HD_OK);
        if (words && (!strstr(ranks[i].sentence, words) || !strstr(ranks[i].sentence, "rank 1")))
            fail_msg("rank %d says: %s", i, ranks[i].sentence);
    }
}

static char *write_model(void (*change)(tiny_model *model)) {
    tiny_model tiny;
    tiny_model_init(&tiny, "llama");
    if (change) change(&tiny);
    char *folder = tiny_model_write(&tiny);
    assert_non_null(folder);
    return folder;
}

static void more_layers(tiny_model *model) { model->layers++; }
static void wider(tiny_model *model) { model->intermediate *= 2; }
static void untied(tiny_model *model) { model->tied = !model->tied; }
static void another_family(tiny_model *model) { tiny_model_init(model, "qwen3"); }
static void another_type(tiny_model *model) { model->dtype = model->dtype == HD_DTYPE_F16 ? HD_DTYPE_F32 : HD_DTYPE_F16; }

static void other_models_are_refused(void **state) {
    static void (*const changes[])(tiny_model *) = {more_layers, wider, untied, another_family, another_type};
    (void)state;
    char *folder = write_model(NULL);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char *other = write_model(changes[i]);
        load_both((rank){.folder = folder, .tensor = 2}, (rank){.folder = other, .tensor = 2}, "another model than rank 0");
        tiny_model_remove(other);
    }
    tiny_model_remove(folder);
}

static void the_same_model_in_another_folder_does(void **state) {
    (void)state;
    char *folder = write_model(NULL), *copy = write_model(NULL);
    load_both((rank){.folder = folder, .tensor = 2}, (rank){.folder = copy, .tensor = 2}, NULL);
    tiny_model_remove(copy);
    tiny_model_remove(folder);
}

static void other_choices_are_refused(void **state) {
    (void)state;
    char *folder = write_model(NULL);
    load_both((rank){.folder = folder, .tensor = 2}, (rank){.folder = folder, .tensor = 2, .weights = HD_WEIGHTS_Q8},
              "other types of weights");
    load_both((rank){.folder = folder, .tensor = 2}, (rank){.folder = folder, .tensor = 1, .pipeline = 2}, "--tp 1 --pp 2");
    load_both((rank){.folder = folder, .tensor = 2}, (rank){.folder = folder, .tensor = 2, .two_shot = 4096}, "--two-shot");
    tiny_model_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_models_are_refused),
        cmocka_unit_test(the_same_model_in_another_folder_does),
        cmocka_unit_test(other_choices_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
