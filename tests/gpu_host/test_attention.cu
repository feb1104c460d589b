/* SPDX-License-Identifier: Apache-2.0 */
/* Attention on the host vendor: a token's bits depend on its own query, position and keys only, not on its neighbours in the
 * batch nor on how many blocks shared the work; and sequences keep to themselves what is not finite. */
#include <stdlib.h>
#include <string.h>

#include "kernels/attention/attention.h"
#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"
#include "unit/cmocka_all.h"

using namespace HDI_GPU_NAMESPACE;

/* Sequences of one cache, whose tokens a call may name in any number and order. */
enum { SEQS = 5, PAGE = 16, PAGES = 24, HEADS = 7, KV_HEADS = 1, DIM = 80, MOST = 96 };

static hostStream_t stream;
static void *work[HDI_GPU_WORK_COUNT];
static size_t work_bytes[HDI_GPU_WORK_COUNT];

static int workspace(hdi_gpu_queue *, int what, size_t bytes, void **out) {
    if (work_bytes[what] < bytes) {
        if (work[what]) assert_int_equal(hostFree(work[what]), hostSuccess);
        assert_int_equal(hostMalloc(&work[what], bytes), hostSuccess);
        assert_int_equal(hostMemset(work[what], 0, bytes), hostSuccess);
        work_bytes[what] = bytes;
    }
    *out = work[what];
    return hostSuccess;
}

typedef struct cache {
    uint16_t k[SEQS * PAGES][PAGE][KV_HEADS][DIM], v[SEQS * PAGES][PAGE][KV_HEADS][DIM];
    int32_t table[SEQS][PAGES];
} cache;

static float noise(uint64_t *state) {
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (float)(*state >> 40) * 0x1p-24f - 0.5f;
    }
    return sum * 1.7f;
}

static cache *make_cache() {
    cache *c = (cache *)malloc(sizeof *c);
    uint64_t state = 7;
    assert_non_null(c);
    for (size_t i = 0; i < sizeof c->k / 2; i++) ((uint16_t *)c->k)[i] = gpu_f32_to_bf16(noise(&state));
    for (size_t i = 0; i < sizeof c->v / 2; i++) ((uint16_t *)c->v)[i] = gpu_f32_to_bf16(noise(&state));
    for (int s = 0; s < SEQS; s++)
        for (int p = 0; p < PAGES; p++) c->table[s][p] = (p * SEQS + s) * 7 % (SEQS * PAGES);
    return c;
}

/* The query of a token follows from where it stands. */
static void fill_q(uint16_t *q, int s, int position) {
    uint64_t state = (uint64_t)s * 1000003u + (uint64_t)position;
    for (int i = 0; i < HEADS * DIM; i++) q[i] = gpu_f32_to_bf16(noise(&state));
}

static hdi_operand operand_of(void *data, hd_dtype dtype, int rank, const int64_t *shape) {
    hdi_operand o = {};
    o.data = data;
    o.dtype = (uint8_t)dtype;
    o.rank = (uint8_t)rank;
    for (int i = rank - 1, n = 1; i >= 0; n *= (int)shape[i], i--) o.shape[i] = shape[i], o.stride[i] = n;
    return o;
}

static void *to_device(const void *from, size_t bytes) {
    void *to;
    assert_int_equal(hostMalloc(&to, bytes), hostSuccess);
    assert_int_equal(hostMemcpy(to, from, bytes, hostMemcpyHostToDevice), hostSuccess);
    return to;
}

/* Attention of n tokens (sequence, position) with a page table of `seqs` rows: out [n][HEADS][DIM] bf16. */
static void attend(const cache *c, int n, const int32_t (*token)[2], int seqs, int units, int window, uint16_t *out) {
    static uint16_t q[MOST][HEADS * DIM];
    static int32_t seq[MOST], pos[MOST];
    assert_true(n <= MOST);
    for (int t = 0; t < n; t++) {
        seq[t] = token[t][0], pos[t] = token[t][1];
        fill_q(q[t], seq[t], pos[t]);
    }
    const size_t bytes = (size_t)n * sizeof q[0];
    void *data[7] = {to_device(q, bytes),
                     to_device(q, bytes),
                     to_device(c->k, sizeof c->k),
                     to_device(c->v, sizeof c->v),
                     to_device(c->table, sizeof c->table),
                     to_device(seq, (size_t)n * 4),
                     to_device(pos, (size_t)n * 4)};
    const int64_t tokens[3] = {n, HEADS, DIM}, keys[4] = {SEQS * PAGES, PAGE, KV_HEADS, DIM}, table[2] = {seqs, PAGES};
    hdi_operand operand[7] = {operand_of(data[0], HD_DTYPE_BF16, 3, tokens), operand_of(data[1], HD_DTYPE_BF16, 3, tokens),
                              operand_of(data[2], HD_DTYPE_BF16, 4, keys),   operand_of(data[3], HD_DTYPE_BF16, 4, keys),
                              operand_of(data[4], HD_DTYPE_I32, 2, table),   operand_of(data[5], HD_DTYPE_I32, 1, tokens),
                              operand_of(data[6], HD_DTYPE_I32, 1, tokens)};
    hdi_attention_attr attr = {0.11f, window, 0};
    hdi_kernel_call call = {operand, &attr, 7};
    hdi_gpu_queue queue = {};
    queue.stream = stream;
    queue.units = units;
    queue.shared_limit = 160 << 10;
    queue.workspace = workspace;
    assert_int_equal(hdi_gpu_table()->op[HDI_KERNEL_attention_bf16_bf16](&queue, &call), hostSuccess);
    hostError_t error = hostStreamSynchronize(stream);
    if (error != hostSuccess) fail_msg("%s", hostGetErrorString(error));
    assert_int_equal(hostMemcpy(out, data[0], bytes, hostMemcpyDeviceToHost), hostSuccess);
    for (int i = 0; i < 7; i++) assert_int_equal(hostFree(data[i]), hostSuccess);
    for (size_t i = 0; i < work_bytes[HDI_GPU_WORK_COUNTERS] / 4; i++)
        assert_int_equal(((unsigned *)work[HDI_GPU_WORK_COUNTERS])[i], 0);
}

