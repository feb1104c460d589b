/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of a vendor: how many, what they are, and why there are none. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "device/gpu/backend.h"

#ifndef HDI_GPU_HOST
/* Why the driver does not do: none is installed, or one that is older than what this library was built with. */
static hd_status driver_missing(GPU(Error_t) error) {
    int driver = 0, built = 0;
    bool known = GPU(DriverGetVersion)(&driver) == GPU(Success) && GPU(RuntimeGetVersion)(&built) == GPU(Success);
    (void)GPU(GetLastError)();
    HD_REQUIRE(!known || driver > 0, HD_NOT_FOUND, "no %s driver is installed here (%s was not found)", GPU_MAKER, GPU_LIBRARY);
    HD_REQUIRE(!known || driver >= built, HD_NOT_FOUND,
               "the %s driver is too old: it knows %s up to %d.%d, and this back end was built with %d.%d", GPU_MAKER,
               GPU_VENDOR_NAME, driver / 1000, driver % 1000 / 10, built / 1000, built % 1000 / 10);
    return gpu_fail(NULL, error, "%s", GPU_SPELL(GPU(GetDeviceCount)));
}
#endif

hd_status gpu_count(int32_t *out) {
    int n = 0;
    GPU(Error_t) error = GPU(GetDeviceCount)(&n);
    *out = 0;
#ifndef HDI_GPU_HOST
    if (error == GPU(ErrorInsufficientDriver)) return driver_missing(error);
#endif
    if (error == GPU(ErrorNoDevice)) {
        (void)GPU(GetLastError)();
        return HD_OK;
    }
    if (error != GPU(Success)) return gpu_fail(NULL, error, "%s", GPU_SPELL(GPU(GetDeviceCount)));
    *out = n;
    return HD_OK;
}

static hd_status attribute(const gpu_device *device, int *out, int name, const char *text) {
    GPU(Error_t) error = GPU(DeviceGetAttribute)(out, name, device->index);
    return error == GPU(Success) ? HD_OK : gpu_fail(device, error, "%s of its %s", GPU_SPELL(GPU(DeviceGetAttribute)), text);
}

static hd_status ask(gpu_device *d) {
    int units, lanes, shared, cache;
    HD_TRY(attribute(d, &units, GPU_ATTRIBUTE(MultiProcessorCount), "multiprocessors"));
    HD_TRY(attribute(d, &lanes, GPU_ATTRIBUTE(WarpSize), "lanes"));
    HD_TRY(attribute(d, &shared, GPU_ATTRIBUTE(MaxSharedMemoryPerBlockOptin), "shared memory"));
    HD_TRY(attribute(d, &cache, GPU_ATTRIBUTE(L2CacheSize), "cache"));
    HD_REQUIRE(units > 0 && shared > 0, HD_DEVICE, "%s: %s:%d says that it has %d multiprocessors and %d bytes of shared memory",
               GPU_VENDOR_NAME, GPU_TYPE_NAME, (int)d->index, units, shared);
    d->units = units;
    d->lanes = lanes;
    d->shared_limit = (size_t)shared;
    d->cache_bytes = cache > 0 ? (size_t)cache : 0;
#ifdef HDI_GPU_HOST
    d->pools = true;
#else
    int pools = 0;
    HD_TRY(attribute(d, &pools, GPU_ATTRIBUTE(MemoryPoolsSupported), "memory pools"));
    d->pools = pools != 0;
#endif
    return HD_OK;
}

hd_status gpu_open(hd_device *device) {
    gpu_device *d;
    HD_TRY(hdi_calloc(&d, 1, sizeof *d, "a GPU"));
    d->index = device->index;
    d->kernels = gpu_kernels_of(device->index);
    hd_status status = ask(d);
    if (status != HD_OK) {
        hdi_free(d);
        return status;
    }
    device->state = d;
    return HD_OK;
}

#ifdef HDI_GPU_HOST
static hd_status name_and_memory(const gpu_device *d, hd_device_properties *out) {
    size_t left;
    snprintf(out->name, sizeof out->name, "GPU kernels run by the CPU, %d lanes", (int)d->lanes);
    GPU_TRY(d, MemGetInfo, (&left, &out->memory_bytes));
    return HD_OK;
}
#else
static hd_status name_and_memory(const gpu_device *d, hd_device_properties *out) {
    GPU_PROPERTIES p;
    GPU_TRY(d, GetDeviceProperties, (&p, d->index));
    snprintf(out->name, sizeof out->name, "%.120s", p.name);
    out->memory_bytes = p.totalGlobalMem;
    return HD_OK;
}
#endif

hd_status gpu_properties(const hd_device *device, hd_device_properties *out) {
    const gpu_device *d = gpu_of(device);
    HD_TRY(gpu_select(d));
    out->units = d->units;
    out->lanes = d->lanes;
    return name_and_memory(d, out);
}

hd_status gpu_synchronize(const hd_device *device) {
    const gpu_device *d = gpu_of(device);
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(DeviceSynchronize)();
    return error == GPU(Success) ? HD_OK : gpu_fail_late(d, error, GPU_SPELL(GPU(DeviceSynchronize)), NULL);
}
