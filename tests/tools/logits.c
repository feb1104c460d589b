/* SPDX-License-Identifier: Apache-2.0 */
/* logits MODEL IDS OUT [key=value...]: runs a model's plan on token ids and writes f32 logits for the comparisons with the
 * reference.
 *
 * IDS is a file of int32, OUT gets float32 [n ids (+ generated), vocab]. Keys: chunk (tokens of one run, default all), threads
 * (0: the serial executor), device (default cpu), executor (of a device; default stream), weights, kv, generate (greedy tokens to
 * add), prompt (length that the dynamic rope counts; default all ids). Generated ids go to standard output. It drives the plan
 * itself, without the engine, so that the engine and the model can be judged apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"
#include "runtime/storage.h"

typedef struct settings {
    int chunk, threads, generate, prompt;
    const hd_device *device; /* NULL: the CPU */
    hd_executor_kind executor;
    hd_weights weights;
    hd_dtype kv; /* HD_DTYPE_COUNT: natural */
} settings;

/* Memory that the plan reads or keeps on its device; `host` is what goes there before a run. */
typedef struct bound {
    hdi_storage *memory;
    void *host;
    size_t bytes;
} bound;

enum { MOST_INPUTS = 8 };

typedef struct driver {
    const hd_device *device;
    bound inputs[MOST_INPUTS];
    int n_inputs;
    float *logits; /* on the host */
    hd_model *model;
    hd_plan *plan;
    hd_executor *executor;
    hdi_kv_shape kv;
    hdi_step_limits limits;
    int32_t *token_ids, *positions, *token_seq, *slots, *page_table, *rows, *lengths;
    hdi_storage **states;
    int vocab;
} driver;

enum { PAGE = 16 };

static hd_status bind_input(driver *d, const char *name, int32_t **data, int64_t n) {
    bound *b = &d->inputs[d->n_inputs++];
    b->bytes = (size_t)n * sizeof **data;
    HD_TRY(hdi_calloc(data, (size_t)n, sizeof **data, name));
    b->host = *data;
    HD_TRY(hdi_storage_create(d->device, b->bytes, &b->memory));
    return hd_executor_bind(d->executor, name, b->memory->data, b->bytes);
}

static hd_status bind_states(driver *d) {
    size_t bytes = (size_t)d->limits.pages * PAGE * (size_t)d->kv.kv_heads * (size_t)d->kv.head_dim *
                   hd_dtype_block_bytes(d->limits.kv_dtype);
    HD_TRY(hdi_calloc(&d->states, (size_t)d->kv.layers * 2, sizeof *d->states, "states"));
    for (int i = 0; i < 2 * d->kv.layers; i++) {
        char name[32];
        snprintf(name, sizeof name, "%c.%d", i % 2 ? 'v' : 'k', i / 2);
        HD_TRY(hdi_storage_create(d->device, bytes, &d->states[i]));
        HD_TRY(d->device->vtable->set(d->device, d->states[i]->data, 0xff, bytes)); /* NaN: what was never written never counts */
        HD_TRY(hd_executor_bind(d->executor, name, d->states[i]->data, bytes));
    }
    return HD_OK;
}

static hd_status start(driver *d, const char *folder, const settings *s, int total) {
    hd_model_options options = {.weights = s->weights, .device = s->device};
    hd_model_info info;
    HD_TRY(hd_model_load(folder, &options, &d->model));
    hd_model_get_info(d->model, &info);
    hdi_model_kv_shape(d->model, &d->kv);
    d->vocab = info.vocab;
    int pages = (total + PAGE - 1) / PAGE;
    d->limits = (hdi_step_limits){.max_tokens = s->chunk,
                                  .max_sequences = 1,
                                  .max_rows = s->chunk,
                                  .pages = pages,
                                  .page_tokens = PAGE,
                                  .max_pages = pages,
                                  .kv_dtype = s->kv == HD_DTYPE_COUNT ? d->kv.natural_dtype : s->kv};
    HD_TRY(hdi_model_compile(d->model, &d->limits, &d->plan));
    hd_executor_options executor = {.kind = s->threads ? HD_EXECUTOR_THREADS : HD_EXECUTOR_SERIAL, .threads = s->threads};
    d->device = s->device ? s->device : hdi_device_cpu();
    if (d->device->type != HD_DEVICE_CPU) executor = (hd_executor_options){.kind = s->executor, .device = d->device};
    HD_TRY(hdi_alloc(&d->logits, (size_t)s->chunk * (size_t)d->vocab, sizeof *d->logits, "logits"));
    HD_TRY(hd_executor_create(d->plan, &executor, &d->executor));
    HD_TRY(hdi_model_bind(d->model, d->executor));
    HD_TRY(bind_input(d, "token_ids", &d->token_ids, s->chunk));
    HD_TRY(bind_input(d, "positions", &d->positions, s->chunk));
    HD_TRY(bind_input(d, "token_seq", &d->token_seq, s->chunk));
    HD_TRY(bind_input(d, "slots", &d->slots, s->chunk));
    HD_TRY(bind_input(d, "page_table", &d->page_table, pages));
    HD_TRY(bind_input(d, "logit_rows", &d->rows, s->chunk));
    if (d->kv.uses_rope_lengths) HD_TRY(bind_input(d, "rope_lengths", &d->lengths, s->chunk));
    for (int i = 0; i < pages; i++) d->page_table[i] = pages - 1 - i; /* pages in an order of their own */
    return bind_states(d);
}

