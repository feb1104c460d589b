/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory that ranks share: other processes of the machine open it by the vendor's handle, threads of this one take its
 * address, which the vendor's library would refuse to open. */
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "device/gpu/backend.h"

/* What lies in a hdi_device_handle. */
typedef struct handle {
    uint64_t process; /* a number of its own: process ids are not, across containers */
    int64_t pid;      /* forked processes have the number of their parent */
    void *memory;     /* as its owner sees it */
    int32_t index;    /* of its device, there */
    GPU(IpcMemHandle_t) vendor;
} handle;
_Static_assert(sizeof(handle) <= sizeof(hdi_device_handle), "a handle holds what it must");

static uint64_t process_number;
static void draw_number(void) {
    if (getrandom(&process_number, sizeof process_number, GRND_NONBLOCK) != sizeof process_number) process_number = 1;
}
static uint64_t this_process(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, draw_number);
    return process_number;
}

static handle read_handle(const hdi_device_handle *from) {
    handle h;
    memcpy(&h, from->bytes, sizeof h);
    return h;
}
static bool is_ours(const handle *h) { return h->process == this_process() && h->pid == (int64_t)getpid(); }

hd_status gpu_memory_share(const hd_device *device, void *memory, hdi_device_handle *out) {
    const gpu_device *d = gpu_of(device);
    handle h;
    memset(&h, 0, sizeof h);
    h.process = this_process();
    h.pid = (int64_t)getpid();
    h.memory = memory;
    h.index = d->index;
    HD_TRY(gpu_select(d));
    GPU_TRY(d, IpcGetMemHandle, (&h.vendor, memory));
    memset(out, 0, sizeof *out);
    memcpy(out->bytes, &h, sizeof h);
    return HD_OK;
}

/* A thread's, on this device or another one. */
static hd_status open_ours(const gpu_device *d, const handle *h, void **out) {
    bool can = true;
    if (h->index != d->index) HD_TRY(gpu_reach_peer(d, h->index, &can));
    HD_REQUIRE(
        can, HD_UNSUPPORTED,
        "%s:%d cannot reach the memory of %s:%d: give the ranks GPUs that are linked (by NVLink, or under one PCIe switch), "
        "or all of them one GPU",
        GPU_TYPE_NAME, (int)d->index, GPU_TYPE_NAME, (int)h->index);
    *out = h->memory;
    return HD_OK;
}

hd_status gpu_memory_open(const hd_device *device, const hdi_device_handle *from, void **out) {
    const gpu_device *d = gpu_of(device);
    handle h = read_handle(from);
    HD_TRY(gpu_select(d));
    if (is_ours(&h)) return open_ours(d, &h, out);
    GPU(Error_t) error = GPU(IpcOpenMemHandle)(out, h.vendor, GPU(IpcMemLazyEnablePeerAccess));
    if (error == GPU(Success)) return HD_OK;
    if (error == GPU(ErrorMemoryAllocation)) return gpu_fail(d, error, "%s", GPU_SPELL(GPU(IpcOpenMemHandle)));
    hd_status status =
        hdi_fail(HD_UNSUPPORTED,
                 "%s:%d cannot reach the memory of process %lld's GPU (%s: %s): both must be GPUs of one machine that are linked "
                 "(by NVLink, "
                 "or under one PCIe switch), or one GPU, and their processes in one container",
                 GPU_TYPE_NAME, (int)d->index, (long long)h.pid, GPU_SPELL(GPU(IpcOpenMemHandle)), GPU(GetErrorString)(error));
    (void)GPU(GetLastError)();
    return status;
}

hd_status gpu_memory_close(const hd_device *device, const hdi_device_handle *from, void *memory) {
    const gpu_device *d = gpu_of(device);
    handle h = read_handle(from);
    if (is_ours(&h)) return HD_OK;
    HD_TRY(gpu_select(d));
    GPU_TRY(d, IpcCloseMemHandle, (memory));
    return HD_OK;
}
