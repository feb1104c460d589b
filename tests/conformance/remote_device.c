/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation is a memory file mapped twice: where the host may not touch it, which is its address, and where this file may.
 * A stream is a queue of work; an event is a place in a queue. For one thread at a time, like the suite that uses it. */
#include "conformance/remote_device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ops/op.h"

typedef struct block {
    char *remote, *local;
    size_t bytes;
    struct block *next;
} block;

typedef enum work_kind { WORK_COPY, WORK_SET, WORK_LAUNCH, WORK_RECORD, WORK_WAIT } work_kind;

typedef struct event event;
typedef struct stream stream;

typedef struct work {
    work_kind kind;
    char *dst;
    const char *src;
    size_t bytes;
    int value;
    hdi_kernel_id kernel;
    hdi_operand operand[HDI_MAX_OPERANDS];
    uint64_t attr[HDI_ATTR_BYTES / 8];
    int32_t n_operands;
    event *event;
    stream *other; /* of a wait: where the event was recorded */
    uint64_t place;
    struct work *next;
} work;

struct stream {
    work *first, **last;
    uint64_t enqueued, done;
    stream *next;
};

struct event {
    stream *on; /* NULL: never recorded */
    uint64_t place;
    struct timespec at;
};

static block *blocks;
static stream *streams;

int remote_device_blocks(void) {
    int n = 0;
    for (block *b = blocks; b; b = b->next) n++;
    return n;
}

int remote_device_streams(void) {
    int n = 0;
    for (stream *s = streams; s; s = s->next) n++;
    return n;
}

static hd_status count(int32_t *out) {
    *out = 1;
    return HD_OK;
}

static hd_status open_device(hd_device *device) {
    (void)device;
    return HD_OK;
}

static hd_status properties(const hd_device *device, hd_device_properties *out) {
    (void)device;
    strcpy(out->name, "remote device of the tests");
    out->memory_bytes = (size_t)1 << 30;
    out->units = out->lanes = 1;
    return HD_OK;
}

/* ---- memory ---- */

static size_t mapped(size_t bytes) { return (bytes + 4096) & ~(size_t)4095; }

static hd_status alloc(const hd_device *device, size_t bytes, void **out) {
    block *b = calloc(1, sizeof *b);
    int fd = bytes > ((size_t)1 << 30) ? -1 : memfd_create("remote", MFD_CLOEXEC);
    (void)device;
    if (!b || fd < 0 || ftruncate(fd, (off_t)mapped(bytes)) != 0) {
        if (fd >= 0) close(fd);
        free(b);
        return hdi_fail(HD_OUT_OF_MEMORY, "the remote device has no %zu bytes", bytes);
    }
    b->bytes = mapped(bytes);
    b->local = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    b->remote = mmap(NULL, b->bytes, PROT_NONE, MAP_SHARED, fd, 0);
    close(fd);
    memset(b->local, 0xa5, b->bytes);
    b->next = blocks;
    blocks = b;
    *out = b->remote;
    return HD_OK;
}

static void run_all(void);

static hd_status free_memory(const hd_device *device, void *memory) {
    (void)device;
    run_all(); /* as a device's own allocator does: work that uses the memory is finished first */
    for (block **at = &blocks; *at; at = &(*at)->next) {
        block *b = *at;
        if (b->remote != memory) continue;
        *at = b->next;
        munmap(b->local, b->bytes);
        munmap(b->remote, b->bytes);
        free(b);
        return HD_OK;
    }
    return hdi_fail(HD_DEVICE, "the remote device never gave out %p", memory);
}

static hd_status host_alloc(const hd_device *device, size_t bytes, void **out) {
    (void)device;
    *out = aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    return *out ? HD_OK : hdi_fail(HD_OUT_OF_MEMORY, "no host memory");
}

static hd_status host_free(const hd_device *device, void *memory) {
    (void)device;
    free(memory);
    return HD_OK;
}

/* Where the host finds a device address; NULL for addresses that are not the device's. */
static char *local(const void *address) {
    for (block *b = blocks; b; b = b->next)
        if ((const char *)address >= b->remote && (const char *)address < b->remote + b->bytes)
            return b->local + ((const char *)address - b->remote);
    return NULL;
}

