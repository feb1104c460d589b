/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/flight.h"

#include <string.h>

#include "base/memory.h"

hd_status hdi_flight_init(hdi_flight *f, int32_t max_sequences, const hd_device *device) {
    hd_status status;
    *f = (hdi_flight){0};
    HD_TRY_GOTO(hdi_alloc(&f->chunks, (size_t)max_sequences, sizeof *f->chunks, "a step's chunks"));
    if (!device) return HD_OK;
    HD_TRY_GOTO(hdi_storage_create_host(device, (size_t)max_sequences * sizeof(int32_t), &f->ids));
    HD_TRY_GOTO(hd_event_create(device, &f->arrived));
    return HD_OK;
fail:
    hdi_flight_deinit(f);
    return status;
}

void hdi_flight_deinit(hdi_flight *f) {
    hdi_free(f->chunks);
    hdi_storage_release(f->ids);
    hd_event_destroy(f->arrived);
    *f = (hdi_flight){0};
}

void hdi_flight_begin(hdi_flight *f, const hdi_chunk *chunks, int32_t n, bool all_logits) {
    memcpy(f->chunks, chunks, (size_t)n * sizeof *chunks);
    f->n_chunks = n;
    f->n_rows = 0;
    f->active = true;
    f->prefill = f->brings_logits = false;
    for (int32_t i = 0; i < n; i++) {
        hd_sequence *s = chunks[i].sequence;
        s->computed += chunks[i].count;
        f->prefill |= chunks[i].prefill;
        if (!chunks[i].draws) continue;
        s->pending++;
        s->row = f->n_rows++;
        f->brings_logits |= all_logits || s->needs_logits;
    }
}

void hdi_flight_forget(hdi_flight *f, const hd_sequence *sequence) {
    for (int32_t i = 0; f->active && i < f->n_chunks; i++)
        if (f->chunks[i].sequence == sequence) f->chunks[i].sequence = NULL;
}
