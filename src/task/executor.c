/* SPDX-License-Identifier: Apache-2.0 */
/* Creating an executor, binding memory and sizes, and running by kind. */
#include "task/executor.h"

#include <string.h>

#include "base/memory.h"
#include "task/exchange.h"
#include "task/pieces.h"
#include "task/tracer.h"

/* ---- kinds ---- */

static const char *const kind_names[HD_EXECUTOR_KIND_COUNT] = {"serial", "threads", "stream", "graph", "persistent", "tasks"};

const char *hd_executor_kind_name(hd_executor_kind kind) {
    return (unsigned)kind < HD_EXECUTOR_KIND_COUNT ? kind_names[kind] : "?";
}

bool hd_executor_kind_parse(const char *name, hd_executor_kind *out) {
    for (int i = 0; i < HD_EXECUTOR_KIND_COUNT; i++)
        if (strcmp(name, kind_names[i]) == 0) {
            *out = (hd_executor_kind)i;
            return true;
        }
    return false;
}

bool hdi_executor_kind_has_threads(hd_executor_kind kind) { return kind == HD_EXECUTOR_THREADS || kind == HD_EXECUTOR_TASKS; }

static bool by_host(hd_executor_kind kind) { return kind == HD_EXECUTOR_SERIAL || hdi_executor_kind_has_threads(kind); }
static bool records(hd_executor_kind kind) { return kind == HD_EXECUTOR_GRAPH || kind == HD_EXECUTOR_PERSISTENT; }

bool hd_executor_kind_runs_on(hd_executor_kind kind, const hd_device *device) {
    if (!device) device = hdi_device_cpu();
    if (by_host(kind)) return device->type == HD_DEVICE_CPU;
    if (kind == HD_EXECUTOR_PERSISTENT && !device->vtable->program_create) return false;
    return kind == HD_EXECUTOR_STREAM || device->vtable->capture_begin;
}

/* ---- creation ---- */

static void bind_steps(hd_executor *executor);

/* The most scratch that any step asks for at the symbols' maxima: kernels ask for more when sizes grow, never less. */
static size_t most_scratch(const hd_executor *executor) {
    size_t most = 0;
    for (uint32_t s = 0; s < executor->plan->n_steps; s++) {
        hdi_kernel_work work;
        hdi_kernel_work_of((hdi_kernel_id)hdi_plan_steps(executor->plan)[s].kernel)(&executor->calls[s], &work);
        if (work.scratch > most) most = work.scratch;
    }
    return hdi_align_up(most, HDI_CACHE_LINE);
}

static hd_status make_workers(hd_executor *executor, int32_t threads) {
    const hd_plan *plan = executor->plan;
    int32_t workers = hdi_executor_kind_has_threads(executor->kind) ? threads : 1;
    HD_TRY(hdi_pieces_create(executor));
    for (uint32_t i = 0; i < plan->n_exprs; i++) executor->size[i] = hdi_plan_exprs(plan)[i].max;
    bind_steps(executor);
    executor->scratch_bytes = most_scratch(executor);
    HD_TRY(hdi_alloc_aligned(&executor->scratch, executor->scratch_bytes * (size_t)workers, "kernels' scratch memory"));
    if (executor->kind == HD_EXECUTOR_TASKS) return hdi_tasks_create(executor, threads);
    return executor->kind == HD_EXECUTOR_THREADS ? hdi_threads_create(executor, threads) : HD_OK;
}

static hd_status make_stream(hd_executor *executor) {
    HD_TRY(hd_stream_create(executor->device, &executor->stream));
    return records(executor->kind) ? hdi_graphs_create(executor) : HD_OK;
}

static hd_status make(hd_executor *executor, int32_t threads, hd_domain *domain) {
    const hd_plan *plan = executor->plan;
    HD_TRY(hdi_calloc(&executor->slot, plan->n_slots, sizeof *executor->slot, "an executor"));
    HD_TRY(hdi_alloc(&executor->symbol, plan->n_symbols, sizeof *executor->symbol, "an executor"));
    HD_TRY(hdi_alloc(&executor->size, plan->n_exprs, sizeof *executor->size, "an executor"));
    HD_TRY(hdi_calloc(&executor->operands, plan->n_operands, sizeof *executor->operands, "an executor"));
    HD_TRY(hdi_calloc(&executor->calls, plan->n_steps, sizeof *executor->calls, "an executor"));
    HD_TRY(hdi_storage_create_large(executor->device, plan->arena_bytes, "a plan's arena", &executor->arena));
    executor->slot[0] = executor->arena->data;
    if (plan->ranks) HD_TRY(hdi_exchange_create(executor, domain));
    HD_TRY(by_host(executor->kind) ? make_workers(executor, threads) : make_stream(executor));
    for (uint32_t i = 0; i < plan->n_symbols; i++) executor->symbol[i] = -1;
    executor->stale = executor->incomplete = true;
    return HD_OK;
}

