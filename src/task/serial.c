/* SPDX-License-Identifier: Apache-2.0 */
/* The serial executor: one step after the other. What every other executor is compared with. */
#include "task/exchange.h"
#include "task/tracer.h"

hd_status hdi_run_serial(hd_executor *executor) {
    for (uint32_t s = 0; s < executor->plan->n_steps; s++) {
        const hdi_bound_step *step = &executor->steps[s];
        if (step->n_pieces == 0) continue;
        if (step->listens) HD_TRY(hdi_exchange_wait(executor, s, 0));
        int64_t begin = hdi_tracer_begin(executor->tracer), items = 0;
        for (int32_t p = 0; p < step->n_pieces; p++) {
            const hdi_piece *piece = &step->pieces[p];
            if (piece->work.items) step->fn(piece->call, 0, piece->work.items, executor->scratch);
            if (step->tells) HD_TRY(hdi_exchange_trigger(executor, s, p, step->n_pieces, 0));
            items += piece->work.items;
        }
        if (items) hdi_tracer_end(executor->tracer, s, 0, begin, 1);
    }
    return HD_OK;
}
