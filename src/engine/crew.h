/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that share a model: rank 0's engine leads, the others follow. The leader tells each step in one message through a window:
 * an order, then the step's sizes and inputs, as much of them as it uses. Two messages alternate, so that the next is written
 * while followers still read the last. */
#ifndef HDI_ENGINE_CREW_H
#define HDI_ENGINE_CREW_H

#include "engine/runner.h"
#include "heddle/trace.h"

typedef enum hdi_crew_what {
    HDI_CREW_END,    /* there are no more */
    HDI_CREW_STEP,   /* the batch behind it */
    HDI_CREW_TRACE,  /* make a trace (crew_trace.h) */
    HDI_CREW_COLLECT /* hand over what is in it */
} hdi_crew_what;

/* The head of a message. */
typedef struct hdi_crew_order {
    uint32_t what;              /* hdi_crew_what */
    uint32_t trace;             /* the number, from 1, of the leader's trace that is made or recorded into; 0: none */
    uint64_t spans;             /* room of that trace */
    uint32_t phase, whole_runs; /* likewise: of the step, of the trace */
} hdi_crew_order;

typedef struct hdi_crew {
    hd_domain *domain; /* borrowed */
    hd_window *window;
    size_t room;       /* bytes of a message */
    uint64_t messages; /* told so far */
    hd_trace *trace;   /* the leader's, borrowed; NULL: steps are not recorded */
    uint32_t traces;   /* how many there have been */
    bool owed;         /* followers have recorded what was not collected */
} hdi_crew;

/* The leader's: calls the followers to an engine, and says what runner they are to make. */
hd_status hdi_crew_call(const hd_model *model, const hdi_runner_options *options);
/* The followers': waits, as long as it takes, for the call to engine `number`, from 1, and hears it; *more is false when there
 * are no more. `threads` that are not 0 stay. */
hd_status hdi_crew_hear(const hd_model *model, uint64_t number, hdi_runner_options *options, bool *more);
/* Opens the window for a runner's messages. Collective, after the runners are made. */
hd_status hdi_crew_open(hdi_crew *crew, hd_domain *domain, const hdi_batch *batch);
void hdi_crew_close(hdi_crew *crew); /* legal on a zeroed one */

/* Tells the filled step that the leader is about to run. */
hd_status hdi_crew_tell(hdi_crew *crew, const hdi_batch *batch);
/* Tells something else: to make a trace, or to hand it over, which all do together behind this. */
hd_status hdi_crew_ask(hdi_crew *crew, hdi_crew_what what);
/* Tells that there are no more. */
hd_status hdi_crew_dismiss(hdi_crew *crew);
/* Waits, as long as it takes, for the next order; a step's fills `batch`. */
hd_status hdi_crew_next(hdi_crew *crew, hdi_batch *batch, hdi_crew_order *order);

#endif
