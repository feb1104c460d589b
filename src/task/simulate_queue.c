/* SPDX-License-Identifier: Apache-2.0 */
/* What is foreseen to happen, the earliest first: a heap. */
#include "base/memory.h"
#include "task/simulate_run.h"

static bool before(const hdi_sim_moment *a, const hdi_sim_moment *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

hd_status hdi_sim_foresee(hdi_sim_run *run, double time, hdi_sim_happening what, int32_t rank, uint64_t item) {
    HD_TRY(hdi_grow(&run->heap, &run->cap_heap, run->n_heap + 1, sizeof *run->heap, "a simulation"));
    const hdi_sim_moment moment = {time, run->number++, what, rank, item};
    size_t i = run->n_heap++;
    for (; i > 0 && before(&moment, &run->heap[(i - 1) / 2]); i = (i - 1) / 2) run->heap[i] = run->heap[(i - 1) / 2];
    run->heap[i] = moment;
    return HD_OK;
}

bool hdi_sim_next(hdi_sim_run *run, hdi_sim_moment *out) {
    if (run->n_heap == 0) return false;
    *out = run->heap[0];
    const hdi_sim_moment moment = run->heap[--run->n_heap];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < run->n_heap) {
        if (child + 1 < run->n_heap && before(&run->heap[child + 1], &run->heap[child])) child++;
        if (!before(&run->heap[child], &moment)) break;
        run->heap[i] = run->heap[child];
        i = child;
    }
    run->heap[i] = moment;
    return true;
}
