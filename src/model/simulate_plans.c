/* SPDX-License-Identifier: Apache-2.0 */
/* A model's plans for the simulator: compiled as for the real ranks, but that middle stages beyond what can be compiled share the
 * plans of one. */
#include <string.h>

#include "base/memory.h"
#include "compile/two_shot.h"
#include "model/simulate.h"

enum { PAGE = 32, MOST_TOKENS = 1 << 20 };
enum { FIRST, MIDDLE, LAST, TEMPLATES }; /* stages that are compiled for many */

/* ---- steps ---- */

hdi_step_limits hdi_sim_step_limits(const hd_sim_step *step, hd_dtype kv) {
    int32_t pages = (int32_t)hdi_ceil_div((int64_t)step->context + step->tokens, PAGE);
    return (hdi_step_limits){.max_tokens = step->sequences * step->tokens,
                             .max_sequences = step->sequences,
                             .max_rows = step->sequences,
                             .pages = step->sequences * pages,
                             .page_tokens = PAGE,
                             .max_pages = pages,
                             .kv_dtype = kv};
}

static hd_status check_step(const hd_sim_step *s) {
    HD_REQUIRE(s->sequences >= 1 && s->tokens >= 1 && s->context >= 0 &&
                   ((int64_t)s->context + s->tokens) * s->sequences <= MOST_TOKENS,
               HD_INVALID_ARGUMENT, "a step of %d sequences with %d new tokens behind %d; all of them together at most %d",
               s->sequences, s->tokens, s->context, MOST_TOKENS);
    return HD_OK;
}

hd_status hdi_sim_step_set(hd_sim_plans *set, const hd_sim_step *step) {
    size_t n = (size_t)step->sequences * (size_t)step->tokens;
    int32_t *values;
    HD_TRY(hdi_alloc(&values, n, sizeof *values, "a simulation"));
    hd_status status = hd_sim_plans_set(set, "tokens", (int64_t)n);
    if (status == HD_OK) status = hd_sim_plans_set(set, "sequences", step->sequences);
    if (status == HD_OK) status = hd_sim_plans_set(set, "rows", step->sequences);
    for (size_t t = 0; t < n; t++) values[t] = step->context + (int32_t)(t % (size_t)step->tokens);
    if (status == HD_OK) status = hd_sim_plans_input(set, "positions", values, n);
    for (size_t t = 0; t < n; t++) values[t] = (int32_t)(t / (size_t)step->tokens);
    if (status == HD_OK) status = hd_sim_plans_input(set, "token_seq", values, n);
    hdi_free(values);
    return status;
}

/* ---- compiling ---- */

static hd_status compile(const hd_graph *whole, const hd_shard *shard, hd_plan **out) {
    hd_graph *part;
    if (shard->tensor * shard->pipeline == 1) return hd_compile(whole, out);
    HD_TRY(hd_graph_shard(whole, shard, &part));
    hd_status status = hd_compile(part, out);
    hd_graph_destroy(part);
    return status;
}

/* All plans of a graph over ranks, as a set with `places` places. */
static hd_status compile_all(const hd_graph *whole, hd_shard shard, int32_t places, hd_sim_plans **out) {
    int32_t n = shard.tensor * shard.pipeline;
    const hd_plan **plans;
    HD_TRY(hdi_calloc(&plans, (size_t)n, sizeof *plans, "a set of plans"));
    for (int32_t r = 0; r < n; r++) {
        hd_plan *plan;
        shard.rank = r;
        hd_status status = compile(whole, &shard, &plan);
        if (status != HD_OK) {
            while (r-- > 0) hd_plan_destroy((hd_plan *)(uintptr_t)plans[r]);
            hdi_free(plans);
            return status;
        }
        plans[r] = plan;
    }
    return hdi_sim_plans_make(plans, (uint32_t)n, true, places, out);
}

/* ---- many stages of three ---- */

/* Trigger `k` of a plan among those that tell `reader`; NULL: there are fewer. */
static const hdi_plan_trigger *telling(const hd_plan *plan, int32_t reader, uint32_t k) {
    for (uint32_t i = 0; i < plan->n_triggers; i++) {
        const hdi_plan_trigger *t = &hdi_plan_triggers(plan)[i];
        if (t->ranks >> reader & 1u && k-- == 0) return t;
    }
    return NULL;
}

/* Where a middle stage's plan waits for what the first stage tells it, a later one waits for what its own kind tells the next. */
static hd_status translate(const hd_sim_plans *set, int32_t tensor, int32_t member, uint32_t *heard) {
    const hd_plan *first = set->plans[FIRST * tensor + member], *middle = set->plans[MIDDLE * tensor + member];
    for (uint32_t e = 0; e < middle->n_events; e++) heard[e] = e;
    for (uint32_t k = 0;; k++) {
        const hdi_plan_trigger *a = telling(first, MIDDLE * tensor + member, k), *b = telling(middle, LAST * tensor + member, k);
        if (!a && !b) return HD_OK;
        HD_REQUIRE(a && b, HD_UNSUPPORTED,
                   "stages do not hand on what they were handed: middle ones cannot stand for each other");
        heard[a->event] = b->event;
    }
}

/* Who stands where the plan of a stage of kind `kind` has the stages of three: its neighbours, and the ends of the line. */
static int32_t stage_seen(int32_t kind, int32_t seen, int32_t stage, int32_t stages) {
    if (seen == kind) return stage;
    if (kind == MIDDLE) return seen == FIRST ? stage - 1 : stage + 1;
    return kind == FIRST ? (seen == MIDDLE ? 1 : stages - 1) : (seen == MIDDLE ? stages - 2 : 0);
}

