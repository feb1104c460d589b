/* SPDX-License-Identifier: Apache-2.0 */
/* Row-wise kernels: an operand seen as rows along its last dim, the other dims strided at will. */
#ifndef HDI_KERNELS_ROWS_H
#define HDI_KERNELS_ROWS_H

#include "kernels/kernel.h"

HDI_DEVICE_TOO static inline int64_t hdi_row_length(const hdi_operand *t) { return t->rank ? t->shape[t->rank - 1] : 1; }

HDI_DEVICE_TOO static inline int64_t hdi_row_count(const hdi_operand *t) {
    int64_t n = 1;
    for (int i = 0; i + 1 < t->rank; i++) n *= t->shape[i];
    return n;
}

/* Elements from the start of the operand to row `r` in row-major order. */
HDI_DEVICE_TOO static inline int64_t hdi_row_offset(const hdi_operand *t, int64_t r) {
    int64_t offset = 0;
    for (int i = t->rank - 2; i >= 0; i--) {
        int64_t q = r / t->shape[i];
        offset += (r - q * t->shape[i]) * t->stride[i];
        r = q;
    }
    return offset;
}

/* Items are rows of `t`; a task is about 4096 elements. */
static inline void hdi_rows_work(const hdi_operand *t, hdi_kernel_work *work) {
    int64_t n = hdi_row_length(t);
    work->items = hdi_row_count(t);
    work->grain = n >= 4096 || n == 0 ? 1 : 4096 / n;
    work->scratch = 0;
}

/* Element-wise kernels cut long rows: an item is a chunk of at most HDI_CHUNK elements of a row. */
enum { HDI_CHUNK = 4096 };

typedef struct hdi_chunk {
    int64_t row, start, count; /* elements start .. start + count of the row */
} hdi_chunk;

HDI_DEVICE_TOO static inline int64_t hdi_chunks_of_row(const hdi_operand *t) { return (hdi_row_length(t) + HDI_CHUNK - 1) / HDI_CHUNK; }

static inline void hdi_chunks_work(const hdi_operand *t, hdi_kernel_work *work) {
    hdi_rows_work(t, work);
    work->items *= hdi_chunks_of_row(t);
}

HDI_DEVICE_TOO static inline hdi_chunk hdi_chunk_of(const hdi_operand *t, int64_t item) {
    int64_t chunks = hdi_chunks_of_row(t), n = hdi_row_length(t), row = item / chunks, start = (item - row * chunks) * HDI_CHUNK;
    return (hdi_chunk){row, start, n - start < HDI_CHUNK ? n - start : (int64_t)HDI_CHUNK};
}

#endif
