/* SPDX-License-Identifier: Apache-2.0 */
/* What the task runtime does to memory that its workers share goes through these words. They are the C11 atomics; in a build with
 * HDI_VIRTUAL_SCHEDULER each of them first asks the test's scheduler who goes on (tests/sched), and each edge of the protocol can
 * be taken out, to see that the tests notice. */
#ifndef HDI_TASK_SCHED_POINT_H
#define HDI_TASK_SCHED_POINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The edges of the protocol: what each does, and so what a mutant does not. */
#define HDI_EDGE_LIST(X)                                                           \
    X(RELEASE, "a step that ends counts down the waits of its successors")         \
    X(LOCAL_WAIT, "a step waits for the steps before it")                          \
    X(ALL_CHUNKS, "a step has ended when all of its chunks have")                  \
    X(REMOTE_WAIT, "a step waits for other ranks' signals")                        \
    X(PARK, "a step that waits is kept for later")                                 \
    X(PARK_CLAIM, "one worker alone takes a parked step")                          \
    X(PARK_AGAIN, "a step taken from the parked ones is looked at again")          \
    X(TRIGGER, "a piece that ends triggers")                                       \
    X(TRIGGER_LAST, "only the last chunk of a piece triggers it")                  \
    X(RESET, "a counter is set again when its step has left the ring")             \
    X(RING_BOUND, "a step is opened only when its place in the ring is free")      \
    X(ADVANCE_AGAIN, "who advances the ring looks again when others have asked")   \
    X(ADVANCE_ALONE, "one worker alone advances the ring")                         \
    X(MAIL_CLAIM, "one worker alone takes a letter")                               \
    X(TAKE_LAST, "owner and thief decide over the last range by compare and swap") \
    X(STEAL, "two thieves decide over a range by compare and swap")                \
    X(WAKE_END, "the end of a run wakes sleepers")                                 \
    X(WAKE_FAIL, "a failure wakes sleepers")                                       \
    X(LOOK_AGAIN, "a worker looks once more after it has said that it sleeps")     \
    X(POLL, "a worker with nothing to do looks at what is parked")

typedef enum hdi_edge {
#define HDI_EDGE_ENUM(name, text) HDI_EDGE_##name,
    HDI_EDGE_LIST(HDI_EDGE_ENUM)
#undef HDI_EDGE_ENUM
        HDI_EDGE_COUNT
} hdi_edge;

#ifdef HDI_VIRTUAL_SCHEDULER
void hdi_vs_point(void);        /* others may go first */
void hdi_vs_shared_point(void); /* the same, at what other ranks can see */
bool hdi_vs_edge(hdi_edge edge);
/* The turn reads an object, or writes it: only the order of accesses to one object matters. */
void hdi_vs_access(const volatile void *object, bool writes);
/* Others go on until *epoch is not `seen`, or, when `timed`, until anything that ranks share has changed. */
void hdi_vs_sleep(const _Atomic uint32_t *epoch, uint32_t seen, bool timed);
#define HDI_POINT() hdi_vs_point()
#define HDI_SHARED_POINT() hdi_vs_shared_point()
#define HDI_EDGE(name) hdi_vs_edge(HDI_EDGE_##name)
#define HDI_READS(object) hdi_vs_access(&(object), false)
#define HDI_WRITES(object) hdi_vs_access(&(object), true)
#else
#define HDI_POINT() ((void)0)
#define HDI_SHARED_POINT() ((void)0)
#define HDI_EDGE(name) true
/* What is touched without a point of its own. */
#define HDI_READS(object) ((void)0)
#define HDI_WRITES(object) ((void)0)
#endif

#define hdi_load(object, order) (HDI_POINT(), HDI_READS(*(object)), atomic_load_explicit(object, memory_order_##order))
#define hdi_store(object, value, order) \
    (HDI_POINT(), HDI_WRITES(*(object)), atomic_store_explicit(object, value, memory_order_##order))
#define hdi_fetch_add(object, value, order) \
    (HDI_POINT(), HDI_WRITES(*(object)), atomic_fetch_add_explicit(object, value, memory_order_##order))
#define hdi_fetch_sub(object, value, order) \
    (HDI_POINT(), HDI_WRITES(*(object)), atomic_fetch_sub_explicit(object, value, memory_order_##order))
#define hdi_fetch_or(object, value, order) \
    (HDI_POINT(), HDI_WRITES(*(object)), atomic_fetch_or_explicit(object, value, memory_order_##order))
#define hdi_fetch_and(object, value, order) \
    (HDI_POINT(), HDI_WRITES(*(object)), atomic_fetch_and_explicit(object, value, memory_order_##order))
/* Failure: relaxed. */
#define hdi_swap_if(object, expected, value, order) \
    (HDI_POINT(), HDI_WRITES(*(object)),            \
     atomic_compare_exchange_strong_explicit(object, expected, value, memory_order_##order, memory_order_relaxed))

#ifdef HDI_VIRTUAL_SCHEDULER
#define HDI_EAGER true /* sleeps at once and steals at once: turns are not what is explored */
#else
#define HDI_EAGER false
#endif

#endif
