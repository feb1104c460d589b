/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as bytes, to be put together with those of other processes. Little-endian and flat: a header of 48 bytes, labels of 176
 * (name, shape, kernel), lanes of 128 (device, name), spans of 48. An image is checked whole before anything of it is taken in.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "device/device.h"
#include "task/trace.h"

enum { MAGIC = 0x54444824, VERSION = 1, HEADER = 48, LABEL = 64 + 64 + 48, LANE = 64 + 64, SPAN = 48, MOST_LANES = UINT16_MAX };
enum { PARTIAL = 1, FIRST = 2, BEGINS = 4 };
#define MOST_NS ((int64_t)1 << 60) /* 36 years: sums of three fit */

static void put(uint8_t **at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *(*at)++ = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t **at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t) * (*at)++ << 8 * i;
    return value;
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double number_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put_text(uint8_t **at, const char *text, size_t size) {
    size_t n = strnlen(text, size - 1);
    memset(*at, 0, size);
    memcpy(*at, text, n);
    *at += size;
}

/* ---- export ---- */

static void put_span(uint8_t **at, const hdi_span *s, uint16_t lane) {
    put(at, (uint64_t)s->begin, 8);
    put(at, (uint64_t)s->end, 8);
    put(at, bits_of(s->bytes), 8);
    put(at, s->event, 8); /* or the bits of flops */
    put(at, s->label, 4);
    put(at, lane, 2);
    put(at, s->workers, 2);
    put(at, s->phase, 1);
    put(at, s->kind, 1);
    put(at, (s->partial ? PARTIAL : 0) | (s->first ? FIRST : 0) | (s->begins ? BEGINS : 0), 1);
    put(at, 0, 1);
    put(at, (uint32_t)s->other, 4);
}

static size_t own_lanes(const hd_trace *trace) {
    size_t n = 0;
    for (size_t i = 0; i < trace->n_lanes; i++) n += trace->lanes[i].import == 0;
    return n;
}

static size_t own_spans(const hd_trace *trace) {
    size_t n = 0;
    for (size_t i = 0; i < trace->n; i++) n += trace->lanes[trace->spans[i].lane].import == 0;
    return n;
}

/* Lanes that were imported leave gaps: a lane's number in the image is its place among its own. */
static void put_all(uint8_t *at, const hd_trace *trace, size_t lanes, size_t spans, uint16_t *place) {
    uint16_t next = 0;
    put(&at, MAGIC, 4);
    put(&at, VERSION, 4);
    put(&at, (uint32_t)trace->rank, 4);
    put(&at, trace->n_labels, 4);
    put(&at, lanes, 4);
    put(&at, trace->stepped, 4);
    put(&at, spans, 8);
    put(&at, trace->lost, 8);
    put(&at, (uint64_t)trace->start, 8);
    for (size_t i = 0; i < trace->n_labels; i++) {
        put_text(&at, trace->labels[i].name, 64);
        put_text(&at, trace->labels[i].shape, 64);
        put_text(&at, trace->labels[i].kernel, 48);
    }
    for (size_t i = 0; i < trace->n_lanes; i++) {
        if (trace->lanes[i].import) continue;
        place[i] = next++;
        put_text(&at, hdi_device_text(trace->lanes[i].device), 64);
        put_text(&at, trace->lanes[i].name, 64);
    }
    for (size_t i = 0; i < trace->n; i++)
        if (!trace->lanes[trace->spans[i].lane].import) put_span(&at, &trace->spans[i], place[trace->spans[i].lane]);
}

hd_status hd_trace_export(hd_trace *trace, void **bytes, size_t *size) {
    uint16_t *place;
    HD_REQUIRE(trace && bytes && size, HD_INVALID_ARGUMENT,
               "hd_trace_export needs a trace and places for the image and its size");
    *bytes = NULL;
    *size = 0;
    HD_TRY(hdi_trace_settle(trace));
    size_t lanes = own_lanes(trace), spans = own_spans(trace);
    size_t room = HEADER + LABEL * trace->n_labels + LANE * lanes + SPAN * spans;
    HD_TRY(hdi_calloc(&place, trace->n_lanes + 1, sizeof *place, "a trace's lanes"));
    hd_status status = hdi_alloc(bytes, room, 1, "a trace's image");
    if (status == HD_OK) {
        put_all(*bytes, trace, lanes, spans, place);
        *size = room;
    }
    hdi_free(place);
    return status;
}

