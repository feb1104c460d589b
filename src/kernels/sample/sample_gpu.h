/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and the draw of one row by a block, without sorting. All but typical_p keep a prefix of the descending order, so each
 * asks at which candidate the count or the mass crosses a target: histograms in shared memory narrow the range of the key down to
 * one value, and the ties there are counted in the order of their ids.
 *
 * Masses are whole numbers, e^-key in units of 2^-44 of the largest: their sums do not depend on the order of additions, so a
 * draw does not either. What is lighter than a unit is never drawn. */
#ifndef HDI_KERNELS_SAMPLE_GPU_H
#define HDI_KERNELS_SAMPLE_GPU_H

#include "kernels/gpu/reduce.h"
#include "kernels/sample/sample.h"

namespace HDI_GPU_NAMESPACE {

enum {
    SAMPLE_SLICES = 256,   /* at most, of a row */
    SAMPLE_BUCKETS = 2048, /* of a histogram */
    SAMPLE_BUCKET_BITS = 11,
    SAMPLE_THREADS = 512 /* of the block of a row */
};

typedef unsigned long long sample_mass;

/* A row of logits, cut into slices of neighbouring ids, and its lists: for each slice, in ascending order, the candidates within
 * e^-16 of the best. */
struct sample_row {
    const float *logits;
    const float *key; /* list of slice s: from s * slice on */
    const int32_t *id;
    const unsigned *count; /* of each slice's list */
    int64_t n, slice;
    int slices;
    float max, temperature, unit; /* unit: 2^44, or less where a sum could overflow */
};

static __device__ __forceinline__ float sample_key(float logit, float max, float temperature) {
    return fabsf((max - logit) / temperature);
}
static __device__ __forceinline__ sample_mass sample_mass_of(float key, float unit) { return (sample_mass)(expf(-key) * unit); }

static __device__ __forceinline__ int sample_count_bits(uint64_t x) {
    x -= x >> 1 & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
    return (int)(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull >> 56);
}

/* Sums over a block, for all its threads; shared: one a warp, free again after the next barrier. */
static __device__ __forceinline__ sample_mass sample_block_sum(sample_mass x, sample_mass *shared) {
    int warps = (int)blockDim.x / GPU_LANES;
    for (int d = GPU_LANES / 2; d > 0; d /= 2) x += gpu_shfl_xor(x, d);
    if (threadIdx.x % GPU_LANES == 0) shared[threadIdx.x / GPU_LANES] = x;
    __syncthreads();
    x = 0;
    for (int w = 0; w < warps; w++) x += shared[w];
    return x;
}

/* What a filter looks for: the first candidate at which the running sum of masses (or the count) reaches `amount`, or passes it
 * when `strict`; the last one when none does. */
struct sample_target {
    double amount;
    bool counts, strict, by_score;

    __device__ __forceinline__ bool crossed(sample_mass sum) const {
        return sum > 0 && (strict ? (double)sum > amount : (double)sum >= amount);
    }
};

struct sample_shared {
    sample_mass sums[SAMPLE_BUCKETS];
    sample_mass partial[GPU_MAX_WARPS];
    sample_mass before; /* the answer of a search: what lies before the bucket */
    int bucket;
    int32_t id;
};

/* The block's state: what is still a candidate. Same in all threads. */
struct sample_filter {
    const sample_row &row;
    sample_shared &shared;
    bool full, complete; /* walks the whole row, not the lists; no candidate is missing from what it walks */
    sample_mass total, listed;
    uint32_t cut_key, cut_score; /* bits of the last key and score that stay */
    int32_t cut_id;              /* of those with the last key */
    double mean;                 /* of the keys, for scores */
    bool scored;
    float least; /* weight */

    __device__ __forceinline__ uint32_t score_bits(float key) const { return gpu_f32_to_bits((float)fabs((double)key - mean)); }

    __device__ __forceinline__ bool alive(float key, int32_t id) const {
        uint32_t bits = gpu_f32_to_bits(key);
        if (bits > cut_key || (bits == cut_key && id > cut_id)) return false;
        if (scored && score_bits(key) > cut_score) return false;
        return least == 0.0f || expf(-key) >= least;
    }

    __device__ __forceinline__ int64_t slice_count(int s) const {
        if (!full) return row.count[s];
        int64_t from = (int64_t)s * row.slice;
        return row.n - from < row.slice ? row.n - from : row.slice;
    }
    __device__ __forceinline__ void candidate(int s, int64_t i, float &key, int32_t &id) const {
        int64_t at = (int64_t)s * row.slice + i;
        id = full ? (int32_t)at : row.id[at];
        key = full ? sample_key(row.logits[at], row.max, row.temperature) : row.key[at];
    }

