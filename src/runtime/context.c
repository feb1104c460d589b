/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/context.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

/* The CPU's default stream is part of the context, so that a fresh thread has a current stream without anything that can fail.
 * The others are made on demand and destroyed with the thread. */
typedef struct context {
    hd_stream cpu;
    hd_stream *current; /* NULL in a fresh thread: its CPU stream */
    const hd_device *device;
    hd_stream **defaults; /* by ordinal; NULL until the thread uses a device that is not the CPU */
} context;

static _Thread_local context self;

static pthread_key_t exit_key; /* set in threads that have something to destroy */
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static int exit_error;

static context *get(void) {
    if (!self.device) {
        const hd_device *cpu = hdi_device_cpu();
        self.cpu = (hd_stream){.device = cpu};
        (void)cpu->vtable->stream_create(cpu, &self.cpu.handle); /* the CPU's cannot fail */
        self.current = &self.cpu;
        self.device = cpu;
    }
    return &self;
}

static void thread_exit(void *defaults) {
    hd_stream **streams = defaults;
    self = (context){0}; /* another destructor of this thread may still come back */
    for (int i = 0; i < HDI_MAX_DEVICES; i++) hd_stream_destroy(streams[i]);
    hdi_free(streams);
}

static void make_exit_key(void) { exit_error = pthread_key_create(&exit_key, thread_exit); }

static hd_status default_stream(context *c, const hd_device *device, hd_stream **out) {
    if (device == c->cpu.device) {
        *out = &c->cpu;
        return HD_OK;
    }
    if (!c->defaults) {
        pthread_once(&exit_once, make_exit_key);
        HD_REQUIRE(!exit_error, HD_OUT_OF_MEMORY, "the system has no thread-specific slot left for default streams");
        HD_TRY(hdi_calloc(&c->defaults, HDI_MAX_DEVICES, sizeof *c->defaults, "a thread's default streams"));
        if (pthread_setspecific(exit_key, c->defaults) != 0) {
            hdi_free(c->defaults);
            c->defaults = NULL;
            return hdi_fail(HD_OUT_OF_MEMORY, "cannot keep a thread's default streams");
        }
    }
    hd_stream **slot = &c->defaults[device->ordinal];
    if (!*slot) HD_TRY(hd_stream_create(device, slot));
    *out = *slot;
    return HD_OK;
}

hd_status hdi_stream_for(const hd_device *device, hd_stream **out) {
    context *c = get();
    if (c->device != device) return default_stream(c, device, out);
    *out = c->current;
    return HD_OK;
}

const hd_device *hd_current_device(void) { return get()->device; }
hd_stream *hd_current_stream(void) { return get()->current; }

hd_status hd_set_device(const hd_device *device) {
    context *c = get();
    hd_stream *stream = NULL;
    HD_REQUIRE(device, HD_INVALID_ARGUMENT, "hd_set_device: no device was given");
    if (device == c->device) return HD_OK;
    HD_TRY(default_stream(c, device, &stream));
    c->device = device;
    c->current = stream;
    return HD_OK;
}

hd_status hd_set_stream(hd_stream *stream) {
    context *c = get();
    if (!stream) HD_TRY(default_stream(c, c->device, &stream));
    HD_REQUIRE(stream->device == c->device, HD_INVALID_ARGUMENT, "hd_set_stream: the stream is of %s, the current device is %s",
               hdi_device_text(stream->device), hdi_device_text(c->device));
    c->current = stream;
    return HD_OK;
}

void hdi_context_forget(const hd_stream *stream) {
    context *c = get();
    if (c->current != stream) return;
    c->current = &c->cpu;
    c->device = c->cpu.device;
    if (stream->device == c->device || !c->defaults || !c->defaults[stream->device->ordinal]) return;
    c->device = stream->device;
    c->current = c->defaults[stream->device->ordinal];
}

hd_status hd_synchronize(void) {
    const hd_device *device = hd_current_device();
    return device->vtable->synchronize(device);
}
