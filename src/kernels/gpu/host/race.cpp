/* SPDX-License-Identifier: Apache-2.0 */
/* Every access of a kernel, looked at: with HEDDLE_GPU_RACECHECK the compiler puts a call before each one (-fsanitize=thread),
 * and here are the functions that it calls, in place of ThreadSanitizer's. Two accesses to a byte of shared memory by two threads
 * of a block, one of them a write, must have a barrier between them, or, within a warp, a gpu_sync_warp: shuffles and votes order
 * no memory, but what a lane read before one it has read. And no access may touch the slack around an array or an allocation. */
#include <stdio.h>

#include "kernels/gpu/host/engine.h"

namespace hdi_gpu_host {

/* What happened to a byte last. Intervals (between barriers) have numbers that never come again, so nothing is ever cleared. */
struct cell {
    uint64_t write_interval, read_interval;
    uint32_t write_sync, read_met; /* how many gpu_sync_warp, meetings of any kind, the thread's warp had seen */
    uint16_t write_thread, read_thread;
    bool write_atomic;
    bool read_lanes; /* other lanes of read_thread's warp read it, too, after the same meeting */
    bool read_warps; /* other warps did */
};

static inline bool ordered(const thread *t, uint16_t other, uint32_t then, uint32_t now) {
    return other == t->thread_index.x || (other / (unsigned)t->home->lanes == t->warp && then < now);
}

[[noreturn]] static void race(const storage *s, const cell *c, size_t at, bool write, bool other_wrote) {
    unsigned other = other_wrote ? c->write_thread : c->read_thread;
    gpu_host_fail(hostErrorAssert, "%s byte %zu of the shared array %s, which thread %u%s %s with no barrier between",
                  write ? "writes" : "reads", at, s->name, other, other_wrote || !c->read_warps ? "" : " or one of another warp",
                  other_wrote ? "writes" : "reads");
}

static void shared_access(thread *t, storage *s, size_t at, size_t bytes, bool write, bool atomic) {
    if (s->cells.size() < s->bytes * sizeof(cell)) s->cells.resize(s->bytes * sizeof(cell));
    cell *cells = (cell *)s->cells.data();
    const uint64_t now = t->home->interval;
    const uint32_t sync = t->home->w[t->warp].synced, met = t->home->w[t->warp].met;
    const uint16_t me = (uint16_t)t->thread_index.x;
    for (size_t i = at; i < at + bytes; i++) {
        cell *c = &cells[i];
        if (c->write_interval == now && !(atomic && c->write_atomic) && !ordered(t, c->write_thread, c->write_sync, sync))
            race(s, c, i, write, true);
        if (atomic && !write) continue; /* half of an atomic operation: no read that others' atomic writes collide with */
        if (write) {
            bool alone = !c->read_warps && (!c->read_lanes || c->read_met < met);
            if (c->read_interval == now && !(alone && ordered(t, c->read_thread, c->read_met, met))) race(s, c, i, true, false);
            c->write_interval = now;
            c->write_sync = sync;
            c->write_thread = me;
            c->write_atomic = atomic;
        } else if (c->read_interval != now || (c->read_thread / (unsigned)t->home->lanes == t->warp && c->read_met < met)) {
            if (c->read_interval != now) c->read_warps = false;
            c->read_interval = now;
            c->read_met = met;
            c->read_thread = me;
            c->read_lanes = false;
        } else if (c->read_thread / (unsigned)t->home->lanes == t->warp)
            c->read_lanes |= c->read_thread != me;
        else
            c->read_warps = true;
    }
}

static bool in_storage(thread *t, storage *s, const char *p, size_t bytes, bool write, bool atomic) {
    if ((uintptr_t)p - (uintptr_t)s->map >= s->map_bytes) return false;
    size_t at = (size_t)(p - s->base);
    if (at >= s->bytes || s->bytes - at < bytes) {
        char where[256];
        snprintf(where, sizeof where, "%s", describe_shared(t->home, p).c_str());
        gpu_host_fail(hostErrorIllegalAddress, "%s %zu bytes at %p: %s", write ? "writes" : "reads", bytes, (const void *)p,
                      where);
    }
    shared_access(t, s, at, bytes, write, atomic);
    return true;
}

static void look(const void *address, size_t bytes, bool write, bool atomic) {
    thread *t = (thread *)gpu_host_self;
    if (!t || !running || running->on == &running->main) return;
    engine *e = running;
    const char *p = (const char *)address;
    if ((uintptr_t)p - (uintptr_t)e->on->stack < e->on->stack_bytes) return;
    block *b = t->home;
    if (in_storage(t, &b->dynamic, p, bytes, write, atomic)) return;
    for (unsigned id : b->used)
        if (in_storage(t, &b->arrays[id], p, bytes, write, atomic)) return;
    const engine::range *r = e->last_range;
    if (!r || (uintptr_t)p - r->map >= r->map_bytes) {
        r = nullptr;
        size_t low = 0, high = e->ranges.size(); /* the last one that begins at or before p */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (e->ranges[middle].map <= (uintptr_t)p)
                low = middle + 1;
            else
                high = middle;
        }
        if (low) r = &e->ranges[low - 1];
        if (!r || (uintptr_t)p - r->map >= r->map_bytes) return; /* constants of the program; or a page that is not there */
        e->last_range = r;
    }
    if ((uintptr_t)p - r->base >= r->bytes || r->bytes - ((uintptr_t)p - r->base) < bytes) {
        char where[256];
        snprintf(where, sizeof where, "%s", describe_address(p).c_str());
        gpu_host_fail(hostErrorIllegalAddress, "%s %zu bytes at %p: %s", write ? "writes" : "reads", bytes, address, where);
    }
}

