/* SPDX-License-Identifier: Apache-2.0 */
/* Products of warpgroups: PTX's wgmma.mma_async with both operands in shared memory. Each thread computes its own accumulators
 * when it waits for them, from what shared memory holds then. */
#include <math.h>
#include <string.h>

#include "kernels/gpu/host/tensor_state.h"

namespace hdi_gpu_host {

/* f16 to f32 by table: products convert each element many times. */
static const float *f16_values() {
    static const std::vector<float> *table = [] {
        std::vector<float> *v = new std::vector<float>(65536);
        for (unsigned h = 0; h < 65536; h++) {
            unsigned exponent = h >> 10 & 31, fraction = h & 1023;
            float x = exponent == 31
                          ? (fraction ? NAN : INFINITY)
                          : ldexpf((float)(exponent ? fraction + 1024 : fraction), exponent ? (int)exponent - 25 : -24);
            (*v)[h] = h & 0x8000 ? -x : x;
        }
        return v;
    }();
    return table->data();
}

static float value(uint16_t bits, const float *f16) {
    if (f16) return f16[bits];
    uint32_t u = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &u, 4);
    return x;
}

/* The place that the start address of a descriptor means: 18 bits of an address in shared memory, 16-byte steps. */
static char *start(const tensor_state *s, uint64_t descriptor, int rows, gpu_host_place place) {
    uint64_t low = (descriptor & 0x3fff) << 4, stride = (descriptor >> 32 & 0x3fff) << 4;
    if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0 || stride != 1024)
        gpu_host_fail(hostErrorAssert,
                      "%s at %s:%d: descriptor %016llx is not of a 128-byte swizzled matrix whose groups of 8 rows lie "
                      "1024 bytes apart",
                      place.word, place.file, place.line, (unsigned long long)descriptor);
    if ((low & 0x3ff & ~(uint64_t)0x60) != 0)
        gpu_host_fail(hostErrorMisalignedAddress, "%s at %s:%d: a matrix begins at %llu bytes beyond a multiple of 1024",
                      place.word, place.file, place.line, (unsigned long long)(low & 0x3ff));
    uint64_t into = (low - (uint64_t)(uintptr_t)s->base) & 0x3ffff;
    if (into + (uint64_t)rows * 128 > s->seen.size() + (low & 0x60))
        gpu_host_fail(hostErrorIllegalAddress, "%s at %s:%d: a matrix of %d rows does not lie in dynamic shared memory",
                      place.word, place.file, place.line, rows);
    return s->base + into;
}

/* 16 elements of a row; complains of what an asynchronous unit may not read. */
static void take_row(tensor_state *s, const thread *t, char *matrix, int row, const float *f16, float *to, gpu_host_place place) {
    for (int half = 0; half < 2; half++) {
        char *at = swizzled(matrix + row * 128 + half * 16);
        const chunk &c = s->chunks[(size_t)(at - s->base) / 16];
        if (c.state == chunk::WRITTEN)
            gpu_host_fail(hostErrorAssert, "%s at %s:%d reads what thread %u wrote without gpu_fence_async", place.word,
                          place.file, place.line, c.writer);
        if (c.state == chunk::FLYING)
            gpu_host_fail(hostErrorAssert, "%s at %s:%d reads shared memory that a copy is under way to", place.word, place.file,
                          place.line);
        if (c.barrier >= 0) {
            auto seen = s->lanes[index_of(t)].waited.find(c.barrier);
            if (seen == s->lanes[index_of(t)].waited.end() || seen->second <= c.phase)
                gpu_host_fail(hostErrorAssert, "%s at %s:%d reads shared memory without having waited for its barrier",
                              place.word, place.file, place.line);
        }
        for (int i = 0; to && i < 8; i++) {
            uint16_t bits;
            memcpy(&bits, at + 2 * i, 2);
            to[8 * half + i] = value(bits, f16);
        }
    }
}

/* Rows of A and of B (columns of D) that thread t's accumulators need: element i has row 16 (t / 32) + lane / 4 + 8 (i / 2 % 2)
 * and column 8 (i / 4) + 2 (lane % 4) + i % 2. With `sums` NULL only looks. */
