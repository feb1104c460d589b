/* SPDX-License-Identifier: Apache-2.0 */
/* hd_rope: the tables of a call, then the turn. */
#include "kernels/rope/rope.h"
#include "kernels/rope_table/rope_table.h"
#include "ops/eager.h"
#include "ops/rope_scaling.h"

#include "base/memory.h"
#include "tensor/shape.h"

/* Largest position + 1, on the host: what dynamic scaling takes as the length. */
static hd_status sequence_length(const hd_tensor *positions, int64_t *length) {
    int64_t n = hd_tensor_numel(positions);
    void *host;
    *length = 0;
    HD_TRY(hdi_alloc(&host, (size_t)n, hd_dtype_block_bytes(positions->dtype), "positions"));
    hd_status status = hd_tensor_store(positions, host);
    for (int64_t i = 0; i < n && status == HD_OK; i++) {
        int64_t p = positions->dtype == HD_DTYPE_I32 ? ((const int32_t *)host)[i] : ((const int64_t *)host)[i];
        if (p >= *length) *length = p < INT64_MAX ? p + 1 : p;
    }
    hdi_free(host);
    return status;
}

/* A fresh i64 [n] on a device, all entries `value`. */
static hd_status constant(const hd_device *device, int64_t n, int64_t value, hd_tensor **out) {
    int64_t *host;
    HD_TRY(hdi_alloc(&host, (size_t)n, sizeof *host, "lengths"));
    for (int64_t i = 0; i < n; i++) host[i] = value;
    hd_status status = hd_tensor_create(&n, 1, HD_DTYPE_I64, device, out);
    if (status == HD_OK) status = hd_tensor_load(*out, host);
    hdi_free(host);
    return status;
}

/* inv_freq on the device, and the attributes of the table. */
static hd_status frequencies(const hd_device *device, int32_t dims, const hd_rope_options *options, hd_tensor **inv_freq,
                             hdi_rope_table_attr *attr) {
    const hd_rope_scaling *s = &options->scaling;
    const int64_t pairs = dims / 2;
    float *host;
    HD_TRY(hdi_alloc(&host, (size_t)pairs, sizeof *host, "rotary frequencies"));
    hd_status status = hdi_rope_frequencies(options->theta, dims, s, host, &attr->attention_scale);
    if (status == HD_OK) status = hd_tensor_create(&pairs, 1, HD_DTYPE_F32, device, inv_freq);
    if (status == HD_OK) status = hd_tensor_load(*inv_freq, host);
    hdi_free(host);
    if (s->kind == HD_ROPE_SCALING_DYNAMIC) {
        attr->dynamic_factor = (float)s->factor;
        attr->dynamic_base = (float)options->theta;
        attr->dynamic_max = s->original_positions > INT32_MAX ? INT32_MAX : (int32_t)s->original_positions;
    }
    return status;
}

static hd_status check(const hd_tensor *out, const hd_tensor *x, const hd_tensor *positions, const hd_rope_options *options,
                       int32_t *dims) {
    HD_REQUIRE(out && x && positions && options, HD_INVALID_ARGUMENT, "rope: out, x, positions and options are all needed");
    HD_REQUIRE(x->ndim == 3, HD_INVALID_ARGUMENT, "rope: x is %s%s; it needs 3 dims: tokens, heads, dims of a head",
               hd_dtype_name(x->dtype), hdi_shape_text(x->shape, x->ndim));
    HD_REQUIRE(positions->dtype == HD_DTYPE_I32 || positions->dtype == HD_DTYPE_I64, HD_INVALID_ARGUMENT,
               "rope: positions are %s; they must be i32 or i64", hd_dtype_name(positions->dtype));
    int64_t d = options->dims ? options->dims : x->shape[2];
    HD_REQUIRE(d >= 2 && d % 2 == 0 && d <= x->shape[2] && d <= INT32_MAX, HD_INVALID_ARGUMENT,
               "rope: %lld dims cannot turn in a head of %lld; it needs an even number, at most the head's", (long long)d,
               (long long)x->shape[2]);
    *dims = (int32_t)d;
    return HD_OK;
}

hd_status hd_rope(hd_tensor *out, const hd_tensor *x, const hd_tensor *positions, const hd_rope_options *options) {
    static const hdi_eager_rules table_rules = {.names = "cos sin positions lengths inv_freq", .optional = 8, .dense = 31};
    static const hdi_eager_rules rope_rules = {.names = "out x cos sin", .rows = 3, .dense = 12, .inplace = 2};
    hd_tensor *inv_freq = NULL, *lengths = NULL, *cos = NULL, *sin = NULL;
    hdi_rope_table_attr table_attr = {0};
    hd_status status;
    int64_t length = 0;
    int32_t dims;
    HD_TRY(check(out, x, positions, options, &dims));
    const hd_device *device = x->storage->device;
    const hdi_rope_attr rope_attr = {.interleaved = options->interleaved};
    const int64_t table[2] = {hd_tensor_numel(positions), dims / 2};
    HD_TRY_GOTO(frequencies(device, dims, options, &inv_freq, &table_attr));
    if (options->scaling.kind == HD_ROPE_SCALING_DYNAMIC) {
        HD_TRY_GOTO(sequence_length(positions, &length));
        HD_TRY_GOTO(constant(device, table[0], length, &lengths));
    }
    HD_TRY_GOTO(hd_tensor_create(table, 2, HD_DTYPE_F32, device, &cos));
    HD_TRY_GOTO(hd_tensor_create(table, 2, HD_DTYPE_F32, device, &sin));
    HD_TRY_GOTO(hdi_eager(&hdi_op_rope_table, &table_rules, (hd_tensor *const[]){cos, sin},
                          (const hd_tensor *const[]){positions, lengths, inv_freq}, 3, &table_attr));
    status = hdi_eager(&hdi_op_rope, &rope_rules, &out, (const hd_tensor *const[]){x, cos, sin}, 3, &rope_attr);
fail:
    hd_tensor_destroy(inv_freq);
    hd_tensor_destroy(lengths);
    hd_tensor_destroy(cos);
    hd_tensor_destroy(sin);
    return status;
}
