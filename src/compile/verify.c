/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: whether plans of all ranks fit together, before any of them runs. docs/verify.md says what that means. */
#include "compile/verify.h"

#include "base/memory.h"

enum { MOST_NODES = 1 << 20, MOST_BYTES = 1 << 28 };

void hdi_verify_clear(hdi_verify *v) {
    for (int32_t r = 0; r < v->ranks; r++) {
        hdi_free(v->rank[r].trigger_of);
        hdi_free(v->rank[r].trigger);
        hdi_free(v->rank[r].local);
        hdi_free(v->rank[r].accesses);
    }
    hdi_free(v->rank_of);
    hdi_free(v->in);
    hdi_free(v->edges_at);
    hdi_free(v->edges);
    hdi_free(v->told);
    hdi_free(v->case_text);
    hdi_free(v->order);
    hdi_free(v->knows);
    hdi_free(v->ends);
    *v = (hdi_verify){0};
}

static hd_status number_nodes(hdi_verify *v, const hd_plan *const *plans) {
    for (int32_t r = 0; r < v->ranks; r++) {
        v->rank[r].plan = plans[r];
        v->rank[r].first_node = v->n_nodes;
        v->n_nodes += plans[r]->n_steps + 1;
    }
    HD_REQUIRE(v->n_nodes <= MOST_NODES, HD_UNSUPPORTED, "the plans have %u steps together; at most %d can be verified",
               v->n_nodes, MOST_NODES);
    HD_TRY(hdi_alloc(&v->rank_of, v->n_nodes, sizeof *v->rank_of, "the check of plans"));
    HD_TRY(hdi_calloc(&v->in, v->n_nodes, sizeof *v->in, "the check of plans"));
    HD_TRY(hdi_calloc(&v->edges_at, (size_t)v->n_nodes + 1, sizeof *v->edges_at, "the check of plans"));
    HD_TRY(hdi_calloc(&v->told, v->n_nodes, sizeof *v->told, "the check of plans"));
    for (int32_t r = 0; r < v->ranks; r++)
        for (uint32_t s = 0; s <= plans[r]->n_steps; s++) v->rank_of[v->rank[r].first_node + s] = r;
    return HD_OK;
}

hd_status hdi_verify_all(hdi_verify *v, const hd_plan *const *plans, int32_t n) {
    *v = (hdi_verify){.ranks = n};
    HD_TRY(number_nodes(v, plans));
    HD_TRY(hdi_verify_cases(v));
    HD_TRY(hdi_verify_signals(v));
    HD_TRY(hdi_verify_order(v));
    return hdi_verify_memory(v);
}

hd_status hdi_images_verify(const void *const *images, const size_t *bytes, int32_t n) {
    const hd_plan *plans[HD_MAX_RANKS];
    hdi_verify v;
    HD_REQUIRE(1 <= n && n <= HD_MAX_RANKS, HD_INVALID_ARGUMENT, "%d plans were given; there may be 1 to %d", n, HD_MAX_RANKS);
    for (int32_t r = 0; r < n; r++) {
        HD_REQUIRE(bytes[r] <= MOST_BYTES, HD_UNSUPPORTED, "the plan of rank %d has %zu bytes; at most %d can be verified", r,
                   bytes[r], MOST_BYTES);
        hd_status status = hdi_verify_image(images[r], bytes[r]);
        if (status != HD_OK) return n > 1 ? hdi_fail_prefix(status, "rank %d", r) : status;
        plans[r] = images[r];
    }
    HD_TRY(hdi_verify_set(plans, n));
    hd_status status = hdi_verify_all(&v, plans, n);
    hdi_verify_clear(&v);
    return status;
}

hd_status hd_plans_verify(const hd_plan *const *plans, int32_t n) {
    size_t bytes[HD_MAX_RANKS] = {0};
    HD_REQUIRE(1 <= n && n <= HD_MAX_RANKS, HD_INVALID_ARGUMENT, "%d plans were given; there may be 1 to %d", n, HD_MAX_RANKS);
    for (int32_t r = 0; r < n; r++) {
        HD_REQUIRE(plans[r], HD_INVALID_ARGUMENT, "the plan of rank %d is missing", r);
        bytes[r] = plans[r]->bytes;
    }
    return hdi_images_verify((const void *const *)plans, bytes, n);
}
