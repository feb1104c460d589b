/* SPDX-License-Identifier: Apache-2.0 */
/* What a block remembers of its asynchronous copies and products. */
#ifndef HDI_KERNELS_GPU_HOST_TENSOR_STATE_H
#define HDI_KERNELS_GPU_HOST_TENSOR_STATE_H

#include <map>
#include <vector>

#include "kernels/gpu/host/engine.h"
#include "kernels/gpu/host/tensor.h"

namespace hdi_gpu_host {

static const uint64_t BARRIER_MARK = 0x6261727269650000ull; /* a barrier's word in shared memory: this and its index */

struct barrier {
    uint64_t *at;
    unsigned arrivals, pending, maker;
    int64_t bytes; /* announced, of this phase */
    uint64_t phase;
    bool published;
};

/* 16 bytes of dynamic shared memory. */
struct chunk {
    enum {
        UNKNOWN, /* never seen to change */
        WRITTEN, /* by a thread's stores; asynchronous units may not see it */
        SHOWN,   /* the same, and that thread has fenced */
        FLYING,  /* a copy to it is under way */
        LANDED   /* by a copy */
    } state = UNKNOWN;
    unsigned writer = 0;
    int barrier = -1; /* who reads it must have seen the end of `phase` of this one; -1: nothing is known */
    uint64_t phase = 0;
};

struct box {
    gpu_host_tensor_map map;
    char *shared;
    int32_t column, row;
    int barrier;
};

struct product {
    gpu_host_wgmma_op op;
    size_t number; /* in its warpgroup */
    unsigned group;
    gpu_host_place place;
};

struct tensor_lane {
    std::vector<product> products;              /* under way */
    std::map<int, uint64_t> waited;             /* phases of barriers whose end it has seen */
    std::map<float *, std::vector<float>> sums; /* of accumulators under way, which are poison meanwhile */
    size_t issued = 0;
    unsigned group = 0; /* that is open */
    bool fenced = false;
};

/* A product as its warpgroup issued it: all 128 threads the same. */
struct issue {
    uint64_t a, b;
    int n;
    bool f16, add;
    unsigned threads;
};

struct tensor_state {
    uint64_t epoch = 0;
    char *base = nullptr;
    std::vector<char> seen; /* dynamic shared memory as the last word found it */
    std::vector<chunk> chunks;
    std::vector<barrier> barriers;
    std::vector<box> flying;
    std::vector<tensor_lane> lanes;
    std::vector<std::vector<issue>> groups;
};

static inline unsigned index_of(const thread *t) { return t->warp * (unsigned)t->home->lanes + t->lane; } /* in its block */
tensor_state *tensor_state_of(const thread *t);
/* Finds what was stored since the last word; all threads give way at words only, so that it was `t`. */
void tensor_look(tensor_state *s, const thread *t, gpu_host_place place);

static inline size_t box_bytes(const gpu_host_tensor_map &m) { return (size_t)m.box_rows * 128; }
/* Where a byte of a 128-byte swizzled matrix lies: bits 4 to 6 of its address are changed by bits 7 to 9. */
static inline char *swizzled(char *p) { return (char *)((uintptr_t)p ^ ((uintptr_t)p >> 3 & 0x70)); }

} // namespace hdi_gpu_host

#endif
