/* SPDX-License-Identifier: Apache-2.0 */
/* The words at which threads wait: barriers, meetings of a warp, pauses, and copies in the background. */
#include <atomic>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "kernels/gpu/host/block.h"

using namespace hdi_gpu_host;

static inline bool same(const gpu_host_place &a, const gpu_host_place &b) {
    return a.line == b.line && (a.file == b.file || strcmp(a.file, b.file) == 0) &&
           (a.word == b.word || strcmp(a.word, b.word) == 0);
}

void gpu_host_barrier(gpu_host_place place) {
    engine *e = running;
    thread *t = (thread *)gpu_host_self;
    block *b = t->home;
    if (b->at_barrier == 0)
        b->barrier = place;
    else if (!same(b->barrier, place))
        gpu_host_fail(hostErrorAssert, "is at %s at %s:%d while others of its block are at %s at %s:%d", place.word, place.file,
                      place.line, b->barrier.word, b->barrier.file, b->barrier.line);
    t->place = place;
    t->state = thread::AT_BARRIER;
    set_ready(b, t->warp, b->w[t->warp].ready & ~(1ull << t->lane));
    if (++b->at_barrier == b->threads) {
        shared_check(b, "before it");
        b->at_barrier = 0;
        e->idle = 0;
        block_phase(e, b);
        for (unsigned i = 0; i < b->threads; i++) b->t[i].state = thread::READY;
        for (unsigned w = 0; w < b->warps; w++) set_ready(b, w, full_mask(b->w[w].lanes));
    }
    give_way(e, t);
}

void *gpu_host_slot() {
    thread *t = (thread *)gpu_host_self;
    warp *w = &t->home->w[t->warp];
    return w->slot[w->parity] + t->lane * GPU_HOST_SLOT;
}

const char *gpu_host_meet(gpu_host_place place) {
    engine *e = running;
    thread *t = (thread *)gpu_host_self;
    block *b = t->home;
    warp *w = &b->w[t->warp];
    if (w->arrived == 0)
        w->place = place;
    else if (!same(w->place, place))
        gpu_host_fail(hostErrorAssert, "is at %s at %s:%d while other lanes of its warp are at %s at %s:%d", place.word,
                      place.file, place.line, w->place.word, w->place.file, w->place.line);
    const char *slots = w->slot[w->parity]; /* whole until all lanes have come to the meeting after the next */
    t->place = place;
    if (++w->arrived == w->lanes) {
        w->arrived = 0;
        w->parity ^= 1;
        w->met++;
        w->synced += strcmp(place.word, "gpu_sync_warp") == 0;
        e->idle = 0;
        for (unsigned i = 0; i < w->lanes; i++) b->t[t->warp * (unsigned)b->lanes + i].state = thread::READY;
        set_ready(b, t->warp, full_mask(w->lanes));
        return slots;
    }
    t->state = thread::AT_WARP;
    set_ready(b, t->warp, w->ready & ~(1ull << t->lane));
    give_way(e, t);
    return slots;
}

void gpu_host_pause() {
    engine *e = running;
    thread *t = (thread *)gpu_host_self;
    block *b = t->home;
    warp *w = &b->w[t->warp];
    w->paused |= 1ull << t->lane;
    set_ready(b, t->warp, w->ready & ~(1ull << t->lane));
    if (!b->warps_ready && ++e->current == e->alive) e->current = 0;
    give_way(e, t);
}

/* Somebody else ends such a wait, or tells it to end: it does not count as one for what nobody does. */
void gpu_host_rest(unsigned turn) {
    running->idle = 0;
    if (turn < 64) {
        sched_yield();
        return;
    }
    struct timespec nap = {0, turn < 256 ? 20000 : 200000};
    nanosleep(&nap, nullptr);
}

/* An addition rather than a fence, which ThreadSanitizer does not understand. */
void gpu_host_fence() {
    static std::atomic<unsigned> any;
    any.fetch_add(0, std::memory_order_seq_cst);
}

/* ---- copies: done as late as the kernel allows, their destination poisoned until then ---- */

void gpu_host_copy_async(void *shared, const void *global, int n, int valid, gpu_host_place place) {
    thread *t = (thread *)gpu_host_self;
    if (n != 4 && n != 8 && n != 16)
        gpu_host_fail(hostErrorAssert, "copies %d bytes in %s at %s:%d, which takes 4, 8 or 16", n, place.word, place.file,
                      place.line);
    if (valid < 0 || valid > n)
        gpu_host_fail(hostErrorAssert, "copies %d valid bytes of %d in %s at %s:%d", valid, n, place.word, place.file,
                      place.line);
    if ((uintptr_t)shared % (unsigned)n || (uintptr_t)global % (unsigned)n)
        gpu_host_fail(hostErrorMisalignedAddress, "copies %d bytes from %p to %p in %s at %s:%d: not aligned", n, global, shared,
                      place.word, place.file, place.line);
    if (check_access) check_access(shared, (size_t)n, true, false);
    poison(shared, (size_t)n);
    t->copies.push_back({(char *)shared, (const char *)global, n, valid, t->group});
}

void gpu_host_copy_commit() { ((thread *)gpu_host_self)->group++; }

void gpu_host_copy_wait(int n) {
    thread *t = (thread *)gpu_host_self;
    size_t done = 0;
    for (; done < t->copies.size() && t->copies[done].group + (unsigned)n < t->group; done++) {
        const copy &c = t->copies[done];
        if (check_access) check_access(c.shared, (size_t)c.n, true, false);
        if (check_access) check_access(c.global, (size_t)c.valid, false, false);
        memset(c.shared, 0, (size_t)c.n);
        memcpy(c.shared, c.global, (size_t)c.valid);
    }
    t->copies.erase(t->copies.begin(), t->copies.begin() + (ptrdiff_t)done);
}
