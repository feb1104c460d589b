/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/late.h"

#include <string.h>

#include "kernels/rms_norm/rms_norm.h"
#include "runtime/context.h"
#include "unit/eager_util.h"

enum { ROWS = 3, N = 40, BYTES = ROWS * N * 4 };

/* rms_norm of x into y, with weights; all on the device. */
static hd_status norm(hd_stream *stream, void *y, void *x, void *w, int64_t rows) {
    hdi_operand operands[] = {
        {.data = y, .shape = {rows, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = x, .shape = {rows, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = w, .shape = {N}, .stride = {1}, .dtype = HD_DTYPE_F32, .rank = 1},
    };
    const hdi_rms_norm_attr attr = {1e-5f};
    const hdi_kernel_call call = {operands, &attr, 3};
    return hdi_launch(stream, HDI_KERNEL_rms_norm_f32, &call);
}

/* Device memory x, y, w and host memory that copies run from. */
typedef struct bench {
    const hd_device *device;
    hd_stream *stream;
    void *x, *y, *w;
    float *in, *out;
} bench;

static bench set_bench(const hd_device *device) {
    bench b = {.device = device};
    OK(hd_stream_create(device, &b.stream));
    OK(device->vtable->alloc(device, BYTES, &b.x));
    OK(device->vtable->alloc(device, BYTES, &b.y));
    OK(device->vtable->alloc(device, N * 4, &b.w));
    OK(device->vtable->host_alloc(device, BYTES, (void **)&b.in));
    OK(device->vtable->host_alloc(device, BYTES, (void **)&b.out));
    for (int i = 0; i < ROWS * N; i++) b.in[i] = 2;
    OK(device->vtable->copy(device, b.w, b.in, N * 4, HDI_COPY_H2D)); /* weights of 2 */
    return b;
}

static void clear_bench(bench *b) {
    const hdi_device_vtable *v = b->device->vtable;
    hd_stream_destroy(b->stream);
    OK(v->free(b->device, b->x));
    OK(v->free(b->device, b->y));
    OK(v->free(b->device, b->w));
    OK(v->host_free(b->device, b->in));
    OK(v->host_free(b->device, b->out));
}

void late_graphs(const hd_device *device) {
    const hdi_device_vtable *v = device->vtable;
    void *graph = NULL;
    if (!v->capture_begin) return;
    bench b = set_bench(device);
    void *s = b.stream->handle;
    OK(norm(b.stream, b.y, b.x, b.w, ROWS)); /* once without recording: what it needs is there then */
    OK(hd_stream_synchronize(b.stream));
    OK(v->set(device, b.y, 0, BYTES));
    OK(v->capture_begin(device, s));
    OK(v->copy_async(device, s, b.x, b.in, BYTES, HDI_COPY_H2D));
    OK(norm(b.stream, b.y, b.x, b.w, ROWS));
    OK(v->set_async(device, s, b.x, 0, 4));
    OK(v->copy_async(device, s, b.out, b.y, BYTES, HDI_COPY_D2H));
    OK(v->capture_end(device, s, &graph));
    assert_non_null(graph);
    memset(b.out, 0, BYTES);
    OK(hd_stream_synchronize(b.stream));
    for (int i = 0; i < ROWS * N; i++) assert_true(b.out[i] == 0); /* nothing has run */
    for (int run = 1; run <= 3; run++) {
        for (int i = 0; i < ROWS * N; i++) b.in[i] = i % 2 ? (float)-run : (float)run;
        OK(v->graph_launch(device, graph, s));
        OK(hd_stream_synchronize(b.stream));
        for (int i = 0; i < ROWS * N; i++) assert_true(fabsf(b.out[i] - (i % 2 ? -2.0f : 2.0f)) < 1e-4f);
        float first = -1;
        OK(v->copy(device, &first, b.x, 4, HDI_COPY_D2H));
        assert_true(first == 0);
    }
    OK(v->graph_destroy(device, graph));
    clear_bench(&b);
}

void late_spoilt_graph(const hd_device *device) {
    const hdi_device_vtable *v = device->vtable;
    void *graph = NULL;
    if (!v->capture_begin) return;
    bench b = set_bench(device);
    void *s = b.stream->handle;
    assert_int_not_equal(v->capture_end(device, s, &graph), HD_OK); /* none is under way */
    OK(v->capture_begin(device, s));
    assert_int_not_equal(v->capture_begin(device, s), HD_OK);
    OK(v->copy_async(device, s, b.x, b.in, BYTES, HDI_COPY_H2D));
    assert_int_not_equal(hd_stream_synchronize(b.stream), HD_OK); /* what was not run cannot be waited for */
    OK(v->set_async(device, s, b.y, 1, BYTES));
    assert_int_not_equal(v->capture_end(device, s, &graph), HD_OK);
    assert_null(graph);
    assert_non_null(strstr(hd_last_error(), "nothing was recorded"));
    assert_non_null(strstr(hd_last_error(), "waited for"));
    OK(v->copy_async(device, s, b.x, b.in, BYTES, HDI_COPY_H2D)); /* and the stream works as before */
    OK(norm(b.stream, b.y, b.x, b.w, ROWS));
    OK(v->copy_async(device, s, b.out, b.y, BYTES, HDI_COPY_D2H));
    OK(hd_stream_synchronize(b.stream));
    assert_true(fabsf(b.out[ROWS * N - 1] - 2) < 1e-4f);
    clear_bench(&b);
}

void late_errors(const hd_device *device) {
    const hdi_device_vtable *v = device->vtable;
    if (device->type != HD_DEVICE_HOST) return;
    bench b = set_bench(device);
    void *s = b.stream->handle;
    for (int round = 0; round < 2; round++) {
        OK(norm(b.stream, b.y, b.x, b.w, 1000)); /* far more rows than there is memory for */
        assert_int_equal(hd_stream_synchronize(b.stream), HD_DEVICE);
        assert_non_null(strstr(hd_last_error(), "rms_norm"));
        assert_non_null(strstr(hd_last_error(), hdi_device_text(device)));
        OK(hd_stream_synchronize(b.stream));
        OK(v->copy_async(device, s, b.x, b.in, BYTES, HDI_COPY_H2D));
        OK(norm(b.stream, b.y, b.x, b.w, ROWS));
        OK(v->copy_async(device, s, b.out, b.y, BYTES, HDI_COPY_D2H));
        OK(hd_stream_synchronize(b.stream));
        assert_true(fabsf(b.out[ROWS * N - 1] - 2) < 1e-4f);
    }
    OK(norm(b.stream, b.y, b.x, b.w, 1000));
    assert_int_equal(hd_synchronize(), HD_DEVICE); /* the whole device's wait tells, too */
    OK(hd_synchronize());
    clear_bench(&b);
}
