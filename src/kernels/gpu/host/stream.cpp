/* SPDX-License-Identifier: Apache-2.0 */
/* Queues and how they are worked off; the calls about streams and events. */
#include "kernels/gpu/host/stream.h"

#include <algorithm>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/gpu/host/runtime.h"

namespace hdi_gpu_host {

/* Never destroyed: threads of streams may outlive main. */
struct queues {
    std::mutex lock;
    std::condition_variable changed;
    hostStream defaults[DEVICES];
    std::set<hostStream *> streams;
    std::set<hostEvent *> events;
    queues() {
        for (int d = 0; d < DEVICES; d++) {
            defaults[d].device = d;
            streams.insert(&defaults[d]);
        }
    }
};
static queues &all() {
    static queues &the = *new queues;
    return the;
}
static thread_local hostGraph *captures; /* by this OS thread, in a mode that forbids unsafe calls */

static double seconds() {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

locked lock_streams() { return locked(all().lock); }

hostStream *find_stream(const locked &, hostStream_t handle) {
    if (!handle) return &all().defaults[device_now()];
    return all().streams.count(handle) ? handle : nullptr;
}

bool forbidden_by_capture(const locked &) {
    if (!captures) return false;
    captures->broken = true;
    return true;
}

static bool is_default(const hostStream *s) { return s == &all().defaults[s->device]; }

static void step(locked &l, hostStream *s);

static bool with_threads() {
    static const bool on = [] {
        const char *text = getenv("HD_HOST_STREAMS");
        return text && strcmp(text, "thread") == 0;
    }();
    return on;
}

/* What the thread of a stream does. */
static void work(hostStream *s) {
    locked l = lock_streams();
    while (!s->stop) {
        if (s->queue.empty())
            all().changed.wait(l);
        else
            step(l, s);
    }
}

void push(const locked &l, hostStream *stream, item &&i) {
    if (stream->capture) {
        if (!i.mark && !i.wait) stream->capture->items.push_back(std::move(i));
        return;
    }
    if (i.run && is_default(stream))
        for (hostStream *s : all().streams)
            if (s->blocking && s->device == stream->device && !s->capture && !s->queue.empty())
                stream->queue.push_back({nullptr, push_mark(l, s), nullptr});
    if (i.run && stream->blocking && !all().defaults[stream->device].queue.empty())
        stream->queue.push_back({nullptr, push_mark(l, &all().defaults[stream->device]), nullptr});
    stream->queue.push_back(std::move(i));
    if (with_threads() && !stream->worker.joinable()) {
        if (is_default(stream)) {
            static bool started[DEVICES]; /* these threads end with the process */
            if (!started[stream->device]) std::thread(work, stream).detach();
            started[stream->device] = true;
        } else
            stream->worker = std::thread(work, stream);
    }
    all().changed.notify_all();
}

std::shared_ptr<record> push_mark(const locked &l, hostStream *stream) {
    std::shared_ptr<record> mark = std::make_shared<record>();
    mark->stream = stream;
    push(l, stream, {nullptr, nullptr, mark});
    return mark;
}

/* Does the first item of the queue, or the work that it waits for, or waits for the thread that does it. */
static void step(locked &l, hostStream *s) {
    if (s->busy) {
        all().changed.wait(l);
        return;
    }
    item &first = s->queue.front();
    if (first.wait && !first.wait->done) {
        std::shared_ptr<record> mark = first.wait; /* the queue may be worked off by another thread meanwhile */
        step(l, mark->stream);
        return;
    }
    if (first.run && sticky_error(s->device) == hostSuccess) {
        s->busy = true;
        std::function<fault()> run = std::move(first.run);
        l.unlock();
        fault f = run();
        if (f.error != hostSuccess) set_sticky(s->device, f);
        run = nullptr;
        l.lock();
        s->busy = false;
    }
    if (s->queue.front().mark) {
        s->queue.front().mark->seconds = seconds();
        s->queue.front().mark->done = true;
    }
    s->queue.pop_front();
    all().changed.notify_all();
}

void wait_for(locked &l, const std::shared_ptr<record> &mark) {
    while (!mark->done) step(l, mark->stream);
}

void nudge(locked &l, hostStream *stream) {
    if (!stream->busy && !stream->queue.empty()) step(l, stream);
}

void wait_for_device(locked &l, int device) {
    std::vector<std::shared_ptr<record>> marks;
    for (hostStream *s : all().streams)
        if (s->device == device && !s->capture && !s->queue.empty()) marks.push_back(push_mark(l, s));
    for (const std::shared_ptr<record> &mark : marks) wait_for(l, mark);
}

} // namespace hdi_gpu_host

using namespace hdi_gpu_host;

/* ---- devices ---- */

hostError_t hostDeviceSynchronize(void) {
    locked l = lock_streams();
    if (forbidden_by_capture(l)) return done(hostErrorStreamCaptureUnsupported);
    wait_for_device(l, device_now());
    return done(sticky_error(device_now()));
}

hostError_t hostDeviceReset(void) {
    locked l = lock_streams();
    wait_for_device(l, device_now());
    clear_sticky(device_now());
    (void)hostGetLastError();
    return hostSuccess;
}

/* ---- streams ---- */

hostError_t hostStreamCreateWithFlags(hostStream_t *out, unsigned flags) {
    if (!out || flags > hostStreamNonBlocking) return done(hostErrorInvalidValue);
    locked l = lock_streams();
    hostStream *s = new hostStream;
    s->device = device_now();
    s->blocking = flags == hostStreamDefault;
    all().streams.insert(s);
    *out = s;
    return hostSuccess;
}
hostError_t hostStreamCreate(hostStream_t *out) { return hostStreamCreateWithFlags(out, hostStreamDefault); }

hostError_t hostStreamDestroy(hostStream_t handle) {
    locked l = lock_streams();
    hostStream *s = handle ? find_stream(l, handle) : nullptr;
    if (!s) return done(hostErrorInvalidResourceHandle);
    if (s->capture) return done(hostErrorStreamCaptureUnsupported);
    while (!s->queue.empty() || s->busy) step(l, s);
    all().streams.erase(s);
    s->stop = true;
    all().changed.notify_all();
    l.unlock();
    if (s->worker.joinable()) s->worker.join();
    delete s;
    return hostSuccess;
}

hostError_t hostStreamSynchronize(hostStream_t handle) {
    locked l = lock_streams();
    hostStream *s = find_stream(l, handle);
    if (!s) return done(hostErrorInvalidResourceHandle);
    if (s->capture) {
        s->capture->broken = true;
        return done(hostErrorStreamCaptureUnsupported);
    }
    int device = s->device;
    wait_for(l, push_mark(l, s));
    return done(sticky_error(device));
}

hostError_t hostStreamQuery(hostStream_t handle) {
    locked l = lock_streams();
    hostStream *s = find_stream(l, handle);
    if (!s) return done(hostErrorInvalidResourceHandle);
    if (s->capture) {
        s->capture->broken = true;
        return done(hostErrorStreamCaptureUnsupported);
    }
    nudge(l, s);
    if (!s->queue.empty()) return hostErrorNotReady;
    return done(sticky_error(s->device));
}

hostError_t hostStreamWaitEvent(hostStream_t handle, hostEvent_t event, unsigned flags) {
    locked l = lock_streams();
    hostStream *s = find_stream(l, handle);
    if (!s || !all().events.count(event)) return done(hostErrorInvalidResourceHandle);
    if (flags) return done(hostErrorInvalidValue);
    if (event->captured && (!s->capture || s->capture == event->captured)) { /* the stream joins the capture */
        s->capture = event->captured;
        s->capture->streams.insert(s);
    } else if (s->capture) {
        s->capture->broken = true;
        return done(hostErrorStreamCaptureUnsupported);
    } else if (event->last && !event->last->done)
        push(l, s, {nullptr, event->last, nullptr});
    return done(sticky_error(s->device));
}

/* ---- events ---- */

hostError_t hostEventCreateWithFlags(hostEvent_t *out, unsigned flags) {
    if (!out || flags > (hostEventBlockingSync | hostEventDisableTiming)) return done(hostErrorInvalidValue);
    locked l = lock_streams();
    hostEvent *e = new hostEvent;
    e->timing = !(flags & hostEventDisableTiming);
    all().events.insert(e);
    *out = e;
    return hostSuccess;
}
hostError_t hostEventCreate(hostEvent_t *out) { return hostEventCreateWithFlags(out, hostEventDefault); }

hostError_t hostEventDestroy(hostEvent_t event) {
    locked l = lock_streams();
    if (!all().events.erase(event)) return done(hostErrorInvalidResourceHandle);
    delete event;
    return hostSuccess;
}

hostError_t hostEventRecord(hostEvent_t event, hostStream_t handle) {
    locked l = lock_streams();
    hostStream *s = find_stream(l, handle);
    if (!s || !all().events.count(event)) return done(hostErrorInvalidResourceHandle);
    event->captured = s->capture;
    if (!s->capture) event->last = push_mark(l, s);
    return done(sticky_error(s->device));
}

hostError_t hostEventQuery(hostEvent_t event) {
    locked l = lock_streams();
    if (!all().events.count(event)) return done(hostErrorInvalidResourceHandle);
    std::shared_ptr<record> mark = event->last;
    if (!mark) return hostSuccess;
    if (!mark->done) nudge(l, mark->stream);
    if (!mark->done) return hostErrorNotReady;
    return done(sticky_error(device_now()));
}

hostError_t hostEventSynchronize(hostEvent_t event) {
    locked l = lock_streams();
    if (!all().events.count(event)) return done(hostErrorInvalidResourceHandle);
    std::shared_ptr<record> mark = event->last;
    if (mark) wait_for(l, mark);
    return done(sticky_error(device_now()));
}

hostError_t hostEventElapsedTime(float *milliseconds, hostEvent_t from, hostEvent_t to) {
    locked l = lock_streams();
    if (!all().events.count(from) || !all().events.count(to) || !from->last || !to->last || !from->timing || !to->timing)
        return done(hostErrorInvalidResourceHandle);
    if (!from->last->done || !to->last->done) return hostErrorNotReady;
    *milliseconds = (float)((to->last->seconds - from->last->seconds) * 1e3);
    return hostSuccess;
}

/* ---- graphs ---- */

hostError_t hostStreamBeginCapture(hostStream_t handle, hostStreamCaptureMode mode) {
    locked l = lock_streams();
    hostStream *s = handle ? find_stream(l, handle) : nullptr;
    if (!s || s->capture) return done(s ? hostErrorStreamCaptureUnsupported : hostErrorInvalidResourceHandle);
    s->capture = new hostGraph;
    s->capture->device = s->device;
    s->capture->streams.insert(s);
    if (mode != hostStreamCaptureModeRelaxed) captures = s->capture;
    return hostSuccess;
}

hostError_t hostStreamEndCapture(hostStream_t handle, hostGraph_t *out) {
    locked l = lock_streams();
    *out = nullptr;
    hostStream *s = handle ? find_stream(l, handle) : nullptr;
    if (!s || !s->capture) return done(hostErrorInvalidResourceHandle);
    hostGraph *g = s->capture;
    for (hostStream *each : g->streams) each->capture = nullptr;
    for (hostEvent *e : all().events)
        if (e->captured == g) e->captured = nullptr;
    if (captures == g) captures = nullptr;
    if (g->broken) {
        delete g;
        return done(hostErrorStreamCaptureInvalidated);
    }
    *out = g;
    return hostSuccess;
}

hostError_t hostGraphInstantiate(hostGraphExec_t *out, hostGraph_t graph, unsigned long long flags) {
    if (!out || !graph || flags) return done(hostErrorInvalidValue);
    *out = new hostGraphExec{std::make_shared<std::vector<item>>(graph->items), graph->device};
    return hostSuccess;
}

hostError_t hostGraphLaunch(hostGraphExec_t graph, hostStream_t handle) {
    locked l = lock_streams();
    hostStream *s = find_stream(l, handle);
    if (!s || !graph) return done(hostErrorInvalidResourceHandle);
    if (s->device != graph->device) return done(hostErrorInvalidValue);
    std::shared_ptr<std::vector<item>> items = graph->items;
    push(l, s,
         {[items] {
              for (const item &i : *items) {
                  fault f = i.run();
                  if (f.error != hostSuccess) return f;
              }
              return fault();
          },
          nullptr, nullptr});
    return done(sticky_error(s->device));
}

hostError_t hostGraphExecDestroy(hostGraphExec_t graph) {
    delete graph;
    return hostSuccess;
}
hostError_t hostGraphDestroy(hostGraph_t graph) {
    delete graph;
    return hostSuccess;
}
