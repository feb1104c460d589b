/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: queues of work that is done late, when somebody waits for it, so that code which forgets to wait is seen to. With
 * HD_HOST_STREAMS=thread an OS thread a stream does it in the background instead.
 *
 * One lock guards all queues; it is not held while work is done. */
#ifndef HDI_KERNELS_GPU_HOST_STREAM_H
#define HDI_KERNELS_GPU_HOST_STREAM_H

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "kernels/gpu/host/engine.h"
#include "kernels/gpu/host/memory.h"

/* A point in a stream's queue. */
struct record {
    hostStream *stream;
    bool done = false;
    double seconds = 0; /* when it was passed */
};

struct item {
    std::function<hdi_gpu_host::fault()> run; /* empty: waits for `wait`, or passes `mark` */
    std::shared_ptr<record> wait, mark;
};

struct hostGraph {
    std::vector<item> items;
    int device = 0;
    bool broken = false;
    std::set<hostStream *> streams; /* that are captured into it */
};
struct hostGraphExec {
    std::shared_ptr<std::vector<item>> items;
    int device;
};

struct hostStream {
    int device = 0;
    bool blocking = false; /* waits for the default stream, and that for it */
    bool busy = false;     /* somebody does its first item */
    std::deque<item> queue;
    hostGraph *capture = nullptr;
    std::thread worker; /* with HD_HOST_STREAMS=thread, from the first work on */
    bool stop = false;  /* tells it to end */
};

struct hostEvent {
    std::shared_ptr<record> last; /* NULL: never recorded */
    hostGraph *captured = nullptr;
    bool timing = true;
};

namespace hdi_gpu_host {

typedef std::unique_lock<std::mutex> locked;

locked lock_streams();
/* The stream of a handle, NULL: the default one of this thread's device. NULL for a handle that is none. */
hostStream *find_stream(const locked &l, hostStream_t handle);
/* Whether this OS thread captures, so that calls that may not appear in a graph must fail; they also break the capture. */
bool forbidden_by_capture(const locked &l);
/* Puts an item at the end of the queue, or into the graph that is being captured. */
void push(const locked &l, hostStream *stream, item &&i);
std::shared_ptr<record> push_mark(const locked &l, hostStream *stream);
/* Does work until the mark has been passed; unlocks meanwhile. */
void wait_for(locked &l, const std::shared_ptr<record> &mark);
/* Does one item if there is one, so that somebody who asks again and again gets an answer. */
void nudge(locked &l, hostStream *stream);
/* Waits for all work of a device that is in its queues now. */
void wait_for_device(locked &l, int device);

} // namespace hdi_gpu_host

#endif
