/* SPDX-License-Identifier: Apache-2.0 */
/* A file of a trace, whole or not at all; and what its processes are called. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "device/device.h"
#include "task/trace.h"

hd_status hdi_trace_write_file(const char *path, bool (*write)(FILE *f, const void *user), const void *user) {
    struct stat there;
    char *part = NULL;
    size_t room = strlen(path) + sizeof ".part";
    HD_TRY(hdi_alloc(&part, room, 1, "a path"));
    bool direct = stat(path, &there) == 0 && !S_ISREG(there.st_mode);
    snprintf(part, room, "%s%s", path, direct ? "" : ".part");
    hd_status status = HD_OK;
    FILE *f = fopen(part, "we");
    HD_REQUIRE_GOTO(f, HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (!write(f, user) || fflush(f) != 0 || ferror(f))
        status = hdi_fail(HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (fclose(f) != 0 && status == HD_OK) status = hdi_fail(HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (status == HD_OK && !direct && rename(part, path) != 0)
        status = hdi_fail(HD_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (status != HD_OK && !direct) unlink(part);
fail:
    hdi_free(part);
    return status;
}

bool hdi_trace_same_process(const hdi_trace_lane *a, const hdi_trace_lane *b) {
    return a->device == b->device && a->import == b->import && strcmp(a->process, b->process) == 0;
}

void hdi_trace_process_name(const hdi_trace_lane *lane, char name[HDI_PROCESS_NAME]) {
    hd_device_properties properties = {.name = "?"};
    if (!lane->device) {
        snprintf(name, HDI_PROCESS_NAME, "%s", lane->process);
        return;
    }
    (void)(hd_device_get_properties(lane->device, &properties) == HD_OK); /* a device without a name still has a number */
    snprintf(name, HDI_PROCESS_NAME, "%s: %s", hdi_device_text(lane->device), properties.name);
}
