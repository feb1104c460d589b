/* SPDX-License-Identifier: Apache-2.0 */
/* One simulation while it runs: what each rank is at, what is under way, and what has happened. */
#ifndef HDI_TASK_SIMULATE_RUN_H
#define HDI_TASK_SIMULATE_RUN_H

#include "task/simulate.h"

typedef enum hdi_sim_happening {
    HDI_SIM_READY,  /* a rank may go on */
    HDI_SIM_ENDED,  /* a step has */
    HDI_SIM_SENT,   /* a message is at its sender's port */
    HDI_SIM_COMING, /* its first byte is at the receiver's port */
    HDI_SIM_COME,   /* all of it is there */
} hdi_sim_happening;

typedef struct hdi_sim_moment {
    double time;
    uint64_t number; /* of two at the same time the one that was foreseen first comes first */
    hdi_sim_happening what;
    int32_t rank;  /* whom it happens to */
    uint64_t item; /* a step, or a message */
} hdi_sim_moment;

typedef struct hdi_sim_message {
    int32_t from, to;
    uint32_t event;
    bool last; /* of its pieces */
    double bytes;
    int64_t mark; /* of the step that told it; -1: the end of a run */
} hdi_sim_message;

/* A step in a run, for the critical path. */
typedef struct hdi_sim_mark {
    int32_t rank, run;
    uint32_t step;
    bool message; /* the cause told it something */
    double begin, end;
    int64_t cause; /* a mark; -1: nothing, the beginning */
} hdi_sim_mark;

/* An event of another rank, as a rank has heard of it. */
typedef struct hdi_sim_heard {
    uint32_t runs; /* of how many */
    double at[2];  /* by run % 2 */
    int64_t mark[2];
} hdi_sim_heard;

typedef struct hdi_sim_state {
    const hd_plan *plan;
    const hdi_sim_place *place;
    const hdi_sim_costs *costs;
    hdi_sim_heard *heard;       /* [plan's ranks x events], events as their senders call them */
    uint8_t *step;              /* [steps]: what has become of each in this run */
    int32_t run, busy;          /* runs before this one; workers at work */
    uint32_t next, ended;       /* none before `next` is left to begin; steps of this run that ended */
    double free_at;             /* since when the only worker has nothing to do */
    int64_t mark;               /* what it did last */
    double leaves[2], comes[2]; /* when the ports are free again: inside, between */
    hd_sim_rank times;
} hdi_sim_state;

typedef struct hdi_sim_run {
    const hd_sim_plans *plans;
    const hd_sim_machine *machine;
    int32_t runs, workers;
    hdi_sim_costs *costs; /* by plan */
    hdi_sim_state *state; /* by rank */
    hdi_sim_moment *heap;
    size_t n_heap, cap_heap;
    uint64_t number;
    hdi_sim_message *messages;
    size_t n_messages, cap_messages;
    hdi_sim_mark *marks;
    size_t n_marks, cap_marks;
    double bytes, end, first_run;
    int64_t last; /* the mark that ended last */
} hdi_sim_run;

/* ---- simulate_queue.c ---- */
hd_status hdi_sim_foresee(hdi_sim_run *run, double time, hdi_sim_happening what, int32_t rank, uint64_t item);
bool hdi_sim_next(hdi_sim_run *run, hdi_sim_moment *out); /* false: nothing will happen any more */

/* ---- simulate_links.c ---- */
const hd_sim_link *hdi_sim_link_of(const hdi_sim_run *run, int32_t a, int32_t b);
/* Tells all readers of piece `piece` of `pieces` of a trigger, from *time on, which moves by what that occupies the rank. */
hd_status hdi_sim_tell(hdi_sim_run *run, int32_t rank, uint32_t trigger, int32_t pieces, bool last, int64_t mark, double *time);
/* Tells those who hear of the end of a run. */
hd_status hdi_sim_tell_end(hdi_sim_run *run, int32_t rank, double *time);
hd_status hdi_sim_sent(hdi_sim_run *run, const hdi_sim_moment *now);
hd_status hdi_sim_coming(hdi_sim_run *run, const hdi_sim_moment *now);
hd_status hdi_sim_come(hdi_sim_run *run, const hdi_sim_moment *now);
/* What a wait has heard of in this run; NULL: not yet all. */
const hdi_sim_heard *hdi_sim_heard_of(const hdi_sim_run *run, int32_t rank, const hdi_plan_remote *wait, uint32_t *runs);

/* ---- simulate_result.c ---- */
hd_status hdi_sim_report(hdi_sim_run *run, hd_sim_result **out);
hd_status hdi_sim_stands_still(const hdi_sim_run *run);

#endif
