/* SPDX-License-Identifier: Apache-2.0 */
/* A row of a product has the same bits whatever other rows, up to sixteen, are in the call: so a sequence that decodes alone
 * gives the tokens that it gives among others. */
#include <stdlib.h>
#include <string.h>

#include "kernels/linear/linear.h"
#include "kernels/weights/panel.h"
#include "support/devices.h"
#include "unit/cmocka_all.h"

enum { N = 70, K = 352, ROWS = 16 };

static const struct {
    hdi_kernel_id id;
    hd_dtype type;
    hdi_layout layout;
} kernels[] = {
    {HDI_KERNEL_linear_f32_f32, HD_DTYPE_F32, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f32_bf16, HD_DTYPE_BF16, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f32_q8_0_panel, HD_DTYPE_Q8_0, HDI_LAYOUT_PANEL},
    {HDI_KERNEL_linear_f32_q4_0_panel, HD_DTYPE_Q4_0, HDI_LAYOUT_PANEL},
};

static void *on_device(const hd_device *d, const void *from, size_t bytes) {
    void *memory;
    assert_int_equal(d->vtable->alloc(d, bytes, &memory), HD_OK);
    if (from) assert_int_equal(d->vtable->copy(d, memory, from, bytes, HDI_COPY_H2D), HD_OK);
    return memory;
}

/* y of rows first .. first + m. */
static void product(const hd_device *d, void *stream, size_t kernel, void *x, void *w, void *y, int64_t first, int64_t m,
                    float *out) {
    hdi_linear_attr attr = {.k_slices = 1};
    hdi_operand o[4] = {
        {.data = y, .shape = {m, N}, .stride = {N, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = (float *)x + first * K, .shape = {m, K}, .stride = {K, 1}, .dtype = HD_DTYPE_F32, .rank = 2},
        {.data = w,
         .shape = {N, K},
         .stride = {K, 1},
         .dtype = kernels[kernel].type,
         .layout = kernels[kernel].layout,
         .rank = 2},
        {.data = NULL},
    };
    hdi_kernel_call call = {.operand = o, .attr = &attr, .n_operands = 4};
    assert_int_equal(d->vtable->launch(d, stream, kernels[kernel].id, &call), HD_OK);
    assert_int_equal(d->vtable->stream_synchronize(d, stream), HD_OK);
    assert_int_equal(d->vtable->copy(d, out, y, (size_t)m * N * sizeof *out, HDI_COPY_D2H), HD_OK);
}

static void same_bits(const hd_device *d, size_t kernel) {
    static float x[ROWS * K], w[N * K], alone[N], among[ROWS * N];
    static uint16_t half[N * K];
    unsigned seed = 5;
    void *stream, *packed = NULL, *weight;
    for (int i = 0; i < ROWS * K; i++) x[i] = (float)rand_r(&seed) / (float)RAND_MAX - 0.5f;
    for (int i = 0; i < N * K; i++) {
        w[i] = (float)rand_r(&seed) / (float)RAND_MAX - 0.5f;
        half[i] = (uint16_t)(0x3c00 + rand_r(&seed) % 1024); /* bf16 of about 0.01 */
    }
    if (kernels[kernel].layout == HDI_LAYOUT_PANEL) {
        size_t bytes = hdi_panel_bytes(kernels[kernel].type, N, K);
        assert_int_equal(posix_memalign(&packed, 64, bytes), 0);
        memset(packed, 0, bytes);
        hdi_panel_pack(packed, kernels[kernel].type, 0, hdi_panel_count(N), N, K, w, HD_DTYPE_F32, K);
        weight = on_device(d, packed, bytes);
    } else {
        weight = kernels[kernel].type == HD_DTYPE_F32 ? on_device(d, w, sizeof w) : on_device(d, half, sizeof half);
    }
    void *xs = on_device(d, x, sizeof x), *y = on_device(d, NULL, sizeof among);
    assert_int_equal(d->vtable->stream_create(d, &stream), HD_OK);
    for (int64_t m = 1; m <= ROWS; m++) {
        product(d, stream, kernel, xs, weight, y, ROWS - m, m, among); /* the last row is always among them */
        if (m == 1) memcpy(alone, among, sizeof alone);
        assert_memory_equal(among + (m - 1) * N, alone, sizeof alone);
    }
    assert_int_equal(d->vtable->stream_destroy(d, stream), HD_OK);
    d->vtable->free(d, xs), d->vtable->free(d, y), d->vtable->free(d, weight);
    free(packed);
}

static void test_rows(void **state) {
    (void)state;
    for (int i = 0; test_devices(i); i++)
        for (size_t k = 0; k < HDI_COUNTOF(kernels); k++) same_bits(test_devices(i), k);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