static const size_t row = HEADS * DIM * sizeof(uint16_t);

/* Decode: alone, among others, with few and with many blocks. */
static void test_decode_alone_and_together(void **) {
    static const int32_t token[][2] = {{0, 383}, {1, 0}, {4, 200}, {-1, 0}, {2, 63}, {3, 64}, {0, 130}};
    enum { N = sizeof token / sizeof token[0] };
    static uint16_t many[N][HEADS * DIM], few[N][HEADS * DIM], one[HEADS * DIM];
    cache *c = make_cache();
    for (int window = 0; window <= 100; window += 100) {
        attend(c, N, token, SEQS, 132, window, many[0]);
        attend(c, N, token, SEQS, 1, window, few[0]);
        assert_memory_equal(many, few, sizeof many);
        for (int t = 0; t < N; t++) {
            attend(c, 1, &token[t], SEQS, 16, window, one);
            assert_memory_equal(one, many[t], row);
        }
    }
    free(c);
}

/* Prefill: a chunk alone, cut elsewhere, among tokens of other sequences. */
static void test_prefill_alone_and_together(void **) {
    static int32_t token[MOST][2];
    static uint16_t whole[MOST][HEADS * DIM], part[MOST][HEADS * DIM];
    cache *c = make_cache();
    int n = 0;
    for (int s = 0; s < 3; s++)
        for (int p = 0; p < (s == 1 ? 1 : 40); p++, n++) token[n][0] = s, token[n][1] = 150 * s + p;
    for (int p = 0; p < 3; p++, n++) token[n][0] = -1, token[n][1] = 0;
    for (int window = 0; window <= 50; window += 50) {
        attend(c, n, token, SEQS, 4, window, whole[0]);
        attend(c, 33, token + 3, 1, 4, window, part[0]);
        assert_memory_equal(part, whole[3], 33 * row);
        attend(c, 38, token + 46, 3, 4, window, part[0]);
        assert_memory_equal(part, whole[46], 38 * row);
    }
    free(c);
}

/* What is not finite in one sequence, or behind a token, does not reach it. */
static void test_keeps_to_itself(void **) {
    static int32_t token[MOST][2];
    static uint16_t clean[MOST][HEADS * DIM], out[MOST][HEADS * DIM];
    cache *c = make_cache();
    for (int t = 0; t < 60; t++) token[t][0] = t < 30 ? 0 : 1, token[t][1] = t % 30;
    for (int n = 60; n > 0; n -= 56) { /* tiles, then split decode */
        attend(c, n, token, SEQS, 4, 0, clean[0]);
        for (int e = 0; e < DIM; e++) {
            c->v[c->table[0][1]][4][0][e] = e % 2 ? 0x7f80 : 0x7fc0; /* key 20 of sequence 0 */
            c->k[c->table[0][1]][4][0][e] = 0x7fc0;
        }
        attend(c, n, token, SEQS, 4, 0, out[0]);
        for (int t = 0; t < n; t++)
            if (t < 20 || t >= 30)
                assert_memory_equal(out[t], clean[t], row);
            else
                assert_true(isnan(gpu_bf16_to_f32(out[t][0])));
        free(c);
        c = make_cache();
    }
    free(c);
}

int main() {
    assert_int_equal(hostSetDevice(GPU_LANES == 32 ? 0 : 1), hostSuccess);
    assert_int_equal(hostStreamCreate(&stream), hostSuccess);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_alone_and_together),
        cmocka_unit_test(test_prefill_alone_and_together),
        cmocka_unit_test(test_keeps_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
