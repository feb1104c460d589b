/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: units in device memory that one launch of the persistent kernel (kernels/gpu/walk.cu) walks through. */
#include "base/memory.h"
#include "device/gpu/backend.h"

typedef struct gpu_program {
    void *units;        /* in device memory */
    unsigned *counters; /* there, too: zero between runs */
    int n;
    size_t shared;
} gpu_program;

hd_status gpu_program_destroy(const hd_device *device, void *program) {
    gpu_program *p = program;
    hd_status status = gpu_free(device, p->units);
    hd_status other = gpu_free(device, p->counters);
    hdi_free(p);
    return status == HD_OK ? other : status;
}

/* As many of the first units as the kernel can walk over, one after the other into `made`. */
static hd_status fill(const gpu_device *d, gpu_stream *s, const hdi_device_unit *units, int n, char *made, int *taken,
                      size_t *shared) {
    size_t bytes = d->kernels->walk_unit_bytes;
    *taken = 0;
    *shared = 0;
    for (int i = 0; i < n; i++) {
        const hdi_device_unit *u = &units[i];
        void *unit = made + (size_t)i * bytes;
        int error = d->kernels->walk_fill(&s->queue, u->group, u->kernel, u->calls, u->n, u->wait, unit);
        if (error == HDI_GPU_UNSUPPORTED) break;
        if (error != GPU(Success)) return gpu_fail(d, (GPU(Error_t))error, "preparing a persistent launch");
        size_t needs = d->kernels->walk_shared(unit);
        if (needs > *shared) *shared = needs;
        *taken = i + 1;
    }
    return HD_OK;
}

static hd_status upload(const hd_device *device, gpu_program *p, const void *made, size_t bytes) {
    size_t counters = (size_t)(p->n + 1) * sizeof *p->counters;
    void *memory;
    HD_TRY(gpu_alloc(device, bytes, &p->units));
    HD_TRY(gpu_alloc(device, counters, &memory));
    p->counters = memory;
    HD_TRY(gpu_copy(device, p->units, made, bytes, HDI_COPY_H2D));
    return gpu_set(device, p->counters, 0, counters);
}

hd_status gpu_program_create(const hd_device *device, void *stream, const hdi_device_unit *units, int n, int *taken,
                             void **program) {
    const gpu_device *d = gpu_of(device);
    gpu_program *p = NULL;
    char *made = NULL;
    hd_status status;
    *program = NULL;
    *taken = 0;
    HD_TRY(gpu_select(d));
    HD_TRY_GOTO(hdi_calloc(&made, (size_t)n, d->kernels->walk_unit_bytes, "a program"));
    HD_TRY_GOTO(hdi_calloc(&p, 1, sizeof *p, "a program"));
    HD_TRY_GOTO(fill(d, stream, units, n, made, &p->n, &p->shared));
    if (p->n < 2) goto fail; /* nothing was allocated: to free it would wait for all of the device, other ranks' waits among it */
    HD_TRY_GOTO(upload(device, p, made, (size_t)p->n * d->kernels->walk_unit_bytes));
    *taken = p->n;
    *program = p;
    p = NULL;
fail:
    if (p) (void)gpu_program_destroy(device, p);
    hdi_free(made);
    return status;
}

hd_status gpu_program_launch(const hd_device *device, void *program, void *stream) {
    const gpu_device *d = gpu_of(device);
    const gpu_program *p = program;
    gpu_stream *s = stream;
    HD_TRY(gpu_select(d));
    int error = d->kernels->walk(&s->queue, p->units, p->n, p->counters, p->shared);
    return error == GPU(Success) ? HD_OK : gpu_enqueued(s, gpu_fail(d, (GPU(Error_t))error, "launching the persistent kernel"));
}
