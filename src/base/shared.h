/* SPDX-License-Identifier: Apache-2.0 */
/* What threads do to memory that they share goes through these words. They are the C11 atomics. In a build with
 * HDI_VIRTUAL_SCHEDULER each of them first asks the test's scheduler who goes on and then goes to a model of weak memory
 * (tests/sched/memory.h); each use is a site, whose ordering can be weakened to see that the tests notice. */
#ifndef HDI_BASE_SHARED_H
#define HDI_BASE_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HDI_VIRTUAL_SCHEDULER
typedef enum hdi_order {
    HDI_ORDER_relaxed,
    HDI_ORDER_acquire,
    HDI_ORDER_release,
    HDI_ORDER_acq_rel,
    HDI_ORDER_seq_cst
} hdi_order;
typedef enum hdi_access {
    HDI_LOAD,
    HDI_STORE,
    HDI_ADD,
    HDI_SUB,
    HDI_BLIND_ADD,
    HDI_OR,
    HDI_AND,
    HDI_SWAP,
    HDI_SWAP_IF
} hdi_access;

/* One use of a word in the source. */
typedef struct hdi_site {
    const char *file, *object;
    int line;
    hdi_access access;
    hdi_order written, order; /* as in the source, and as it is now */
} hdi_site;

void hdi_vs_point(void);        /* others may go first */
void hdi_vs_shared_point(void); /* the same, at what other ranks can see */
uint64_t hdi_vs_load(const hdi_site *site, const volatile void *object, size_t size);
void hdi_vs_store(const hdi_site *site, volatile void *object, size_t size, uint64_t value);
uint64_t hdi_vs_change(const hdi_site *site, volatile void *object, size_t size, uint64_t operand);
bool hdi_vs_swap_if(const hdi_site *site, volatile void *object, size_t size, uint64_t *expected, uint64_t value);
/* Plain memory that the protocol hands from thread to thread: what is not ordered is a race. */
void hdi_vs_plain(const volatile void *object, bool writes, const char *text);

/* All sites are in one section of the program, whether they are ever reached or not. */
#define HDI_SITE(object, access, order)                                                                      \
    ({                                                                                                       \
        static hdi_site site_ = {__FILE__, #object, __LINE__, access, HDI_ORDER_##order, HDI_ORDER_##order}; \
        static hdi_site *const listed_ __attribute__((used, section("hdi_sites"))) = &site_;                 \
        &site_;                                                                                              \
    })
#define HDI_VALUE(object) __typeof__((void)0, *(object)) /* its type without _Atomic */
#define HDI_CHANGE(object, value, access, order) \
    ((HDI_VALUE(object))hdi_vs_change(HDI_SITE(object, access, order), object, sizeof *(object), (uint64_t)(value)))

#define HDI_POINT() hdi_vs_point()
#define HDI_SHARED_POINT() hdi_vs_shared_point()
#define HDI_READS(object) hdi_vs_plain(&(object), false, #object)
#define HDI_WRITES(object) hdi_vs_plain(&(object), true, #object)
#define HDI_EAGER true /* sleeps at once and steals at once: turns are not what is explored */

#define hdi_quiet_load(object, order) \
    ((HDI_VALUE(object))hdi_vs_load(HDI_SITE(object, HDI_LOAD, order), object, sizeof *(object)))
#define hdi_quiet_store(object, value, order) \
    hdi_vs_store(HDI_SITE(object, HDI_STORE, order), object, sizeof *(object), (uint64_t)(HDI_VALUE(object))(value))
#define hdi_fetch_add(object, value, order) (HDI_POINT(), HDI_CHANGE(object, value, HDI_ADD, order))
#define hdi_fetch_sub(object, value, order) (HDI_POINT(), HDI_CHANGE(object, value, HDI_SUB, order))
/* Nobody looks at what stood there: any order of them does the same. */
#define hdi_add(object, value, order) (HDI_POINT(), (void)HDI_CHANGE(object, value, HDI_BLIND_ADD, order))
#define hdi_sub(object, value, order) (HDI_POINT(), (void)HDI_CHANGE(object, 0 - (uint64_t)(value), HDI_BLIND_ADD, order))
#define hdi_fetch_or(object, value, order) (HDI_POINT(), HDI_CHANGE(object, value, HDI_OR, order))
#define hdi_fetch_and(object, value, order) (HDI_POINT(), HDI_CHANGE(object, value, HDI_AND, order))
#define hdi_swap(object, value, order) (HDI_POINT(), HDI_CHANGE(object, value, HDI_SWAP, order))
#define hdi_swap_if(object, expected, value, order)                                                                \
    ({                                                                                                             \
        HDI_POINT();                                                                                               \
        uint64_t expected_ = (uint64_t)(*(expected));                                                              \
        bool swapped_ = hdi_vs_swap_if(HDI_SITE(object, HDI_SWAP_IF, order), object, sizeof *(object), &expected_, \
                                       (uint64_t)(HDI_VALUE(object))(value));                                      \
        *(expected) = (HDI_VALUE(object))expected_;                                                                \
        swapped_;                                                                                                  \
    })
#else
#define HDI_POINT() ((void)0)
#define HDI_SHARED_POINT() ((void)0)
#define HDI_READS(object) ((void)0)
#define HDI_WRITES(object) ((void)0)
#define HDI_EAGER false

/* Where others could not tell whether they went first: the scheduler is not asked. */
#define hdi_quiet_load(object, order) atomic_load_explicit(object, memory_order_##order)
#define hdi_quiet_store(object, value, order) atomic_store_explicit(object, value, memory_order_##order)
#define hdi_fetch_add(object, value, order) atomic_fetch_add_explicit(object, value, memory_order_##order)
#define hdi_fetch_sub(object, value, order) atomic_fetch_sub_explicit(object, value, memory_order_##order)
#define hdi_add(object, value, order) ((void)atomic_fetch_add_explicit(object, value, memory_order_##order))
#define hdi_sub(object, value, order) ((void)atomic_fetch_sub_explicit(object, value, memory_order_##order))
#define hdi_fetch_or(object, value, order) atomic_fetch_or_explicit(object, value, memory_order_##order)
#define hdi_fetch_and(object, value, order) atomic_fetch_and_explicit(object, value, memory_order_##order)
#define hdi_swap(object, value, order) atomic_exchange_explicit(object, value, memory_order_##order)
/* Failure: relaxed. */
#define hdi_swap_if(object, expected, value, order) \
    atomic_compare_exchange_strong_explicit(object, expected, value, memory_order_##order, memory_order_relaxed)
#endif

/* What a rank tells of itself, for reports. Nothing that is done depends on it: it is no point, and no site. */
#define hdi_tell(object, value, order) atomic_store_explicit(object, value, memory_order_##order)
#define hdi_told(object) atomic_load_explicit(object, memory_order_relaxed)

#define hdi_load(object, order) (HDI_POINT(), hdi_quiet_load(object, order))
#define hdi_store(object, value, order) (HDI_POINT(), hdi_quiet_store(object, value, order))

#endif
