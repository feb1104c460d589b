/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers that count bytes and copies of boxes: PTX's mbarrier and cp.async.bulk.tensor. */
#include <string.h>

#include "kernels/gpu/host/tensor_state.h"

namespace hdi_gpu_host {

static thread_local std::map<const block *, tensor_state> states;

tensor_state *tensor_state_of(const thread *t) {
    const block *b = t->home;
    tensor_state *s = &states[b];
    if (s->epoch != b->epoch || s->seen.size() != b->dynamic.bytes || s->base != b->dynamic.base) {
        *s = tensor_state();
        s->epoch = b->epoch;
        s->base = b->dynamic.base;
        s->seen.assign(s->base, s->base + b->dynamic.bytes);
        s->chunks.resize((b->dynamic.bytes + 15) / 16);
        s->lanes.resize(b->threads);
        s->groups.resize(b->threads / 128);
    }
    return s;
}

static void changed(tensor_state *s, const thread *t, size_t at, gpu_host_place place) {
    chunk *c = &s->chunks[at / 16];
    if (c->state == chunk::FLYING)
        gpu_host_fail(hostErrorAssert, "wrote shared memory (byte %zu) that a copy is under way to; seen in %s at %s:%d",
                      at / 16 * 16, place.word, place.file, place.line);
    c->state = chunk::WRITTEN;
    c->writer = index_of(t);
    c->barrier = -1;
}

void tensor_look(tensor_state *s, const thread *t, gpu_host_place place) {
    enum { STRETCH = 1024 };
    size_t bytes = s->seen.size();
    for (size_t at = 0; at < bytes; at += STRETCH) {
        size_t n = bytes - at < STRETCH ? bytes - at : (size_t)STRETCH;
        if (memcmp(&s->seen[at], s->base + at, n) == 0) continue;
        for (size_t i = at; i < at + n; i += 16) {
            size_t m = at + n - i < 16 ? at + n - i : 16;
            if (memcmp(&s->seen[i], s->base + i, m) == 0) continue;
            changed(s, t, i, place);
            memcpy(&s->seen[i], s->base + i, m);
        }
    }
}

static barrier *find(tensor_state *s, const uint64_t *at, gpu_host_place place) {
    uint64_t index = *at - BARRIER_MARK;
    if (index >= s->barriers.size() || s->barriers[index].at != at)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: there is no barrier at %p, or it was overwritten", place.word, place.file,
                      place.line, (const void *)at);
    return &s->barriers[index];
}

static void land(tensor_state *s, const box &b, int index) {
    const gpu_host_tensor_map &m = b.map;
    for (uint32_t r = 0; r < m.box_rows; r++)
        for (uint32_t c = 0; c < 64; c++) {
            int64_t row = (int64_t)b.row + r, column = (int64_t)b.column + c;
            uint16_t value = 0;
            if (row >= 0 && row < (int64_t)m.rows && column >= 0 && column < (int64_t)m.columns)
                memcpy(&value, m.data + (uint64_t)row * m.pitch + 2 * (uint64_t)column, 2);
            memcpy(swizzled(b.shared + 128 * r + 2 * c), &value, 2);
        }
    size_t at = (size_t)(b.shared - s->base), n = box_bytes(m);
    memcpy(&s->seen[at], b.shared, n);
    for (size_t i = at / 16; i < (at + n) / 16; i++) s->chunks[i] = {chunk::LANDED, 0, index, s->barriers[(size_t)index].phase};
}

/* Ends the barrier's phase if all have arrived and all bytes that were announced are on their way. */
static void settle(tensor_state *s, barrier *b, gpu_host_place place) {
    if (b->pending) return;
    int index = (int)(b - s->barriers.data());
    int64_t flying = 0;
    for (const box &x : s->flying)
        if (x.barrier == index) flying += (int64_t)box_bytes(x.map);
    if (flying > b->bytes)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: copies bring %lld bytes to a barrier that was told of %lld", place.word,
                      place.file, place.line, (long long)flying, (long long)b->bytes);
    if (flying < b->bytes) return;
    for (size_t i = 0; i < s->flying.size();)
        if (s->flying[i].barrier == index) {
            land(s, s->flying[i], index);
            s->flying.erase(s->flying.begin() + (ptrdiff_t)i);
        } else {
            i++;
        }
    b->bytes = 0;
    b->pending = b->arrivals;
    b->phase++;
    running->idle = 0;
}

} // namespace hdi_gpu_host

