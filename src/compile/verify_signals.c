/* SPDX-License-Identifier: Apache-2.0 */
/* Every signal is sent once a run to exactly the ranks that wait for it, and says where what they read lies. */
#include "base/memory.h"
#include "compile/verify.h"

static const char *event_name(const hdi_verify *v, uint32_t event) {
    const hd_plan *plan = v->rank[0].plan;
    return hdi_plan_name(plan, hdi_plan_events(plan)[event].name);
}

/* Some case of the set, for a sentence. */
static const char *case_of(const hdi_verify *v, uint64_t set) { return v->case_text[__builtin_ctzll(set)]; }

static const char *step_name(const hd_plan *plan, uint32_t s) { return hdi_plan_name(plan, hdi_plan_steps(plan)[s].name); }

static hd_status find_triggers(hdi_verify *v, int32_t r) {
    hdi_verify_rank *rank = &v->rank[r];
    const hd_plan *plan = rank->plan;
    HD_TRY(hdi_alloc(&rank->trigger_of, plan->n_events, sizeof *rank->trigger_of, "the check of plans"));
    HD_TRY(hdi_calloc(&rank->trigger, plan->n_events, sizeof *rank->trigger, "the check of plans"));
    for (uint32_t e = 0; e < plan->n_events; e++) rank->trigger_of[e] = -1;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        for (uint32_t i = 0; i < step->n_triggers; i++) {
            uint32_t event = hdi_plan_triggers(plan)[step->first_trigger + i].event;
            HD_REQUIRE(rank->trigger_of[event] < 0, HD_CORRUPT,
                       "rank %d triggers %s twice a run: at %s (step %lld) and %s (step %u)", r, event_name(v, event),
                       step_name(plan, (uint32_t)rank->trigger_of[event]), (long long)rank->trigger_of[event], step_name(plan, s),
                       s);
            rank->trigger_of[event] = s;
            rank->trigger[event] = step->first_trigger + i;
        }
    }
    return HD_OK;
}

/* A wait of step `s` of rank `r` for an event of another rank: that rank tells this one whenever the step runs. */
static hd_status check_wait(const hdi_verify *v, int32_t r, uint32_t s, const hdi_plan_remote *wait) {
    const hdi_verify_rank *rank = &v->rank[r], *other = &v->rank[wait->rank];
    const char *name = step_name(rank->plan, s);
    if (wait->event == 0) {
        HD_REQUIRE(other->plan->end_ranks >> r & 1u, HD_CORRUPT,
                   "rank %d %s waits for the end of a run of rank %d, which does not tell it", r, name, wait->rank);
        return HD_OK;
    }
    int64_t t = other->trigger_of[wait->event];
    HD_REQUIRE(t >= 0 && hdi_plan_triggers(other->plan)[other->trigger[wait->event]].ranks >> r & 1u, HD_CORRUPT,
               "rank %d %s waits for %s of rank %d, which never tells it", r, name, event_name(v, wait->event), wait->rank);
    uint64_t alone = v->in[rank->first_node + s] & ~v->in[other->first_node + (uint32_t)t];
    HD_REQUIRE(!alone, HD_CORRUPT, "rank %d %s waits for %s of rank %d, where %s does not run%s", r, name,
               event_name(v, wait->event), wait->rank, step_name(other->plan, (uint32_t)t), case_of(v, alone));
    return HD_OK;
}

/* Ors into `heard` [ranks x n_events] the cases in which rank `r` waits for each event of each rank. */
static hd_status check_waits(const hdi_verify *v, int32_t r, uint64_t *heard) {
    const hd_plan *plan = v->rank[r].plan;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        for (uint32_t i = 0; i < step->n_remotes; i++) {
            const hdi_plan_remote *wait = &hdi_plan_remotes(plan)[step->first_remote + i];
            HD_TRY(check_wait(v, r, s, wait));
            heard[(size_t)wait->rank * plan->n_events + wait->event] |= v->in[v->rank[r].first_node + s];
        }
    }
    return HD_OK;
}

