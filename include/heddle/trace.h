/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time goes: a trace records what executors and engines do, step by step, on every worker and device.
 *
 *   hd_trace_create -> hd_engine_set_trace or hd_executor_set_trace -> run -> hd_trace_write, or hd_trace_kinds for figures.
 *
 * All room is made beforehand: nothing is allocated while something runs. Without a trace a step costs one branch more. */
#ifndef HEDDLE_TRACE_H
#define HEDDLE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/compile.h"
#include "heddle/engine.h"
#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One thread at a time, the one that runs the traced executors and engines. */
typedef struct hd_trace hd_trace;

typedef struct hd_trace_options {
    size_t spans;    /* the most that are recorded; a step takes one a worker. 0: a million, which is 48 MB */
    bool whole_runs; /* a run is one span, and graphs are replayed as ever; else each step is one, and runs that would be graphs
                      * or a persistent kernel go step by step through a stream */
    int32_t rank;    /* of this process among those whose traces are put together; 0 for one alone */
} hd_trace_options;

/* `options` may be NULL: the defaults. */
HD_API HD_CHECK_RESULT hd_status hd_trace_create(const hd_trace_options *options, hd_trace **out);
/* Executors and engines that still record into it stop doing so. NULL is legal. */
HD_API void hd_trace_destroy(hd_trace *trace);
/* Forgets what was recorded. */
HD_API void hd_trace_clear(hd_trace *trace);

/* Records what the executor does from now on; NULL: no more. HD_OUT_OF_MEMORY, or what a device says that cannot make the events
 * it measures with; the executor is then not traced. */
HD_API HD_CHECK_RESULT hd_status hd_executor_set_trace(hd_executor *executor, hd_trace *trace);
/* Records what the engine and its executor do, likewise. Where ranks share the model, the others record, too, into traces as
 * large; whoever looks at this one (hd_trace_get_info, hd_trace_write ...) collects what they have, between two steps, with
 * hd_trace_import as "rank 1" and so on. So does the end of recording by this call and by hd_engine_destroy; but not
 * hd_trace_destroy. A rank that has no room fails this call or the collecting, and no step. */
HD_API HD_CHECK_RESULT hd_status hd_engine_set_trace(hd_engine *engine, hd_trace *trace);

typedef struct hd_trace_info {
    size_t spans, room; /* recorded, and the most that can be */
    uint64_t lost;      /* spans that found no more room */
    bool stepped;       /* graphs or persistent kernels were run step by step, to be traced */
} hd_trace_info;

/* Waits for traced work that still runs. */
HD_API HD_CHECK_RESULT hd_status hd_trace_get_info(hd_trace *trace, hd_trace_info *out);

/* What an engine was doing: the kind of its step. */
typedef enum hd_trace_phase {
    HD_TRACE_OTHER = 0, /* no engine's step */
    HD_TRACE_PREFILL,   /* a step with any chunk of a prompt */
    HD_TRACE_DECODE,
    HD_TRACE_PHASE_COUNT
} hd_trace_phase;
HD_API const char *hd_trace_phase_name(hd_trace_phase phase); /* "", "prefill", "decode" */

/* All spans of one device, phase, kernel and shape together. Rates are bytes / seconds and flops / seconds. */
typedef struct hd_trace_kind {
    const hd_device *device; /* NULL: of another process */
    int32_t rank;            /* that recorded it */
    hd_trace_phase phase;
    char kernel[48]; /* of steps that the device ran as one: their group's name; "" for what is no kernel; "wait" and "transfer"
                      * for standing still until another rank's signal came, and for sending to one */
    char shape[64];  /* rows x columns of the weight, or the result's sizes but the first; "for rank 1" or "to rank 1"; without a
                      * kernel: the name */
    uint64_t steps;  /* how often it ran */
    double seconds;  /* over all workers, divided by their number: what it adds to a run */
    double bytes, flops;
    bool partial; /* some of the bytes and operations depend on data that the host could not see, and are left out */
} hd_trace_kind;

/* The kinds of spans, those that took most time first; of spans from `first` on (hd_trace_info.spans of an earlier moment; 0:
 * all). *kinds is fresh, free with hd_free. Waits for traced work that still runs. */
HD_API HD_CHECK_RESULT hd_status hd_trace_kinds(hd_trace *trace, size_t first, hd_trace_kind **kinds, size_t *count);

/* What was recorded (not what was imported) as one flat image for hd_trace_import of another process. *bytes is fresh, free with
 * hd_free. Waits for traced work that still runs. */
HD_API HD_CHECK_RESULT hd_status hd_trace_export(hd_trace *trace, void **bytes, size_t *size);
/* Adds the spans of another process, on lanes of their own: with prefix "rank 1" those of its worker 0 are on "rank 1: worker 0",
 * which a later import with that prefix from that rank uses again.
 * Both clocks are CLOCK_MONOTONIC of one machine, or `offset` nanoseconds are added to the other's times. Room is made for the
 * spans. HD_CORRUPT for bytes that are no whole image; the trace is as it was after any failure. Not while a run
 * goes on, nor between a moment and hd_trace_kinds from it: spans stand in order of time. */
HD_API HD_CHECK_RESULT hd_status hd_trace_import(hd_trace *trace, const void *bytes, size_t size, const char *prefix,
                                                 int64_t offset);

/* Writes Chrome's trace event format (JSON): chrome://tracing, Perfetto and others open it. A process is a rank's device, a
 * thread a worker, a device's stream or an engine. HD_IO with the system's reason; a file that was there before is then as it
 * was. Waits for traced work that still runs. */
HD_API HD_CHECK_RESULT hd_status hd_trace_write(hd_trace *trace, const char *path);

typedef struct hd_trace_svg_options {
    int64_t from_ns, to_ns; /* what is shown, in nanoseconds since the trace was made; both 0: the last whole runs of its own
                             * rank, as many as make a picture that can be read (2,000 spans, 100 a lane), and at least one */
    int32_t width;          /* in pixels, 400 to 20,000; 0: 1,400 */
    const char *title;      /* NULL: "Heddle" */
} hd_trace_svg_options;

/* Draws a part of the trace as a swimlane picture (SVG): a row for each lane, by ranks and devices; steps coloured by kind of
 * kernel, waits hatched, transfers as thin bars below, with arrows to the wait they ended. Spans narrower than a pixel are drawn
 * together; the picture says what is not shown. `options` may be NULL. Errors are hd_trace_write's, and HD_INVALID_ARGUMENT for a
 * window that ends before it begins. */
HD_API HD_CHECK_RESULT hd_status hd_trace_write_svg(hd_trace *trace, const char *path, const hd_trace_svg_options *options);

#ifdef __cplusplus
}
#endif
#endif
