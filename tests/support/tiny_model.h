/* SPDX-License-Identifier: Apache-2.0 */
/* A small random model in a folder of its own, as the hub would hold it: config.json, generation_config.json, safetensors,
 * tokenizer.json. For tests that need a model of a certain family, shape or weight type, and for broken ones: write it, then
 * spoil a file. All widths that are summed over are multiples of 32 by default, so that every block type fits. */
#ifndef HDI_TESTS_TINY_MODEL_H
#define HDI_TESTS_TINY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "heddle/tensor.h"

typedef struct tiny_model {
    const char *family; /* "llama", "mistral", "qwen2", "qwen3" */
    int32_t hidden, intermediate, layers, heads, kv_heads, head_dim, vocab, context;
    int32_t window;           /* sliding_window of mistral; 0: none */
    bool tied;                /* no lm_head.weight */
    hd_dtype dtype;           /* HD_DTYPE_F32, F16 or BF16 */
    const char *rope_scaling; /* a JSON object's text, or NULL */
    int32_t shards;           /* 1: model.safetensors; more: an index and that many files */
    bool broken;              /* a NaN among the weights that every logit depends on */
    uint64_t seed;            /* the same seed and shape give the same weights */
} tiny_model;

/* Ids of the tokenizer: id b is the byte b up to 255, then a few merges, then these two. The
 * model's vocabulary (288 by default) is larger than the tokenizer's, as real ones often are. */
enum { TINY_MODEL_BEGIN = 264, TINY_MODEL_END = 265, TINY_MODEL_TOKENS = 266 };

/* hidden 64, intermediate 96, 2 layers, 4 heads of 32 over 2, 288 ids, context 256, f32, untied, one file, seed 1. */
void tiny_model_init(tiny_model *model, const char *family);
/* Writes it into a fresh folder under TMPDIR (or /tmp) and returns the folder's path; NULL, with a line on standard error,
 * when that fails. Give the path to tiny_model_remove. */
char *tiny_model_write(const tiny_model *model);
/* Deletes the folder with all files in it, and frees the path. NULL is legal. */
void tiny_model_remove(char *folder);

#endif