    /* f(key, id) for every candidate: a warp a slice. */
    template <typename F> __device__ __forceinline__ void each(F f) const {
        int lane = (int)threadIdx.x % GPU_LANES;
        for (int s = (int)threadIdx.x / GPU_LANES; s < row.slices; s += SAMPLE_THREADS / GPU_LANES) {
            int64_t count = slice_count(s);
            for (int64_t i = lane; i < count; i += GPU_LANES) {
                float key;
                int32_t id;
                candidate(s, i, key, id);
                if (alive(key, id)) f(key, id);
            }
        }
    }

    __device__ void clear() {
        for (int b = (int)threadIdx.x; b < SAMPLE_BUCKETS; b += SAMPLE_THREADS) shared.sums[b] = 0;
        __syncthreads();
    }

    /* The bucket at which `before` + the running sum crosses, into shared.bucket, and the sum before it into shared.before. */
    __device__ void find_bucket(const sample_target &t, sample_mass before) {
        enum { EACH = SAMPLE_BUCKETS / SAMPLE_THREADS };
        int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES, first = (int)threadIdx.x * EACH;
        sample_mass own = 0, sum, all = before;
        __syncthreads(); /* the sums are complete */
        if (threadIdx.x == 0) shared.bucket = 0, shared.before = before;
        for (int i = 0; i < EACH; i++) own += shared.sums[first + i];
        sum = own;
        for (int d = 1; d < GPU_LANES; d *= 2) {
            sample_mass left = gpu_shfl(sum, lane >= d ? lane - d : lane);
            if (lane >= d) sum += left;
        }
        if (lane == GPU_LANES - 1) shared.partial[warp] = sum;
        __syncthreads();
        for (int w = 0; w < SAMPLE_THREADS / GPU_LANES; w++) {
            if (w < warp) sum += shared.partial[w];
            all += shared.partial[w];
        }
        sum += before;
        sample_mass from = sum - own;
        bool here = t.crossed(all) ? t.crossed(sum) && !t.crossed(from) : own > 0 && sum == all;
        if (here) {
            int bucket = first;
            for (int i = 0; i < EACH; i++) {
                sample_mass s = shared.sums[first + i];
                if (s == 0) continue;
                bucket = first + i;
                if (t.crossed(from + s) || from + s == all) break;
                from += s;
            }
            shared.bucket = bucket;
            shared.before = from;
        }
        __syncthreads();
    }

    __device__ __forceinline__ sample_mass amount_of(const sample_target &t, float key) const {
        sample_mass mass = sample_mass_of(key, row.unit);
        return t.counts ? (mass > 0 ? 1 : 0) : mass;
    }

    /* The bits of the key (or score) at which the target is crossed, and the sum of all that lies before that key. */
    __device__ uint32_t find_value(const sample_target &t, sample_mass &before) {
        const float scale = 64.0f; /* even buckets first: keys crowd in a few binades */
        before = 0;
        clear();
        each([&](float key, int32_t) {
            float v = (t.by_score ? gpu_bits_to_f32(score_bits(key)) : key) * scale;
            atomicAdd(&shared.sums[v < SAMPLE_BUCKETS - 1 ? (int)v : SAMPLE_BUCKETS - 1], amount_of(t, key));
        });
        find_bucket(t, before);
        uint32_t from = gpu_f32_to_bits((float)shared.bucket / scale), to = gpu_f32_to_bits((float)(shared.bucket + 1) / scale);
        if (shared.bucket == SAMPLE_BUCKETS - 1) to = 0x7f800001u;
        before = shared.before;
        while (to - from > 1) { /* the range in 2048 parts, until it is one value */
            int shift = 0;
            while ((to - from - 1) >> shift >> SAMPLE_BUCKET_BITS) shift++;
            __syncthreads(); /* all have read the answer */
            clear();
            each([&](float key, int32_t) {
                uint32_t bits = t.by_score ? score_bits(key) : gpu_f32_to_bits(key);
                if (bits >= from && bits < to) atomicAdd(&shared.sums[(bits - from) >> shift], amount_of(t, key));
            });
            find_bucket(t, before);
            from += (uint32_t)shared.bucket << shift;
            if (to - from > 1u << shift) to = from + (1u << shift);
            before = shared.before;
        }
        __syncthreads();
        return from;
    }

