/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "check/check.h"
#include "kernels/attention/attention.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype q, kv;
} kernels[] = {
    {HDI_KERNEL_attention_f32_f32, HD_DTYPE_F32, HD_DTYPE_F32},     {HDI_KERNEL_attention_f32_f16, HD_DTYPE_F32, HD_DTYPE_F16},
    {HDI_KERNEL_attention_f32_bf16, HD_DTYPE_F32, HD_DTYPE_BF16},   {HDI_KERNEL_attention_f16_f16, HD_DTYPE_F16, HD_DTYPE_F16},
    {HDI_KERNEL_attention_bf16_bf16, HD_DTYPE_BF16, HD_DTYPE_BF16},
};

typedef struct shape {
    int64_t tokens, heads, kv_heads, d, dv, page, seqs, keys; /* keys: the longest sequence */
    int32_t window;
    float softcap;
    enum {
        RANDOM, /* tokens of any sequence, some of none, anywhere in it */
        CHUNKS, /* as many of each sequence, which follow each other and end it */
        MIXED   /* one each of the last sequences, before them many of the first, which starts with padding */
    } mode;
} shape;

/* The sequence of token t; -1: padding. */
static int64_t sequence_of(hdi_check *c, const shape *s, int64_t t) {
    if (s->mode == RANDOM) return hdi_check_int(c, -1, s->seqs - 1);
    if (s->mode == CHUNKS) return t * s->seqs / s->tokens;
    int64_t many = s->tokens - s->seqs + 1;
    return t == 0 ? -1 : t < many ? 0 : t - many + 1;
}

static void put_index(const hdi_operand *t, int64_t i, int64_t x) {
    if (t->dtype == HD_DTYPE_I64)
        ((int64_t *)t->data)[i * t->stride[0]] = x;
    else
        ((int32_t *)t->data)[i * t->stride[0]] = (int32_t)x;
}

/* Keys that no token may see hold NaN. */
static void spoil(const hdi_operand *t, int64_t page, int64_t from) {
    for (int64_t i = from; i < t->shape[1]; i++)
        for (int64_t h = 0; h < t->shape[2]; h++)
            for (int64_t e = 0; e < t->shape[3]; e++)
                hdi_ref_set(t, page * t->stride[0] + i * t->stride[1] + h * t->stride[2] + e, (double)NAN);
}

/* Errors of scores, which grow with both factors, times values. Devices may take p, and q where it is wider, as one number of the
 * type of k and v when there are many tokens for each sequence, else as the sum of two. */
static void tolerate(hdi_check *c, int kernel, const shape *s, double size) {
    double absolute = 4e-6 * pow(size, 3), unit = kernels[kernel].kv == HD_DTYPE_F16 ? 0x1p-10 : 0x1p-7;
    if (hdi_check_on_device(c) && kernels[kernel].kv != HD_DTYPE_F32) {
        if (s->tokens <= 4 * s->seqs) unit *= unit / 4;
        absolute += unit * (size + (kernels[kernel].q == HD_DTYPE_F32 ? 2 * pow(size, 3) : 0));
    }
    hdi_check_tolerance(c, absolute, 1e-5);
}

