/* SPDX-License-Identifier: Apache-2.0 */
/* The few names of the vendors' run-time libraries that do not follow from one another by prefix, and what a vendor is called. */
#ifndef HDI_DEVICE_GPU_WORDS_H
#define HDI_DEVICE_GPU_WORDS_H

#include "kernels/gpu/vendor.h"

/* GPU_DEVICE_TYPE, GPU_TYPE_NAME       the hd_device_type, and its name in front of an index: "cuda"
 * GPU_MAKER, GPU_LIBRARY               whose driver it takes, and the library that driver brings
 * GPU_ATTRIBUTE(Name)                  of DeviceGetAttribute
 * GPU_PROPERTIES                       what GetDeviceProperties fills; not there on the host vendor
 * GPU_HOST_MALLOC(out, bytes)          page-locked memory, for all devices
 * GPU_INSTANTIATE(exec, graph)         an executable graph of a recorded one */
#if defined(HDI_GPU_MACA)
#define GPU_DEVICE_TYPE HD_DEVICE_MACA
#define GPU_TYPE_NAME "maca"
#define GPU_MAKER "MetaX"
#define GPU_LIBRARY "libmcruntime.so"
#define GPU_ATTRIBUTE(name) mcDeviceAttribute##name
#define GPU_PROPERTIES mcDeviceProp_t
#define GPU_HOST_MALLOC(out, bytes) mcMallocHost(out, bytes, mcMallocHostPortable)
#define GPU_INSTANTIATE(exec, graph) mcGraphInstantiateWithFlags(exec, graph, 0)
#elif defined(HDI_GPU_CUDA)
#define GPU_DEVICE_TYPE HD_DEVICE_CUDA
#define GPU_TYPE_NAME "cuda"
#define GPU_MAKER "NVIDIA"
#define GPU_LIBRARY "libcuda.so.1"
#define GPU_ATTRIBUTE(name) cudaDevAttr##name
#define GPU_PROPERTIES struct cudaDeviceProp
#define GPU_HOST_MALLOC(out, bytes) cudaHostAlloc(out, bytes, cudaHostAllocPortable)
#define GPU_INSTANTIATE(exec, graph) cudaGraphInstantiateWithFlags(exec, graph, 0)
#else
#define GPU_DEVICE_TYPE HD_DEVICE_HOST
#define GPU_TYPE_NAME "host"
#define GPU_MAKER "host"
#define GPU_LIBRARY "nothing"
#define GPU_ATTRIBUTE(name) hostDevAttr##name
#define GPU_HOST_MALLOC(out, bytes) hostMallocHost(out, bytes)
#define GPU_INSTANTIATE(exec, graph) hostGraphInstantiate(exec, graph, 0)
#endif

#define GPU_SPELL_(x) #x
#define GPU_SPELL(x) GPU_SPELL_(x)

#endif
