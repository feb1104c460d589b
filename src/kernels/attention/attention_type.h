/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a chunk of queries through keys and values of one type T (included once a type, f32 first; no include guard). */
#define AT(name) HDI_PASTE(name, T)

/* Scores of rows r .. r + mr - 1 with the keys from .. to - 1 of a block. */
VF_INLINE void AT(attention_scores_)(const attention_call *a, const int mr, int r, const TYPE *const *k, int from, int to) {
    const float *x[ATTENTION_MR];
    for (int i = 0; i < mr; i++) x[i] = a->scratch + a->at.q + (r + i) * a->at.d;
    for (int j = from & ~3; j < to; j += 4) {
        vf acc[ATTENTION_MR][4];
        float *score = a->scratch + a->at.score + r * HDI_ATTENTION_BLOCK + j;
        AT(dot_tile_)(mr, acc, x, k + j, 0, a->d);
        VF_UNROLL for (int i = 0; i < mr; i++)
            vf_sum4(acc[i][0], acc[i][1], acc[i][2], acc[i][3], score + i * HDI_ATTENTION_BLOCK);
    }
}

/* o = o * rescale + sum of p v, for mr rows that see the same keys and nv (1, 4) vectors of v from element e on. */
VF_INLINE void AT(attention_values_)(const attention_call *a, const attention_chunk *c, const int mr, const int nv, int r,
                                     const TYPE *const *v, int64_t e) {
    vf acc[ATTENTION_MR][4];
    float *sum = a->scratch + a->at.sum + r * a->at.dv + e;
    const float *p = a->scratch + a->at.score + r * HDI_ATTENTION_BLOCK;
    VF_UNROLL for (int i = 0; i < mr; i++) {
        VF_UNROLL for (int n = 0; n < nv; n++) acc[i][n] =
            vf_mul(vf_load_f32(sum + i * a->at.dv + 16 * n), vf_set1(c->rescale[r + i]));
    }
    for (int j = c->from[r]; j < c->to[r]; j++) {
        vf b[4];
        VF_UNROLL for (int n = 0; n < nv; n++) b[n] =
            nv == 1 ? AT(vf_load_n_)(v[j] + e, a->dv - e) : AT(vf_load_)(v[j] + e + 16 * n);
        VF_UNROLL for (int i = 0; i < mr; i++) {
            vf w = vf_set1(p[i * HDI_ATTENTION_BLOCK + j]);
            VF_UNROLL for (int n = 0; n < nv; n++) acc[i][n] = vf_fma(w, b[n], acc[i][n]);
        }
    }
    VF_UNROLL for (int i = 0; i < mr; i++) {
        VF_UNROLL for (int n = 0; n < nv; n++) vf_store_f32(sum + i * a->at.dv + 16 * n, acc[i][n]);
    }
}

VF_INLINE void AT(attention_values_all_)(const attention_call *a, const attention_chunk *c, const int mr, int r,
                                         const TYPE *const *v) {
    int64_t e = 0;
    for (; e + 64 <= a->dv; e += 64) AT(attention_values_)(a, c, mr, 4, r, v, e);
    for (; e < a->dv; e += 16) AT(attention_values_)(a, c, mr, 1, r, v, e);
}

/* mr as a constant. */
static void AT(attention_score_tile_)(const attention_call *a, int mr, int r, const TYPE *const *k, int from, int to) {
    switch (mr) {
    default:
        AT(attention_scores_)(a, 1, r, k, from, to);
        break;
#if ATTENTION_MR >= 6
    case 2:
        AT(attention_scores_)(a, 2, r, k, from, to);
        break;
    case 3:
        AT(attention_scores_)(a, 3, r, k, from, to);
        break;
    case 4:
        AT(attention_scores_)(a, 4, r, k, from, to);
        break;
    case 5:
        AT(attention_scores_)(a, 5, r, k, from, to);
        break;
    case 6:
        AT(attention_scores_)(a, 6, r, k, from, to);
        break;
#endif
    }
}
static void AT(attention_value_tile_)(const attention_call *a, const attention_chunk *c, int mr, int r, const TYPE *const *v) {
    switch (mr) {
    default:
        AT(attention_values_all_)(a, c, 1, r, v);
        break;
#if ATTENTION_MR >= 6
    case 2:
        AT(attention_values_all_)(a, c, 2, r, v);
        break;
    case 3:
        AT(attention_values_all_)(a, c, 3, r, v);
        break;
    case 4:
        AT(attention_values_all_)(a, c, 4, r, v);
        break;
    case 5:
        AT(attention_values_all_)(a, c, 5, r, v);
        break;
    case 6:
        AT(attention_values_all_)(a, c, 6, r, v);
        break;
#endif
    }
}

