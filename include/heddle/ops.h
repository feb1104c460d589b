/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on tensors, run at once on the calling thread's current stream.
 *
 * Rules common to all:
 *   - All tensors of a call are on one device. Work goes to the thread's stream there (see heddle/device.h); on the CPU it is
 * done on return.
 *   - Outputs exist already, with the shape and type that the operator's rule gives; nothing is allocated for them.
 *   - "float" means f32, f16 or bf16, the same for all float operands of a call unless said. Sums are kept in f32.
 *   - Tensors may be strided views. Where a row must be contiguous (the last dim of most), the message says so.
 *   - An output must not overlap an input, unless the operator says "in place": then it may BE that input (the same elements),
 *     but not overlap it partly.
 *   - What cannot be done is HD_INVALID_ARGUMENT or HD_UNSUPPORTED with a sentence that names the operator, the operand and
 *     both sizes or types; nothing has been written then.
 *   - Sizes may be 0: nothing is computed. */
#ifndef HEDDLE_OPS_H
#define HEDDLE_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "heddle/status.h"
#include "heddle/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* c = a + b and c = a * b, float, with broadcasting as in NumPy: shapes align at the right; a size is that of c, or 1, or absent.
 * In place for a or b where it has c's shape. */
HD_API HD_CHECK_RESULT hd_status hd_add(hd_tensor *c, const hd_tensor *a, const hd_tensor *b);
HD_API HD_CHECK_RESULT hd_status hd_mul(hd_tensor *c, const hd_tensor *a, const hd_tensor *b);

/* y = x * P(X <= x) for a standard normal X; with `tanh_form` its usual approximation by tanh. Float. In place. */
HD_API HD_CHECK_RESULT hd_status hd_gelu(hd_tensor *y, const hd_tensor *x, bool tanh_form);

/* y = up * gate / (1 + exp(-gate)), float, shapes equal. In place for gate and for up. */
HD_API HD_CHECK_RESULT hd_status hd_swiglu(hd_tensor *y, const hd_tensor *gate, const hd_tensor *up);

/* y = exp(x) / sum(exp(x)) along the last dim, float; a row of -inf gives zeros. In place. */
HD_API HD_CHECK_RESULT hd_status hd_softmax(hd_tensor *y, const hd_tensor *x);

/* The largest of x [..., n] along the last dim: its place (i32 or i64 [...]), the first of equals, and its value (x's type,
 * [...]). NaN counts as largest. n must not be 0. A vector x may have outputs of shape [1] instead of []. */
HD_API HD_CHECK_RESULT hd_status hd_argmax(hd_tensor *index, hd_tensor *value, const hd_tensor *x);

/* out [..., d] = rows `ids` (i32 or i64 [...]) of table [V, d]. The table may be float or a block type; out has the table's type,
 * or f32. On the CPU an id outside 0 .. V - 1 is HD_INVALID_ARGUMENT; on other devices it gives a row of zeros. */
HD_API HD_CHECK_RESULT hd_status hd_embedding(hd_tensor *out, const hd_tensor *ids, const hd_tensor *table);

/* out [..., N] = x [..., K] * weight [N, K]^T + bias [N]. `bias` may be NULL, and is f32 or of x's type. out has x's type; the
 * weight has x's type, or is f16 or bf16 with x f32. */
HD_API HD_CHECK_RESULT hd_status hd_linear(hd_tensor *out, const hd_tensor *x, const hd_tensor *weight, const hd_tensor *bias);

/* Copies in to out element by element; both may be strided at will. Any plain type; shapes and types equal. */
HD_API HD_CHECK_RESULT hd_status hd_rearrange(hd_tensor *out, const hd_tensor *in);

/* Copies in to out and converts to out's type, by the rules of hd_tensor_to_dtype. Shapes equal. */
HD_API HD_CHECK_RESULT hd_status hd_convert(hd_tensor *out, const hd_tensor *in);

/* out = x / sqrt(mean(x^2) + eps) * weight, and out = (x - mean) / sqrt(variance + eps) * weight + bias, along the last
 * dim n of x [..., n]; weight and bias [n]; `bias` may be NULL. Float. In place. */
HD_API HD_CHECK_RESULT hd_status hd_rms_norm(hd_tensor *out, const hd_tensor *x, const hd_tensor *weight, float eps);
HD_API HD_CHECK_RESULT hd_status hd_layer_norm(hd_tensor *out, const hd_tensor *x, const hd_tensor *weight, const hd_tensor *bias,
                                               float eps);

