/* SPDX-License-Identifier: Apache-2.0 */
#include "support/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/remote_device.h"

const hd_device *remote_device(void) {
    static const hd_device *remote;
    if (remote) return remote;
    /* It takes the place of a kind that this machine has not. */
    hd_device_type absent = hd_device_count(HD_DEVICE_MACA) ? HD_DEVICE_CUDA : HD_DEVICE_MACA;
    if (hdi_device_register(absent, &remote_device_vtable) != HD_OK || hd_device_get(absent, 0, &remote) != HD_OK) {
        fprintf(stderr, "%s\n", hd_last_error());
        exit(1);
    }
    return remote;
}

const hd_device *test_devices(int i) {
    const hd_device *all[4] = {hdi_device_cpu()};
    const char *only = getenv("HEDDLE_TEST_DEVICE");
    int n = 1;
    if (only && strcmp(only, "remote") == 0) {
        all[n++] = remote_device();
        return i < n ? all[i] : NULL;
    }
    if (only && *only) {
        if (hd_device_parse(only, &all[n++]) == HD_OK) return i < n ? all[i] : NULL;
        fprintf(stderr, "%s\n", hd_last_error());
        exit(1);
    }
    all[n++] = remote_device();
    for (int32_t k = 0; k < 2 && k < hd_device_count(HD_DEVICE_HOST); k++)
        if (hd_device_get(HD_DEVICE_HOST, k, &all[n]) == HD_OK) n++;
    return i < n ? all[i] : NULL;
}
