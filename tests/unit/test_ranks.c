/* SPDX-License-Identifier: Apache-2.0 */
/* Models over several ranks, as threads: tokens and logits are those of one process, bit for bit, for every family, type of
 * weights, batch and chunking; and what cannot be split is refused in a sentence. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/status.h"
#include "support/brief.h"
#include "support/crew.h"
#include "support/devices.h"
#include "support/generate.h"
#include "support/tiny_model.h"

enum { REQUESTS = 5, NEW = 12, LONGEST = 90, CONTEXT = 136 };

typedef struct setting {
    int32_t tensor, pipeline, threads, batch;
    hd_executor_kind executor;
    int64_t kv_tokens; /* 0: enough for all */
    bool draws;        /* some sequences draw with seeds, one stops at a token, all are long */
    int64_t two_shot;  /* bytes of a sum; 0: all are made in one shot, or none by size */
} setting;

/* Some chunks of the prompts are shorter and some longer; a row is 64 floats. */
enum { SOME_ROWS = 10 * 64 * 4 };

static const char *const families[] = {"llama", "mistral", "qwen2", "qwen3"};

/* Prompts of unlike lengths, some longer than a chunk. */
static void make_requests(hd_request *requests, int32_t prompts[REQUESTS][LONGEST], bool draws) {
    static const int32_t stop[] = {17};
    size_t lengths[REQUESTS] = {1, 7, 33, 12, draws ? LONGEST : 50};
    for (int i = 0; i < REQUESTS; i++) {
        hd_request_init(&requests[i]);
        for (size_t t = 0; t < lengths[i]; t++) prompts[i][t] = (int32_t)((t * 37 + (size_t)i * 101 + 5) % 256);
        requests[i].prompt = prompts[i];
        requests[i].n_prompt = lengths[i];
        requests[i].max_tokens = NEW;
        requests[i].ignore_eos = true;
        if (!draws) continue;
        requests[i].sampling.temperature = i % 2 ? 0.9f : 0;
        requests[i].sampling.seed = 11 + (uint64_t)i;
        if (i == 2) requests[i].sampling.repetition_penalty = 1.3f;
        requests[i].max_tokens = 40;
        if (i == 0) requests[i].stop_tokens = stop;
        requests[i].n_stop_tokens = i == 0;
    }
}

static void run(hd_model *model, const setting *s, int32_t vocab, generation *out) {
    hd_engine_options options;
    hd_engine *engine;
    hd_request requests[REQUESTS];
    int32_t prompts[REQUESTS][LONGEST];
    make_requests(requests, prompts, s->draws);
    hd_engine_options_init(&options);
    options.threads = s->threads;
    options.max_sequences = 4;
    options.max_batch_tokens = s->batch;
    options.context = CONTEXT;
    options.kv_tokens = s->kv_tokens;
    if (s->kv_tokens) options.page_tokens = 8;
    options.executor = s->executor;
    options.keep_logits = true; /* of devices, too */
    hd_status status = hd_engine_create(model, NULL, &options, &engine);
    if (status != HD_OK) fprintf(stderr, "%s\n", hd_last_error());
    assert_int_equal(status, HD_OK);
    generate(engine, requests, REQUESTS, vocab, out);
    hd_engine_destroy(engine);
}

/* Generates over ranks on `device` (NULL: the CPU); the vocabulary's size. */
static int32_t run_over_ranks(const char *folder, hd_weights weights, const setting *s, const hd_device *device,
                              generation *out) {
    crew c = {.tensor = s->tensor,
              .pipeline = s->pipeline,
              .weights = weights,
              .device = device,
              .threads = s->threads,
              .two_shot = s->two_shot};
    hd_model_info info;
    hd_model *model = crew_start(&c, folder);
    if (!model) fprintf(stderr, "%s\n", hd_last_error());
    assert_non_null(model);
    hd_model_get_info(model, &info);
    memset(out, 0, sizeof *out * REQUESTS);
    run(model, s, info.vocab, out);
    crew_end(&c);
    return info.vocab;
}

static void compare(const char *folder, hd_weights weights, const setting *s, const hd_device *device, const generation *alone) {
    generation out[REQUESTS];
    int32_t vocab = run_over_ranks(folder, weights, s, device, out);
    for (int i = 0; i < REQUESTS; i++) {
        const char *difference = generation_difference(&alone[i], &out[i], vocab);
        if (difference) fprintf(stderr, "%d x %d ranks, request %d: %s\n", s->tensor, s->pipeline, i, difference);
        assert_null(difference);
        generation_free(&out[i]);
    }
}

static void generate_alone(const char *folder, hd_weights weights, bool draws, generation *out) {
    hd_model *model;
    hd_model_info info;
    hd_model_options options = {.weights = weights};
    setting s = {1, 1, 1, 64, HD_EXECUTOR_SERIAL, .draws = draws};
    assert_int_equal(hd_model_load(folder, &options, &model), HD_OK);
    hd_model_get_info(model, &info);
    run(model, &s, info.vocab, out);
    hd_model_release(model);
}

