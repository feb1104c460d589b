/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: many sequences advance together, one ragged batch a step, over a paged KV cache.
 *
 *   hd_engine_create -> hd_engine_submit (any number) -> hd_engine_step until it says idle -> hd_sequence_next for the tokens.
 *
 * A sequence's tokens and logits do not depend on what else is in the batch, nor on how its prompt was cut into chunks.
 *
 * An engine runs on its model's device. On a GPU a step's tokens are drawn there and delivered by the next hd_engine_step, while
 * that step already runs: neither waits for the other. Requests with logit bias, penalties or log-probabilities need their logits
 * on the host, and make the steps that they take part in wait; what they cost is the time of that. */
#ifndef HEDDLE_ENGINE_H
#define HEDDLE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/compile.h"
#include "heddle/model.h"
#include "heddle/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One thread at a time; different engines may run in different threads, also on one model. */
typedef struct hd_engine hd_engine;

typedef struct hd_engine_options {
    int32_t threads;          /* 0: one a core this process may use */
    int32_t max_sequences;    /* running at once; more wait in a queue. 0: 8 */
    int32_t max_batch_tokens; /* tokens of one step, and so the longest chunk of a prompt; at least max_sequences. 0: 512; 2048
                                 on a GPU; 64 over pipeline stages on CPUs, which work on chunks behind each other */
    int64_t context; /* longest sequence in tokens, at most the model's. 0: the model's, or what fits into a quarter of memory */
    int64_t kv_tokens;   /* size of the KV cache in tokens over all sequences; the context is cut to it. 0: enough for one of
                          * `context`, and 4096 more for the others */
    int32_t page_tokens; /* tokens a KV page. 0: 32 */
    hd_dtype kv_dtype;   /* HD_DTYPE_F32, F16 or BF16; HD_DTYPE_COUNT: f32 for f32 weights, else the weights' 16-bit type */
    hd_executor_kind executor; /* what runs the plan; HD_EXECUTOR_KIND_COUNT: threads on the CPU, on devices graphs where they
                                * have them, else a stream */
    bool keep_logits; /* on a device: bring every row of logits to the host for hd_sequence_logits, which makes each step wait */
} hd_engine_options;

HD_API void hd_engine_options_init(hd_engine_options *options); /* the defaults */

/* `tokenizer` is borrowed and may be NULL: then there is no text, and stop strings are refused. The model is retained. */
HD_API HD_CHECK_RESULT hd_status hd_engine_create(hd_model *model, const hd_tokenizer *tokenizer,
                                                  const hd_engine_options *options, hd_engine **out);
/* NULL is legal. Sequences that were not released are cancelled; they may still be read, and must still be released. */
HD_API void hd_engine_destroy(hd_engine *engine);

/* For rank 1 and up of a model that several ranks share: runs its part of every step of every engine that rank 0 makes, until
 * rank 0 releases the model. Waits for that as long as it takes. HD_COMM when another rank failed, is gone or late. `threads`: of
 * this rank; 0: as many as rank 0's engine has. */
HD_API HD_CHECK_RESULT hd_status hd_ranks_follow(hd_model *model, int32_t threads);

typedef struct hd_logit_bias {
    int32_t token;
    float bias; /* added to the logit; -INFINITY forbids the token */
} hd_logit_bias;

/* How the next token is chosen. Order: logit bias, penalties, temperature, top-k, typical, top-p, min-p, draw. */
typedef struct hd_sampling {
    float temperature;        /* 0: greedy */
    int32_t top_k;            /* 0: off */
    float top_p;              /* 1: off */
    float min_p;              /* 0: off */
    float typical_p;          /* 1: off */
    float repetition_penalty; /* 1: off; divides positive, multiplies negative logits of tokens seen (prompt included) */
    float presence_penalty;   /* subtracted once from tokens generated */
    float frequency_penalty;  /* subtracted for each time a token was generated */
    int32_t penalty_last;     /* how many last tokens the repetition penalty looks at; 0: all */
    const hd_logit_bias *bias;
    size_t n_bias;
    uint64_t seed; /* the same seed, prompt and options give the same tokens */
} hd_sampling;
HD_API void hd_sampling_init(hd_sampling *sampling); /* greedy, everything off, seed 0 */

