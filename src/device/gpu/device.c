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

hd_status gpu_open(hd_device *device) {
    gpu_device *d;
    hdi_gpu_facts facts;
    GPU(Error_t) error = (GPU(Error_t))gpu_device_facts(device->index, &facts);
    if (error != GPU(Success)) return gpu_fail(NULL, error, "asking what %s:%d is", GPU_TYPE_NAME, (int)device->index);
    HD_REQUIRE(facts.units > 0 && facts.shared_limit > 0, HD_DEVICE,
               "%s: %s:%d says that it has %d multiprocessors and %zu bytes of shared memory", GPU_VENDOR_NAME, GPU_TYPE_NAME,
               (int)device->index, facts.units, facts.shared_limit);
    HD_TRY(hdi_calloc(&d, 1, sizeof *d, "a GPU"));
    d->index = device->index;
    d->facts = facts;
    d->kernels = gpu_kernels_of(device->index);
    device->state = d;
    return HD_OK;
}

hd_status gpu_properties(const hd_device *device, hd_device_properties *out) {
    const hdi_gpu_facts *facts = &gpu_of(device)->facts;
    snprintf(out->name, sizeof out->name, "%s", facts->name);
    out->memory_bytes = facts->memory_bytes;
    out->units = facts->units;
    out->lanes = facts->lanes;
    return HD_OK;
}

hd_status gpu_synchronize(const hd_device *device) {
    const gpu_device *d = gpu_of(device);
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(DeviceSynchronize)();
    return error == GPU(Success) ? HD_OK : gpu_fail_late(d, error, GPU_SPELL(GPU(DeviceSynchronize)), NULL);
}
