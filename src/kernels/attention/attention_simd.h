/* SPDX-License-Identifier: Apache-2.0 */
/* Online softmax over blocks of 32 keys (Milakov and Gimelshein 2018; Dao et al. 2022), one code for prefill and decode.
 *
 * A chunk is up to 48 queries (consecutive tokens of a sequence, all heads of a group) that go through the keys together, so that
 * a block of k and v is read, and converted, once for all of them. For each query, per block: scores by dots with lanes along d;
 * m' = max(m, scores); p = e^(score - m'); l = l e^(m - m') + sum p; o = o e^(m - m') + sum over keys in order of p v. A query
 * takes part in the blocks and keys that it sees, nothing else, so its bits do not depend on its neighbours. */
#include "kernels/attention/attention_scratch.h"
#include "kernels/simd/dot.h"

#if VF_REGISTERS >= 32
#define ATTENTION_MR 6
#else
#define ATTENTION_MR 1
#endif

typedef struct attention_call {
    const hdi_operand *out, *q, *k, *v, *table, *seq, *pos;
    const hdi_attention_attr *attr;
    int64_t tokens, group, d, dv, page;
    hdi_attention_scratch at;
    float *scratch;
} attention_call;

/* Queries that go through the keys together: pairs (token, head of the group) numbered token * group + head. */
typedef struct attention_chunk {
    int64_t head; /* of k and v */
    int64_t first;
    int rows;
    const int32_t *pages;                                     /* of the sequence */
    int64_t lo[HDI_ATTENTION_ROWS], hi[HDI_ATTENTION_ROWS];   /* keys seen: lo <= key < hi */
    float max[HDI_ATTENTION_ROWS], total[HDI_ATTENTION_ROWS]; /* m and l */
    float rescale[HDI_ATTENTION_ROWS];                        /* e^(m - m') of the present block */
    int from[HDI_ATTENTION_ROWS], to[HDI_ATTENTION_ROWS];     /* keys of the present block */
} attention_chunk;

static inline attention_call attention_call_of(const hdi_kernel_call *call, float *scratch) {
    const hdi_operand *o = call->operand;
    attention_call a = {
        .out = o, .q = o + 1, .k = o + 2, .v = o + 3, .table = o + 4, .seq = o + 5, .pos = o + 6, .attr = call->attr};
    a.tokens = o[0].shape[0];
    a.group = o[0].shape[1] / o[2].shape[2];
    a.d = o[1].shape[2];
    a.dv = o[3].shape[3];
    a.page = o[2].shape[1];
    a.at = hdi_attention_scratch_of(a.d, a.dv);
    a.scratch = scratch;
    return a;
}

static inline int64_t attention_sequence(const attention_call *a, int64_t t) {
    int64_t s = ((const int32_t *)a->seq->data)[t * a->seq->stride[0]];
    return s < a->table->shape[0] ? s : -1;
}

/* The keys that token t sees. */
static inline void attention_range(const attention_call *a, int64_t t, int64_t *lo, int64_t *hi) {
    int64_t i = t * a->pos->stride[0], window = a->attr->window, room = a->table->shape[1] * a->page;
    int64_t p = a->pos->dtype == HD_DTYPE_I64 ? ((const int64_t *)a->pos->data)[i] : ((const int32_t *)a->pos->data)[i];
    *hi = p < 0 ? 0 : p < room ? p + 1 : room;
    *lo = window > 0 && *hi > window ? *hi - window : 0;
}

/* Pages are looked up once a block: where keys [key, key + n) of the chunk's sequence and head begin, in elements of t. */
static inline void attention_keys(const attention_call *a, const attention_chunk *c, const hdi_operand *t, int64_t key, int from,
                                  int to, int64_t *at) {
    int64_t page = (key + from) / a->page, place = (key + from) % a->page;
    for (int j = from; j < to; j++) {
        at[j] = c->pages[page * a->table->stride[1]] * t->stride[0] + place * t->stride[1] + c->head * t->stride[2];
        if (++place == a->page) page++, place = 0;
    }
}