static void multiply(tensor_state *s, const thread *t, const gpu_host_wgmma_op &op, float *sums, gpu_host_place place) {
    char *a = start(s, op.a, 64, place), *b = start(s, op.b, op.n, place);
    const float *f16 = op.f16 ? f16_values() : nullptr;
    unsigned in_group = index_of(t) % 128, lane = in_group % 32;
    float left[2][16], right[16];
    for (int h = 0; h < 2; h++)
        take_row(s, t, a, (int)(in_group / 32 * 16 + lane / 4) + 8 * h, f16, sums ? left[h] : nullptr, place);
    for (int i = 0; i < op.n / 4; i++) {
        int column = 8 * (i / 2) + 2 * (int)(lane % 4) + i % 2;
        take_row(s, t, b, column, f16, sums ? right : nullptr, place);
        for (int h = 0; sums && h < 2; h++) {
            float *to = &sums[4 * (i / 2) + 2 * h + i % 2], sum = op.add ? *to : 0.0f;
            for (int k = 0; k < 16; k++) sum = fmaf(left[h][k], right[k], sum);
            *to = sum;
        }
    }
}

} // namespace hdi_gpu_host

using namespace hdi_gpu_host;

static tensor_lane *lane_of(tensor_state *s, const thread *t, gpu_host_place place) {
    if (index_of(t) / 128 >= s->groups.size())
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: the block's %u threads leave this warpgroup incomplete", place.word,
                      place.file, place.line, t->home->threads);
    return &s->lanes[index_of(t)];
}

void gpu_host_wgmma_fence(gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    lane_of(tensor_state_of(t), t, place)->fenced = true;
    gpu_host_meet(place);
}

void gpu_host_wgmma(const gpu_host_wgmma_op *op, gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    tensor_lane *l = lane_of(s, t, place);
    tensor_look(s, t, place);
    if (!l->fenced)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d without gpu_wgmma_fence before it", place.word, place.file, place.line);
    multiply(s, t, *op, nullptr, place);
    std::vector<issue> &log = s->groups[index_of(t) / 128];
    size_t number = l->issued++;
    if (number == log.size()) log.push_back({op->a, op->b, op->n, op->f16, op->add, 0});
    issue &i = log[number];
    if (i.a != op->a || i.b != op->b || i.n != op->n || i.f16 != op->f16 || i.add != op->add)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: threads of a warpgroup issue different products", place.word, place.file,
                      place.line);
    i.threads++;
    auto sums = l->sums.find(op->sums);
    if (sums == l->sums.end()) {
        l->sums.emplace(op->sums, std::vector<float>(op->sums, op->sums + op->n / 2));
    } else if (!is_poison(op->sums, sizeof(float) * (size_t)(op->n / 2))) {
        gpu_host_fail(hostErrorAssert, "%s at %s:%d: accumulators were changed while a product into them was under way",
                      place.word, place.file, place.line);
    }
    poison(op->sums, sizeof(float) * (size_t)(op->n / 2));
    l->products.push_back({*op, number, l->group, place});
}

void gpu_host_wgmma_commit(gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    lane_of(tensor_state_of(t), t, place)->group++;
    gpu_host_meet(place);
}

/* Waits until the rest of the warpgroup has issued the product, too. */
static void await_warpgroup(tensor_state *s, const thread *t, const product &p) {
    while (s->groups[index_of(t) / 128][p.number].threads < 128) {
        for (unsigned i = index_of(t) / 128 * 128, end = i + 128; i < end; i++)
            if (t->home->t[i].state == thread::DONE && s->lanes[i].issued <= p.number)
                gpu_host_fail(hostErrorAssert, "%s at %s:%d: thread %u of the warpgroup has returned without it", p.place.word,
                              p.place.file, p.place.line, i);
        gpu_host_pause();
    }
}

void gpu_host_wgmma_wait(int groups, gpu_host_place place) {
    const thread *t = (const thread *)gpu_host_self;
    tensor_state *s = tensor_state_of(t);
    tensor_lane *l = lane_of(s, t, place);
    gpu_host_meet(place); /* a warp waits together */
    tensor_look(s, t, place);
    size_t done = 0;
    for (; done < l->products.size() && l->products[done].group + (unsigned)groups < l->group; done++) {
        await_warpgroup(s, t, l->products[done]);
        const product &p = l->products[done];
        multiply(s, t, p.op, l->sums[p.op.sums].data(), p.place);
    }
    running->idle = 0;
    l->products.erase(l->products.begin(), l->products.begin() + (ptrdiff_t)done);
    if (l->products.empty()) {
        for (auto &sums : l->sums) memcpy(sums.first, sums.second.data(), sums.second.size() * sizeof(float));
        l->sums.clear();
        l->fenced = false;
    }
    gpu_host_meet(place); /* and goes on together: what one lane then tells others holds for all */
}