/* ---- import ---- */

typedef struct image {
    const uint8_t *labels, *lanes, *spans;
    size_t n_labels, n_lanes, n_spans;
    uint64_t lost;
    int64_t shift; /* of its times, to be in the receiver's */
    int32_t rank;
    bool stepped;
} image;

static hdi_span span_at(const image *m, size_t i) {
    const uint8_t *at = m->spans + SPAN * i;
    hdi_span s = {.begin = (int64_t)get(&at, 8)};
    s.end = (int64_t)get(&at, 8);
    s.bytes = number_of(get(&at, 8));
    s.event = get(&at, 8);
    s.label = (uint32_t)get(&at, 4);
    s.lane = (uint16_t)get(&at, 2);
    s.workers = (uint16_t)get(&at, 2);
    s.phase = (uint8_t)get(&at, 1);
    s.kind = (uint8_t)get(&at, 1);
    uint64_t flags = get(&at, 2);
    s.partial = (flags & PARTIAL) != 0;
    s.first = (flags & FIRST) != 0;
    s.begins = (flags & BEGINS) != 0;
    s.other = (int32_t)get(&at, 4);
    return s;
}

static bool amount(double value) { return value >= 0 && isfinite(value); }

static bool good_time(int64_t ns) { return ns > -MOST_NS && ns < MOST_NS; }

static bool good_span(const image *m, const hdi_span *s) {
    return good_time(s->begin) && good_time(s->end) && s->begin <= s->end && amount(s->bytes) && s->label < m->n_labels &&
           s->lane < m->n_lanes && s->workers > 0 && s->phase < HD_TRACE_PHASE_COUNT && s->kind < HDI_SPAN_KIND_COUNT &&
           s->other >= 0 && (s->kind == HDI_SPAN_WAIT || amount(s->flops));
}

static bool good_text(const uint8_t *text, size_t size) { return memchr(text, 0, size) != NULL; }

static hd_status check_parts(const image *m) {
    for (size_t i = 0; i < m->n_labels; i++) {
        const uint8_t *t = m->labels + LABEL * i;
        HD_REQUIRE(good_text(t, 64) && good_text(t + 64, 64) && good_text(t + 128, 48), HD_CORRUPT,
                   "a trace's image: label %zu has no end", i);
    }
    for (size_t i = 0; i < m->n_lanes; i++)
        HD_REQUIRE(good_text(m->lanes + LANE * i, 64) && good_text(m->lanes + LANE * i + 64, 64), HD_CORRUPT,
                   "a trace's image: the name of lane %zu has no end", i);
    for (size_t i = 0; i < m->n_spans; i++) {
        hdi_span s = span_at(m, i);
        HD_REQUIRE(good_span(m, &s), HD_CORRUPT, "a trace's image: span %zu is damaged", i);
    }
    return HD_OK;
}

static hd_status read_image(const hd_trace *trace, const uint8_t *at, size_t size, int64_t offset, image *m) {
    const uint8_t *begin = at;
    HD_REQUIRE(size >= HEADER && get(&at, 4) == MAGIC, HD_CORRUPT, "these %zu bytes are no trace's image", size);
    uint64_t version = get(&at, 4);
    HD_REQUIRE(version == VERSION, HD_CORRUPT, "a trace's image has version %llu, but this program reads %d: use the same heddle",
               (unsigned long long)version, VERSION);
    *m = (image){.rank = (int32_t)get(&at, 4)};
    m->n_labels = get(&at, 4);
    m->n_lanes = get(&at, 4);
    m->stepped = get(&at, 4) != 0;
    m->n_spans = get(&at, 8);
    m->lost = get(&at, 8);
    int64_t start = (int64_t)get(&at, 8);
    HD_REQUIRE(m->rank >= 0 && m->n_lanes <= MOST_LANES && m->n_spans <= size / SPAN &&
                   size == HEADER + LABEL * m->n_labels + LANE * m->n_lanes + SPAN * m->n_spans,
               HD_CORRUPT, "a trace's image is damaged: its %zu bytes are not what its header says", size);
    HD_REQUIRE(good_time(start) && good_time(offset) && m->lost < UINT64_MAX / 2, HD_CORRUPT,
               "a trace's image is damaged: it begins at no time that there is");
    m->shift = start - trace->start + offset;
    m->labels = begin + HEADER;
    m->lanes = m->labels + LABEL * m->n_labels;
    m->spans = m->lanes + LANE * m->n_lanes;
    return check_parts(m);
}