static void check_model(const tiny_model *tiny, hd_weights weights, const setting *settings, size_t n) {
    generation alone[REQUESTS];
    memset(alone, 0, sizeof alone);
    char *folder = tiny_model_write(tiny);
    assert_non_null(folder);
    generate_alone(folder, weights, settings->draws, alone);
    for (size_t i = 0; i < n; i++) compare(folder, weights, &settings[i], NULL, alone);
    for (int i = 0; i < REQUESTS; i++) generation_free(&alone[i]);
    tiny_model_remove(folder);
}

static void every_family_gives_the_same_bits(void **state) {
    static const setting settings[] = {
        {2, 1, 1, 64, HD_EXECUTOR_SERIAL, .two_shot = 0},   {2, 1, 2, 7, HD_EXECUTOR_THREADS, .two_shot = 0},
        {4, 1, 1, 512, HD_EXECUTOR_THREADS, .two_shot = 0}, {2, 1, 1, 33, HD_EXECUTOR_TASKS, .two_shot = 0},
        {2, 1, 3, 64, HD_EXECUTOR_TASKS, .two_shot = 0},    {1, 2, 1, 64, HD_EXECUTOR_THREADS, .two_shot = 0},
        {2, 2, 1, 33, HD_EXECUTOR_THREADS, .two_shot = 0},  {2, 2, 2, 512, HD_EXECUTOR_TASKS, .two_shot = 0},
    };
    (void)state;
    for (size_t f = 0; f < HDI_COUNTOF(families); f += brief_tests() ? 2 : 1) {
        tiny_model tiny;
        tiny_model_init(&tiny, families[f]);
        check_model(&tiny, HD_WEIGHTS_AS_IS, settings, HDI_COUNTOF(settings));
    }
}

/* Several steps are under way, each of other sequences: prompts of many chunks, seeds, stop tokens, and pages so few that
 * sequences give theirs up while their token is on its way. */
static void stages_that_work_at_once_do(void **state) {
    static const setting settings[] = {
        {1, 2, 1, 8, HD_EXECUTOR_SERIAL, .draws = true},
        {1, 2, 2, 8, HD_EXECUTOR_THREADS, .kv_tokens = 144, .draws = true},
        {1, 2, 2, 64, HD_EXECUTOR_TASKS, .draws = true},
        {1, 4, 1, 8, HD_EXECUTOR_THREADS, .draws = true},
        {1, 4, 1, 16, HD_EXECUTOR_SERIAL, .kv_tokens = 144, .draws = true},
        {2, 2, 1, 8, HD_EXECUTOR_SERIAL, .draws = true},
        {2, 2, 1, 16, HD_EXECUTOR_THREADS, .draws = true},
        {2, 2, 2, 8, HD_EXECUTOR_TASKS, .kv_tokens = 144, .draws = true},
    };
    tiny_model tiny;
    (void)state;
    tiny_model_init(&tiny, "qwen3");
    tiny.layers = 5;
    check_model(&tiny, HD_WEIGHTS_AS_IS, settings, HDI_COUNTOF(settings));
}

/* Sums in two shots: all of them, those of many rows, none. */
static void sums_in_two_shots_do(void **state) {
    static const setting settings[] = {
        {2, 1, 1, 64, HD_EXECUTOR_SERIAL, .two_shot = 1},          {2, 1, 2, 7, HD_EXECUTOR_THREADS, .two_shot = SOME_ROWS / 2},
        {4, 1, 1, 64, HD_EXECUTOR_THREADS, .two_shot = SOME_ROWS}, {4, 1, 2, 33, HD_EXECUTOR_TASKS, .two_shot = SOME_ROWS},
        {2, 2, 2, 33, HD_EXECUTOR_THREADS, .two_shot = SOME_ROWS}, {4, 2, 1, 512, HD_EXECUTOR_TASKS, .two_shot = 1},
        {4, 1, 1, 64, HD_EXECUTOR_THREADS, .two_shot = -1},
    };
    (void)state;
    for (size_t f = 0; f < HDI_COUNTOF(families); f += brief_tests() ? 2 : 1) {
        tiny_model tiny;
        tiny_model_init(&tiny, families[f]);
        check_model(&tiny, HD_WEIGHTS_AS_IS, settings, HDI_COUNTOF(settings));
    }
}

