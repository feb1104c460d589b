/* SPDX-License-Identifier: Apache-2.0 */
/* What attention's kernels on a GPU share: the call as one plain struct, the keys that a token sees, where keys lie in pages, and
 * how rows of keys come to shared memory in the background, whatever their alignment. */
#ifndef HDI_KERNELS_ATTENTION_ARGS_GPU_H
#define HDI_KERNELS_ATTENTION_ARGS_GPU_H

#include "kernels/attention/attention.h"
#include "kernels/gpu/element.h"
#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

enum { ATTENTION_THREADS = 256 }; /* of a block of every kernel but the tensor-core one */

/* Shared memory of split decode, as offsets in bytes. */
struct attention_layout {
    int vectors_k, vectors_v; /* 16-byte vectors of a row */
    int pitch_k, pitch_v;     /* bytes from row to row */
    int columns;              /* floats of a row of sums */
    int parts_v;              /* threads that share a row of v: a power of two */
    int q, score, p, state, total, reduce, k, v, bytes;
    bool possible; /* the arithmetic is made for such heads */
};

/* A call, filled on the host from shapes and strides alone: lengths are read on the device. */
struct attention_args {
    char *out;
    const char *q, *k, *v;
    const int32_t *table, *seq;
    const void *pos;
    int64_t out_token, out_head, q_token, q_head; /* strides in elements */
    int64_t k_page, k_place, k_head;              /* strides in bytes */
    int64_t v_page, v_place, v_head;
    int64_t table_seq, table_page, seq_stride, pos_stride; /* in elements */
    int32_t tokens, kv_heads, group, d, dv, page, seqs;
    int32_t room; /* keys that a row of the page table has place for */
    int32_t window;
    float scale, softcap;
    uint8_t q_type, kv_type;
    bool pos_i64;
    bool aligned;   /* all rows of k and v lie at multiples of 16 bytes, */
    bool q_aligned; /* those of q */
    bool out_pairs; /* 16-bit output whose elements can be stored two at a time */

    /* split decode, attention_gpu.h */
    int32_t chunk;       /* keys in shared memory at a time */
    bool warp;           /* with tensor cores */
    int32_t head_blocks; /* blocks of heads that a group is cut into, */
    int32_t heads;       /* of so many heads each */
    int32_t workers;     /* items that share the keys of a cell (a token, a kv head, a block of heads) */
    int32_t slots;       /* the most splits that a cell can have */
    float *partial;      /* [cell][slot][heads][dv padded], then [cell][slot][heads][2]: m, l */
    unsigned *counter;   /* [cell] */
    attention_layout layout;
};

/* Fills all but what belongs to split decode. */
static inline attention_args attention_args_of(const hdi_kernel_call *call) {
    const hdi_operand *out = &call->operand[0], *q = &call->operand[1], *k = &call->operand[2], *v = &call->operand[3];
    const hdi_operand *table = &call->operand[4], *seq = &call->operand[5], *pos = &call->operand[6];
    const hdi_attention_attr *attr = (const hdi_attention_attr *)call->attr;
    const int64_t bytes = k->dtype == HD_DTYPE_F32 ? 4 : 2;
    attention_args a = {};
    a.out = (char *)out->data;
    a.q = (const char *)q->data;
    a.k = (const char *)k->data;
    a.v = (const char *)v->data;
    a.table = (const int32_t *)table->data;
    a.seq = (const int32_t *)seq->data;
    a.pos = pos->data;
    a.out_token = out->stride[0], a.out_head = out->stride[1];
    a.q_token = q->stride[0], a.q_head = q->stride[1];
    a.k_page = k->stride[0] * bytes, a.k_place = k->stride[1] * bytes, a.k_head = k->stride[2] * bytes;
    a.v_page = v->stride[0] * bytes, a.v_place = v->stride[1] * bytes, a.v_head = v->stride[2] * bytes;
    a.table_seq = table->stride[0], a.table_page = table->stride[1];
    a.seq_stride = seq->stride[0], a.pos_stride = pos->stride[0];
    a.tokens = (int32_t)out->shape[0];
    a.kv_heads = (int32_t)k->shape[2];
    a.group = (int32_t)(out->shape[1] / k->shape[2]);
    a.d = (int32_t)q->shape[2];
    a.dv = (int32_t)out->shape[2];
    a.page = (int32_t)k->shape[1];
    a.seqs = (int32_t)table->shape[0];
    const int64_t room = table->shape[1] * k->shape[1], most = INT32_MAX - 4096;
    a.room = (int32_t)(room < most ? room : most);
    a.window = attr->window;
    a.scale = attr->scale;
    a.softcap = attr->softcap;
    a.q_type = q->dtype;
    a.kv_type = k->dtype;
    a.pos_i64 = pos->dtype == HD_DTYPE_I64;
    const int64_t all =
        (int64_t)(uintptr_t)a.k | (int64_t)(uintptr_t)a.v | a.k_page | a.k_place | a.k_head | a.v_page | a.v_place | a.v_head;
    a.aligned = all % 16 == 0;
    const int64_t width = q->dtype == HD_DTYPE_F32 ? 4 : 2;
    a.q_aligned = (((int64_t)(uintptr_t)a.q | a.q_token * width | a.q_head * width) % 16) == 0;
    a.out_pairs = width == 2 && (uintptr_t)a.out % 4 == 0 && (a.out_token | a.out_head | a.dv) % 2 == 0;
    return a;
}

