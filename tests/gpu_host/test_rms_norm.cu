/* SPDX-License-Identifier: Apache-2.0 */
/* A real kernel from the table, run by the host vendor. */
#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"
#include "kernels/rms_norm/rms_norm.h"
#include "unit/cmocka_all.h"

using namespace HDI_GPU_NAMESPACE;

static void test_rms_norm(void **) {
    enum { ROWS = 3, N = 300 };
    assert_int_equal(hostSetDevice(GPU_LANES == 32 ? 0 : 1), hostSuccess);
    static float x[ROWS][N], w[N], y[ROWS][N];
    for (int i = 0; i < N; i++) {
        w[i] = 1.0f + 0.001f * (float)i;
        for (int r = 0; r < ROWS; r++) x[r][i] = sinf((float)(r * N + i));
    }
    void *dx, *dw, *dy;
    hostStream_t stream;
    assert_int_equal(hostStreamCreateWithFlags(&stream, hostStreamNonBlocking), hostSuccess);
    assert_int_equal(hostMalloc(&dx, sizeof x), hostSuccess);
    assert_int_equal(hostMalloc(&dw, sizeof w), hostSuccess);
    assert_int_equal(hostMalloc(&dy, sizeof y), hostSuccess);
    assert_int_equal(hostMemcpyAsync(dx, x, sizeof x, hostMemcpyHostToDevice, stream), hostSuccess);
    assert_int_equal(hostMemcpyAsync(dw, w, sizeof w, hostMemcpyHostToDevice, stream), hostSuccess);
    hdi_operand operand[3] = {};
    void *data[3] = {dy, dx, dw};
    for (int i = 0; i < 3; i++) {
        operand[i].data = data[i];
        operand[i].rank = i < 2 ? 2 : 1;
        operand[i].shape[0] = i < 2 ? ROWS : N;
        operand[i].shape[1] = N;
        operand[i].stride[0] = i < 2 ? N : 1;
        operand[i].stride[1] = 1;
        operand[i].dtype = HD_DTYPE_F32;
    }
    hdi_rms_norm_attr attr = {1e-5f};
    hdi_kernel_call call = {operand, &attr, 3};
    hdi_gpu_queue queue = {};
    queue.stream = stream;
    queue.units = 4;
    assert_int_equal(hdi_gpu_table()->op[HDI_KERNEL_rms_norm_f32](&queue, &call), hostSuccess);
    assert_int_equal(hostMemcpyAsync(y, dy, sizeof y, hostMemcpyDeviceToHost, stream), hostSuccess);
    assert_int_equal(hostStreamSynchronize(stream), hostSuccess);
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;
        for (int i = 0; i < N; i++) sum += (double)x[r][i] * x[r][i];
        for (int i = 0; i < N; i++) {
            double want = x[r][i] / sqrt(sum / N + 1e-5) * w[i];
            assert_true(fabs(y[r][i] - want) < 1e-5);
        }
    }
    assert_int_equal(hostFree(dx), hostSuccess);
    assert_int_equal(hostFree(dw), hostSuccess);
    assert_int_equal(hostFree(dy), hostSuccess);
    assert_int_equal(hostStreamDestroy(stream), hostSuccess);
}

int main() {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rms_norm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