/* Runs ids[first .. first + n) and points at their logits. */
static hd_status step(driver *d, const int32_t *ids, int first, int n, int prompt, float **logits) {
    for (int i = 0; i < n; i++) {
        int position = first + i;
        d->token_ids[i] = ids[position];
        d->positions[i] = position;
        d->slots[i] = d->page_table[position / PAGE] * PAGE + position % PAGE;
        d->rows[i] = i;
        if (d->lengths) d->lengths[i] = position + 1 > prompt ? position + 1 : prompt;
    }
    for (int i = 0; i < d->n_inputs; i++)
        HD_TRY(hdi_copy(d->device, d->inputs[i].memory->data, hdi_device_cpu(), d->inputs[i].host, d->inputs[i].bytes));
    HD_TRY(hd_executor_set(d->executor, "tokens", n));
    HD_TRY(hd_executor_set(d->executor, "sequences", 1));
    HD_TRY(hd_executor_set(d->executor, "rows", n));
    HD_TRY(hd_executor_run(d->executor));
    HD_TRY(hd_executor_synchronize(d->executor));
    void *there;
    HD_TRY(hd_executor_output(d->executor, "logits", &there));
    *logits = d->logits;
    return hdi_copy(hdi_device_cpu(), d->logits, d->device, there, (size_t)n * (size_t)d->vocab * sizeof *d->logits);
}

static int32_t argmax(const float *row, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (row[i] > row[best]) best = i;
    return best;
}

static hd_status run(driver *d, int32_t *ids, int n, const settings *s, FILE *out) {
    float *logits = NULL;
    int prompt = s->prompt ? s->prompt : n, total = n + s->generate;
    for (int at = 0; at < total;) {
        int count = at < n ? (n - at < s->chunk ? n - at : s->chunk) : 1;
        HD_TRY(step(d, ids, at, count, prompt, &logits));
        at += count;
        HD_REQUIRE(fwrite(logits, sizeof *logits * (size_t)d->vocab, (size_t)count, out) == (size_t)count, HD_IO,
                   "cannot write the logits");
        if (at < n || at >= total) continue;
        ids[at] = argmax(logits + (size_t)(count - 1) * (size_t)d->vocab, d->vocab);
        printf("%d%s", ids[at], at + 1 < total ? " " : "\n");
    }
    return HD_OK;
}

static void stop(driver *d) {
    hd_executor_destroy(d->executor);
    hd_plan_destroy(d->plan);
    for (int i = 0; i < d->n_inputs; i++) {
        hdi_free(d->inputs[i].host);
        hdi_storage_release(d->inputs[i].memory);
    }
    for (int i = 0; d->states && i < 2 * d->kv.layers; i++) hdi_storage_release(d->states[i]);
    hdi_free(d->states);
    hdi_free(d->logits);
    hd_model_release(d->model);
}

static bool parse(int argc, char **argv, settings *s) {
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) return false;
        *value++ = 0;
        if (!strcmp(argv[i], "chunk"))
            s->chunk = atoi(value);
        else if (!strcmp(argv[i], "threads"))
            s->threads = atoi(value);
        else if (!strcmp(argv[i], "generate"))
            s->generate = atoi(value);
        else if (!strcmp(argv[i], "prompt"))
            s->prompt = atoi(value);
        else if (!strcmp(argv[i], "device") && hd_device_parse(value, &s->device) == HD_OK)
            continue;
        else if (!strcmp(argv[i], "executor") && hd_executor_kind_parse(value, &s->executor))
            continue;
        else if (!strcmp(argv[i], "weights") && hd_weights_parse(value, &s->weights))
            continue;
        else if (!strcmp(argv[i], "kv") && hd_dtype_parse(value, &s->kv))
            continue;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    settings s = {.threads = 2, .kv = HD_DTYPE_COUNT, .executor = HD_EXECUTOR_STREAM};
    driver d = {0};
    char *data = NULL;
    size_t size = 0;
    int32_t *ids = NULL;
    if (argc < 4 || !parse(argc, argv, &s)) {
        fprintf(stderr,
                "usage: logits MODEL IDS OUT [chunk=N] [threads=N] [device=NAME] [executor=KIND] [weights=TYPE] [kv=TYPE] "
                "[generate=N] [prompt=N]\n");
        if (*hd_last_error()) fprintf(stderr, "logits: %s\n", hd_last_error());
        return 2;
    }
    FILE *out = fopen(argv[3], "wb");
    hd_status status = out ? hdi_file_read(argv[2], 1 << 30, &data, &size) : hdi_fail(HD_IO, "cannot write %s", argv[3]);
    int n = (int)(size / sizeof *ids);
    if (s.chunk <= 0) s.chunk = n > 0 ? n : 1;
    if (status == HD_OK) status = hdi_calloc(&ids, (size_t)(n + s.generate + 1), sizeof *ids, "ids");
    if (status == HD_OK) {
        memcpy(ids, data, (size_t)n * sizeof *ids);
        status = start(&d, argv[1], &s, n + s.generate);
    }
    if (status == HD_OK) status = run(&d, ids, n, &s, out);
    if (out && fclose(out) != 0 && status == HD_OK) status = hdi_fail(HD_IO, "cannot write %s", argv[3]);
    stop(&d);
    hdi_free(ids);
    hdi_free(data);
    if (status == HD_OK) return 0;
    fprintf(stderr, "logits: %s\n", hd_last_error());
    return 1;
}
