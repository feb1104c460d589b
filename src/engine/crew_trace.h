/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of ranks that share a model: a follower records for itself while the leader's engine has a trace, and hands its spans
 * over when the leader collects. Legal, and nothing to do, where an engine has no followers. */
#ifndef HDI_ENGINE_CREW_TRACE_H
#define HDI_ENGINE_CREW_TRACE_H

#include "engine/crew.h"
#include "heddle/trace.h"

/* A follower's; zero-initialised: none. */
typedef struct hdi_follower_trace {
    hd_trace *trace;
    uint32_t number; /* of the leader's that it goes with */
} hdi_follower_trace;

/* Collective with hdi_crew_trace: makes a trace as the order says. One that cannot be made fails the leader's call only. */
hd_status hdi_follower_trace_begin(hdi_follower_trace *f, const hdi_crew_order *order, hd_executor *executor, hd_domain *domain);
/* Before a step: goes on or ends, as the order says. */
void hdi_follower_trace_step(hdi_follower_trace *f, const hdi_crew_order *order);
/* Collective with hdi_crew_collect: hands over what was recorded, and forgets it. */
hd_status hdi_follower_trace_hand_over(hdi_follower_trace *f, hd_domain *domain);
void hdi_follower_trace_end(hdi_follower_trace *f);

/* The leader's: the steps told from now on are recorded by the followers, too; they have made room for that when this returns.
 * Fails, and nobody records, when a rank has no room: the sentence names it. NULL: no more; what they still have is lost. */
hd_status hdi_crew_trace(hdi_crew *crew, hd_trace *trace);
/* Puts what the followers have recorded since the last time into the leader's trace, on lanes "rank 1: worker 0"; nothing to do
 * when they have nothing. The failure names a follower that cannot hand over. */
hd_status hdi_crew_collect(hdi_crew *crew);

#endif