hd_status hd_executor_create(const hd_plan *plan, const hd_executor_options *options, hd_executor **out) {
    hd_executor *executor;
    const hd_device *device = options->device ? options->device : hdi_device_cpu();
    *out = NULL;
    HD_REQUIRE((unsigned)options->kind < HD_EXECUTOR_KIND_COUNT, HD_INVALID_ARGUMENT, "%d is no kind of executor",
               (int)options->kind);
    HD_REQUIRE(hd_executor_kind_runs_on(options->kind, device), HD_UNSUPPORTED, "%s has no %s executor", hdi_device_text(device),
               hd_executor_kind_name(options->kind));
    HD_REQUIRE(!hdi_executor_kind_has_threads(options->kind) || (1 <= options->threads && options->threads <= 1024),
               HD_INVALID_ARGUMENT, "%d threads; there must be 1 to 1024", options->threads);
    HD_TRY(hdi_isa_check());
    HD_TRY(hdi_calloc(&executor, 1, sizeof *executor, "an executor"));
    executor->plan = plan;
    executor->kind = options->kind;
    executor->device = device;
    hd_status status = make(executor, options->threads, options->domain);
    if (status != HD_OK) {
        if (executor->exchange && executor->exchange->window) hdi_exchange_abort(executor, status); /* the others have theirs */
        hd_executor_destroy(executor);
        return status;
    }
    *out = executor;
    return HD_OK;
}

void hd_executor_destroy(hd_executor *executor) {
    if (!executor) return;
    hdi_tracer_destroy(executor);
    hdi_threads_destroy(executor);
    hdi_tasks_destroy(executor);
    hd_stream_destroy(executor->stream); /* waits for its work */
    hdi_exchange_destroy(executor);
    hdi_pieces_destroy(executor);
    hdi_graphs_destroy(executor);
    hdi_storage_release(executor->arena);
    hdi_free(executor->slot);
    hdi_free(executor->symbol);
    hdi_free(executor->size);
    hdi_free(executor->operands);
    hdi_free(executor->calls);
    hdi_free_aligned(executor->scratch);
    hdi_free(executor);
}

/* ---- binding ---- */

/* An unbound slot gives an address that nobody follows: run checks the bindings first. */
static void bind_operand(const hd_executor *executor, const hdi_plan_operand *from, hdi_operand *to) {
    uintptr_t base = from->slot < 0 ? 0 : (uintptr_t)executor->slot[from->slot];
    hdi_plan_bind(from, executor->size, base, to);
}

static void bind_steps(hd_executor *executor) {
    const hd_plan *plan = executor->plan;
    const hdi_plan_operand *operands = hdi_plan_operands(plan);
    for (uint32_t i = 0; i < plan->n_operands; i++) bind_operand(executor, &operands[i], &executor->operands[i]);
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *from = &hdi_plan_steps(plan)[s];
        executor->calls[s] = (hdi_kernel_call){.operand = executor->operands + from->first_operand,
                                               .attr = hdi_plan_attrs(plan) + from->attr,
                                               .n_operands = (int32_t)from->n_operands};
        if (executor->steps) hdi_pieces_bind(executor, s);
    }
    executor->stale = false;
}

hd_status hd_executor_bind(hd_executor *executor, const char *name, void *data, size_t bytes) {
    const hd_plan *plan = executor->plan;
    for (uint32_t i = 1; i < plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[i];
        if (strcmp(hdi_plan_name(plan, slot->name), name) != 0) continue;
        HD_REQUIRE(data || slot->bytes == 0, HD_INVALID_ARGUMENT, "%s: there is no memory to bind", name);
        HD_REQUIRE(bytes >= slot->bytes, HD_INVALID_ARGUMENT, "%s: %zu bytes are too few; %s takes %llu", name, bytes,
                   hdi_type_text(&slot->type), (unsigned long long)slot->bytes);
        executor->slot[i] = data ? data : executor->arena->data;
        executor->stale = true;
        executor->bindings++;
        return HD_OK;
    }
    return hdi_fail(HD_NOT_FOUND, "the plan has no input, weight or state named %s", name);
}