static bool make(hdi_check *c, int kernel, const shape *s, hdi_fill fill) {
    hdi_attention_attr attr = {.scale = 1 / sqrtf((float)s->d + 1), .window = s->window, .softcap = s->softcap};
    int64_t pages = hdi_ceil_div(s->keys, s->page), spare = s->seqs * pages;
    int64_t length[16];
    if (!hdi_check_begin(c, kernels[kernel].id, &attr, sizeof attr)) return false;
    hdi_check_out(c, kernels[kernel].q, HDI_ROWS, HDI_DIMS(s->tokens, s->heads, s->dv));
    hdi_check_in(c, kernels[kernel].q, HDI_ROWS, fill, HDI_DIMS(s->tokens, s->heads, s->d));
    hdi_operand *k = hdi_check_in(c, kernels[kernel].kv, HDI_ROWS, fill, HDI_DIMS(spare + 1, s->page, s->kv_heads, s->d));
    hdi_operand *v = hdi_check_in(c, kernels[kernel].kv, HDI_ROWS, fill, HDI_DIMS(spare + 1, s->page, s->kv_heads, s->dv));
    hdi_operand *table = hdi_check_in(c, HD_DTYPE_I32, HDI_ROWS, HDI_UNIFORM(0, 1), HDI_DIMS(s->seqs, pages));
    hdi_operand *seq = hdi_check_in(c, HD_DTYPE_I32, HDI_ANY, HDI_UNIFORM(0, 1), HDI_DIMS(s->tokens));
    hdi_operand *pos =
        hdi_check_in(c, s->tokens % 2 ? HD_DTYPE_I32 : HD_DTYPE_I64, HDI_ANY, HDI_UNIFORM(0, 1), HDI_DIMS(s->tokens));
    int64_t start = hdi_check_int(c, 0, spare), step = 1; /* pages in a random order, the spare one nowhere */
    while (step < spare && hdi_check_int(c, 0, 2)) step++;
    while (step > 1 && (spare + 1) % step == 0) step--;
    for (int64_t i = 0; i < s->seqs; i++) length[i] = i == 0 ? s->keys : hdi_check_int(c, 1, s->keys);
    for (int64_t i = 0, at = start; i < s->seqs; i++)
        for (int64_t p = 0; p < pages; p++) {
            ((int32_t *)table->data)[i * table->stride[0] + p] = (int32_t)at;
            if (length[i] < (p + 1) * s->page) {
                spoil(k, at, hdi_max_i64(0, length[i] - p * s->page));
                spoil(v, at, hdi_max_i64(0, length[i] - p * s->page));
            }
            at = (at + 1) % (spare + 1);
        }
    for (int64_t t = 0; t < s->tokens; t++) {
        int64_t i = sequence_of(c, s, t), after = 0;
        while (s->mode != RANDOM && i >= 0 && t + after + 1 < s->tokens && sequence_of(c, s, t + after + 1) == i) after++;
        put_index(seq, t, i);
        put_index(pos, t,
                  i < 0               ? 5
                  : s->mode != RANDOM ? hdi_max_i64(0, length[i] - 1 - after)
                                      : hdi_check_int(c, 0, length[i] - 1));
    }
    tolerate(c, kernel, s, fill.hi);
    return true;
}

static void bench(hdi_check *c, int kernel) {
    static const shape shapes[] = {
        {1, 12, 2, 128, 128, 64, 1, 512, 0, 0, CHUNKS},    {1, 12, 2, 128, 128, 64, 1, 4096, 0, 0, CHUNKS},
        {1, 32, 32, 128, 128, 64, 1, 4096, 0, 0, CHUNKS},  {1, 12, 2, 128, 128, 64, 1, 65536, 0, 0, CHUNKS},
        {8, 12, 2, 128, 128, 64, 8, 4096, 0, 0, CHUNKS},   {512, 12, 2, 128, 128, 64, 1, 512, 0, 0, CHUNKS},
        {512, 32, 32, 128, 128, 64, 1, 512, 0, 0, CHUNKS}, {512, 12, 2, 128, 128, 64, 1, 4096, 0, 0, CHUNKS},
    };
    for (size_t i = 0; i < HDI_COUNTOF(shapes); i++) {
        const shape *s = &shapes[i];
        if (!make(c, kernel, s, HDI_NORMAL(1))) continue;
        double per_seq = (double)s->tokens / (double)s->seqs, seen = (double)s->keys - (per_seq - 1) / 2;
        double bytes =
            (double)(s->keys * s->seqs * s->kv_heads * (s->d + s->dv)) * (double)hd_dtype_block_bytes(kernels[kernel].kv);
        hdi_check_bench(c, bytes, 2.0 * (double)(s->tokens * s->heads * (s->d + s->dv)) * seen);
    }
}

