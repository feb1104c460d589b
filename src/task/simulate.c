/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation, moment by moment: a step begins when the steps it waits for have ended, what it waits for of other ranks has
 * come, and a worker is free; it takes what it costs, and what it tells others takes the way of messages (simulate_links.c). */
#include <string.h>

#include "base/memory.h"
#include "task/simulate_run.h"

enum { STEP_WAITS, STEP_BEGUN, STEP_ENDED };
enum { MOST_RUNS = 1 << 20 };

static const hdi_plan_step *step_of(const hdi_sim_state *r, uint32_t s) { return &hdi_plan_steps(r->plan)[s]; }

static bool others_have_told(const hdi_sim_run *run, int32_t rank, const hdi_plan_step *step) {
    const hdi_plan_remote *waits = hdi_plan_remotes(run->state[rank].plan) + step->first_remote;
    uint32_t runs;
    for (uint32_t i = 0; i < step->n_remotes; i++)
        if (!hdi_sim_heard_of(run, rank, &waits[i], &runs)) return false;
    return true;
}

static bool own_have_ended(const hdi_sim_state *r, const hdi_plan_step *step) {
    const uint32_t *waits = hdi_plan_waits(r->plan) + step->first_wait;
    for (uint32_t i = 0; i < step->n_waits; i++)
        if (r->step[waits[i]] != STEP_ENDED) return false;
    return true;
}

/* ---- what a step takes from messages ---- */

typedef struct arrival {
    double at;
    int64_t mark;
    double overhead;
} arrival;

/* What the step waits for in this run, the earliest first; what is overtaken by later runs came long ago. */
static int list_arrivals(const hdi_sim_run *run, int32_t rank, const hdi_plan_step *step, arrival *list) {
    const hdi_sim_state *r = &run->state[rank];
    const hdi_plan_remote *waits = hdi_plan_remotes(r->plan) + step->first_remote;
    int n = 0;
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        uint32_t runs;
        const hdi_sim_heard *heard = hdi_sim_heard_of(run, rank, &waits[i], &runs);
        if (!runs) continue;
        bool known = heard->runs - runs < 2;
        int32_t from = r->place->peer ? r->place->peer[waits[i].rank] : waits[i].rank;
        arrival a = {known ? heard->at[(runs - 1) % 2] : 0, known ? heard->mark[(runs - 1) % 2] : -1,
                     hdi_sim_link_of(run, from, rank)->overhead};
        int k = n++;
        for (; k > 0 && list[k - 1].at > a.at; k--) list[k] = list[k - 1];
        list[k] = a;
    }
    return n;
}

/* From `mark->begin` on the worker takes them in as they come; that moves it, and may change the step's cause. */
static hd_status take_in(hdi_sim_run *run, int32_t rank, const hdi_plan_step *step, hdi_sim_mark *mark) {
    hdi_sim_state *r = &run->state[rank];
    arrival *list;
    if (!step->n_remotes) return HD_OK;
    HD_TRY(hdi_alloc(&list, step->n_remotes, sizeof *list, "a simulation"));
    int n = list_arrivals(run, rank, step, list);
    for (int i = 0; i < n; i++) {
        if (list[i].at > mark->begin) {
            mark->begin = list[i].at;
            mark->cause = list[i].mark;
            mark->message = true;
        }
        mark->begin += list[i].overhead;
        r->times.overhead += list[i].overhead;
    }
    hdi_free(list);
    return HD_OK;
}

/* ---- steps ---- */

static hd_status begin_step(hdi_sim_run *run, int32_t rank, uint32_t s, hdi_sim_mark mark) {
    hdi_sim_state *r = &run->state[rank];
    const hdi_plan_step *step = step_of(r, s);
    const hdi_sim_cost *cost = &r->costs->step[s];
    int64_t id = (int64_t)run->n_marks;
    mark.rank = rank;
    mark.run = r->run;
    mark.step = s;
    HD_TRY(take_in(run, rank, step, &mark));
    HD_TRY(hdi_grow(&run->marks, &run->cap_marks, run->n_marks + 1, sizeof *run->marks, "a simulation"));
    double time = mark.begin;
    for (int32_t p = 0; p < cost->pieces; p++) {
        time += cost->seconds / cost->pieces;
        mark.end = time;
        for (uint32_t i = 0; i < step->n_triggers; i++)
            HD_TRY(hdi_sim_tell(run, rank, step->first_trigger + i, cost->pieces, p + 1 == cost->pieces, id, &time));
    }
    r->times.busy += cost->seconds;
    r->step[s] = STEP_BEGUN;
    r->busy++;
    run->marks[run->n_marks++] = mark;
    return hdi_sim_foresee(run, time, HDI_SIM_ENDED, rank, (uint64_t)id);
}