hd_status hd_executor_set(hd_executor *executor, const char *symbol, int64_t value) {
    const hd_plan *plan = executor->plan;
    for (uint32_t i = 0; i < plan->n_symbols; i++) {
        const hdi_plan_symbol *s = &hdi_plan_symbols(plan)[i];
        if (strcmp(hdi_plan_name(plan, s->name), symbol) != 0) continue;
        HD_REQUIRE(s->min <= value && value <= s->max, HD_INVALID_ARGUMENT, "%s is %lld; the plan was made for %lld to %lld",
                   symbol, (long long)value, (long long)s->min, (long long)s->max);
        executor->stale |= executor->symbol[i] != value;
        executor->symbol[i] = value;
        return HD_OK;
    }
    return hdi_fail(HD_NOT_FOUND, "the plan has no symbol named %s", symbol);
}

bool hdi_condition_holds(const hd_executor *executor, const hdi_plan_condition *when) {
    return hdi_plan_holds(when, executor->size);
}

bool hdi_group_happens(const hd_executor *executor, const hdi_plan_group *group) {
    bool told = false;
    for (uint32_t s = group->first_step; s < group->first_step + group->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(executor->plan)[s];
        if (!hdi_condition_holds(executor, &step->when) || (told && step->n_remotes)) return false;
        told |= step->n_triggers > 0;
    }
    return true;
}

/* ---- running ---- */

static hd_status check_bound(const hd_executor *executor) {
    const hd_plan *plan = executor->plan;
    for (uint32_t i = 0; i < plan->n_symbols; i++)
        HD_REQUIRE(executor->symbol[i] >= 0, HD_INVALID_ARGUMENT, "symbol %s has no value yet: set it before running",
                   hdi_plan_name(plan, hdi_plan_symbols(plan)[i].name));
    for (uint32_t i = 1; i < plan->n_slots; i++)
        HD_REQUIRE(executor->slot[i], HD_INVALID_ARGUMENT, "%s has no memory yet: bind it before running",
                   hdi_plan_name(plan, hdi_plan_slots(plan)[i].name));
    return HD_OK;
}

hd_status hdi_executor_prepare(hd_executor *executor) {
    if (!executor->stale) return HD_OK;
    if (executor->incomplete) HD_TRY(check_bound(executor));
    executor->incomplete = false; /* nothing is ever unbound or unset again */
    hdi_plan_sizes(executor->plan, executor->symbol, executor->size);
    bind_steps(executor);
    return HD_OK;
}

/* Enqueued on a device: a rank that fails at it tells the others, who would wait for what never comes. */
static hd_status enqueue(hd_executor *executor, bool as_graph) {
    HD_TRY(hdi_exchange_begin(executor));
    hd_status status = as_graph ? hdi_run_graph(executor) : hdi_run_stream(executor, NULL);
    if (status != HD_OK) hdi_exchange_abort(executor, status);
    return status;
}

static hd_status run_on_host(hd_executor *executor) {
    if (executor->kind == HD_EXECUTOR_SERIAL) return hdi_run_serial(executor);
    return executor->kind == HD_EXECUTOR_TASKS ? hdi_run_tasks(executor) : hdi_run_threads(executor);
}

static hd_status run(hd_executor *executor, bool again) {
    bool as_graph = records(executor->kind) && again;
    if (as_graph && !executor->incomplete) return enqueue(executor, true); /* it prepares what it records */
    HD_TRY(hdi_executor_prepare(executor));
    if (!by_host(executor->kind)) return enqueue(executor, as_graph);
    HD_TRY(hdi_exchange_begin(executor));
    HD_TRY(run_on_host(executor));
    return hdi_exchange_end(executor);
}

hd_status hd_executor_run(hd_executor *executor) {
    return executor->tracer ? hdi_run_traced(executor, true, run) : run(executor, true);
}

hd_status hdi_executor_run_once(hd_executor *executor) {
    return executor->tracer ? hdi_run_traced(executor, false, run) : run(executor, false);
}

hd_status hd_executor_synchronize(hd_executor *executor) {
    if (executor->stream) HD_TRY(hd_stream_synchronize(executor->stream));
    return hdi_exchange_check(executor);
}

hd_status hd_executor_output(const hd_executor *executor, const char *name, void **data) {
    const hd_plan *plan = executor->plan;
    for (uint32_t i = 0; i < plan->n_outputs; i++) {
        const hdi_plan_output *output = &hdi_plan_outputs(plan)[i];
        if (strcmp(hdi_plan_name(plan, output->name), name) != 0) continue;
        hdi_operand operand;
        bind_operand(executor, &output->operand, &operand);
        *data = operand.data;
        return HD_OK;
    }
    return hdi_fail(HD_NOT_FOUND, "the plan has no output named %s", name);
}