/* Row r's scores of a block become its p. */
static inline void attention_softmax(const attention_call *a, attention_chunk *c, int r) {
    static const float lanes[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    float *score = a->scratch + a->at.score + r * HDI_ATTENTION_BLOCK, cap = a->attr->softcap;
    vf s[2], none = vf_set1(-INFINITY);
    for (int i = 0; i < 2; i++) {
        vf lane = vf_load_f32(lanes + 16 * i);
        s[i] = vf_mul(vf_load_f32(score + 16 * i), vf_set1(a->attr->scale));
        if (cap > 0) s[i] = vf_mul(vf_set1(cap), vf_tanh(vf_div(s[i], vf_set1(cap))));
        s[i] = vf_select(vf_lt(lane, vf_set1((float)c->from[r])), none, s[i]);
        s[i] = vf_select(vf_lt(lane, vf_set1((float)c->to[r])), s[i], none);
    }
    float old = c->max[r], top = vf_hmax(vf_max(s[0], s[1]));
    top = top > old ? top : old;
    vf base = vf_set1(top == -INFINITY ? 0.0f : top); /* scores may be -inf themselves */
    for (int i = 0; i < 2; i++) {
        s[i] = vf_exp(vf_sub(s[i], base));
        vf_store_f32(score + 16 * i, s[i]);
    }
    float scale[VF_LANES];
    vf_store_f32(scale, vf_exp(vf_sub(vf_set1(old), base)));
    c->rescale[r] = scale[0];
    c->total[r] = c->total[r] * scale[0] + vf_sum(vf_add(s[0], s[1]));
    c->max[r] = top;
}

/* The chunk's queries as f32, and sums of nothing. */
static inline void attention_begin(const attention_call *a, attention_chunk *c) {
    for (int r = 0; r < c->rows; r++) {
        int64_t pair = c->first + r, t = pair / a->group, h = c->head * a->group + pair % a->group;
        int64_t from = t * a->q->stride[0] + h * a->q->stride[1];
        float *q = a->scratch + a->at.q + r * a->at.d, *sum = a->scratch + a->at.sum + r * a->at.dv;
        for (int64_t i = 0; i < a->d; i += VF_LANES)
            vf_store_f32(q + i, a->q->dtype == HD_DTYPE_F32 ? vf_load_n_f32((const float *)a->q->data + from + i, a->d - i)
                                : a->q->dtype == HD_DTYPE_F16
                                    ? vf_load_n_f16((const uint16_t *)a->q->data + from + i, a->d - i)
                                    : vf_load_n_bf16((const uint16_t *)a->q->data + from + i, a->d - i));
        for (int64_t i = 0; i < a->dv; i += VF_LANES) vf_store_f32(sum + i, vf_zero());
        attention_range(a, t, &c->lo[r], &c->hi[r]);
        c->max[r] = -INFINITY;
        c->total[r] = 0;
    }
}

/* o / l goes out; zeros where no key was seen. */
static inline void attention_end(const attention_call *a, const attention_chunk *c) {
    for (int r = 0; r < c->rows; r++) {
        int64_t pair = c->first + r, t = pair / a->group, h = c->head * a->group + pair % a->group;
        int64_t to = t * a->out->stride[0] + h * a->out->stride[1];
        const float *sum = a->scratch + a->at.sum + r * a->at.dv;
        vf total = vf_set1(c->hi[r] > c->lo[r] ? c->total[r] : 1.0f);
        for (int64_t i = 0; i < a->dv; i += VF_LANES) {
            vf o = vf_div(vf_load_f32(sum + i), total);
            switch (a->out->dtype) {
            case HD_DTYPE_F32:
                vf_store_n_f32((float *)a->out->data + to + i, o, a->dv - i);
                break;
            case HD_DTYPE_F16:
                vf_store_n_f16((uint16_t *)a->out->data + to + i, o, a->dv - i);
                break;
            default:
                vf_store_n_bf16((uint16_t *)a->out->data + to + i, o, a->dv - i);
                break;
            }
        }
    }
}

/* Which keys of the block at `key` each row sees; their union. */
static inline void attention_block(attention_chunk *c, int64_t key, int *from, int *to) {
    *from = HDI_ATTENTION_BLOCK;
    *to = 0;
    for (int r = 0; r < c->rows; r++) {
        int64_t lo = hdi_max_i64(c->lo[r] - key, 0), hi = hdi_min_i64(c->hi[r] - key, HDI_ATTENTION_BLOCK);
        c->from[r] = (int)(lo < hi ? lo : 0);
        c->to[r] = (int)(lo < hi ? hi : 0);
        if (lo < hi && lo < *from) *from = (int)lo;
        if (lo < hi && hi > *to) *to = (int)hi;
    }
}

static inline bool attention_same_keys(const attention_chunk *c, int r, int n) {
    for (int i = 1; i < n; i++)
        if (c->from[r + i] != c->from[r] || c->to[r + i] != c->to[r]) return false;
    return true;
}

#define T f32
#define TYPE float
#include "kernels/attention/attention_type.h"
#define T f16
#define TYPE uint16_t
#include "kernels/attention/attention_type.h"
#define T bf16
#define TYPE uint16_t
#include "kernels/attention/attention_type.h"

/* Cuts items into chunks: one head of k and v, one sequence, at most ROWS queries. */
static inline void attention_run(const hdi_kernel_call *call, int64_t begin, int64_t end, float *scratch,
                                 void (*run)(const attention_call *, attention_chunk *)) {
    attention_call a = attention_call_of(call, scratch);
    attention_chunk c;
    for (int64_t i = begin; i < end;) {
        int64_t head = i / a.tokens, t0 = i % a.tokens, t1 = t0 + 1, limit = hdi_min_i64(a.tokens, t0 + end - i);
        int64_t s = attention_sequence(&a, t0);
        while (t1 < limit && attention_sequence(&a, t1) == s) t1++;
        c.head = head;
        c.pages = s < 0 ? NULL : (const int32_t *)a.table->data + s * a.table->stride[0];
        for (c.first = t0 * a.group; c.first < t1 * a.group; c.first += c.rows) {
            c.rows = (int)hdi_min_i64(t1 * a.group - c.first, HDI_ATTENTION_ROWS);
            attention_begin(&a, &c);
            for (int r = 0; s < 0 && r < c.rows; r++) c.lo[r] = c.hi[r] = 0; /* padding sees nothing */
            run(&a, &c);
            attention_end(&a, &c);
        }
        i += t1 - t0;
    }
}

HDI_KERNEL_BEGIN(attention, f32_f32) { attention_run(call, begin, end, scratch, attention_chunk_f32); }
HDI_KERNEL_BEGIN(attention, f32_f16) { attention_run(call, begin, end, scratch, attention_chunk_f16); }
HDI_KERNEL_BEGIN(attention, f32_bf16) { attention_run(call, begin, end, scratch, attention_chunk_bf16); }
HDI_KERNEL_BEGIN(attention, f16_f16) { attention_run(call, begin, end, scratch, attention_chunk_f16); }
HDI_KERNEL_BEGIN(attention, bf16_bf16) { attention_run(call, begin, end, scratch, attention_chunk_bf16); }
