/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels by their id, and groups of them by their kind. */
#include "device/gpu/backend.h"

const char *gpu_kernel_name(hdi_kernel_id kernel) {
    static const char *const names[] = {
#define KERNEL_OP(op)
#define KERNEL(op, variant) #op "_" #variant,
#include "kernels/kernels.def"
    };
    return kernel == HDI_KERNEL_NONE ? NULL : names[kernel];
}

static const char *group_name(hdi_group_kind kind) {
    static const char *const names[] = {
#define GROUP(name) #name,
#include "kernels/groups.def"
    };
    return names[kind];
}

/* What a kernel's host function gave, as a status of the call that enqueued it. */
static hd_status launched(gpu_stream *s, int error, const char *name) {
    size_t refused = s->refused;
    s->refused = 0;
    if (error == GPU(Success)) return HD_OK;
    if (refused && s->queue.capturing) {
        char text[32];
        (void)GPU(GetLastError)();
        return gpu_enqueued(s, hdi_fail(HD_DEVICE,
                                        "%s: %s needs a workspace of %s, which nothing can be recorded with before a run "
                                        "has made it: run the same once without recording",
                                        GPU_VENDOR_NAME, name, gpu_bytes(text, refused)));
    }
    return gpu_enqueued(s, gpu_fail(s->device, (GPU(Error_t))error, "launching %s", name));
}

hd_status gpu_launch_kernel(const hd_device *device, void *stream, hdi_kernel_id kernel, const hdi_kernel_call *call) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    HD_TRY(gpu_select(d));
    int error = d->kernels->op[kernel](&s->queue, call);
    if (error == HDI_GPU_UNSUPPORTED)
        return gpu_enqueued(s, hdi_fail(HD_UNSUPPORTED, "%s:%d has no kernel for %s that takes these operands", GPU_TYPE_NAME,
                                        (int)d->index, gpu_kernel_name(kernel)));
    s->last = kernel;
    return launched(s, error, gpu_kernel_name(kernel));
}

hd_status gpu_launch_group(const hd_device *device, void *stream, hdi_group_kind kind, const hdi_kernel_call *calls, int n,
                           bool *done) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    *done = false;
    HD_TRY(gpu_select(d));
    int error = d->kernels->group[kind](&s->queue, calls, n);
    if (error == HDI_GPU_UNSUPPORTED) return HD_OK;
    HD_TRY(launched(s, error, group_name(kind)));
    *done = true;
    return HD_OK;
}
