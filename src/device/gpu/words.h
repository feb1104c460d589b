/* SPDX-License-Identifier: Apache-2.0 */
/* The few names of the vendors' run-time libraries that do not follow from one another by prefix, and what a vendor is called. */
#ifndef HDI_DEVICE_GPU_WORDS_H
#define HDI_DEVICE_GPU_WORDS_H

#include "kernels/gpu/vendor.h"

/* GPU_DEVICE_TYPE, GPU_TYPE_NAME       the hd_device_type, and its name in front of an index: "cuda"
 * GPU_MAKER, GPU_LIBRARY               whose driver it takes, and the library that driver brings
 * GPU_HOST_MALLOC(out, bytes)          page-locked memory, for all devices
 * GPU_INSTANTIATE(exec, graph)         an executable graph of a recorded one
 * GPU_OVERLAPS(major)                  whether a kernel may begin before the one before it has ended (kernels/gpu/early.h) */
#if defined(HDI_GPU_MACA)
#define GPU_DEVICE_TYPE HD_DEVICE_MACA
#define GPU_TYPE_NAME "maca"
#define GPU_MAKER "MetaX"
#define GPU_LIBRARY "libmcruntime.so"
#define GPU_HOST_MALLOC(out, bytes) mcMallocHost(out, bytes, mcMallocHostPortable)
#define GPU_INSTANTIATE(exec, graph) mcGraphInstantiateWithFlags(exec, graph, 0)
#elif defined(HDI_GPU_CUDA)
#define GPU_DEVICE_TYPE HD_DEVICE_CUDA
#define GPU_TYPE_NAME "cuda"
#define GPU_MAKER "NVIDIA"
#define GPU_LIBRARY "libcuda.so.1"
#define GPU_HOST_MALLOC(out, bytes) cudaHostAlloc(out, bytes, cudaHostAllocPortable)
#define GPU_INSTANTIATE(exec, graph) cudaGraphInstantiateWithFlags(exec, graph, 0)
#define GPU_OVERLAPS(major) ((major) >= 9)
#else
#define GPU_DEVICE_TYPE HD_DEVICE_HOST
#define GPU_TYPE_NAME "host"
#define GPU_MAKER "host"
#define GPU_LIBRARY "nothing"
#define GPU_HOST_MALLOC(out, bytes) hostMallocHost(out, bytes)
#define GPU_INSTANTIATE(exec, graph) hostGraphInstantiate(exec, graph, 0)
#endif

#ifndef GPU_OVERLAPS
#define GPU_OVERLAPS(major) false
#endif

#define GPU_SPELL_(x) #x
#define GPU_SPELL(x) GPU_SPELL_(x)

#endif