typedef struct hd_request {
    const int32_t *prompt; /* at least one id; copied */
    size_t n_prompt;
    int64_t max_tokens; /* at most this many new ones; -1: as the context allows */
    hd_sampling sampling;
    const char *const *stop; /* strings that end the text; not part of it; copied. At most 64 of 1 to 1024 bytes of UTF-8 */
    size_t n_stop;
    const int32_t *stop_tokens; /* ids that end the sequence, beside the model's end tokens; copied */
    size_t n_stop_tokens;
    bool ignore_eos;
    int32_t top_logprobs; /* alternatives to report with each token, 0..20; -1: no log-probabilities at all */
    bool skip_special;    /* leave special tokens out of the text; end and stop tokens never have any */
} hd_request;
HD_API void hd_request_init(hd_request *request); /* greedy, max_tokens -1, no log-probabilities, skip_special */

/* A submitted request. Belongs to the caller until released, to be used in the engine's thread. All the memory it will need is
 * taken when it is submitted. */
typedef struct hd_sequence hd_sequence;

typedef enum hd_finish {
    HD_FINISH_NONE = 0, /* still running or waiting */
    HD_FINISH_STOP,     /* an end token, stop token or stop string */
    HD_FINISH_LENGTH,   /* max_tokens or the context is reached */
    HD_FINISH_CANCELLED,
    HD_FINISH_ERROR, /* see hd_sequence_error */
} hd_finish;

/* Queues a request. HD_INVALID_ARGUMENT: an empty prompt, an id out of range, sampling values out of range (each named).
 * HD_EXHAUSTED: a prompt that leaves no room in the context. A sequence's text goes on where the text of the prompt ends. */
HD_API HD_CHECK_RESULT hd_status hd_engine_submit(hd_engine *engine, const hd_request *request, hd_sequence **out);
HD_API void hd_sequence_cancel(hd_sequence *sequence);  /* nothing happens when it has finished already, or is NULL */
HD_API void hd_sequence_release(hd_sequence *sequence); /* cancels it if it still runs; NULL is legal */

/* Runs one step (on a GPU: launches it, and delivers the tokens of the one before): decodes one token of every running sequence
 * and prefills a chunk of waiting prompts. *busy tells whether unfinished sequences are left. When the KV pages do not suffice,
 * the youngest running sequence waits and is computed anew later; nobody can see that but in time. Never allocates while
 * sequences only decode, unless a caller leaves more text unfetched than 16 bytes a token. An error ends the sequences of the
 * step with HD_FINISH_ERROR; the engine goes on. */
HD_API HD_CHECK_RESULT hd_status hd_engine_step(hd_engine *engine, bool *busy);

typedef struct hd_token_logprob {
    int32_t token;
    float logprob; /* natural, of the distribution before temperature and filters, after bias and penalties */
} hd_token_logprob;

typedef struct hd_token {
    int32_t id;
    const char *text; /* what became final with this token, valid UTF-8, often empty, without a NUL; borrowed until the next call
                       * for this sequence or the engine's next step */
    size_t size;
    float logprob;               /* 0 when none are wanted */
    const hd_token_logprob *top; /* n_top, best first; borrowed likewise */
    int32_t n_top;
    hd_finish finish; /* not NONE with the last one; id is -1 if the last one brings only text that had been held back */
} hd_token;

/* The next token that has not been fetched; *have is false when there is none yet, or none any more. */
HD_API HD_CHECK_RESULT hd_status hd_sequence_next(hd_sequence *sequence, hd_token *token, bool *have);
HD_API hd_finish hd_sequence_finish_reason(const hd_sequence *sequence);
HD_API const char *hd_sequence_error(const hd_sequence *sequence); /* "" unless the reason is HD_FINISH_ERROR */
/* The logits that the newest token was drawn from, before bias and penalties: vocab values; borrowed until the next step. NULL
 * when the sequence drew no token in the last step, and on a device unless the engine was made with keep_logits. */
HD_API const float *hd_sequence_logits(const hd_sequence *sequence);

typedef struct hd_engine_stats {
    uint64_t prefill_tokens, decode_tokens, steps;
    double prefill_seconds, decode_seconds; /* a step counts as prefill when it holds any prompt chunk */
    uint64_t decode_bytes;                  /* weights and KV read by the decode steps */
    int64_t kv_pages, kv_pages_used, kv_pages_peak;
    size_t kv_bytes, arena_bytes;
    int32_t threads, running, waiting;
    const hd_device *device; /* where it runs */
    hd_executor_kind executor;
} hd_engine_stats;
HD_API void hd_engine_get_stats(const hd_engine *engine, hd_engine_stats *out);

#ifdef __cplusplus
}
#endif
#endif
