/* SPDX-License-Identifier: Apache-2.0 */
/* The serial executor: one step after the other. What every other executor is compared with. */
#include "task/tracer.h"

void hdi_run_serial(hd_executor *executor) {
    for (uint32_t s = 0; s < executor->plan->n_steps; s++) {
        const hdi_bound_step *step = &executor->steps[s];
        if (step->work.items == 0) continue;
        int64_t begin = hdi_tracer_begin(executor->tracer);
        step->fn(&executor->calls[s], 0, step->work.items, executor->scratch);
        hdi_tracer_end(executor->tracer, s, 0, begin, 1);
    }
}