using namespace hdi_gpu_host;

void gpu_host_mbar_init(uint64_t *at, unsigned arrivals, gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    if ((uintptr_t)at % 8 || arrivals < 1 || arrivals >= 1u << 20)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: a barrier at %p of %u arrivals", place.word, place.file, place.line,
                      (void *)at, arrivals);
    *at = BARRIER_MARK + s->barriers.size();
    s->barriers.push_back({at, arrivals, arrivals, index_of(t), 0, 0, false});
}

void gpu_host_mbar_publish(gpu_host_place) {
    const thread *t = (const thread *)gpu_host_self;
    for (barrier &b : tensor_state_of(t)->barriers)
        if (b.maker == index_of(t)) b.published = true;
}

void gpu_host_mbar_arrive(uint64_t *at, int64_t bytes, gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    tensor_look(s, t, place);
    barrier *b = find(s, at, place);
    settle(s, b, place); /* of the phase before, that nobody may have waited for */
    if (!b->pending)
        gpu_host_fail(hostErrorAssert, "arrives in %s at %s:%d where all %u have arrived", place.word, place.file, place.line,
                      b->arrivals);
    int index = (int)(b - s->barriers.data());
    for (chunk &c : s->chunks) /* what its warp has written and shown may be read by who waits for this barrier */
        if (c.state == chunk::SHOWN && c.barrier < 0 && c.writer / 32 == t->warp) c.barrier = index, c.phase = b->phase;
    if (bytes > 0) b->bytes += bytes;
    b->pending--;
    if (!b->pending && !b->bytes) settle(s, b, place);
}

void gpu_host_mbar_wait(uint64_t *at, unsigned parity, gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    tensor_look(s, t, place);
    for (;;) {
        barrier *b = find(s, at, place);
        settle(s, b, place);
        if ((b->phase & 1) != parity) {
            s->lanes[index_of(t)].waited[(int)(b - s->barriers.data())] = b->phase;
            return;
        }
        gpu_host_pause();
    }
}

void gpu_host_fence_async(gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    tensor_look(s, t, place);
    for (chunk &c : s->chunks)
        if (c.state == chunk::WRITTEN && c.writer == index_of(t)) c.state = chunk::SHOWN;
    gpu_host_mbar_publish(place);
}

void gpu_host_copy_box(void *shared, const gpu_host_tensor_map *map, int32_t column, int32_t row, uint64_t *at,
                       gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    tensor_look(s, t, place);
    barrier *b = find(s, at, place);
    char *to = (char *)shared;
    if (map->valid != GPU_HOST_TENSOR_MAP_VALID)
        gpu_host_fail(hostErrorInvalidValue, "%s at %s:%d: no tensor map", place.word, place.file, place.line);
    if (!b->published)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: its barrier was not shown to the copy engine (gpu_mbar_publish)", place.word,
                      place.file, place.line);
    if ((uintptr_t)to % 1024)
        gpu_host_fail(hostErrorMisalignedAddress, "%s at %s:%d: swizzled boxes begin at multiples of 1024 bytes, not at %p",
                      place.word, place.file, place.line, shared);
    if (to < s->base || to + box_bytes(*map) > s->base + s->seen.size())
        gpu_host_fail(hostErrorIllegalAddress, "%s at %s:%d: the box does not lie in dynamic shared memory", place.word,
                      place.file, place.line);
    size_t first = (size_t)(to - s->base), n = box_bytes(*map);
    for (size_t i = first / 16; i < (first + n) / 16; i++) {
        if (s->chunks[i].state == chunk::FLYING)
            gpu_host_fail(hostErrorAssert, "%s at %s:%d: another copy is under way to the same place", place.word, place.file,
                          place.line);
        s->chunks[i] = {chunk::FLYING, 0, -1, 0};
    }
    poison(to, n);
    memcpy(&s->seen[first], to, n);
    s->flying.push_back({*map, to, column, row, (int)(b - s->barriers.data())});
}