/* ---- rotary position embedding ---- */

/* Ways to stretch the positions that a model was trained on (the rope_scaling of Hugging Face configurations, which define the
 * formulas). */
typedef enum hd_rope_scaling_kind {
    HD_ROPE_SCALING_NONE = 0,
    HD_ROPE_SCALING_LINEAR = 1,  /* positions divided by `factor` */
    HD_ROPE_SCALING_DYNAMIC = 2, /* a larger theta for sequences longer than `original_positions` ("NTK aware") */
    HD_ROPE_SCALING_LLAMA3 = 3,  /* long wavelengths divided by `factor`, short ones kept, those between blended */
    HD_ROPE_SCALING_YARN = 4,    /* Peng et al. 2023 */
} hd_rope_scaling_kind;

/* Fields that a kind does not name are not read. 0 in a field marked (0: x) means x. */
typedef struct hd_rope_scaling {
    hd_rope_scaling_kind kind;
    double factor;              /* all kinds */
    int64_t original_positions; /* dynamic, llama3, yarn: the positions it was trained with */
    double low_freq_factor;     /* llama3 */
    double high_freq_factor;    /* llama3 */
    double beta_fast;           /* yarn (0: 32) */
    double beta_slow;           /* yarn (0: 1) */
    double attention_factor;    /* yarn (0: from factor, mscale and mscale_all_dim) */
    double mscale;              /* yarn, used when mscale_all_dim is there too (0: absent) */
    double mscale_all_dim;      /* yarn (0: absent) */
    bool no_truncate;           /* yarn: the ends of the blend are not rounded to whole dims */
} hd_rope_scaling;

typedef struct hd_rope_options {
    double theta;     /* the base: 10000, 500000, ... */
    bool interleaved; /* pairs (2j, 2j + 1), as GPT-J and the original Llama; else (j, j + dims/2), as Hugging Face's Llama */
    int32_t dims;     /* leading dims of a head that turn, even (0: all); the rest is copied */
    hd_rope_scaling scaling;
} hd_rope_options;

/* out [T, H, d] = x [T, H, d] turned by positions (i32 or i64 [T]): pair j of token t by the angle position[t] / theta^(2j /
 * dims), scaled as asked. Dynamic scaling takes the largest position + 1 as the
 * length of the sequence, and so waits until the positions are known. Float. In place. */
HD_API HD_CHECK_RESULT hd_status hd_rope(hd_tensor *out, const hd_tensor *x, const hd_tensor *positions,
                                         const hd_rope_options *options);

/* ---- attention ---- */

typedef struct hd_attention_options {
    float scale;    /* of the scores; 0: 1 / sqrt(d) */
    int32_t window; /* a query sees the last `window` keys only; 0: all */
    float softcap;  /* scores become softcap * tanh(score / softcap); 0: off */
} hd_attention_options;

/* out [S, H, dv] = softmax(q [S, H, d] * k [T, Hkv, d]^T * scale, causal) * v [T, Hkv, dv]. Query s sees keys 0 .. s + T - S (T
 * >= S: the queries are the last S positions). H is a multiple of Hkv: head h reads kv head h / (H / Hkv). The last dim of all
 * contiguous. Float; k and v may be f16 or bf16 with q f32. */
HD_API HD_CHECK_RESULT hd_status hd_self_attention(hd_tensor *out, const hd_tensor *q, const hd_tensor *k, const hd_tensor *v,
                                                   const hd_attention_options *options);

/* ---- sampling ---- */

/* How one row of logits is sampled. The filters run in this order, each on what the last one left: temperature, top_k,
 * typical_p, top_p, min_p. */
typedef struct hd_sample_options {
    float temperature; /* 0: the largest logit, first of equals */
    int32_t top_k;     /* 0: all */
    float top_p;       /* 1: off */
    float min_p;       /* 0: off */
    float typical_p;   /* 1: off */
    float uniform;     /* the random number, in [0, 1) */
} hd_sample_options;

/* ids (i32 [R]) = one draw a row of logits (f32 [R, V]); options[R]. A row with a NaN or +infinity, or without a finite logit, gives
 * -1. */
HD_API HD_CHECK_RESULT hd_status hd_sample(hd_tensor *ids, const hd_tensor *logits, const hd_sample_options *options);

#ifdef __cplusplus
}
#endif
#endif
