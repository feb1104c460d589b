/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that share a model: rank 0's engine leads, the others follow. The leader tells each step in one message through a window:
 * its sizes and inputs, as much of them as the step uses. Two messages alternate, so that the next is written while followers
 * still read the last. */
#ifndef HDI_ENGINE_CREW_H
#define HDI_ENGINE_CREW_H

#include "engine/runner.h"

typedef struct hdi_crew {
    hd_domain *domain; /* borrowed */
    hd_window *window;
    size_t room;       /* bytes of a message */
    uint64_t messages; /* told so far */
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
/* Tells that there are no more. */
hd_status hdi_crew_dismiss(hdi_crew *crew);
/* Waits, as long as it takes, for the next step and fills `batch` with it; *more is false when there are no more. */
hd_status hdi_crew_next(hdi_crew *crew, hdi_batch *batch, bool *more);

#endif