    /* The id of tie number `number` (from 1 on) among the candidates whose key has these bits; of the last when there are fewer.
     */
    __device__ int32_t find_tie(uint32_t bits, sample_mass number) {
        int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES;
        const sample_target t = {(double)number, true, false, false};
        clear();
        for (int s = warp; s < row.slices; s += SAMPLE_THREADS / GPU_LANES) {
            sample_mass ties = walk_ties(s, bits, 0);
            if (lane == 0) shared.sums[s] = ties;
        }
        find_bucket(t, 0);
        if (warp == 0) {
            sample_mass wanted = number - shared.before, ties = shared.sums[shared.bucket];
            walk_ties(shared.bucket, bits, wanted < ties ? wanted : ties);
        }
        __syncthreads();
        int32_t id = shared.id;
        __syncthreads();
        return id;
    }

    /* By the lanes of a warp, in step: how many ties slice s has, and the id of tie `wanted` of them into shared.id. */
    __device__ sample_mass walk_ties(int s, uint32_t bits, sample_mass wanted) {
        int lane = (int)threadIdx.x % GPU_LANES;
        int64_t count = slice_count(s);
        sample_mass ties = 0;
        for (int64_t start = 0; start < count; start += GPU_LANES) {
            float key = 0.0f;
            int32_t id = 0;
            bool tie = start + lane < count;
            if (tie) candidate(s, start + lane, key, id);
            tie = tie && gpu_f32_to_bits(key) == bits && alive(key, id);
            uint64_t votes = gpu_ballot(tie);
            sample_mass rank = ties + (sample_mass)sample_count_bits(votes & (((uint64_t)1 << lane) - 1)) + 1;
            if (tie && rank == wanted) shared.id = id;
            ties += (sample_mass)sample_count_bits(votes);
        }
        return ties;
    }

    /* The candidate at which the target is crossed, in descending order of probability, ties by id. */
    __device__ int32_t find_candidate(const sample_target &t, uint32_t &bits) {
        sample_mass before;
        bits = find_value(t, before);
        sample_mass each_one = amount_of(t, gpu_bits_to_f32(bits)), number = 1;
        if (each_one > 0 && t.amount > (double)before) number = (sample_mass)((t.amount - (double)before) / (double)each_one) + 1;
        while (number > 1 && t.crossed(before + (number - 1) * each_one)) number--;
        while (each_one > 0 && number < (sample_mass)row.n && !t.crossed(before + number * each_one)) number++;
        return find_tie(bits, number);
    }

    /* After a filter: what is left. */
    __device__ void measure() {
        sample_mass mass = 0;
        each([&](float key, int32_t) { mass += sample_mass_of(key, row.unit); });
        total = listed = sample_block_sum(mass, shared.partial);
        complete = true;
        __syncthreads();
    }

    __device__ void keep_prefix(const sample_target &t) {
        uint32_t bits;
        int32_t id = find_candidate(t, bits);
        cut_key = bits;
        cut_id = id;
        measure();
    }

    __device__ void top_k(float k, sample_mass near) {
        if (!(k >= 1.0f) || (double)k >= (double)row.n) return;
        if ((double)near < (double)k) full = true;
        keep_prefix({floor((double)k), true, false, false});
    }

    /* -ln p = key + ln total, so the distance from the entropy is that of the key from the mean key. */
    __device__ void typical(float p) {
        sample_mass sum = 0, before;
        if (!(p > 0.0f && p < 1.0f)) return;
        if (!complete) full = true;
        each([&](float key, int32_t) { sum += sample_mass_of(key, row.unit) ? (sample_mass)(expf(-key) * key * row.unit) : 0; });
        mean = (double)sample_block_sum(sum, shared.partial) / (double)total;
        __syncthreads();
        uint32_t last = find_value({(double)p * (double)total, false, false, true}, before);
        scored = true;
        cut_score = last;
        measure();
    }

    __device__ void top_p(float p) {
        if (!(p < 1.0f)) return;
        double amount = p > 0.0f ? (double)p * (double)total : 0.0;
        if (!complete && (double)listed < amount) full = true;
        keep_prefix({amount, false, false, false});
    }

    __device__ void min_p(float p) {
        if (!(p > 0.0f)) return;
        if (!complete && p < 2e-7f) full = true; /* e^-16 = 1.1e-7 */
        float smallest = INFINITY;
        each([&](float key, int32_t) { smallest = fminf(smallest, key); });
        float most = expf(gpu_block_max(-smallest, (float *)shared.partial));
        __syncthreads();
        least = p < 1.0f ? p * most : most;
        measure();
    }

    __device__ int32_t draw(float uniform) {
        double amount = (uniform > 0.0f ? (double)uniform : 0.0) * (double)total;
        uint32_t bits;
        if (!complete && !((double)listed > amount)) full = true;
        return find_candidate({amount, false, true, false}, bits);
    }
};

} // namespace HDI_GPU_NAMESPACE

#endif