static void pass_ended(hdi_sim_state *r) {
    while (r->next < r->plan->n_steps && r->step[r->next] != STEP_WAITS) r->next++;
}

/* A step whose condition does not hold: it ends as soon as it may begin. */
static bool skip(hdi_sim_state *r, uint32_t s) {
    if (r->costs->step[s].runs || !own_have_ended(r, step_of(r, s))) return false;
    r->step[s] = STEP_ENDED;
    r->ended++;
    pass_ended(r);
    return true;
}

/* The next step in order, or the first that is ready where several can be at work; n_steps: none. */
static uint32_t choose(const hdi_sim_run *run, int32_t rank) {
    hdi_sim_state *r = &run->state[rank];
    uint32_t n = r->plan->n_steps;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t s = r->next; s < n; s++) {
            if (r->step[s] != STEP_WAITS) continue;
            if (skip(r, s)) {
                again = true; /* what waited for it may be ready */
                continue;
            }
            const hdi_plan_step *step = step_of(r, s);
            if (r->costs->step[s].runs && own_have_ended(r, step) && others_have_told(run, rank, step)) return s;
            if (run->workers == 1) return n;
        }
    }
    return n;
}

/* All steps of the rank's run have ended: those who hear of it are told, and the next one begins. */
static hd_status end_run(hdi_sim_run *run, int32_t rank, double now) {
    hdi_sim_state *r = &run->state[rank];
    double time = now;
    HD_TRY(hdi_sim_tell_end(run, rank, &time));
    if (r->run == 0 && now > run->first_run) run->first_run = now;
    r->run++;
    r->next = r->ended = 0;
    memset(r->step, STEP_WAITS, r->plan->n_steps);
    r->free_at = time;
    return r->run < run->runs ? hdi_sim_foresee(run, time, HDI_SIM_READY, rank, 0) : HD_OK;
}

/* Begins whatever steps of the rank can begin, because `cause` has ended or been heard of (`message`). */
static hd_status go_on(hdi_sim_run *run, int32_t rank, double now, int64_t cause, bool message) {
    hdi_sim_state *r = &run->state[rank];
    if (now < r->free_at || r->run >= run->runs) return HD_OK; /* it still tells others of the end of a run */
    while (r->busy < run->workers) {
        uint32_t s = choose(run, rank);
        if (r->ended == r->plan->n_steps) return end_run(run, rank, now);
        if (s == r->plan->n_steps) return HD_OK;
        if (run->workers == 1)
            HD_TRY(begin_step(run, rank, s, (hdi_sim_mark){.begin = r->free_at, .cause = r->mark}));
        else
            HD_TRY(begin_step(run, rank, s, (hdi_sim_mark){.begin = now, .cause = cause, .message = message}));
    }
    return HD_OK;
}

static hd_status step_ended(hdi_sim_run *run, const hdi_sim_moment *now) {
    hdi_sim_state *r = &run->state[now->rank];
    const hdi_sim_mark *mark = &run->marks[now->item];
    r->step[mark->step] = STEP_ENDED;
    r->ended++;
    r->busy--;
    r->free_at = now->time;
    r->mark = (int64_t)now->item;
    pass_ended(r);
    if (mark->end > run->end || run->last < 0) {
        run->end = mark->end;
        run->last = (int64_t)now->item;
    }
    return go_on(run, now->rank, now->time, r->mark, false);
}

static hd_status happen(hdi_sim_run *run, const hdi_sim_moment *now) {
    switch (now->what) {
    case HDI_SIM_READY:
        return go_on(run, now->rank, now->time, run->state[now->rank].mark, false);
    case HDI_SIM_ENDED:
        return step_ended(run, now);
    case HDI_SIM_SENT:
        return hdi_sim_sent(run, now);
    case HDI_SIM_COMING:
        return hdi_sim_coming(run, now);
    default:
        HD_TRY(hdi_sim_come(run, now));
        return go_on(run, now->rank, now->time, run->messages[now->item].mark, true);
    }
}

/* ---- the whole ---- */