/* Whom a rank tells, waits for it. */
static hd_status check_heard(const hdi_verify *v, int32_t r, const uint64_t *heard) {
    for (int32_t q = 0; q < v->ranks; q++) {
        const hdi_verify_rank *other = &v->rank[q];
        for (uint32_t e = 1; e < other->plan->n_events; e++) {
            int64_t t = other->trigger_of[e];
            if (t < 0 || !(hdi_plan_triggers(other->plan)[other->trigger[e]].ranks >> r & 1u)) continue;
            uint64_t unheard = v->in[other->first_node + (uint32_t)t] & ~heard[(size_t)q * other->plan->n_events + e];
            HD_REQUIRE(!unheard, HD_CORRUPT, "rank %d %s tells rank %d of %s, which never waits for it%s", q,
                       step_name(other->plan, (uint32_t)t), r, event_name(v, e), case_of(v, unheard));
        }
    }
    return HD_OK;
}

/* Whether `read` lies in `announced`, at the largest and the smallest sizes. */
static bool lies_in(const hd_plan *reader, const hdi_plan_operand *read, const hd_plan *owner,
                    const hdi_plan_operand *announced) {
    for (int maxima = 0; maxima < 2; maxima++) {
        uint64_t from, to, first, end;
        if (!hdi_verify_span(reader, read, maxima, &from, &to) || !hdi_verify_span(owner, announced, maxima, &first, &end))
            return false;
        if (from < to && (from < first || to > end)) return false;
    }
    return true;
}

/* What a step reads of another rank's segment is what it waits for. */
static hd_status check_read(const hdi_verify *v, int32_t r, uint32_t s, const hdi_plan_operand *read, int32_t owner) {
    const hd_plan *plan = v->rank[r].plan;
    const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
    uint64_t begin, end;
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        const hdi_plan_remote *wait = &hdi_plan_remotes(plan)[step->first_remote + i];
        if (wait->rank != owner || wait->event == 0) continue;
        const hdi_verify_rank *other = &v->rank[owner];
        const hdi_plan_trigger *trigger = &hdi_plan_triggers(other->plan)[other->trigger[wait->event]];
        if (lies_in(plan, read, other->plan, &hdi_plan_operands(other->plan)[trigger->operand])) return HD_OK;
    }
    (void)hdi_verify_span(plan, read, true, &begin, &end);
    return hdi_fail(HD_CORRUPT,
                    "rank %d %s reads bytes %llu..%llu of rank %d's segment, and waits for no event that announces them", r,
                    step_name(plan, s), (unsigned long long)begin, (unsigned long long)end, owner);
}

static hd_status check_reads(const hdi_verify *v, int32_t r) {
    const hd_plan *plan = v->rank[r].plan;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        for (uint32_t i = 0; i < step->n_operands; i++) {
            const hdi_plan_operand *t = &hdi_plan_operands(plan)[step->first_operand + i];
            if (t->slot < 0) continue;
            const hdi_plan_slot *slot = &hdi_plan_slots(plan)[t->slot];
            if (slot->kind == HDI_SLOT_SEGMENT && slot->rank != r) HD_TRY(check_read(v, r, s, t, slot->rank));
        }
    }
    return HD_OK;
}

/* An output stays until the next run: it cannot lie where another rank may write before that. */
static hd_status check_outputs(const hdi_verify *v, int32_t r) {
    const hd_plan *plan = v->rank[r].plan;
    for (uint32_t i = 0; i < plan->n_outputs; i++) {
        const hdi_plan_output *output = &hdi_plan_outputs(plan)[i];
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[output->operand.slot];
        HD_REQUIRE(slot->kind != HDI_SLOT_SEGMENT || slot->rank == r, HD_CORRUPT,
                   "output %s of rank %d lies in rank %d's segment, which may change before anybody looks",
                   hdi_plan_name(plan, output->name), r, slot->rank);
    }
    return HD_OK;
}

hd_status hdi_verify_signals(hdi_verify *v) {
    uint64_t *heard = NULL;
    size_t n_events = v->rank[0].plan->n_events;
    hd_status status = HD_OK;
    for (int32_t r = 0; r < v->ranks; r++) HD_TRY(find_triggers(v, r));
    for (int32_t r = 0; r < v->ranks && status == HD_OK; r++) {
        HD_TRY_GOTO(hdi_calloc(&heard, (size_t)v->ranks * n_events, sizeof *heard, "the check of plans"));
        HD_TRY_GOTO(check_waits(v, r, heard));
        HD_TRY_GOTO(check_heard(v, r, heard));
        HD_TRY_GOTO(check_reads(v, r));
        HD_TRY_GOTO(check_outputs(v, r));
        hdi_free(heard);
        heard = NULL;
    }
fail:
    hdi_free(heard);
    return status;
}