/* ---- on the device ---- */

/* The sequence of token t; -1 for padding. */
static __device__ __forceinline__ int attention_sequence(const attention_args &a, int64_t t) {
    int s = a.seq[t * a.seq_stride];
    return s < a.seqs ? s : -1;
}

/* Token t of sequence s sees keys lo <= key < hi. */
static __device__ __forceinline__ void attention_range(const attention_args &a, int64_t t, int s, int *lo, int *hi) {
    int64_t i = t * a.pos_stride;
    int64_t p = a.pos_i64 ? ((const int64_t *)a.pos)[i] : ((const int32_t *)a.pos)[i];
    *hi = s < 0 || p < 0 ? 0 : p < a.room ? (int)p + 1 : a.room;
    *lo = a.window > 0 && *hi > a.window ? *hi - a.window : 0;
}

/* Where the rows of key `key` of sequence s lie, in bytes from the first row of a kv head. */
static __device__ __forceinline__ void attention_place(const attention_args &a, int s, int key, int64_t *k, int64_t *v) {
    int64_t id = a.table[s * a.table_seq + key / a.page * a.table_page];
    *k = id * a.k_page + key % a.page * a.k_place;
    *v = id * a.v_page + key % a.page * a.v_place;
}

static __device__ __forceinline__ float attention_load_q(const attention_args &a, int64_t i) {
    return a.q_type == HD_DTYPE_F32   ? ((const float *)a.q)[i]
           : a.q_type == HD_DTYPE_F16 ? f16::get(((const uint16_t *)a.q)[i])
                                      : bf16::get(((const uint16_t *)a.q)[i]);
}
static __device__ __forceinline__ void attention_store_out(const attention_args &a, int64_t i, float x) {
    if (a.q_type == HD_DTYPE_F32)
        ((float *)a.out)[i] = x;
    else
        ((uint16_t *)a.out)[i] = a.q_type == HD_DTYPE_F16 ? f16::put(x) : bf16::put(x);
}

/* A score in units of log2, from the dot product of q and k. */
static __device__ __forceinline__ float attention_score(const attention_args &a, float dot) {
    const float log2_e = 1.44269504089f;
    if (a.softcap > 0) return tanhf(dot * a.scale / a.softcap) * (a.softcap * log2_e);
    return dot * (a.scale * log2_e);
}
/* 2^(x - max), where a max of -inf, of nothing, counts as 0: x is -inf too then. */
static __device__ __forceinline__ float attention_exp(float x, float max) { return exp2f(x - (max == -INFINITY ? 0.0f : max)); }

/* Begins to copy `rows` rows of k or v to shared memory, `pitch` bytes apart, 16 bytes a step and thread, padded with zeros to
 * `vectors` 16-byte vectors. off[row]: where the row begins in `from`, in bytes; -1: a row of zeros. All threads; the rows are
 * there after gpu_copy_commit, gpu_copy_wait and a barrier. */
template <typename KV, int THREADS>
static __device__ __forceinline__ void attention_stage(const char *from, const int64_t *off, bool aligned, int rows, int n,
                                                       int vectors, char *to, int pitch) {
    typedef typename KV::storage storage;
    const int bytes = n * (int)sizeof(storage), row_step = THREADS / vectors, vector_step = THREADS % vectors;
    int row = (int)threadIdx.x / vectors, vector = (int)threadIdx.x % vectors;
    while (row < rows) {
        char *dst = to + row * pitch + vector * 16;
        const int64_t at = off[row];
        const int left = at < 0 || bytes < vector * 16 ? 0 : bytes - vector * 16;
        if (aligned) {
            gpu_copy_async(dst, from + (left ? at + vector * 16 : 0), 16, left < 16 ? left : 16);
        } else {
            union {
                storage x[16 / sizeof(storage)];
                uint32_t w[4];
            } u = {};
            for (int i = 0; i < 16 / (int)sizeof(storage); i++)
                if (i * (int)sizeof(storage) < left) u.x[i] = ((const storage *)(from + at + vector * 16))[i];
            for (int i = 0; i < 4; i++) ((uint32_t *)dst)[i] = u.w[i];
        }
        row += row_step;
        vector += vector_step;
        if (vector >= vectors) vector -= vectors, row++;
    }
}

struct alignas(16) attention_bytes {
    uint32_t w[4];
};

/* The elements of 16 bytes in shared memory, as floats. */
template <typename KV> static __device__ __forceinline__ void attention_vector(const char *from, float *x) {
    const attention_bytes v = *(const attention_bytes *)from;
    if constexpr (sizeof(typename KV::storage) == 4) {
        for (int i = 0; i < 4; i++) x[i] = gpu_bits_to_f32(v.w[i]);
    } else {
        for (int i = 0; i < 4; i++) {
            x[2 * i] = KV::get((uint16_t)(v.w[i] & 0xffffu));
            x[2 * i + 1] = KV::get((uint16_t)(v.w[i] >> 16));
        }
    }
}

} // namespace HDI_GPU_NAMESPACE

#endif