static hd_status lay_out(hd_sim_plans *set, int32_t tensor, int32_t stages) {
    uint32_t n_events = set->plans[0]->n_events, *heard;
    int32_t *peer;
    HD_TRY(hdi_alloc(&peer, (size_t)set->ranks * (size_t)(TEMPLATES * tensor), sizeof *peer, "a set of plans"));
    set->tables[0] = peer;
    HD_TRY(hdi_alloc(&heard, (size_t)tensor * n_events, sizeof *heard, "a set of plans"));
    set->tables[1] = heard;
    for (int32_t m = 0; m < tensor; m++) HD_TRY(translate(set, tensor, m, heard + (size_t)m * n_events));
    for (int32_t r = 0; r < set->ranks; r++) {
        int32_t stage = r / tensor, member = r % tensor, kind = stage == 0 ? FIRST : stage == stages - 1 ? LAST : MIDDLE;
        hdi_sim_place *place = &set->places[r];
        place->plan = (uint32_t)(kind * tensor + member);
        place->peer = peer;
        place->heard = kind == MIDDLE && stage > 1 ? heard + (size_t)member * n_events : NULL;
        for (int32_t q = 0; q < TEMPLATES * tensor; q++)
            *peer++ = stage_seen(kind, q / tensor, stage, stages) * tensor + q % tensor;
    }
    return HD_OK;
}

static hd_status make_many(const hd_sim_shape *shape, hd_shard shard, const hdi_step_limits *limits, hd_sim_plans **out) {
    hd_graph *whole;
    int32_t stages = shard.pipeline;
    HD_REQUIRE(shape->layers % stages == 0, HD_UNSUPPORTED,
               "%d stages of %d ranks for %d layers: beyond %d ranks, stages must have the same number of layers", stages,
               shard.tensor, shape->layers, HD_MAX_RANKS);
    HD_TRY(hdi_sim_shape_graph(shape, shape->layers / stages * TEMPLATES, limits, &whole));
    shard.pipeline = TEMPLATES;
    hd_status status = compile_all(whole, shard, stages * shard.tensor, out);
    hd_graph_destroy(whole);
    return status == HD_OK ? lay_out(*out, shard.tensor, stages) : status;
}

static hd_status make_few(const hd_sim_shape *shape, const hd_shard *shard, const hdi_step_limits *limits, hd_sim_plans **out) {
    hd_graph *whole;
    HD_TRY(hdi_sim_shape_graph(shape, shape->layers, limits, &whole));
    hd_status status = compile_all(whole, *shard, shard->tensor * shard->pipeline, out);
    hd_graph_destroy(whole);
    for (int32_t r = 0; status == HD_OK && r < (*out)->ranks; r++) (*out)->places[r].plan = (uint32_t)r;
    return status;
}

static hd_status make_model(const hd_sim_shape *shape, const hd_shard *shard, const hd_sim_step *step, bool many,
                            hd_sim_plans **out) {
    int32_t tensor = shard->tensor, pipeline = shard->pipeline;
    hd_sim_plans *set = NULL;
    *out = NULL;
    HD_TRY(hdi_sim_shape_check(shape));
    HD_TRY(check_step(step));
    HD_REQUIRE((tensor == 1 || tensor == 2 || tensor == 4 || tensor == 8) && 1 <= pipeline && pipeline <= HDI_SIM_RANKS / tensor,
               HD_UNSUPPORTED,
               "%d stages of %d tensor-parallel ranks; there can be stages of 1, 2, 4 or 8 ranks, %d ranks in all", pipeline,
               tensor, HDI_SIM_RANKS);
    hdi_step_limits limits = hdi_sim_step_limits(step, shape->kv);
    hd_status status = many ? make_many(shape, *shard, &limits, &set) : make_few(shape, shard, &limits, &set);
    if (status == HD_OK) status = hdi_sim_step_set(set, step);
    if (status == HD_OK)
        *out = set;
    else
        hd_sim_plans_destroy(set);
    return status;
}

static hd_shard shard_of(int32_t tensor, int32_t pipeline, int32_t chunks, int64_t two_shot) {
    int64_t from = two_shot ? hdi_max_i64(two_shot, 0) : hdi_two_shot_from(HDI_CARRIED_MESSAGES, tensor);
    return (hd_shard){.tensor = tensor, .pipeline = pipeline, .chunks = chunks, .messages = true, .two_shot = from};
}

hd_status hd_sim_plans_model(const hd_sim_shape *shape, int32_t tensor, int32_t pipeline, int32_t chunks, int64_t two_shot,
                             const hd_sim_step *step, hd_sim_plans **out) {
    const hd_shard shard = shard_of(tensor, pipeline, chunks, two_shot);
    return make_model(shape, &shard, step, (int64_t)tensor * pipeline > HD_MAX_RANKS, out);
}

hd_status hdi_sim_plans_stand_in(const hd_sim_shape *shape, int32_t tensor, int32_t pipeline, int32_t chunks, int64_t two_shot,
                                 const hd_sim_step *step, hd_sim_plans **out) {
    const hd_shard shard = shard_of(tensor, pipeline, chunks, two_shot);
    return make_model(shape, &shard, step, true, out);
}