/* One end of a copy: on the device or on the host, as the kind of the copy says, or a failure. */
static hd_status resolve(const void *address, bool on_device, char **out) {
    char *found = local(address);
    HD_REQUIRE(!on_device || found, HD_DEVICE, "%p is no memory of the remote device", address);
    HD_REQUIRE(on_device || !found, HD_DEVICE, "%p is memory of the remote device, but the copy says host", address);
    *out = on_device ? found : (char *)(uintptr_t)address;
    return HD_OK;
}

static hd_status resolve_copy(void *dst, const void *src, hdi_copy_kind kind, char **to, char **from) {
    HD_TRY(resolve(dst, kind == HDI_COPY_H2D || kind == HDI_COPY_D2D, to));
    return resolve(src, kind == HDI_COPY_D2H || kind == HDI_COPY_D2D, from);
}

static hd_status copy(const hd_device *device, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    char *to, *from;
    (void)device;
    if (bytes == 0) return HD_OK;
    HD_TRY(resolve_copy(dst, src, kind, &to, &from));
    memcpy(to, from, bytes);
    return HD_OK;
}

static hd_status set(const hd_device *device, void *dst, int value, size_t bytes) {
    char *to;
    (void)device;
    if (bytes == 0) return HD_OK;
    HD_TRY(resolve(dst, true, &to));
    memset(to, value, bytes);
    return HD_OK;
}

/* ---- streams ---- */

static void run_until(stream *s, uint64_t place);

static void run(work *w) {
    switch (w->kind) {
    case WORK_COPY:
        memcpy(w->dst, w->src, w->bytes);
        break;
    case WORK_SET:
        memset(w->dst, w->value, w->bytes);
        break;
    case WORK_RECORD:
        clock_gettime(CLOCK_MONOTONIC, &w->event->at);
        break;
    case WORK_WAIT:
        run_until(w->other, w->place);
        break;
    case WORK_LAUNCH: {
        hdi_kernel_call call = {w->operand, w->attr, w->n_operands};
        hdi_cpu_vtable.launch(hdi_device_cpu(), NULL, w->kernel, &call) == HD_OK ? (void)0 : abort();
    }
    }
}

static void run_until(stream *s, uint64_t place) {
    while (s->done < place && s->first) {
        work *w = s->first;
        s->first = w->next;
        if (!s->first) s->last = &s->first;
        run(w);
        s->done++;
        free(w);
    }
}

static void run_all(void) {
    for (stream *s = streams; s; s = s->next) run_until(s, s->enqueued);
}

static hd_status synchronize(const hd_device *device) {
    (void)device;
    run_all();
    return HD_OK;
}

static hd_status stream_create(const hd_device *device, void **out) {
    stream *s = calloc(1, sizeof *s);
    (void)device;
    if (!s) return hdi_fail(HD_OUT_OF_MEMORY, "no stream");
    s->last = &s->first;
    s->next = streams;
    streams = s;
    *out = s;
    return HD_OK;
}

static hd_status stream_destroy(const hd_device *device, void *handle) {
    (void)device;
    for (stream **at = &streams; *at; at = &(*at)->next)
        if (*at == handle) {
            *at = (*at)->next;
            break;
        }
    free(handle);
    return HD_OK;
}

static hd_status stream_synchronize(const hd_device *device, void *handle) {
    stream *s = handle;
    (void)device;
    run_until(s, s->enqueued);
    return HD_OK;
}

static hd_status enqueue(stream *s, const work *item) {
    work *w = malloc(sizeof *w);
    if (!w) return hdi_fail(HD_OUT_OF_MEMORY, "no work");
    *w = *item;
    w->next = NULL;
    *s->last = w;
    s->last = &w->next;
    s->enqueued++;
    return HD_OK;
}

static hd_status copy_async(const hd_device *device, void *handle, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    work w = {.kind = WORK_COPY, .bytes = bytes};
    char *from;
    (void)device;
    if (bytes == 0) return HD_OK;
    HD_TRY(resolve_copy(dst, src, kind, &w.dst, &from));
    w.src = from;
    return enqueue(handle, &w);
}

