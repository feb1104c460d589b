/* SPDX-License-Identifier: Apache-2.0 */
/* Steps between their launch and the delivery of their tokens, and what comes back to the host from each.
 *
 * On a device that works behind the host's back a step's tokens are drawn there, and are copied to the host while the next step
 * already runs. Only rows that the host has to draw itself bring their logits over, and make the host wait. */
#ifndef HDI_ENGINE_FLIGHT_H
#define HDI_ENGINE_FLIGHT_H

#include "engine/scheduler.h"
#include "heddle/compile.h"
#include "runtime/storage.h"

typedef struct hdi_flight {
    hdi_chunk *chunks; /* sequence NULL: it ended before its token came */
    int32_t n_chunks, n_rows;
    bool active;
    bool prefill;       /* some chunk is of a prompt */
    bool brings_logits; /* some row's logits go to the host */
    double launched;    /* seconds of the clock */
    hdi_storage *ids;   /* page-locked: a row's id; NULL where the host draws everything */
    hd_event *arrived;  /* the ids are there */
} hdi_flight;

/* `device`: where the plan draws; NULL when the host does. */
hd_status hdi_flight_init(hdi_flight *flight, int32_t max_sequences, const hd_device *device);
void hdi_flight_deinit(hdi_flight *flight); /* legal on a zeroed one; nothing is under way */

/* Remembers the step's chunks. Sequences are taken on: tokens computed, and one pending where it draws. */
void hdi_flight_begin(hdi_flight *flight, const hdi_chunk *chunks, int32_t n, bool all_logits);
/* The sequence has ended: nobody waits for its token any more. */
void hdi_flight_forget(hdi_flight *flight, const hd_sequence *sequence);

#endif
