/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of ranks that share a model: a follower records for itself while the leader's engine has a trace, and hands its spans
 * over when the leader collects. Recording is asked for with each step (hdi_crew_order), so nothing is said without a trace. */
#ifndef HDI_ENGINE_CREW_TRACE_H
#define HDI_ENGINE_CREW_TRACE_H

#include "engine/crew.h"
#include "heddle/trace.h"

enum { HDI_WHY = 192 };

/* A follower's; zero-initialised: none. */
typedef struct hdi_follower_trace {
    hd_trace *trace;
    uint32_t number;  /* hdi_crew_order.trace, as last heard */
    hd_status status; /* why nothing is recorded; told when the leader collects */
    char why[HDI_WHY];
} hdi_follower_trace;

/* Before a step: begins, goes on or stops as the order says. A trace that cannot be made fails no step. */
void hdi_follower_trace_step(hdi_follower_trace *f, const hdi_crew_order *order, hd_executor *executor, int32_t rank);
/* Collective with hdi_crew_collect: hands over what was recorded, and forgets it. */
hd_status hdi_follower_trace_hand_over(hdi_follower_trace *f, hd_domain *domain);
void hdi_follower_trace_end(hdi_follower_trace *f);

/* The leader's: the steps told from now on are recorded by the followers, too. NULL: no more; what they still have is lost. */
void hdi_crew_trace(hdi_crew *crew, hd_trace *trace);
/* Puts what the followers have recorded since the last time into the leader's trace, on lanes "rank 1: worker 0"; nothing to do
 * when they have nothing. A follower that could not record is named by the failure. */
hd_status hdi_crew_collect(hdi_crew *crew);

#endif