static hd_status set_async(const hd_device *device, void *handle, void *dst, int value, size_t bytes) {
    work w = {.kind = WORK_SET, .bytes = bytes, .value = value};
    (void)device;
    if (bytes == 0) return HD_OK;
    HD_TRY(resolve(dst, true, &w.dst));
    return enqueue(handle, &w);
}

/* Bytes of attributes of a kernel: those of the operator with the longest name that begins the kernel's. */
static size_t attr_bytes(hdi_kernel_id kernel) {
    size_t bytes = 0, longest = 0;
    const char *name = hdi_kernel_name(kernel);
#define OP(op) \
    if (strncmp(name, #op "_", sizeof #op) == 0 && sizeof #op > longest) longest = sizeof #op, bytes = hdi_op_##op.attr_size;
#include "ops/ops.def"
    return bytes;
}

static long launches_left = -1;

void remote_device_fail_after(long n) { launches_left = n; }

static hd_status launch(const hd_device *device, void *handle, hdi_kernel_id kernel, const hdi_kernel_call *call) {
    HD_REQUIRE(launches_left < 0 || launches_left-- > 0, HD_DEVICE, "the remote device was told to fail");
    work w = {.kind = WORK_LAUNCH, .kernel = kernel, .n_operands = call->n_operands};
    (void)device;
    if (call->attr) memcpy(w.attr, call->attr, attr_bytes(kernel));
    for (int i = 0; i < call->n_operands; i++) {
        char *data = NULL;
        if (call->operand[i].data) HD_TRY(resolve(call->operand[i].data, true, &data));
        w.operand[i] = call->operand[i];
        w.operand[i].data = data;
    }
    return enqueue(handle, &w);
}

/* ---- events ---- */

static hd_status event_create(const hd_device *device, void **out) {
    (void)device;
    *out = calloc(1, sizeof(event));
    return *out ? HD_OK : hdi_fail(HD_OUT_OF_MEMORY, "no event");
}

static hd_status event_destroy(const hd_device *device, void *handle) {
    (void)device;
    run_all(); /* its record may still wait in a queue */
    free(handle);
    return HD_OK;
}

static hd_status event_record(const hd_device *device, void *handle, void *on) {
    event *e = handle;
    const work w = {.kind = WORK_RECORD, .event = e};
    (void)device;
    HD_TRY(enqueue(on, &w));
    e->on = on;
    e->place = e->on->enqueued;
    return HD_OK;
}

static hd_status event_wait(const hd_device *device, void *handle, void *on) {
    const event *e = handle;
    const work w = {.kind = WORK_WAIT, .other = e->on, .place = e->place};
    (void)device;
    return e->on ? enqueue(on, &w) : HD_OK;
}

static hd_status event_synchronize(const hd_device *device, void *handle) {
    event *e = handle;
    (void)device;
    if (e->on) run_until(e->on, e->place);
    return HD_OK;
}

static hd_status event_elapsed(const hd_device *device, void *from, void *to, double *milliseconds) {
    const event *a = from, *b = to;
    (void)device;
    HD_REQUIRE(a->on && b->on, HD_INVALID_ARGUMENT, "an event was never recorded");
    HD_TRY(event_synchronize(device, from));
    HD_TRY(event_synchronize(device, to));
    *milliseconds = (double)(b->at.tv_sec - a->at.tv_sec) * 1e3 + (double)(b->at.tv_nsec - a->at.tv_nsec) * 1e-6;
    return HD_OK;
}

const hdi_device_vtable remote_device_vtable = {
    .count = count,
    .open = open_device,
    .properties = properties,
    .alloc = alloc,
    .free = free_memory,
    .host_alloc = host_alloc,
    .host_free = host_free,
    .copy = copy,
    .set = set,
    .synchronize = synchronize,
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_synchronize = stream_synchronize,
    .copy_async = copy_async,
    .set_async = set_async,
    .launch = launch,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .event_wait = event_wait,
    .event_synchronize = event_synchronize,
    .event_elapsed = event_elapsed,
};
