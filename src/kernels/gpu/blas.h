/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's matrix library as kernels of a stream use it: hdi_gpu_queue.blas. A build that found one says HDI_GPU_BLAS. */
#ifndef HDI_KERNELS_GPU_BLAS_H
#define HDI_KERNELS_GPU_BLAS_H

#include "kernels/gpu/gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef HDI_GPU_BLAS
/* Called when a stream was made (its device is current), and before it goes. Sets and clears queue->blas; gives a GPU(Error_t). A
 * library that cannot be had leaves NULL and is no error: kernels of our own take its place. */
int hdi_gpu_blas_create(hdi_gpu_queue *queue);
void hdi_gpu_blas_destroy(hdi_gpu_queue *queue);
#else
static inline int hdi_gpu_blas_create(hdi_gpu_queue *queue) {
    queue->blas = NULL;
    return 0;
}
static inline void hdi_gpu_blas_destroy(hdi_gpu_queue *queue) { (void)queue; }
#endif

#ifdef __cplusplus
}
#endif

#endif
