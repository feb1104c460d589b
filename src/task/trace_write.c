/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as Chrome's trace event format: complete events ("X") with times in microseconds, and the names of processes and
 * threads ("M"). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "device/device.h"
#include "task/trace.h"

/* Names may be cut or of another process: what is no UTF-8 becomes "?", and what JSON would take amiss is escaped. */
static void write_string(FILE *f, const char *text) {
    fputc('"', f);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        uint32_t cp;
        int n = *c < 0x80 ? 1 : hdi_utf8_decode((const char *)c, strlen((const char *)c), &cp);
        if (n > 1) {
            fwrite(c, 1, (size_t)n, f);
            c += n - 1;
        } else if (*c >= 0x80)
            fputc('?', f);
        else if (*c == '"' || *c == '\\')
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

/* Imported processes are numbered behind all devices. */
static int process_of(const hdi_trace_lane *lane, const hd_trace *trace) {
    if (lane->device) return lane->device->ordinal;
    for (size_t i = 0; i < trace->n_lanes; i++)
        if (hdi_trace_same_process(&trace->lanes[i], lane)) return 1000 + (int)i;
    return -1;
}

static void write_names(FILE *f, const hd_trace *trace) {
    for (size_t i = 0; i < trace->n_lanes; i++) {
        const hdi_trace_lane *lane = &trace->lanes[i];
        int process = process_of(lane, trace);
        bool known = false;
        for (size_t k = 0; k < i; k++) known |= hdi_trace_same_process(&trace->lanes[k], lane);
        if (!known) {
            char name[HDI_PROCESS_NAME];
            hdi_trace_process_name(lane, name);
            write_name(f, "process", process, 0, name);
        }
        write_name(f, "thread", process, i + 1, lane->name);
    }
}

static void write_args(FILE *f, const hdi_span *span, const hdi_trace_label *label) {
    double ns = (double)(span->end - span->begin);
    if (span->kind != HDI_SPAN_WORK) {
        fputs(", \"args\": {\"step\": ", f);
        write_string(f, label->name);
        fprintf(f, ", \"rank\": %d", span->other);
        if (span->kind == HDI_SPAN_WAIT) fprintf(f, ", \"event\": %" PRIu64, span->event);
        if (span->kind == HDI_SPAN_TRANSFER) fprintf(f, ", \"bytes\": %.0f", span->bytes);
        if (span->kind == HDI_SPAN_TRANSFER && ns > 0) fprintf(f, ", \"GB/s\": %.2f", span->bytes / ns);
        fputc('}', f);
        return;
    }
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
    static const char *const kinds[HDI_SPAN_KIND_COUNT] = {"", "wait", "transfer"};
    const char *category = span->phase ? hd_trace_phase_name((hd_trace_phase)span->phase) : "other";
    char text[HDI_SPAN_TEXT];
    hdi_span_text(trace, span, text);
    fputs("{\"ph\": \"X\", \"name\": ", f);
    write_string(f, text);
    fprintf(f, ", \"cat\": \"%s%s%s\", \"pid\": %d, \"tid\": %d, \"ts\": ", category, span->kind ? "," : "", kinds[span->kind],
            process_of(&trace->lanes[span->lane], trace), span->lane + 1);
    write_us(f, span->begin);
    fputs(", \"dur\": ", f);
    write_us(f, span->end - span->begin);
    if (*label->kernel || span->kind != HDI_SPAN_WORK) write_args(f, span, label);
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

static bool write_events(FILE *f, const void *trace) { return write_all(f, trace); }

hd_status hd_trace_write(hd_trace *trace, const char *path) {
    HD_REQUIRE(trace && path && *path, HD_INVALID_ARGUMENT, "hd_trace_write needs a trace and the path of a file");
    HD_TRY(hdi_trace_settle(trace));
    return hdi_trace_write_file(path, write_events, trace);
}
