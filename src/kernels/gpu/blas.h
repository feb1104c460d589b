/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's matrix library as kernels of a stream use it: hdi_gpu_queue.blas. A build that has its headers says HDI_GPU_BLAS;
 * the library itself is found at run time, since a machine may lack it. */
#ifndef HDI_KERNELS_GPU_BLAS_H
#define HDI_KERNELS_GPU_BLAS_H

#include "kernels/gpu/gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y [m, n] = x [m, k] w [n, k]^T + bias [n] + residual [m, n], all row-major, last dims contiguous, strides in elements. */
typedef struct hdi_gpu_product {
    const void *x, *w, *bias, *residual; /* bias and residual of y's type, or NULL; residual may be y */
    void *y;
    int64_t m, n, k, x_stride, w_stride, y_stride, residual_stride;
    int32_t in, out; /* hd_dtype of x and w; of y: the same or f32 */
} hdi_gpu_product;

#ifdef HDI_GPU_BLAS
/* Called when a stream was made (its device is current), and before it goes. Sets and clears queue->blas; gives a GPU(Error_t). A
 * library that cannot be had leaves NULL and is no error: kernels of our own take its place. */
int hdi_gpu_blas_create(hdi_gpu_queue *queue);
void hdi_gpu_blas_destroy(hdi_gpu_queue *queue);
/* Enqueues a product, sums in f32 (f32 x f32 without shortened mantissas). HDI_GPU_UNSUPPORTED: types, alignment (16 bytes for
 * every row), or no library. Uses HDI_GPU_WORK_SCRATCH2; allocates no other device memory. What the library advises for a shape
 * is kept. */
int hdi_gpu_blas_product(hdi_gpu_queue *queue, const hdi_gpu_product *product);
#else
static inline int hdi_gpu_blas_create(hdi_gpu_queue *queue) {
    queue->blas = NULL;
    return 0;
}
static inline void hdi_gpu_blas_destroy(hdi_gpu_queue *queue) { (void)queue; }
static inline int hdi_gpu_blas_product(hdi_gpu_queue *queue, const hdi_gpu_product *product) {
    (void)queue, (void)product;
    return HDI_GPU_UNSUPPORTED;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