static hd_status make_room(hd_trace *trace, const image *m) {
    size_t need;
    HD_REQUIRE(trace->n_lanes + m->n_lanes <= MOST_LANES, HD_EXHAUSTED, "a trace has at most %d lanes", MOST_LANES);
    HD_REQUIRE(trace->n_labels + m->n_labels <= UINT32_MAX, HD_EXHAUSTED, "a trace has too many labels");
    HD_REQUIRE(hdi_add_size(trace->room, m->n_spans, &need), HD_OUT_OF_MEMORY, "a trace's spans do not fit into memory");
    HD_TRY(
        hdi_grow(&trace->labels, &trace->cap_labels, trace->n_labels + m->n_labels, sizeof *trace->labels, "a trace's labels"));
    HD_TRY(hdi_grow(&trace->lanes, &trace->cap_lanes, trace->n_lanes + m->n_lanes, sizeof *trace->lanes, "a trace's lanes"));
    HD_TRY(hdi_realloc(&trace->spans, need, sizeof *trace->spans, "a trace's spans"));
    trace->room = need;
    return HD_OK;
}

/* Whether an earlier import had this lane, or only this process: *at is the lane. */
static bool had(const hd_trace *trace, size_t n_lanes, const hdi_trace_lane *lane, bool process_only, size_t *at) {
    for (*at = 0; *at < n_lanes; ++*at) {
        const hdi_trace_lane *l = &trace->lanes[*at];
        if (l->import && l->rank == lane->rank && strcmp(l->process, lane->process) == 0 &&
            (process_only || strcmp(l->name, lane->name) == 0))
            return true;
    }
    return false;
}

/* Lanes of the same process have the same import's number, and those that were there are used again. `place` [lanes of the
 * image]: where they are now. */
static void take_in_lanes(hd_trace *trace, const image *m, const char *prefix, uint16_t *place) {
    size_t before = trace->n_lanes, at;
    trace->imports++;
    for (size_t i = 0; i < m->n_lanes; i++) {
        const char *text = (const char *)m->lanes + LANE * i;
        hdi_trace_lane lane = {.rank = m->rank, .import = trace->imports, .taken = true}; /* nobody may record on it */
        snprintf(lane.process, sizeof lane.process, "%.30s: %.30s", prefix, text);
        snprintf(lane.name, sizeof lane.name, "%.30s: %.30s", prefix, text + 64);
        if (had(trace, before, &lane, true, &at)) lane.import = trace->lanes[at].import;
        if (!had(trace, before, &lane, false, &at)) {
            at = trace->n_lanes++;
            trace->lanes[at] = lane;
        }
        place[i] = (uint16_t)at;
    }
}

static void take_in(hd_trace *trace, const image *m, const char *prefix, uint16_t *place) {
    take_in_lanes(trace, m, prefix, place);
    for (size_t i = 0; i < m->n_spans; i++) {
        hdi_span s = span_at(m, i);
        s.begin += m->shift;
        s.end += m->shift;
        s.label += (uint32_t)trace->n_labels;
        s.lane = place[s.lane];
        trace->spans[trace->n++] = s;
    }
    for (size_t i = 0; i < m->n_labels; i++) {
        hdi_trace_label *label = &trace->labels[trace->n_labels++];
        const char *text = (const char *)m->labels + LABEL * i;
        snprintf(label->name, sizeof label->name, "%s", text);
        snprintf(label->shape, sizeof label->shape, "%s", text + 64);
        snprintf(label->kernel, sizeof label->kernel, "%s", text + 128);
    }
    trace->lost += m->lost;
    trace->stepped |= m->stepped;
}

hd_status hd_trace_import(hd_trace *trace, const void *bytes, size_t size, const char *prefix, int64_t offset) {
    image m;
    HD_REQUIRE(trace && bytes && prefix, HD_INVALID_ARGUMENT, "hd_trace_import needs a trace, an image and a prefix");
    HD_TRY(hdi_trace_settle(trace));
    HD_TRY(read_image(trace, bytes, size, offset, &m));
    uint16_t *place;
    HD_TRY(hdi_alloc(&place, m.n_lanes + 1, sizeof *place, "a trace's lanes"));
    hd_status status = make_room(trace, &m);
    if (status == HD_OK) take_in(trace, &m, prefix, place);
    hdi_free(place);
    return status == HD_OK ? hdi_trace_settle(trace) : status;
}
