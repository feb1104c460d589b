/* SPDX-License-Identifier: Apache-2.0 */
/* A rank's waits and signals as launches (kernels/gpu/ranks.cu), and the memory through which device and host speak of them. */
#include "base/memory.h"
#include "device/gpu/backend.h"

typedef struct gpu_exchange {
    hdi_gpu_ranks *ranks;   /* device memory */
    hdi_gpu_report *report; /* host memory that the device reaches at the same address */
} gpu_exchange;

_Static_assert(sizeof(hdi_gpu_signal) == sizeof(hdi_device_signal), "lists are handed on as they are");

hd_status gpu_exchange_destroy(const hd_device *device, void *exchange) {
    gpu_exchange *x = exchange;
    hd_status status = x->ranks ? gpu_free(device, x->ranks) : HD_OK;
    hd_status other = x->report ? gpu_host_free(device, x->report) : HD_OK;
    hdi_free(x);
    return status == HD_OK ? other : status;
}

hd_status gpu_exchange_create(const hd_device *device, void **exchange) {
    gpu_exchange *x;
    void *memory;
    hd_status status;
    HD_TRY(hdi_calloc(&x, 1, sizeof *x, "a rank's exchange"));
    HD_TRY_GOTO(gpu_alloc(device, sizeof *x->ranks, &memory));
    x->ranks = memory;
    HD_TRY_GOTO(gpu_set(device, x->ranks, 0, sizeof *x->ranks));
    HD_TRY_GOTO(gpu_host_alloc(device, sizeof *x->report, &memory));
    x->report = memory;
    *x->report = (hdi_gpu_report){0};
    *exchange = x;
    return HD_OK;
fail:
    (void)gpu_exchange_destroy(device, x);
    return status;
}

static hd_status enqueued(gpu_stream *s, int error, const char *what) {
    return error == GPU(Success) ? HD_OK : gpu_enqueued(s, gpu_fail(s->device, (GPU(Error_t))error, "launching %s", what));
}

hd_status gpu_exchange_begin(const hd_device *device, void *exchange, void *stream) {
    const gpu_device *d = gpu_of(device);
    const gpu_exchange *x = exchange;
    gpu_stream *s = stream;
    HD_TRY(gpu_select(d));
    return enqueued(s, d->kernels->ranks_begin(&s->queue, x->ranks), "the beginning of a run");
}

/* How many of the signals from `first` on go into one launch, and which. */
static int part(const hdi_device_signal *signals, int first, int n, hdi_gpu_signal out[HDI_GPU_SIGNALS]) {
    int k = 0;
    for (; k < HDI_GPU_SIGNALS && first + k < n; k++) {
        const hdi_device_signal *s = &signals[first + k];
        out[k] = (hdi_gpu_signal){.word = s->word, .chunks = s->chunks, .lag = s->lag};
    }
    return k;
}

hd_status gpu_exchange_wait(const hd_device *device, void *exchange, void *stream, const hdi_device_signal *signals, int n,
                            uint32_t where) {
    const gpu_device *d = gpu_of(device);
    const gpu_exchange *x = exchange;
    gpu_stream *s = stream;
    hdi_gpu_signal some[HDI_GPU_SIGNALS];
    HD_TRY(gpu_select(d));
    for (int first = 0, k; first < n; first += k) {
        k = part(signals, first, n, some);
        int error = d->kernels->ranks_wait(&s->queue, x->ranks, x->report, some, k, where, (uint32_t)first);
        HD_TRY(enqueued(s, error, "a wait for other ranks"));
    }
    return HD_OK;
}

hd_status gpu_exchange_raise(const hd_device *device, void *exchange, void *stream, const hdi_device_signal *signals, int n) {
    const gpu_device *d = gpu_of(device);
    const gpu_exchange *x = exchange;
    gpu_stream *s = stream;
    hdi_gpu_signal some[HDI_GPU_SIGNALS];
    HD_TRY(gpu_select(d));
    for (int first = 0, k; first < n; first += k) {
        k = part(signals, first, n, some);
        HD_TRY(enqueued(s, d->kernels->ranks_raise(&s->queue, x->ranks, some, k), "signals to other ranks"));
    }
    return HD_OK;
}

static uint64_t get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

void gpu_exchange_look(const hd_device *device, void *exchange, hdi_device_waiting *out) {
    const hdi_gpu_report *r = ((const gpu_exchange *)exchange)->report;
    (void)device;
    do { /* a wait that begins meanwhile would mix with the one before */
        *out = (hdi_device_waiting){.number = get(&r->number), .gave_up = get(&r->gave_up) != 0};
        out->ended = get(&r->ended);
        out->where = (uint32_t)get(&r->where);
        out->index = (uint32_t)get(&r->index);
        out->run = get(&r->run);
        out->expected = get(&r->expected);
        out->seen = get(&r->seen);
    } while (get(&r->number) != out->number);
}

void gpu_exchange_stop(const hd_device *device, void *exchange) {
    (void)device;
    __atomic_store_n(&((const gpu_exchange *)exchange)->report->stop, 1, __ATOMIC_RELEASE);
}
