/* SPDX-License-Identifier: Apache-2.0 */
/* How a call of the vendor's library fails: a sentence with its name, what it was for, and the vendor's own words. The library
 * keeps its own copy of the thread's message and hands each to the program. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/gpu/backend.h"

static const hdi_backend_host *host;
static _Thread_local char message[1024];

void gpu_set_host(const hdi_backend_host *given) { host = given; }
const char *gpu_message(void) { return message; }

static void set_message(const char *text) {
    snprintf(message, sizeof message, "%s", text);
    host->set_message(message);
}

/* What base/ calls to fail; here its words go to the program that loaded this library. */
hd_status(hdi_fail)(hd_status code, const char *fmt, ...) {
    char text[sizeof message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    set_message(text);
    return code;
}

const char *gpu_bytes(char text[32], size_t bytes) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t unit = 0;
    for (; n >= 1000 && unit + 1 < HDI_COUNTOF(units); unit++) n /= 1000;
    snprintf(text, 32, unit && n < 100 ? "%.1f %s" : "%.0f %s", n, units[unit]);
    return text;
}

static hd_status code_of(GPU(Error_t) error) { return error == GPU(ErrorMemoryAllocation) ? HD_OUT_OF_MEMORY : HD_DEVICE; }

/* " on cuda:1" */
static const char *place(const gpu_device *device, char text[32]) {
    text[0] = 0;
    if (device) snprintf(text, 32, " on %s:%d", GPU_TYPE_NAME, (int)device->index);
    return text;
}

hd_status gpu_fail(const gpu_device *device, GPU(Error_t) error, const char *call, ...) {
    char what[256], where[32];
    va_list args;
    va_start(args, call);
    vsnprintf(what, sizeof what, call, args);
    va_end(args);
    hd_status status = hdi_fail(code_of(error), "%s: %s%s failed: %s (%s)", GPU_VENDOR_NAME, what, place(device, where),
                                GPU(GetErrorString)(error), GPU(GetErrorName)(error));
    (void)GPU(GetLastError)(); /* or the next launch would find it and take it for its own */
    return status;
}

hd_status gpu_fail_late(const gpu_device *device, GPU(Error_t) error, const char *call, const char *last) {
    char where[32];
    hd_status status = hdi_fail(code_of(error), "%s: work%s failed: %s (%s); %s reported it%s%s", GPU_VENDOR_NAME,
                                place(device, where), GPU(GetErrorString)(error), GPU(GetErrorName)(error), call,
                                last ? ", and the kernel enqueued last was " : "", last ? last : "");
    (void)GPU(GetLastError)();
#ifdef HDI_GPU_HOST
    (void)hostDeviceReset(); /* hardware cannot: there the process has lost the device */
#endif
    return status;
}
