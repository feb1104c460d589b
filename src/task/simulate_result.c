/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a simulation: times, the critical path, and why it stood still if it did. */
#include "base/memory.h"
#include "task/simulate_run.h"

static const char *step_name(const hdi_sim_state *r, uint32_t s) {
    return hdi_plan_name(r->plan, hdi_plan_steps(r->plan)[s].name);
}

/* From the last mark back to its first cause; the list is from the beginning. */
static hd_status trace_back(const hdi_sim_run *run, hd_sim_result *result) {
    size_t n = 0;
    for (int64_t m = run->last; m >= 0; m = run->marks[m].cause) n++;
    HD_TRY(hdi_alloc(&result->path, n, sizeof *result->path, "a simulation's result"));
    result->n_path = n;
    for (int64_t m = run->last; m >= 0; m = run->marks[m].cause) {
        const hdi_sim_mark *mark = &run->marks[m];
        result->path[--n] = (hd_sim_hop){.rank = mark->rank,
                                         .run = mark->run,
                                         .step = step_name(&run->state[mark->rank], mark->step),
                                         .message = mark->message,
                                         .begin = mark->begin,
                                         .end = mark->end};
        result->path_kernels += run->state[mark->rank].costs->step[mark->step].seconds;
    }
    return HD_OK;
}

static hd_status fill(const hdi_sim_run *run, hd_sim_result *result) {
    double waiting = 0;
    HD_TRY(hdi_alloc(&result->rank, (size_t)result->ranks, sizeof *result->rank, "a simulation's result"));
    for (int32_t r = 0; r < result->ranks; r++) {
        hd_sim_rank *rank = &result->rank[r];
        *rank = run->state[r].times;
        rank->waiting = run->end * run->workers - rank->busy - rank->overhead;
        if (rank->waiting < 0) rank->waiting = 0; /* it told of the end of its last run */
        waiting += rank->waiting;
    }
    if (run->end > 0) result->waiting = waiting / (run->end * run->workers * result->ranks);
    return trace_back(run, result);
}

hd_status hdi_sim_report(hdi_sim_run *run, hd_sim_result **out) {
    hd_sim_result *result;
    HD_TRY(hdi_calloc(&result, 1, sizeof *result, "a simulation's result"));
    result->seconds = run->end;
    result->first_run = run->first_run;
    result->ranks = run->plans->ranks;
    result->runs = run->runs;
    result->steps = run->n_marks;
    result->messages = run->n_messages;
    result->bytes = run->bytes;
    hd_status status = fill(run, result);
    if (status != HD_OK)
        hd_sim_result_destroy(result);
    else
        *out = result;
    return status;
}

void hd_sim_result_destroy(hd_sim_result *result) {
    if (!result) return;
    hdi_free(result->rank);
    hdi_free(result->path);
    hdi_free(result);
}

/* The first of this rank's waits that nothing has come for. */
static hd_status describe(const hdi_sim_run *run, int32_t rank, int32_t standing) {
    const hdi_sim_state *r = &run->state[rank];
    uint32_t s = r->next, runs;
    const hdi_plan_step *step = &hdi_plan_steps(r->plan)[s];
    const hdi_plan_remote *waits = hdi_plan_remotes(r->plan) + step->first_remote;
    for (uint32_t i = 0; i < step->n_remotes; i++)
        if (!hdi_sim_heard_of(run, rank, &waits[i], &runs))
            return hdi_fail(
                HD_CORRUPT,
                "%d of %d ranks stand still: rank %d in run %d before %s (step %u), which waits for %s of rank %d, as of "
                "run %u, which never comes",
                standing, run->plans->ranks, rank, r->run + 1, step_name(r, s), s,
                hdi_plan_name(r->plan, hdi_plan_events(r->plan)[waits[i].event].name),
                r->place->peer ? r->place->peer[waits[i].rank] : waits[i].rank, runs);
    return hdi_fail(HD_CORRUPT,
                    "%d of %d ranks stand still: rank %d in run %d before %s (step %u), which waits for steps behind it",
                    standing, run->plans->ranks, rank, r->run + 1, step_name(r, s), s);
}

hd_status hdi_sim_stands_still(const hdi_sim_run *run) {
    int32_t standing = 0, first = -1;
    for (int32_t r = 0; r < run->plans->ranks; r++) {
        if (run->state[r].run >= run->runs) continue;
        if (first < 0) first = r;
        standing++;
    }
    return standing ? describe(run, first, standing) : HD_OK;
}
