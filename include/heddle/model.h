/* SPDX-License-Identifier: Apache-2.0 */
/* Models: a Hugging Face folder, opened. On the CPU weights stay in the mapped file wherever a kernel can read them there. */
#ifndef HEDDLE_MODEL_H
#define HEDDLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/comm.h"
#include "heddle/device.h"
#include "heddle/status.h"
#include "heddle/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once loaded; counted; any number of threads and engines may share one. */
typedef struct hd_model hd_model;

/* The storage type of the matrices. Norms and biases are always held as f32. */
typedef enum hd_weights {
    HD_WEIGHTS_AS_IS = 0, /* as the checkpoint has them; on the CPU read in place */
    HD_WEIGHTS_F32,
    HD_WEIGHTS_F16,
    HD_WEIGHTS_BF16,
    HD_WEIGHTS_Q8, /* blocks of 32 with 8 bits a weight (q8_0) */
    HD_WEIGHTS_Q4, /* blocks of 32 with 4 bits a weight (q4_0) */
    HD_WEIGHTS_COUNT
} hd_weights;

HD_API const char *hd_weights_name(hd_weights weights); /* "as-is", "f32", "f16", "bf16", "q8", "q4" */
HD_API bool hd_weights_parse(const char *name, hd_weights *out);

typedef struct hd_model_options {
    hd_weights weights;
    const hd_device *device; /* that holds the weights, and on which the model's engines run; NULL: the CPU */
    int32_t threads;         /* for conversion while loading; 0: one a core this process may use */
    /* A model that several ranks hold together, each its part: `pipeline` stages of `tensor` ranks (compile.h), as many in all as
     * the domain has. All ranks load the same folder with the same options. Rank 0's engines run it; the others follow
     * (hd_ranks_follow, engine.h). */
    hd_domain *domain;        /* borrowed, until the model is gone; NULL: this process alone */
    int32_t tensor, pipeline; /* 0: 1 */
    int64_t two_shot;         /* of hd_shard (compile.h), the same on all ranks; 0: what is best by measure, -1: none */
    /* Called from the loading thread now and then with bytes done and bytes to do; NULL for none. Return false to stop: the
     * load ends with HD_CANCELLED. */
    bool (*progress)(void *user, uint64_t done, uint64_t total);
    void *progress_user;
    /* Called with a sentence worth showing (a tensor kept in another type than asked, say); NULL for none. */
    void (*notice)(void *user, const char *sentence);
    void *notice_user;
} hd_model_options;

/* Loads the folder `path`. NULL options: the defaults. HD_OUT_OF_MEMORY when the device has no room for the weights. */
HD_API HD_CHECK_RESULT hd_status hd_model_load(const char *path, const hd_model_options *options, hd_model **out);
HD_API hd_model *hd_model_retain(hd_model *model);
HD_API void hd_model_release(hd_model *model); /* NULL is legal */

typedef struct hd_model_info {
    const char *family;       /* "llama", "qwen2", ...; borrowed from the library */
    const char *architecture; /* as config.json says: "Qwen2ForCausalLM"; borrowed from the model */
    int32_t layers, hidden, intermediate, heads, kv_heads, head_dim;
    int32_t vocab;
    int64_t context; /* positions it was made for, rope scaling counted in */
    uint64_t parameters;
    uint64_t weight_bytes;           /* as held now */
    uint64_t matrix_bytes_per_token; /* read to decode one token of one sequence, KV cache not counted */
    hd_weights weights;
    const hd_device *device;        /* where they are */
    int32_t rank, tensor, pipeline; /* of the ranks that share it: 0, 1, 1 for a process alone */
} hd_model_info;
HD_API void hd_model_get_info(const hd_model *model, hd_model_info *out);

/* What generation_config.json and config.json advise. Ids that are not given are absent (n_eos 0, bos -1). */
typedef struct hd_generation_defaults {
    bool do_sample;
    float temperature, top_p, repetition_penalty;
    int32_t top_k;
    int32_t bos;
    int32_t eos[16];
    int32_t n_eos;
} hd_generation_defaults;
HD_API void hd_model_get_generation_defaults(const hd_model *model, hd_generation_defaults *out);

/* Fresh texts for people (free with hd_free): the model's graph, and its plan for a step of at most `max_tokens` tokens. */
HD_API HD_CHECK_RESULT hd_status hd_model_describe_graph(const hd_model *model, char **text);
HD_API HD_CHECK_RESULT hd_status hd_model_describe_plan(const hd_model *model, int32_t max_tokens, char **text);

/* A fresh text for people (free with hd_free): the tensors of the checkpoint in the folder `path`, in the order of their data, a
 * line each: name, type, shape, bytes. Needs no config.json and no known family. */
HD_API HD_CHECK_RESULT hd_status hd_checkpoint_describe(const char *path, char **text);

#ifdef __cplusplus
}
#endif
#endif
