/* SPDX-License-Identifier: Apache-2.0 */
/* What a vendor's library knows of a device, in one form: the one part of the run-time libraries that differs in more than a
 * prefix. For C and C++. */
#ifndef HDI_KERNELS_GPU_FACTS_H
#define HDI_KERNELS_GPU_FACTS_H

#include <stdio.h>

#include "kernels/gpu/vendor.h"

typedef struct hdi_gpu_facts {
    char name[128];
    size_t memory_bytes;
    int units;           /* multiprocessors */
    int lanes;           /* of a warp */
    size_t shared_limit; /* dynamic shared memory that a block may have once gpu_allow_shared was called */
    size_t cache_bytes;  /* of the L2 cache */
    int major, minor;    /* compute capability, as the vendor counts it */
} hdi_gpu_facts;

/* Gives a GPU(Error_t); *out is filled when that is GPU(Success). */
static inline int gpu_device_facts(int index, hdi_gpu_facts *out) {
#if defined(HDI_GPU_HOST)
    int error = hostSuccess, shared = 0, cache = 0;
    int lanes = 0, units = 0, major = 0, minor = 0;
    size_t free_bytes, total;
    if (!error) error = hostDeviceGetAttribute(&lanes, hostDevAttrWarpSize, index);
    if (!error) error = hostDeviceGetAttribute(&units, hostDevAttrMultiProcessorCount, index);
    if (!error) error = hostDeviceGetAttribute(&shared, hostDevAttrMaxSharedMemoryPerBlockOptin, index);
    if (!error) error = hostDeviceGetAttribute(&cache, hostDevAttrL2CacheSize, index);
    if (!error) error = hostDeviceGetAttribute(&major, hostDevAttrComputeCapabilityMajor, index);
    if (!error) error = hostDeviceGetAttribute(&minor, hostDevAttrComputeCapabilityMinor, index);
    if (!error) error = hostMemGetInfo(&free_bytes, &total); /* alike on all */
    if (error) return error;
    snprintf(out->name, sizeof out->name, "CPU running GPU code, warps of %d lanes", lanes);
    out->memory_bytes = total;
    out->shared_limit = (size_t)shared;
    out->cache_bytes = (size_t)cache;
#else
#if defined(HDI_GPU_MACA)
    mcDeviceProp_t p;
    int lanes = GPU_LANES;
#else
    struct cudaDeviceProp p;
    int lanes = 32;
#endif
    int error = GPU(GetDeviceProperties)(&p, index);
    if (error) return error;
    int units = p.multiProcessorCount, major = p.major, minor = p.minor;
    snprintf(out->name, sizeof out->name, "%.127s", p.name);
    out->memory_bytes = p.totalGlobalMem;
#if defined(HDI_GPU_MACA)
    out->shared_limit = p.sharedMemPerBlock;
#else
    out->shared_limit = p.sharedMemPerBlockOptin;
#endif
    out->cache_bytes = (size_t)p.l2CacheSize;
#endif
    out->units = units;
    out->lanes = lanes;
    out->major = major;
    out->minor = minor;
    return GPU(Success);
}

#endif
