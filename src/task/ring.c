/* SPDX-License-Identifier: Apache-2.0 */
#include "task/ring.h"

#include <string.h>

#include "compile/plan.h"

/* Whether a wait is counted: a step further back has left the ring before this one comes in. */
static bool counted(const hdi_ring *ring, uint32_t step, uint32_t wait) { return step - wait < ring->size; }

static hd_status link_steps(hdi_ring *ring, const hd_plan *plan) {
    const hdi_plan_step *steps = hdi_plan_steps(plan);
    const uint32_t *waits = hdi_plan_waits(plan);
    HD_TRY(hdi_calloc(&ring->near, plan->n_steps, sizeof *ring->near, "an executor's ring"));
    HD_TRY(hdi_calloc(&ring->first, (size_t)plan->n_steps + 2, sizeof *ring->first, "an executor's ring"));
    HD_TRY(hdi_calloc(&ring->successors, plan->n_waits, sizeof *ring->successors, "an executor's ring"));
    /* Counted one further on, so that filling them in leaves each where its list begins. */
    for (uint32_t s = 0; s < plan->n_steps; s++)
        for (uint32_t i = 0; i < steps[s].n_waits; i++) {
            uint32_t wait = waits[steps[s].first_wait + i];
            if (!counted(ring, s, wait)) continue;
            ring->near[s]++;
            ring->first[wait + 2]++;
        }
    for (uint32_t s = 0; s < plan->n_steps; s++) ring->first[s + 2] += ring->first[s + 1];
    for (uint32_t s = 0; s < plan->n_steps; s++)
        for (uint32_t i = 0; i < steps[s].n_waits; i++) {
            uint32_t wait = waits[steps[s].first_wait + i];
            if (counted(ring, s, wait)) ring->successors[ring->first[wait + 1]++] = s;
        }
    return HD_OK;
}

static uint32_t most_pieces(const hd_plan *plan) {
    uint32_t most = 1;
    for (uint32_t e = 0; e < plan->n_events; e++)
        if (hdi_plan_events(plan)[e].chunks > most) most = hdi_plan_events(plan)[e].chunks;
    return most;
}

hd_status hdi_ring_init(hdi_ring *ring, const hd_plan *plan, uint32_t size) {
    uint32_t pieces = most_pieces(plan);
    ring->size = size;
    ring->n_steps = plan->n_steps;
    HD_TRY(hdi_alloc_aligned(&ring->places, size * sizeof *ring->places, "an executor's ring"));
    memset(ring->places, 0, size * sizeof *ring->places);
    HD_TRY(hdi_calloc(&ring->waits, 2 * (size_t)size, sizeof *ring->waits, "an executor's ring"));
    HD_TRY(hdi_calloc(&ring->chunks_left, (size_t)size * pieces, sizeof *ring->chunks_left, "an executor's ring"));
    for (uint32_t i = 0; i < size; i++) ring->places[i].chunks_left = ring->chunks_left + (size_t)i * pieces;
    return link_steps(ring, plan);
}

void hdi_ring_free(hdi_ring *ring) {
    hdi_free_aligned(ring->places);
    hdi_free(ring->waits);
    hdi_free(ring->chunks_left);
    hdi_free(ring->near);
    hdi_free(ring->first);
    hdi_free(ring->successors);
}

void hdi_ring_begin(hdi_ring *ring) {
    for (uint32_t s = 0; s < 2 * ring->size && s < ring->n_steps; s++)
        hdi_quiet_store(&ring->waits[s], ring->near[s] + 1, relaxed);
    for (uint32_t i = 0; i < ring->size; i++) hdi_quiet_store(&ring->places[i].ended, 0, relaxed);
    hdi_quiet_store(&ring->requests, 0, relaxed);
    hdi_quiet_store(&ring->done, false, relaxed);
    HDI_WRITES(ring->head);
    ring->head = ring->opened = 0;
}