/* Devices read the others' parts where they lie. One and two shots add in the same order there, too. */
static void devices_sum_alike(void **state) {
    static const setting settings[] = {{2, 1, 1, 33, HD_EXECUTOR_STREAM, .two_shot = -1},
                                       {2, 1, 1, 33, HD_EXECUTOR_STREAM, .two_shot = 1},
                                       {2, 1, 1, 33, HD_EXECUTOR_GRAPH, .two_shot = SOME_ROWS},
                                       {2, 2, 1, 33, HD_EXECUTOR_STREAM, .two_shot = SOME_ROWS}};
    const hd_device *device;
    int d = 0;
    tiny_model tiny;
    generation one[REQUESTS];
    (void)state;
    while ((device = test_devices(d)) && (device->type == HD_DEVICE_CPU || !device->vtable->memory_share)) d++;
    if (!device) skip();
    tiny_model_init(&tiny, "qwen2");
    char *folder = tiny_model_write(&tiny);
    assert_non_null(folder);
    (void)run_over_ranks(folder, HD_WEIGHTS_AS_IS, &settings[0], device, one);
    for (size_t i = 1; i < HDI_COUNTOF(settings); i++) compare(folder, HD_WEIGHTS_AS_IS, &settings[i], device, one);
    for (int i = 0; i < REQUESTS; i++) generation_free(&one[i]);
    tiny_model_remove(folder);
}

static void every_type_of_weights_does(void **state) {
    static const setting settings[] = {{2, 1, 1, 64, HD_EXECUTOR_THREADS, .two_shot = 0},
                                       {4, 1, 1, 64, HD_EXECUTOR_THREADS, .two_shot = 0}};
    static const hd_dtype stored[] = {HD_DTYPE_BF16, HD_DTYPE_F16, HD_DTYPE_F32};
    (void)state;
    for (int w = 0; w < HD_WEIGHTS_COUNT; w += brief_tests() ? 2 : 1) {
        tiny_model tiny;
        tiny_model_init(&tiny, "qwen2");
        tiny.dtype = stored[w % 3];
        tiny.tied = w % 2;
        tiny.intermediate = 256; /* blocks of 32 for four ranks */
        check_model(&tiny, (hd_weights)w, settings, HDI_COUNTOF(settings));
    }
}

/* Heads that do not divide, keys' heads fewer than ranks, widths that are no whole pieces. */
static void uneven_shapes_do(void **state) {
    static const struct {
        int32_t heads, kv_heads, head_dim, intermediate, vocab;
    } shapes[] = {{6, 3, 32, 96, 288}, {10, 5, 8, 1000, 300}, {8, 1, 16, 264, 290}, {9, 3, 20, 300, 301}, {8, 8, 8, 320, 288}};
    static const setting settings[] = {
        {2, 1, 1, 64, HD_EXECUTOR_THREADS, .two_shot = 0},        {2, 1, 1, 64, HD_EXECUTOR_THREADS, .two_shot = SOME_ROWS},
        {4, 1, 1, 16, HD_EXECUTOR_SERIAL, .two_shot = 0},         {4, 1, 1, 16, HD_EXECUTOR_THREADS, .two_shot = SOME_ROWS},
        {8, 1, 1, 64, HD_EXECUTOR_SERIAL, .two_shot = SOME_ROWS}, {8, 1, 1, 64, HD_EXECUTOR_SERIAL, .two_shot = 0}};
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(shapes); i += brief_tests() ? 2 : 1) {
        tiny_model tiny;
        tiny_model_init(&tiny, i % 2 ? "llama" : "qwen3");
        tiny.heads = shapes[i].heads;
        tiny.kv_heads = shapes[i].kv_heads;
        tiny.head_dim = shapes[i].head_dim;
        tiny.intermediate = shapes[i].intermediate;
        tiny.vocab = shapes[i].vocab;
        check_model(&tiny, HD_WEIGHTS_AS_IS, settings, shapes[i].heads < 8 || shapes[i].intermediate < 256 ? 4 : 6);
    }
}

static void what_cannot_be_split_is_refused(void **state) {
    tiny_model tiny;
    (void)state;
    tiny_model_init(&tiny, "llama");
    char *folder = tiny_model_write(&tiny);
    crew c = {.tensor = 8, .pipeline = 1, .threads = 1, .timeout_ms = 5000};
    assert_null(crew_start(&c, folder));
    assert_non_null(strstr(hd_last_error(), "cannot be cut for 8 tensor-parallel ranks"));
    crew_end(&c);
    crew three = {.tensor = 3, .pipeline = 1, .threads = 1, .timeout_ms = 5000};
    assert_null(crew_start(&three, folder));
    assert_non_null(strstr(hd_last_error(), "1, 2, 4 or 8"));
    crew_end(&three);
    crew deep = {.tensor = 1, .pipeline = 3, .threads = 1, .timeout_ms = 5000};
    assert_null(crew_start(&deep, folder));
    assert_non_null(strstr(hd_last_error(), "3 pipeline stages for 2 layers"));
    crew_end(&deep);
    tiny_model_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_gives_the_same_bits),
        cmocka_unit_test(stages_that_work_at_once_do),
        cmocka_unit_test(sums_in_two_shots_do),
        cmocka_unit_test(devices_sum_alike),
        cmocka_unit_test(every_type_of_weights_does),
        cmocka_unit_test(uneven_shapes_do),
        cmocka_unit_test(what_cannot_be_split_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
