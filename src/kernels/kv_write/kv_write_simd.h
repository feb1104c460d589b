/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/kv_write/kv_write.h"

#define KV_WRITE(X, x_type, C, c_type)                                                                                   \
    HDI_KERNEL_BEGIN(kv_write, X##_##C) {                                                                                \
        const hdi_operand *cache = &call->operand[0], *x = &call->operand[2], *slots = &call->operand[3];                \
        int64_t page = cache->shape[1], heads = x->shape[1], d = x->shape[2];                                            \
        (void)scratch;                                                                                                   \
        for (int64_t t = begin; t < end; t++) {                                                                          \
            int64_t slot = ((const int32_t *)slots->data)[t * slots->stride[0]];                                         \
            if (slot < 0 || slot >= cache->shape[0] * page) continue;                                                    \
            const x_type *from = (const x_type *)x->data + t * x->stride[0];                                             \
            c_type *to = (c_type *)cache->data + slot / page * cache->stride[0] + slot % page * cache->stride[1];        \
            for (int64_t h = 0; h < heads; h++, from += x->stride[1], to += cache->stride[2])                            \
                for (int64_t i = 0; i < d; i += VF_LANES) vf_store_n_##C(to + i, vf_load_n_##X(from + i, d - i), d - i); \
        }                                                                                                                \
    }
KV_WRITE(f32, float, f32, float)
KV_WRITE(f32, float, f16, uint16_t)
KV_WRITE(f32, float, bf16, uint16_t)
KV_WRITE(f16, uint16_t, f16, uint16_t)
KV_WRITE(bf16, uint16_t, bf16, uint16_t)
#undef KV_WRITE
