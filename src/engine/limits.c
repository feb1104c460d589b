/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/limits.h"

#include "base/memory.h"

enum {
    MOST_THREADS = 1024,
    MOST_SEQUENCES = 4096,
    MOST_BATCH_TOKENS = 65536,
    MOST_PAGE_TOKENS = 1024,
    SEQUENCES = 8,
    BATCH_TOKENS = 512,
    PAGE_TOKENS = 32,
    TOKENS_FOR_OTHERS = 4096, /* of the cache, beside one sequence of the full context */
};

static hd_status choose(const char *name, int64_t value, int64_t most, int64_t otherwise, int32_t *out) {
    HD_REQUIRE(value >= 0 && value <= most, HD_INVALID_ARGUMENT, "%s is %lld; it must be 1 to %lld, or 0 for the default", name,
               (long long)value, (long long)most);
    *out = (int32_t)(value ? value : otherwise);
    return HD_OK;
}

static hd_status choose_batch(const hd_engine_options *options, hdi_step_limits *step) {
    HD_TRY(choose("max_batch_tokens", options->max_batch_tokens, MOST_BATCH_TOKENS, BATCH_TOKENS, &step->max_tokens));
    HD_TRY(choose("max_sequences", options->max_sequences, MOST_SEQUENCES, hdi_min_i64(SEQUENCES, step->max_tokens),
                  &step->max_sequences));
    HD_REQUIRE(
        step->max_tokens >= step->max_sequences, HD_INVALID_ARGUMENT,
        "max_batch_tokens is %d; it must be at least max_sequences (%d), so that each running sequence gets a token a step",
        step->max_tokens, step->max_sequences);
    step->max_rows = step->max_sequences;
    return choose("page_tokens", options->page_tokens, MOST_PAGE_TOKENS, PAGE_TOKENS, &step->page_tokens);
}

static hd_status choose_dtype(const hd_engine_options *options, const hdi_kv_shape *kv, hdi_engine_limits *out) {
    hd_dtype dtype = options->kv_dtype == HD_DTYPE_COUNT ? kv->natural_dtype : options->kv_dtype;
    HD_REQUIRE(dtype == HD_DTYPE_F32 || dtype == HD_DTYPE_F16 || dtype == HD_DTYPE_BF16, HD_INVALID_ARGUMENT,
               "kv_dtype is %s; a KV cache is f32, f16 or bf16", hd_dtype_name(dtype));
    out->step.kv_dtype = dtype;
    out->kv_token_bytes =
        (size_t)kv->layers * (size_t)kv->kv_heads * (size_t)(kv->head_dim + kv->value_dim) * hd_dtype_block_bytes(dtype);
    return HD_OK;
}

/* Context and cache in tokens. Where nothing was said, the cache takes at most a quarter of the memory. */
static hd_status choose_tokens(const hd_engine_options *options, const hd_model_info *model, size_t memory,
                               hdi_engine_limits *out) {
    int64_t page = out->step.page_tokens, most_tokens = INT32_MAX / page * page;
    int64_t quarter = hdi_max_i64((int64_t)(memory / 4 / (out->kv_token_bytes ? out->kv_token_bytes : 1)) / page * page, page);
    HD_REQUIRE(options->context >= 0 && options->context <= model->context, HD_INVALID_ARGUMENT,
               "context is %lld; it must be 1 to %lld, which this model was made for, or 0 for the default",
               (long long)options->context, (long long)model->context);
    HD_REQUIRE(options->kv_tokens >= 0 && options->kv_tokens <= most_tokens, HD_INVALID_ARGUMENT,
               "kv_tokens is %lld; it must be 1 to %lld, or 0 for the default", (long long)options->kv_tokens,
               (long long)most_tokens);

    int64_t context = options->context ? options->context : hdi_min_i64(model->context, quarter), tokens = options->kv_tokens;
    if (tokens == 0) {
        int64_t more = out->step.max_sequences > 1 ? TOKENS_FOR_OTHERS : 0;
        tokens = hdi_max_i64(context, hdi_min_i64(context + more, quarter));
    }
    int64_t pages = hdi_ceil_div(tokens, page);
    HD_REQUIRE(pages <= INT32_MAX / page, HD_INVALID_ARGUMENT, "a KV cache of %lld tokens is more than %lld: lower the context",
               (long long)tokens, (long long)most_tokens);
    out->context = hdi_min_i64(context, pages * page);
    out->step.pages = (int32_t)pages;
    out->step.max_pages = (int32_t)hdi_ceil_div(out->context, page);
    return HD_OK;
}

hd_status hdi_limits_resolve(const hd_engine_options *options, const hd_model_info *model, const hdi_kv_shape *kv, size_t memory,
                             int32_t cores, hdi_engine_limits *out) {
    *out = (hdi_engine_limits){0};
    HD_TRY(choose("threads", options->threads, MOST_THREADS, cores, &out->threads));
    HD_TRY(choose_batch(options, &out->step));
    HD_TRY(choose_dtype(options, kv, out));
    HD_TRY(choose_tokens(options, model, memory, out));
    size_t tokens = (size_t)out->step.pages * (size_t)out->step.page_tokens;
    bool fits = hdi_mul_size(tokens, out->kv_token_bytes, &out->kv_bytes) && out->kv_bytes <= memory;
    HD_REQUIRE(
        fits, HD_OUT_OF_MEMORY,
        "a KV cache of %zu tokens takes %.1f GiB (%zu bytes a token) and this process may use %.1f GiB: lower the context, "
        "or kv_tokens, or take a smaller kv_dtype",
        tokens, (double)tokens * (double)out->kv_token_bytes * 0x1p-30, out->kv_token_bytes, (double)memory * 0x1p-30);
    return HD_OK;
}

void hd_engine_options_init(hd_engine_options *options) {
    *options = (hd_engine_options){.kv_dtype = HD_DTYPE_COUNT, .executor = HD_EXECUTOR_KIND_COUNT};
}
