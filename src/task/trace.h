/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace holds: spans of time on lanes, with labels that say what they were. Lanes and labels are made when something is
 * given the trace; spans are only written into room that is there. */
#ifndef HDI_TASK_TRACE_H
#define HDI_TASK_TRACE_H

#include <stdio.h>
#include "base/wait.h"
#include "heddle/trace.h"

typedef enum hdi_span_kind {
    HDI_SPAN_WORK,
    HDI_SPAN_WAIT,     /* a lane stood still until another rank's signal came */
    HDI_SPAN_TRANSFER, /* bytes were sent to another rank */
    HDI_SPAN_KIND_COUNT
} hdi_span_kind;

/* One stretch of time on a lane. */
typedef struct hdi_span {
    int64_t begin, end; /* nanoseconds since the trace was made */
    double bytes;
    union {
        double flops;
        uint64_t event; /* of a wait: the other rank's event that was waited for */
    };
    uint32_t label;         /* of waits and transfers too: the step they belong to */
    uint16_t lane, workers; /* how many workers shared the step */
    uint8_t phase;          /* hd_trace_phase */
    uint8_t kind;           /* hdi_span_kind */
    bool partial : 1;       /* bytes and flops leave something out */
    bool first : 1;         /* counts as a step; the other workers' shares do not */
    bool begins : 1;        /* a run begins with it */
    int32_t other;          /* the rank waited for or sent to */
} hdi_span;

/* "linear 3", "wait for event 12 of rank 0", "to rank 1". */
enum { HDI_SPAN_TEXT = 80 };

typedef struct hdi_trace_label {
    char name[64];
    char shape[64];
    char kernel[48]; /* "": no kernel */
} hdi_trace_label;

typedef struct hdi_trace_lane {
    const hd_device *device; /* NULL: of another process */
    char name[64];
    char process[64]; /* of another process: its rank and device, "rank 1: cpu" */
    int32_t rank;
    uint32_t import; /* of another process: the number of its import, from 1 on; else 0 */
    bool taken;      /* by something that still records */
} hdi_trace_lane;

/* Something that records into a trace: an executor's tracer, or an engine. Part of it. */
typedef struct hdi_trace_holder {
    hd_trace *trace;                                      /* NULL: none */
    hd_status (*settle)(struct hdi_trace_holder *holder); /* records what a device has not reported yet; NULL: nothing to do */
    void (*leave)(struct hdi_trace_holder *holder);       /* the trace goes away: stop recording, give the lanes back */
    struct hdi_trace_holder *next;
} hdi_trace_holder;

struct hd_trace {
    hdi_span *spans;
    size_t n, room;
    uint64_t lost;
    bool whole_runs, stepped;
    int32_t rank;
    uint32_t imports;
    int64_t start; /* of the system's clock */
    hd_trace_phase phase;
    hdi_trace_label *labels;
    size_t n_labels, cap_labels;
    hdi_trace_lane *lanes;
    size_t n_lanes, cap_lanes;
    hdi_trace_holder *holders;
};

void hdi_trace_join(hd_trace *trace, hdi_trace_holder *holder);
void hdi_trace_leave(hdi_trace_holder *holder); /* takes it out of the list and calls its `leave`; legal without a trace */

/* A lane that nobody records on now; *out is its number. */
hd_status hdi_trace_take_lane(hd_trace *trace, const hd_device *device, const char *name, uint16_t *out);
void hdi_trace_give_lane(hd_trace *trace, uint16_t lane);
/* Room for `n` more labels, the first of which is *first; fill them. */
hd_status hdi_trace_add_labels(hd_trace *trace, size_t n, uint32_t *first);

/* Room for a span, to be filled; NULL, and counted as lost, when there is none. */
static inline hdi_span *hdi_trace_add(hd_trace *trace) {
    if (trace->n < trace->room) return &trace->spans[trace->n++];
    trace->lost++;
    return NULL;
}

void hdi_span_text(const hd_trace *trace, const hdi_span *span, char text[HDI_SPAN_TEXT]);

enum { HDI_PROCESS_NAME = 192 };
/* Lanes of one device in one process. */
bool hdi_trace_same_process(const hdi_trace_lane *a, const hdi_trace_lane *b);
void hdi_trace_process_name(const hdi_trace_lane *lane, char name[HDI_PROCESS_NAME]); /* "cpu: AMD ...", "rank 1: cpu" */

/* A regular file is replaced when the new one is whole; anything else (a pipe, a device) is written as it is. `write` gives false
 * when errno says what failed. */
hd_status hdi_trace_write_file(const char *path, bool (*write)(FILE *f, const void *user), const void *user);

/* Waits for what still runs on devices, and sorts the spans by their beginnings, longer ones first. */
hd_status hdi_trace_settle(hd_trace *trace);

#endif