void hdi_attention_check(hdi_check *c) {
    static const shape shapes[] = {
        {0, 2, 1, 16, 16, 16, 1, 4, 0, 0, RANDOM},       {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, CHUNKS},
        {1, 4, 2, 64, 64, 16, 1, 40, 0, 0, CHUNKS},      {1, 6, 1, 128, 128, 64, 1, 300, 0, 0, CHUNKS},
        {3, 7, 7, 17, 5, 16, 2, 33, 0, 0, RANDOM},       {5, 6, 2, 33, 66, 3, 3, 70, 0, 0, RANDOM},
        {20, 4, 4, 48, 48, 20, 1, 20, 0, 0, CHUNKS},     {40, 12, 2, 64, 80, 16, 3, 100, 0, 0, CHUNKS},
        {33, 2, 1, 128, 128, 256, 1, 290, 0, 0, CHUNKS}, {12, 4, 2, 31, 31, 7, 2, 130, 37, 0, CHUNKS},
        {50, 3, 3, 40, 40, 32, 1, 120, 1, 0, CHUNKS},    {9, 4, 2, 20, 20, 16, 4, 90, 50, 8, RANDOM},
        {7, 50, 1, 16, 16, 16, 1, 65, 0, 2.5f, CHUNKS},  {64, 8, 2, 96, 64, 16, 4, 64, 16, 30, CHUNKS},
    };
    static const shape large[] = {
        /* what devices cut into splits, tiles and steps */
        {3, 14, 2, 64, 64, 16, 3, 1000, 0, 0, RANDOM},     {2, 6, 1, 128, 128, 16, 2, 2500, 0, 0, RANDOM},
        {4, 4, 4, 80, 80, 16, 4, 700, 130, 0, RANDOM},     {2, 2, 1, 256, 256, 32, 2, 300, 0, 0, RANDOM},
        {3, 40, 4, 96, 96, 64, 2, 260, 0, 5, RANDOM},      {1, 1, 1, 300, 20, 16, 1, 200, 64, 0, CHUNKS},
        {150, 4, 2, 64, 64, 64, 1, 300, 0, 0, CHUNKS},     {70, 7, 1, 96, 96, 16, 2, 300, 0, 0, CHUNKS},
        {80, 6, 1, 128, 128, 16, 5, 200, 0, 0, MIXED},     {60, 7, 7, 80, 80, 16, 3, 150, 70, 0, MIXED},
        {100, 2, 2, 256, 256, 16, 2, 180, 40, 20, CHUNKS}, {40, 1, 1, 264, 8, 16, 1, 50, 0, 0, CHUNKS},
        {90, 3, 1, 40, 128, 16, 3, 200, 0, 0, RANDOM},
    };
    for (size_t k = 0; k < HDI_COUNTOF(kernels); k++) {
        for (size_t i = 0; i < HDI_COUNTOF(large); i++)
            if (make(c, (int)k, &large[i], HDI_NORMAL(1))) hdi_check_run(c, hdi_attention_ref);
        for (int again = 0; again < 3; again++)
            for (size_t i = 0; i < HDI_COUNTOF(shapes); i++)
                if (make(c, (int)k, &shapes[i], HDI_NORMAL(again == 2 ? 4 : 1))) hdi_check_run(c, hdi_attention_ref);
        if (make(c, (int)k, &shapes[7], HDI_SPECIAL)) {
            hdi_check_infinite_for_nan(c); /* tiles of tensor cores add them to the rows that see them */
            hdi_check_run(c, hdi_attention_ref);
        }
        for (int i = 0; i < 20; i++) {
            shape s = {.kv_heads = hdi_check_int(c, 1, 3), .d = hdi_check_int(c, 1, 130), .dv = hdi_check_int(c, 1, 130)};
            s.heads = s.kv_heads * hdi_check_int(c, 1, 8);
            s.page = hdi_check_int(c, 1, 50);
            s.seqs = hdi_check_int(c, 1, 4);
            s.keys = hdi_check_int(c, 1, 150);
            s.mode = hdi_check_int(c, 0, 1) ? CHUNKS : RANDOM;
            s.tokens = hdi_check_int(c, 0, s.mode == CHUNKS ? hdi_min_i64(s.keys, 40) : 40);
            if (s.mode == CHUNKS && s.tokens < s.seqs) s.seqs = 1;
            if (make(c, (int)k, &s, HDI_NORMAL(1))) hdi_check_run(c, hdi_attention_ref);
        }
        if (hdi_check_benching(c)) bench(c, (int)k);
    }
}