static hd_status check_peers(const hd_sim_plans *plans, int32_t rank) {
    const hdi_sim_place *place = &plans->places[rank];
    const hd_plan *plan = plans->plans[place->plan];
    for (uint32_t i = 0; i < plan->n_remotes; i++) {
        const hdi_plan_remote *wait = &hdi_plan_remotes(plan)[i];
        HD_REQUIRE(wait->rank >= 0 && wait->rank < plan->ranks && wait->event < plan->n_events, HD_CORRUPT,
                   "rank %d waits for event %u of rank %d, and there are %u of %d", rank, wait->event, wait->rank, plan->n_events,
                   plan->ranks);
    }
    return HD_OK;
}

static hd_status make_state(hdi_sim_run *run, int32_t rank) {
    hdi_sim_state *r = &run->state[rank];
    r->place = &run->plans->places[rank];
    r->plan = run->plans->plans[r->place->plan];
    r->costs = &run->costs[r->place->plan];
    r->mark = -1;
    HD_TRY(check_peers(run->plans, rank));
    HD_TRY(hdi_calloc(&r->step, r->plan->n_steps, 1, "a simulation"));
    HD_TRY(hdi_calloc(&r->heard, (size_t)r->plan->ranks * r->plan->n_events, sizeof *r->heard, "a simulation"));
    return hdi_sim_foresee(run, 0, HDI_SIM_READY, rank, 0);
}

static hd_status simulate(hdi_sim_run *run, hd_sim_result **out) {
    hdi_sim_moment now;
    HD_TRY(hdi_calloc(&run->costs, run->plans->n_plans, sizeof *run->costs, "a simulation"));
    HD_TRY(hdi_calloc(&run->state, (size_t)run->plans->ranks, sizeof *run->state, "a simulation"));
    for (uint32_t p = 0; p < run->plans->n_plans; p++) HD_TRY(hdi_sim_costs_of(run->plans, p, run->machine, &run->costs[p]));
    for (int32_t r = 0; r < run->plans->ranks; r++) HD_TRY(make_state(run, r));
    while (hdi_sim_next(run, &now)) HD_TRY(happen(run, &now));
    HD_TRY(hdi_sim_stands_still(run));
    return hdi_sim_report(run, out);
}

static bool is_time(double seconds) { return seconds >= 0 && seconds < 1e9; } /* false for NaN */

static bool is_link(const hd_sim_link *link) {
    return is_time(link->latency) && is_time(link->overhead) && is_time(link->gap) && is_time(link->byte);
}

static hd_status check_machine(const hd_sim_machine *machine) {
    for (int k = 0; k < HD_SIM_CLASS_COUNT; k++) {
        const hd_sim_rates *r = &machine->rates[k];
        HD_REQUIRE(is_time(r->step) && is_time(r->byte) && is_time(r->flop), HD_INVALID_ARGUMENT,
                   "the rates of \"%s\" are no times: %g s a step, %g s a byte, %g s an operation", hd_sim_class_name(k), r->step,
                   r->byte, r->flop);
    }
    HD_REQUIRE(is_time(machine->read), HD_INVALID_ARGUMENT, "%g s a byte for reading other ranks' memory", machine->read);
    HD_REQUIRE(is_link(&machine->inside) && is_link(&machine->between), HD_INVALID_ARGUMENT,
               "a link's latency, overhead, gap and time a byte are seconds, none of them negative");
    HD_REQUIRE(machine->ranks_per_machine >= 0 && machine->workers >= 0 && machine->workers <= 1024, HD_INVALID_ARGUMENT,
               "%d ranks a machine, %d workers a rank", machine->ranks_per_machine, machine->workers);
    return HD_OK;
}

hd_status hd_simulate(const hd_sim_plans *plans, const hd_sim_machine *machine, int32_t runs, hd_sim_result **out) {
    hdi_sim_run run = {
        .plans = plans, .machine = machine, .runs = runs, .workers = machine->workers ? machine->workers : 1, .last = -1};
    *out = NULL;
    HD_REQUIRE(1 <= runs && runs <= MOST_RUNS, HD_INVALID_ARGUMENT, "%d runs; there can be 1 to %d", runs, MOST_RUNS);
    HD_TRY(check_machine(machine));
    hd_status status = simulate(&run, out);
    for (uint32_t p = 0; run.costs && p < plans->n_plans; p++) hdi_sim_costs_clear(&run.costs[p]);
    for (int32_t r = 0; run.state && r < plans->ranks; r++) {
        hdi_free(run.state[r].heard);
        hdi_free(run.state[r].step);
    }
    hdi_free(run.costs);
    hdi_free(run.state);
    hdi_free(run.heap);
    hdi_free(run.messages);
    hdi_free(run.marks);
    return status;
}
