/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of the task runtime's protocol. In a build with HDI_VIRTUAL_SCHEDULER (base/shared.h) each of them can be taken out,
 * to see that the tests notice. */
#ifndef HDI_TASK_SCHED_POINT_H
#define HDI_TASK_SCHED_POINT_H

#include "base/shared.h"

/* The edges of the protocol: what each does, and so what a mutant does not. */
#define HDI_EDGE_LIST(X)                                                               \
    X(RELEASE, "a step that ends counts down the waits of its successors")             \
    X(LOCAL_WAIT, "a step waits for the steps before it")                              \
    X(ALL_CHUNKS, "a step has ended when all of its chunks have")                      \
    X(REMOTE_WAIT, "a step waits for other ranks' signals")                            \
    X(PARK, "a step that waits is kept for later")                                     \
    X(PARK_CLAIM, "one worker alone takes a parked step")                              \
    X(PARK_AGAIN, "a step taken from the parked ones is looked at again")              \
    X(TRIGGER, "a piece that ends triggers")                                           \
    X(TRIGGER_LAST, "only the last chunk of a piece triggers it")                      \
    X(RESET, "a counter is set again when its step has left the ring")                 \
    X(RING_BOUND, "a step is opened only when its place in the ring is free")          \
    X(ADVANCE_AGAIN, "who advances the ring looks again when others have asked")       \
    X(ADVANCE_ALONE, "one worker alone advances the ring")                             \
    X(MAIL_CLAIM, "one worker alone takes a letter")                                   \
    X(TAKE_LAST, "owner and thief decide over the last range by compare and swap")     \
    X(STEAL, "two thieves decide over a range by compare and swap")                    \
    X(WAKE_END, "the end of a run wakes sleepers")                                     \
    X(WAKE_FAIL, "a failure wakes sleepers")                                           \
    X(LOOK_AGAIN, "a worker looks once more after it has said that it sleeps")         \
    X(RUN_END, "the end of a run is told to those who write in the next what it read") \
    X(POLL, "a worker with nothing to do looks at what is parked")

typedef enum hdi_edge {
#define HDI_EDGE_ENUM(name, text) HDI_EDGE_##name,
    HDI_EDGE_LIST(HDI_EDGE_ENUM)
#undef HDI_EDGE_ENUM
        HDI_EDGE_COUNT
} hdi_edge;

#ifdef HDI_VIRTUAL_SCHEDULER
bool hdi_vs_edge(hdi_edge edge);
#define HDI_EDGE(name) hdi_vs_edge(HDI_EDGE_##name)
#else
#define HDI_EDGE(name) true
#endif

#endif
