/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as Chrome's trace event format: complete events ("X") with times in microseconds, and the names of processes and
 * threads ("M"). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "device/device.h"
#include "task/trace.h"

/* Names are ASCII as plans have them; what JSON would take amiss is escaped. */
static void write_string(FILE *f, const char *text) {
    fputc('"', f);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(f, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(f, "\\u%04x", *c);
        else
            fputc(*c, f);
    }
    fputc('"', f);
}

/* "12.345" */
static void write_us(FILE *f, int64_t ns) {
    fprintf(f, "%s%" PRId64 ".%03d", ns < 0 ? "-" : "", (ns < 0 ? -ns : ns) / 1000, (int)((ns < 0 ? -ns : ns) % 1000));
}

static void write_name(FILE *f, const char *kind, int process, size_t thread, const char *name) {
    fprintf(f, "{\"ph\": \"M\", \"name\": \"%s_name\", \"pid\": %d, \"tid\": %zu, \"args\": {\"name\": ", kind, process, thread);
    write_string(f, name);
    fputs("}},\n", f);
}

static void write_names(FILE *f, const hd_trace *trace) {
    for (size_t i = 0; i < trace->n_lanes; i++) {
        const hdi_trace_lane *lane = &trace->lanes[i];
        bool known = false;
        for (size_t k = 0; k < i; k++) known |= trace->lanes[k].device == lane->device;
        if (!known) {
            hd_device_properties properties = {.name = "?"};
            char name[192];
            (void)(hd_device_get_properties(lane->device, &properties) == HD_OK); /* a device without a name still has a number */
            snprintf(name, sizeof name, "%s: %s", hdi_device_text(lane->device), properties.name);
            write_name(f, "process", lane->device->ordinal, 0, name);
        }
        write_name(f, "thread", lane->device->ordinal, i + 1, lane->name);
    }
}

static void write_args(FILE *f, const hdi_span *span, const hdi_trace_label *label) {
    double ns = (double)(span->end - span->begin);
    fputs(", \"args\": {\"kernel\": ", f);
    write_string(f, label->kernel);
    if (*label->shape) {
        fputs(", \"shape\": ", f);
        write_string(f, label->shape);
    }
    fprintf(f, ", \"bytes\": %.0f, \"flops\": %.0f", span->bytes, span->flops);
    if (ns > 0) fprintf(f, ", \"GB/s\": %.2f, \"GFLOP/s\": %.2f", span->bytes / ns, span->flops / ns);
    if (span->partial) fputs(", \"partial\": true", f);
    fputc('}', f);
}

static void write_span(FILE *f, const hd_trace *trace, const hdi_span *span) {
    const hdi_trace_label *label = &trace->labels[span->label];
    fputs("{\"ph\": \"X\", \"name\": ", f);
    write_string(f, label->name);
    fprintf(f, ", \"cat\": \"%s\", \"pid\": %d, \"tid\": %d, \"ts\": ", span->phase ? hd_trace_phase_name(span->phase) : "other",
            trace->lanes[span->lane].device->ordinal, span->lane + 1);
    write_us(f, span->begin);
    fputs(", \"dur\": ", f);
    write_us(f, span->end - span->begin);
    if (label->kernel) write_args(f, span, label);
    fputs("},\n", f);
}

/* The last event ends the list without a comma. */
static bool write_all(FILE *f, const hd_trace *trace) {
    fputs("{\"displayTimeUnit\": \"ms\", \"otherData\": {\"program\": \"heddle ", f);
    fprintf(f, "%s\", \"spans\": %zu, \"lost\": %" PRIu64 ", \"stepped\": %s},\n\"traceEvents\": [\n", hd_version(), trace->n,
            trace->lost, trace->stepped ? "true" : "false");
    write_names(f, trace);
    for (size_t i = 0; i < trace->n && !ferror(f); i++) write_span(f, trace, &trace->spans[i]);
    fprintf(f, "{\"ph\": \"M\", \"name\": \"trace_end\", \"pid\": 0, \"tid\": 0, \"args\": {}}\n]}\n");
    return fflush(f) == 0 && !ferror(f);
}

/* A regular file is replaced when the new one is whole; anything else (a pipe, a device) is written as it is. */
hd_status hd_trace_write(hd_trace *trace, const char *path) {
    struct stat there;
    char *part = NULL;
    HD_REQUIRE(trace && path && *path, HD_INVALID_ARGUMENT, "hd_trace_write needs a trace and the path of a file");
    HD_TRY(hdi_trace_settle(trace));
    size_t room = strlen(path) + sizeof ".part";
    HD_TRY(hdi_alloc(&part, room, 1, "a path"));
    bool direct = stat(path, &there) == 0 && !S_ISREG(there.st_mode);
    snprintf(part, room, "%s%s", path, direct ? "" : ".part");
    hd_status status = HD_OK;
    FILE *f = fopen(part, "we");
    HD_REQUIRE_GOTO(f, HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (!write_all(f, trace)) status = hdi_fail(HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (fclose(f) != 0 && status == HD_OK) status = hdi_fail(HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (status == HD_OK && !direct && rename(part, path) != 0)
        status = hdi_fail(HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (status != HD_OK && !direct) unlink(part);
fail:
    hdi_free(part);
    return status;
}
