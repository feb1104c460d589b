/* SPDX-License-Identifier: Apache-2.0 */
/* A program outside the tree: it calls what needs each of the library's own dependencies, so that they must have been linked. */
#include <heddle/device.h>
#include <heddle/status.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 2 || strcmp(hd_version(), argv[1]) != 0) {
        fprintf(stderr, "the library says it is version %s\n", hd_version());
        return 1;
    }
    const hd_device *device = NULL;
    if (hd_device_get(HD_DEVICE_CPU, 0, &device) != HD_OK) {
        fprintf(stderr, "%s\n", hd_last_error());
        return 1;
    }
    hd_device_properties properties;
    if (hd_device_get_properties(device, &properties) != HD_OK || properties.units < 1) return 1;
    return 0;
}
