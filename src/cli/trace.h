/* SPDX-License-Identifier: Apache-2.0 */
/* --trace FILE and --trace-svg FILE: the time line of what was run, for viewers and as a picture. */
#ifndef HDI_CLI_TRACE_H
#define HDI_CLI_TRACE_H

#include "cli/options.h"
#include "heddle/trace.h"

typedef struct cli_trace {
    const char *json, *svg; /* paths; NULL: not asked for */
} cli_trace;

/* Rows for a command's table. */
#define CLI_TRACE_ROWS(t, what)                                                                                      \
    {CLI_STRING, 0,          "trace",                                                                                \
     "FILE",     &(t)->json, .help = "write the time line of " what ", which chrome://tracing and Perfetto open"},   \
    {                                                                                                                \
        CLI_STRING, 0, "trace-svg", "FILE", &(t)->svg,                                                               \
            .help = "draw the end of it as a picture, a lane for each worker, device and rank: any browser opens it" \
    }

/* A usage error for names that are empty or the same; else EXIT_OK. */
int cli_trace_parsed(const cli_trace *t);
/* Sees that the files can be made, before anything else is done: EXIT_OK, or reports. Leaves no file behind. */
int cli_trace_check(const cli_trace *t);
/* A trace with room for long runs, if a file or `always` asks for one; else NULL. */
int cli_trace_create(const cli_trace *t, bool always, hd_trace **out);
/* Writes the files that were asked for, and a note when spans are missing, unless `quiet`. `title`: of the picture. */
int cli_trace_write(const cli_trace *t, hd_trace *trace, const char *title, bool quiet);

#endif