static void look_aligned(const void *address, size_t bytes, bool write) {
    if (gpu_host_self && (uintptr_t)address % bytes)
        gpu_host_fail(hostErrorMisalignedAddress, "%s %zu bytes at %p, which is not aligned", write ? "writes" : "reads", bytes,
                      address);
    look(address, bytes, write, false);
}

/* Tells the engine that we are here. */
static const bool there = [] {
    check_access = look;
    return true;
}();

} // namespace hdi_gpu_host

using namespace hdi_gpu_host;

/* ---- what the compiler calls ---- */

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}

#define ACCESS(n)                                                        \
    void __tsan_read##n(void *p) { look_aligned(p, n, false); }          \
    void __tsan_write##n(void *p) { look_aligned(p, n, true); }          \
    void __tsan_volatile_read##n(void *p) { look_aligned(p, n, false); } \
    void __tsan_volatile_write##n(void *p) { look_aligned(p, n, true); } \
    void __tsan_unaligned_read##n(void *p) { look(p, n, false, false); } \
    void __tsan_unaligned_write##n(void *p) { look(p, n, true, false); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __tsan_read_range(void *p, unsigned long bytes) { look(p, bytes, false, false); }
void __tsan_write_range(void *p, unsigned long bytes) { look(p, bytes, true, false); }

#define ATOMIC(bits, T)                                                                                \
    T __tsan_atomic##bits##_load(const volatile T *p, int) {                                           \
        look((const void *)p, sizeof(T), false, true);                                                 \
        return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                   \
    }                                                                                                  \
    void __tsan_atomic##bits##_store(volatile T *p, T x, int) {                                        \
        look((const void *)p, sizeof(T), true, true);                                                  \
        __atomic_store_n(p, x, __ATOMIC_SEQ_CST);                                                      \
    }                                                                                                  \
    T __tsan_atomic##bits##_exchange(volatile T *p, T x, int) {                                        \
        look((const void *)p, sizeof(T), true, true);                                                  \
        return __atomic_exchange_n(p, x, __ATOMIC_SEQ_CST);                                            \
    }                                                                                                  \
    T __tsan_atomic##bits##_fetch_add(volatile T *p, T x, int) {                                       \
        look((const void *)p, sizeof(T), true, true);                                                  \
        return __atomic_fetch_add(p, x, __ATOMIC_SEQ_CST);                                             \
    }                                                                                                  \
    T __tsan_atomic##bits##_fetch_sub(volatile T *p, T x, int) {                                       \
        look((const void *)p, sizeof(T), true, true);                                                  \
        return __atomic_fetch_sub(p, x, __ATOMIC_SEQ_CST);                                             \
    }                                                                                                  \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile T *p, T *expected, T x, int, int) {     \
        look((const void *)p, sizeof(T), true, true);                                                  \
        return __atomic_compare_exchange_n(p, expected, x, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    }                                                                                                  \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile T *p, T *expected, T x, int, int) {       \
        return __tsan_atomic##bits##_compare_exchange_strong(p, expected, x, 0, 0);                    \
    }                                                                                                  \
    T __tsan_atomic##bits##_compare_exchange_val(volatile T *p, T expected, T x, int, int) {           \
        __tsan_atomic##bits##_compare_exchange_strong(p, &expected, x, 0, 0);                          \
        return expected;                                                                               \
    }
ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

} /* extern "C" */
