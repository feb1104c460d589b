/* SPDX-License-Identifier: Apache-2.0 */
/* The panel product of one type of weights, W (included by weights.def once a type; no include guard). */
#define W_(suffix) HDI_PASTE(W, suffix)
#define LW(prefix) HDI_PASTE(prefix, W)

/* A piece of a panel, kn elements of K from `block` on, as f32 with its scales. */
static void LW(panel_decode_)(const uint8_t *block, int64_t kn, hdi_linear_panel_scratch *scratch) {
    for (int64_t k = 0; k < kn; k += W_(_block), block += W_(_block_bytes)) {
        VF_UNROLL for (int half = 0; half < 2; half++) {
            if (W_(_scaled)) vf_store_f32(&scratch->scale[k / 32][16 * half], W_(_scale)(block, half));
            VF_UNROLL for (int g = 0; g < W_(_block) / W_(_group); g++) {
                vf v[W_(_group)];
                W_(_words)(block, g, half, v);
                VF_UNROLL for (int i = 0; i < W_(_group); i++) vf_store_f32(&scratch->w[k + g * W_(_group) + i][16 * half], v[i]);
            }
        }
    }
}

/* One row of x by `panels` (1 or 2, a constant) panels: their sums over k0 <= k < k1. */
VF_INLINE void LW(panel_row_)(const int panels, const float *x, const uint8_t *panel, size_t stride, int64_t k0, int64_t k1,
                              float *sum) {
    vf acc[2][2];
    for (int p = 0; p < panels; p++) acc[p][0] = acc[p][1] = vf_zero();
    panel += k0 / W_(_block) * W_(_block_bytes);
    for (int64_t k = k0; k < k1; k += W_(_block), panel += W_(_block_bytes)) {
        vf part[2][2];
        for (int p = 0; p < panels; p++)
            for (int half = 0; half < 2; half++) part[p][half] = W_(_scaled) ? vf_zero() : acc[p][half];
        VF_UNROLL for (int g = 0; g < W_(_block) / W_(_group); g++) VF_UNROLL for (int p = 0; p < panels; p++)
            VF_UNROLL for (int half = 0; half < 2; half++) {
            vf v[W_(_group)];
            W_(_words)(panel + (size_t)p * stride, g, half, v);
            VF_UNROLL for (int i = 0; i < W_(_group); i++) part[p][half] =
                vf_fma(vf_set1(x[k + g * W_(_group) + i]), v[i], part[p][half]);
        }
        for (int p = 0; p < panels; p++)
            for (int half = 0; half < 2; half++)
                acc[p][half] = W_(_scaled) ? vf_fma(W_(_scale)(panel + (size_t)p * stride, half), part[p][half], acc[p][half])
                                           : part[p][half];
    }
    for (int p = 0; p < panels; p++)
        for (int half = 0; half < 2; half++) vf_store_f32(sum + 32 * p + 16 * half, acc[p][half]);
}

/* Panels c0 <= c < c1 for one row of x. */
static void LW(panel_rows1_)(const linear_strided *l, int64_t m, const float *x, int64_t c0, int64_t c1) {
    size_t stride = hdi_panel_stride((hd_dtype)l->w->dtype, l->g.k);
    for (int64_t c = c0, count; c < c1; c += count) {
        float sum[8][64];
        const uint8_t *panel = (const uint8_t *)l->w->data + (size_t)c * stride;
        count = hdi_min_i64(2, c1 - c);
        for (int s = 0; s < l->slices; s++) {
            if (count == 2)
                LW(panel_row_)(2, x, panel, stride, l->cut[s], l->cut[s + 1], sum[s]);
            else
                LW(panel_row_)(1, x, panel, stride, l->cut[s], l->cut[s + 1], sum[s]);
        }
        for (int half = 1; half < l->slices; half *= 2)
            for (int s = 0; s < l->slices; s += 2 * half)
                for (int i = 0; i < 32 * count; i++) sum[s][i] += sum[s + half][i];
        for (int64_t p = 0; p < count; p++)
            panel_store(l, m, 1, (c + p) * 32, (const float(*)[32])(const void *)(sum[0] + 32 * p));
    }
}

/* One panel for m rows of x. */
static void LW(panel_block_)(const linear_strided *l, const float *const *rows, int64_t m0, int64_t m, int64_t c,
                             hdi_linear_panel_scratch *t) {
    const uint8_t *panel = (const uint8_t *)l->w->data + (size_t)c * hdi_panel_stride((hd_dtype)l->w->dtype, l->g.k);
    for (int s = 0, top = 0; s < l->slices; s++, top++) {
        memset(t->sum[top], 0, (size_t)m * sizeof t->sum[top][0]);
        for (int64_t k = l->cut[s], kn; k < l->cut[s + 1]; k += kn) {
            const uint8_t *block = panel + k / W_(_block) * W_(_block_bytes);
            kn = hdi_min_i64(HDI_LINEAR_KC, l->cut[s + 1] - k);
            panel_take_x(rows, m, k, kn, t->x);
            if (!W_(_as_is)) LW(panel_decode_)(block, kn, t);
            panel_piece(W_(_scaled), m, (const float(*)[HDI_LINEAR_KC])t->x,
                        W_(_as_is) ? (const float *)(const void *)block : t->w[0], t->scale[0], kn, t->sum[top]);
        }
        top = panel_join(t->sum, top, s, m);
    }
    panel_store(l, m0, m, c * 32, (const float(*)[32])t->sum[0]);
}

static void LW(linear_panel_)(const hdi_kernel_call *call, int64_t begin, int64_t end, void *scratch) {
    linear_strided l = linear_strided_of(call);
    while (begin < end) {
        int64_t block = begin / l.g.columns, c0 = begin % l.g.columns, c1 = hdi_min_i64(l.g.columns, c0 + end - begin);
        int64_t m0 = block * l.g.rows, m1 = hdi_min_i64(l.g.m, m0 + l.g.rows);
        const float *x[HDI_LINEAR_M];
        linear_rows_f32(l.x, m0, m1, l.g.k, NULL, x);
        if (m1 - m0 == 1)
            LW(panel_rows1_)(&l, m0, x[0], c0, c1);
        else
            for (int64_t c = c0; c < c1; c++) LW(panel_block_)(&l, x, m0, m1 - m0, c, scratch);
        begin += c1 - c0;
    }
}
#undef W_
#undef LW
