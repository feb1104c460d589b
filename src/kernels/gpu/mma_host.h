/* SPDX-License-Identifier: Apache-2.0 */
/* The words of mma.h on the host vendor: every lane shows the others its registers and computes its own elements of D. */
#ifndef HDI_KERNELS_GPU_MMA_HOST_H
#define HDI_KERNELS_GPU_MMA_HOST_H

namespace HDI_GPU_NAMESPACE {

struct gpu_mma_lane {
    uint32_t a[4], b[2];
};

static inline float gpu_mma_bf16_element(const uint32_t *r, int i) {
    return gpu_bf16_to_f32((uint16_t)(r[i / 2] >> 16 * (i % 2)));
}
static inline float gpu_mma_f16_element(const uint32_t *r, int i) { return gpu_f16_to_f32((uint16_t)(r[i / 2] >> 16 * (i % 2))); }
static inline int gpu_mma_s8_element(const uint32_t *r, int i) { return (int8_t)(r[i / 4] >> 8 * (i % 4)); }

/* A register holds E elements. Of a quad of lanes, a[0] and a[2] together hold a row of A, a[1] and a[3] the row 8 below, b[0]
 * and b[1] a column of B, all in the same order of k: so a dot product need not know which k it is at. */
template <int E, typename S, typename D, typename F>
static inline void gpu_mma_all(D d[4], const uint32_t a[4], const uint32_t b[2], F element, gpu_host_place place) {
    gpu_mma_lane mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    if (gpu_host_self->lanes < 32)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d in a warp of %u threads", place.word, place.file, place.line,
                      gpu_host_self->lanes);
    const char *slots = gpu_host_give(mine, place);
    unsigned g = gpu_host_self->lane / 4, t = gpu_host_self->lane % 4;
    for (unsigned i = 0; i < 4; i++) {
        unsigned below = i / 2, column = 2 * t + i % 2;
        S sum = (S)d[i];
        for (unsigned q = 0; q < 4; q++) {
            gpu_mma_lane left = gpu_host_taken<gpu_mma_lane>(slots, 4 * g + q),
                         right = gpu_host_taken<gpu_mma_lane>(slots, 4 * column + q);
            uint32_t row[2] = {left.a[below], left.a[below + 2]};
            for (int e = 0; e < 2 * E; e++) sum += (S)element(row, e) * (S)element(right.b, e);
        }
        d[i] = (D)sum;
    }
}

static inline void gpu_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], GPU_HOST_HERE) {
    gpu_mma_all<2, double>(d, a, b, gpu_mma_bf16_element, GPU_HOST_CALLER("gpu_mma_bf16"));
}
static inline void gpu_mma_f16(float d[4], const uint32_t a[4], const uint32_t b[2], GPU_HOST_HERE) {
    gpu_mma_all<2, double>(d, a, b, gpu_mma_f16_element, GPU_HOST_CALLER("gpu_mma_f16"));
}
static inline void gpu_mma_s8(int d[4], const uint32_t a[4], const uint32_t b[2], GPU_HOST_HERE) {
    gpu_mma_all<4, int64_t>(d, a, b, gpu_mma_s8_element, GPU_HOST_CALLER("gpu_mma_s8"));
}

static inline const char *gpu_ldmatrix_rows(const void *row_address, gpu_host_place place) {
    if ((uintptr_t)row_address % 16)
        gpu_host_fail(hostErrorMisalignedAddress, "%s at %s:%d reads a row of 16 bytes from %p", place.word, place.file,
                      place.line, row_address);
    if (gpu_host_self->lanes < 32)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d in a warp of %u threads", place.word, place.file, place.line,
                      gpu_host_self->lanes);
    return gpu_host_give(row_address, place);
}
static inline void gpu_ldmatrix_x4(uint32_t r[4], const void *row_address, GPU_HOST_HERE) {
    const char *slots = gpu_ldmatrix_rows(row_address, GPU_HOST_CALLER("gpu_ldmatrix_x4"));
    unsigned g = gpu_host_self->lane / 4, t = gpu_host_self->lane % 4;
    for (unsigned m = 0; m < 4; m++) {
        const uint16_t *row = gpu_host_taken<const uint16_t *>(slots, 8 * m + g);
        r[m] = row[2 * t] | (uint32_t)row[2 * t + 1] << 16;
    }
    gpu_host_meet(GPU_HOST_CALLER("gpu_ldmatrix_x4")); /* nobody overwrites the rows before all have read them */
}
static inline void gpu_ldmatrix_x4_trans(uint32_t r[4], const void *row_address, GPU_HOST_HERE) {
    const char *slots = gpu_ldmatrix_rows(row_address, GPU_HOST_CALLER("gpu_ldmatrix_x4_trans"));
    unsigned g = gpu_host_self->lane / 4, t = gpu_host_self->lane % 4;
    for (unsigned m = 0; m < 4; m++) {
        const uint16_t *low = gpu_host_taken<const uint16_t *>(slots, 8 * m + 2 * t);
        const uint16_t *high = gpu_host_taken<const uint16_t *>(slots, 8 * m + 2 * t + 1);
        r[m] = low[g] | (uint32_t)high[g] << 16;
    }
    gpu_host_meet(GPU_HOST_CALLER("gpu_ldmatrix_x4_trans"));
}

} // namespace HDI_GPU_NAMESPACE

#endif
