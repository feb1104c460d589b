/* SPDX-License-Identifier: Apache-2.0 */
#include "support/crew.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct follower {
    crew *c;
    int32_t rank;
} follower;

static hd_status load(const crew *c, int32_t rank, hd_domain **domain, hd_model **model) {
    hd_domain_options meet = {.name = c->name, .rank = rank, .ranks = c->tensor * c->pipeline, .timeout_ms = c->timeout_ms};
    hd_status status = hd_domain_create(&meet, domain);
    if (status != HD_OK) return status;
    hd_model_options options = {.weights = c->weights,
                                .device = c->device,
                                .threads = 1,
                                .domain = *domain,
                                .tensor = c->tensor,
                                .pipeline = c->pipeline,
                                .two_shot = c->two_shot};
    status = hd_model_load(c->folder, &options, model);
    if (status != HD_OK) hd_domain_abort(*domain, status, hd_last_error());
    return status;
}

static void *follow(void *argument) {
    follower *f = argument;
    hd_domain *domain = NULL;
    hd_model *model = NULL;
    hd_status status = load(f->c, f->rank, &domain, &model);
    if (status == HD_OK) status = hd_ranks_follow(model, f->c->threads);
    if (status != HD_OK) fprintf(stderr, "rank %d: %s\n", f->rank, hd_last_error());
    hd_model_release(model);
    hd_domain_destroy(domain);
    free(f);
    return NULL;
}

hd_model *crew_start(crew *c, const char *folder) {
    hd_domain_fresh_name(c->name, sizeof c->name);
    snprintf(c->folder, sizeof c->folder, "%s", folder);
    for (int32_t r = 1; r < c->tensor * c->pipeline; r++) {
        follower *f = malloc(sizeof *f);
        if (!f) abort();
        *f = (follower){c, r};
        if (pthread_create(&c->followers[r], NULL, follow, f) != 0) abort();
    }
    return load(c, 0, &c->domain, &c->model) == HD_OK ? c->model : NULL;
}

void crew_end(crew *c) {
    hd_model_release(c->model);
    for (int32_t r = 1; r < c->tensor * c->pipeline; r++) pthread_join(c->followers[r], NULL);
    hd_domain_destroy(c->domain);
}
