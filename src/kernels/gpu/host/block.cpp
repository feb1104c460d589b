/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of blocks: which runs next, and the places where they wait for one another. */
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/gpu/host/block.h"

__thread gpu_host_thread *gpu_host_self;

namespace hdi_gpu_host {

__thread engine *running;
void (*check_access)(const void *address, size_t bytes, bool write, bool atomic);

/* How long all threads may wait for memory to change: HD_HOST_TIMEOUT, seconds. */
static double timeout() {
    static const double limit = [] {
        const char *text = getenv("HD_HOST_TIMEOUT");
        return text && atof(text) > 0 ? atof(text) : 20.0;
    }();
    return limit;
}

static double seconds() {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline uint64_t random_next(engine *e) {
    e->random ^= e->random << 13;
    e->random ^= e->random >> 7;
    e->random ^= e->random << 17;
    return e->random;
}

/* A set bit of a mask that is not 0, by the order of the block. */
static inline unsigned pick(engine *e, const block *b, uint64_t mask) {
    if (b->order == block::UP) return (unsigned)__builtin_ctzll(mask);
    if (b->order == block::DOWN) return 63 - (unsigned)__builtin_clzll(mask);
    unsigned r = (unsigned)(random_next(e) >> 32) & 63;
    uint64_t turned = mask >> r | mask << (-r & 63);
    return ((unsigned)__builtin_ctzll(turned) + r) & 63;
}

void block_phase(engine *e, block *b) {
    b->order = (decltype(b->order))(((uint64_t)b->index + b->phase + host_seed()) % 3);
    b->phase++;
    b->interval = ++e->intervals;
    b->last_warp = pick(e, b, full_mask(b->warps));
}

/* Makes `b` the block `index` of the launch, with no thread started. */
static bool block_begin(engine *e, block *b, int64_t index) {
    const gpu_host_launch_info &info = e->what->info;
    b->index = index;
    b->lanes = info.lanes;
    b->threads = (unsigned)info.threads;
    b->warps = (b->threads + (unsigned)b->lanes - 1) / (unsigned)b->lanes;
    b->alive = b->threads;
    b->at_barrier = b->phase = 0;
    b->warps_ready = 0;
    b->epoch = ++e->epoch;
    block_phase(e, b);
    for (unsigned w = 0; w < b->warps; w++) {
        warp *v = &b->w[w];
        unsigned left = b->threads - w * (unsigned)b->lanes;
        v->lanes = left < (unsigned)b->lanes ? left : (unsigned)b->lanes;
        v->arrived = v->parity = v->met = v->synced = 0;
        v->paused = 0;
        set_ready(b, w, full_mask(v->lanes));
    }
    for (unsigned i = 0; i < b->threads; i++) {
        thread *t = &b->t[i];
        t->thread_index = dim3(i, 0, 0);
        t->block_index = dim3((unsigned)index, 0, 0);
        t->block_size = dim3(b->threads, 1, 1);
        t->grid_size = dim3((unsigned)info.blocks, 1, 1);
        t->warp = i / (unsigned)b->lanes;
        t->lane = i % (unsigned)b->lanes;
        t->lanes = b->w[t->warp].lanes;
        t->home = b;
        t->on = nullptr;
        t->state = thread::READY;
        t->group = 0;
        t->copies.clear();
    }
    return shared_begin(b, info.shared);
}

/* Nobody can run and nobody pauses: says who waits for whom. */
[[noreturn]] static void deadlock(engine *e) {
    block *b = e->blocks[0];
    for (size_t i = 0; i < e->alive; i++)
        if (e->blocks[i]->alive) b = e->blocks[i];
    const thread *waits = nullptr, *missing = nullptr;
    for (unsigned i = 0; i < b->threads; i++)
        if (b->t[i].state == thread::AT_WARP && !waits) waits = &b->t[i];
    for (unsigned i = 0; i < b->threads; i++)
        if (b->t[i].state == thread::AT_BARRIER && !waits) waits = &b->t[i];
    bool of_warp = waits->state == thread::AT_WARP;
    for (unsigned i = 0; i < b->threads && !missing; i++) {
        const thread *t = &b->t[i];
        if (t->state != waits->state && (!of_warp || t->warp == waits->warp)) missing = t;
    }
    gpu_host_self = const_cast<thread *>(waits);
    if (!missing) gpu_host_fail(hostErrorLaunchTimeout, "threads wait for one another for ever");
    const char *kind = of_warp ? "lanes of its warp" : "threads of its block";
    if (missing->state == thread::DONE)
        gpu_host_fail(hostErrorAssert, "waits for all %s in %s at %s:%d, but thread %u has returned", kind, waits->place.word,
                      waits->place.file, waits->place.line, missing->thread_index.x);
    gpu_host_fail(hostErrorAssert, "waits for all %s in %s at %s:%d, but thread %u waits in %s at %s:%d", kind, waits->place.word,
                  waits->place.file, waits->place.line, missing->thread_index.x, missing->place.word, missing->place.file,
                  missing->place.line);
}

/* All that can run wait for memory to change: another OS thread may have to do it, or nobody ever will. */
static void idle(engine *e) {
    if (++e->idle % 64) return;
    sched_yield();
    if (e->idle == 64) e->idle_since = seconds();
    if (seconds() - e->idle_since < timeout()) return;
    gpu_host_self = nullptr;
    for (size_t i = 0; i < e->alive && !gpu_host_self; i++)
        for (unsigned k = 0; k < e->blocks[i]->threads && !gpu_host_self; k++)
            if (e->blocks[i]->t[k].state == thread::READY) gpu_host_self = &e->blocks[i]->t[k];
    gpu_host_fail(hostErrorLaunchTimeout, "waited %g s in gpu_pause or gpu_load_acquire for what nobody does", timeout());
}

/* The thread that runs next; NULL when all are through. */
static thread *choose(engine *e) {
    for (;;) {
        bool any_alive = false, any_paused = false;
        for (size_t i = 0; i < e->alive; i++) {
            block *b = e->blocks[e->current];
            if (b->warps_ready) {
                unsigned w = b->last_warp;
                if (!(b->warps_ready >> w & 1)) b->last_warp = w = pick(e, b, b->warps_ready);
                return &b->t[w * (unsigned)b->lanes + pick(e, b, b->w[w].ready)];
            }
            any_alive |= b->alive > 0;
            if (++e->current == e->alive) e->current = 0;
        }
        if (!any_alive) return nullptr;
        for (size_t i = 0; i < e->alive; i++) {
            block *b = e->blocks[i];
            for (unsigned w = 0; w < b->warps; w++)
                if (b->w[w].paused) {
                    any_paused = true;
                    set_ready(b, w, b->w[w].ready | b->w[w].paused);
                    b->w[w].paused = 0;
                }
        }
        if (!any_paused) deadlock(e);
        idle(e);
    }
}

static fiber *take_fiber(engine *e) {
    if (e->free_fibers.empty()) {
        fiber *f = new fiber;
        if (!fiber_create(f, (unsigned)e->fibers.size())) {
            delete f;
            return nullptr;
        }
        e->fibers.push_back(f);
        return f;
    }
    fiber *f = e->free_fibers.back();
    e->free_fibers.pop_back();
    return f;
}

/* One thread after the other, until all that can begin on this fiber have. */
static void fiber_main() {
    fiber_started();
    for (;;) {
        engine *e = running;
        e->what->info.invoke(e->what->call.data());
        e = running;
        thread *t = (thread *)gpu_host_self;
        block *b = t->home;
        fiber *f = t->on;
        t->state = thread::DONE;
        t->on = nullptr;
        b->alive--;
        set_ready(b, t->warp, b->w[t->warp].ready & ~(1ull << t->lane));
        if (b->alive == 0) shared_check(b, "when the block ended");
        thread *next = choose(e);
        gpu_host_self = next;
        if (next && !next->on) {
            next->on = f;
            continue;
        }
        e->idle = 0;
        e->free_fibers.push_back(f);
        fiber_switch(f, e->on = next ? next->on : &e->main, true);
    }
}

static bool enter(engine *e, fiber *from, thread *next) {
    if (!next->on) {
        next->on = take_fiber(e);
        if (!next->on) return false;
        fiber_prepare(next->on, fiber_main);
    }
    gpu_host_self = next;
    fiber_switch(from, e->on = next->on);
    return true;
}

void give_way(engine *e, thread *t) {
    thread *next = choose(e);
    if (next != t && !enter(e, t->on, next)) gpu_host_fail(hostErrorMemoryAllocation, "no memory for the stacks of all threads");
}

void run_blocks(engine *e, int64_t first) {
    bool ok = true;
    for (size_t i = 0; i < e->alive; i++) ok &= block_begin(e, e->blocks[i], first + (int64_t)i);
    e->current = 0;
    e->idle = 0;
    if (!ok || !enter(e, &e->main, choose(e)))
        e->failed = {hostErrorMemoryAllocation, e->what->name() + ": no memory for its shared arrays or its stacks"};
    gpu_host_self = nullptr;
}

void abandon(engine *e) {
    gpu_host_self = nullptr;
    fiber *from = e->on;
    fiber_switch(from, e->on = &e->main, true);
    __builtin_unreachable();
}

} // namespace hdi_gpu_host
