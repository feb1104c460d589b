/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: from a step that tells, through two ports and a link, to a rank that waits. */
#include "base/memory.h"
#include "task/simulate_run.h"

static int kind_of(const hdi_sim_run *run, int32_t a, int32_t b) {
    int32_t n = run->machine->ranks_per_machine;
    return n > 0 && a / n != b / n;
}

const hd_sim_link *hdi_sim_link_of(const hdi_sim_run *run, int32_t a, int32_t b) {
    return kind_of(run, a, b) ? &run->machine->between : &run->machine->inside;
}

static double through_port(const hd_sim_link *link, double bytes) { return bytes > 1 ? (bytes - 1) * link->byte : 0; }

/* The simulated rank that this rank's plan calls `peer`. */
static int32_t number_of(const hdi_sim_run *run, int32_t rank, int32_t peer) {
    const int32_t *table = run->state[rank].place->peer;
    return table ? table[peer] : peer;
}

/* What `rank`'s plan calls the simulated rank `other`; -1: nothing. */
static int32_t called_by(const hdi_sim_run *run, int32_t rank, int32_t other) {
    const hdi_sim_state *r = &run->state[rank];
    if (!r->place->peer) return other;
    for (int32_t p = 0; p < r->plan->ranks; p++)
        if (r->place->peer[p] == other) return p;
    return -1;
}

static hd_status send(hdi_sim_run *run, const hdi_sim_message *message, double *time) {
    HD_REQUIRE(message->to >= 0 && message->to < run->plans->ranks, HD_CORRUPT, "rank %d tells a rank that is not there",
               message->from);
    double overhead = hdi_sim_link_of(run, message->from, message->to)->overhead;
    HD_TRY(hdi_grow(&run->messages, &run->cap_messages, run->n_messages + 1, sizeof *run->messages, "a simulation"));
    run->messages[run->n_messages++] = *message;
    run->bytes += message->bytes;
    *time += overhead;
    run->state[message->from].times.overhead += overhead;
    return hdi_sim_foresee(run, *time, HDI_SIM_SENT, message->from, run->n_messages - 1);
}

static hd_status send_all(hdi_sim_run *run, hdi_sim_message *message, uint64_t readers, double *time) {
    const hd_plan *plan = run->state[message->from].plan;
    for (int32_t i = 0; i < plan->ranks; i++) {
        int32_t r = run->machine->rotate ? (plan->rank + 1 + i) % plan->ranks : i;
        if (!(readers >> r & 1u)) continue;
        message->to = number_of(run, message->from, r);
        HD_TRY(send(run, message, time));
    }
    return HD_OK;
}

hd_status hdi_sim_tell(hdi_sim_run *run, int32_t rank, uint32_t trigger, int32_t pieces, bool last, int64_t mark, double *time) {
    const hdi_sim_state *r = &run->state[rank];
    const hdi_plan_trigger *t = &hdi_plan_triggers(r->plan)[trigger];
    hdi_sim_message message = {
        .from = rank, .event = t->event, .last = last, .bytes = r->costs->trigger_bytes[trigger] / pieces, .mark = mark};
    return send_all(run, &message, t->ranks, time);
}

hd_status hdi_sim_tell_end(hdi_sim_run *run, int32_t rank, double *time) {
    hdi_sim_message message = {.from = rank, .event = 0, .last = true, .mark = run->state[rank].mark};
    return send_all(run, &message, run->state[rank].plan->end_ranks, time);
}

hd_status hdi_sim_sent(hdi_sim_run *run, const hdi_sim_moment *now) {
    const hdi_sim_message *m = &run->messages[now->item];
    const hd_sim_link *link = hdi_sim_link_of(run, m->from, m->to);
    double *port = &run->state[m->from].leaves[kind_of(run, m->from, m->to)];
    double begin = now->time > *port ? now->time : *port;
    *port = begin + through_port(link, m->bytes) + link->gap;
    return hdi_sim_foresee(run, begin + link->latency, HDI_SIM_COMING, m->to, now->item);
}

hd_status hdi_sim_coming(hdi_sim_run *run, const hdi_sim_moment *now) {
    const hdi_sim_message *m = &run->messages[now->item];
    const hd_sim_link *link = hdi_sim_link_of(run, m->from, m->to);
    double *port = &run->state[m->to].comes[kind_of(run, m->from, m->to)];
    double begin = now->time > *port ? now->time : *port, end = begin + through_port(link, m->bytes);
    *port = end + link->gap;
    return hdi_sim_foresee(run, end, HDI_SIM_COME, m->to, now->item);
}

hd_status hdi_sim_come(hdi_sim_run *run, const hdi_sim_moment *now) {
    const hdi_sim_message *m = &run->messages[now->item];
    hdi_sim_state *to = &run->state[m->to];
    int32_t from = called_by(run, m->to, m->from);
    HD_REQUIRE(from >= 0 && from < to->plan->ranks && m->event < to->plan->n_events, HD_CORRUPT,
               "rank %d tells rank %d of event %u, which that one does not know", m->from, m->to, m->event);
    hdi_sim_heard *heard = &to->heard[(size_t)from * to->plan->n_events + m->event];
    if (!m->last) return HD_OK;
    heard->at[heard->runs % 2] = now->time;
    heard->mark[heard->runs % 2] = m->mark;
    heard->runs++;
    return HD_OK;
}

const hdi_sim_heard *hdi_sim_heard_of(const hdi_sim_run *run, int32_t rank, const hdi_plan_remote *wait, uint32_t *runs) {
    const hdi_sim_state *r = &run->state[rank];
    uint32_t event = r->place->heard ? r->place->heard[wait->event] : wait->event;
    const hdi_sim_heard *heard = &r->heard[(size_t)wait->rank * r->plan->n_events + event];
    *runs = (uint32_t)r->run + 1 > wait->lag ? (uint32_t)r->run + 1 - wait->lag : 0;
    return heard->runs >= *runs ? heard : NULL;
}