/* All rows of a chunk with the keys of a block, of which `from` .. `to` - 1 are there. */
static void AT(attention_step_)(const attention_call *a, attention_chunk *c, const TYPE *const *k, const TYPE *const *v, int from,
                                int to) {
    for (int r = 0, mr; r < c->rows; r += mr) {
        mr = (int)hdi_min_i64(ATTENTION_MR, c->rows - r);
        AT(attention_score_tile_)(a, mr, r, k, from, to);
        for (int i = r; i < r + mr; i++)
            if (c->from[i] < c->to[i]) attention_softmax(a, c, i);
        if (attention_same_keys(c, r, mr)) {
            if (c->from[r] < c->to[r]) AT(attention_value_tile_)(a, c, mr, r, v);
            continue;
        }
        for (int i = r; i < r + mr; i++)
            if (c->from[i] < c->to[i]) AT(attention_value_tile_)(a, c, 1, i, v);
    }
}

static void AT(attention_chunk_)(const attention_call *a, attention_chunk *c) {
    int64_t first = INT64_MAX, last = 0;
    for (int r = 0; r < c->rows; r++)
        if (c->lo[r] < c->hi[r]) first = hdi_min_i64(first, c->lo[r]), last = hdi_max_i64(last, c->hi[r]);
    for (int64_t key = first / HDI_ATTENTION_BLOCK * HDI_ATTENTION_BLOCK; key < last; key += HDI_ATTENTION_BLOCK) {
        const TYPE *k[HDI_ATTENTION_BLOCK], *v[HDI_ATTENTION_BLOCK];
        int64_t at[HDI_ATTENTION_BLOCK];
        int from, to;
        attention_block(c, key, &from, &to);
        if (from >= to) continue;
        attention_keys(a, c, a->k, key, from, to, at);
        for (int j = 0; j < HDI_ATTENTION_BLOCK; j++) /* beside the keys seen: one of them, computed and not used */
            k[j] = (const TYPE *)a->k->data + at[j < from || j >= to ? from : j];
        attention_keys(a, c, a->v, key, from, to, at);
        for (int j = from; j < to; j++) v[j] = (const TYPE *)a->v->data + at[j];
        if (c->rows <= ATTENTION_MR || sizeof(TYPE) == sizeof(float)) {
            AT(attention_step_)(a, c, k, v, from, to);
            continue;
        }
        const float *kf[HDI_ATTENTION_BLOCK], *vf32[HDI_ATTENTION_BLOCK];
        for (int j = 0; j < HDI_ATTENTION_BLOCK; j++) {
            float *tk = a->scratch + a->at.k + j * a->at.d, *tv = a->scratch + a->at.v + j * a->at.dv;
            kf[j] = tk;
            vf32[j] = tv;
            for (int64_t i = 0; i < a->d; i += VF_LANES) vf_store_f32(tk + i, AT(vf_load_n_)(k[j] + i, a->d - i));
            for (int64_t i = 0; j >= from && j < to && i < a->dv; i += VF_LANES)
                vf_store_f32(tv + i, AT(vf_load_n_)(v[j] + i, a->dv - i));
        }
        attention_step_f32(a, c, kf, vf32, from, to);
    }
}
#undef AT
#undef T
#undef TYPE
