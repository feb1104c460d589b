/* SPDX-License-Identifier: Apache-2.0 */
/* One image, byte by byte: nothing it says leads outside it, and every operand lies in its slot at the symbols' maxima. An image
 * comes from another process; the first step that looks at it is here, and everything after relies on it. */
#include <string.h>

#include "base/memory.h"
#include "compile/verify.h"
#include "kernels/weights/panel.h"

enum { MOST_CHUNKS = 1 << 12 }; /* a step's pieces: executors keep one record each */

#define REFUSE(cond, ...) HD_REQUIRE(cond, HD_CORRUPT, "a plan is damaged: " __VA_ARGS__)

/* ---- helpers ---- */

int64_t hdi_verify_size(const hd_plan *plan, hdi_dim dim, bool maxima) {
    hdi_interval range = hdi_expr_interval(hdi_plan_exprs(plan), dim);
    return maxima ? range.max : range.min;
}

bool hdi_verify_span(const hd_plan *plan, const hdi_plan_operand *t, bool maxima, uint64_t *begin, uint64_t *end) {
    int64_t block = hd_dtype_block_elements((hd_dtype)t->type.dtype), bytes, last = 0, at;
    *begin = *end = (uint64_t)t->offset;
    if (!hdi_mul_i64(hdi_verify_size(plan, t->element_offset, maxima) / block,
                     (int64_t)hd_dtype_block_bytes((hd_dtype)t->type.dtype), &at))
        return false;
    if (__builtin_add_overflow(at, t->offset, &at)) return false;
    for (int i = 0; i < t->type.rank; i++) {
        int64_t size = hdi_verify_size(plan, t->type.dim[i], maxima), stride;
        if (size == 0) return true;
        if (!hdi_mul_i64(hdi_verify_size(plan, t->stride[i], maxima), size - 1, &stride)) return false;
        if (__builtin_add_overflow(last, stride, &last) || last == INT64_MAX) return false;
    }
    if (t->type.layout == HDI_LAYOUT_PANEL && t->type.dim[0] > (1ll << 48) / (t->type.dim[1] + 1)) return false;
    if (t->type.layout == HDI_LAYOUT_PANEL)
        bytes = (int64_t)hdi_panel_bytes((hd_dtype)t->type.dtype, t->type.dim[0], t->type.dim[1]);
    else if (!hdi_mul_i64(last / block + 1, (int64_t)hd_dtype_block_bytes((hd_dtype)t->type.dtype), &bytes))
        return false;
    if (__builtin_add_overflow(at, bytes, &bytes)) return false;
    *begin = (uint64_t)at;
    *end = (uint64_t)bytes;
    return true;
}

const hdi_op *hdi_verify_op(int32_t kernel) {
    static const char *const names[] = {
#define KERNEL_OP(op)
#define KERNEL(op, variant) #op,
#include "kernels/kernels.def"
    };
    return 0 <= kernel && kernel < HDI_KERNEL_COUNT ? hdi_op_find(names[kernel]) : NULL;
}

/* ---- the header and the arrays ---- */

static hd_status check_array(const hd_plan *plan, const char *what, uint64_t at, uint64_t n, size_t size) {
    REFUSE(at >= sizeof *plan && at % HDI_CACHE_LINE == 0 && at <= plan->bytes && n <= (plan->bytes - at) / size,
           "its %s lie outside it, at byte %llu of %llu", what, (unsigned long long)at, (unsigned long long)plan->bytes);
    return HD_OK;
}

static hd_status check_header(const hd_plan *plan, size_t bytes) {
    REFUSE(bytes >= sizeof *plan && plan->bytes == bytes, "it says that it has another size than its %zu bytes", bytes);
#define ARRAY(field, count, type) HD_TRY(check_array(plan, #field, plan->field, plan->count, sizeof(type)));
    ARRAY(symbols, n_symbols, hdi_plan_symbol)
    ARRAY(exprs, n_exprs, hdi_expr)
    ARRAY(slots, n_slots, hdi_plan_slot)
    ARRAY(operands, n_operands, hdi_plan_operand)
    ARRAY(steps, n_steps, hdi_plan_step)
    ARRAY(waits, n_waits, uint32_t)
    ARRAY(groups, n_groups, hdi_plan_group)
    ARRAY(outputs, n_outputs, hdi_plan_output)
    ARRAY(attrs, n_attr_bytes, uint8_t)
    ARRAY(strings, n_string_bytes, char)
    ARRAY(remotes, n_remotes, hdi_plan_remote)
    ARRAY(triggers, n_triggers, hdi_plan_trigger)
    ARRAY(events, n_events, hdi_plan_event)
#undef ARRAY
    REFUSE(plan->n_string_bytes > 0 && hdi_plan_strings(plan)[plan->n_string_bytes - 1] == 0, "its last name has no end");
    REFUSE(0 <= plan->ranks && plan->ranks <= HD_MAX_RANKS && 0 <= plan->rank && plan->rank < (plan->ranks ? plan->ranks : 1),
           "it is rank %d's of %d", plan->rank, plan->ranks);
    REFUSE(plan->arena_bytes < INT64_MAX / 2 && plan->segment_bytes < INT64_MAX / 2, "its memory is larger than any machine's");
    HD_REQUIRE(plan->n_steps <= HDI_VERIFY_STEPS, HD_UNSUPPORTED, "a plan of %u steps; at most %d can be verified", plan->n_steps,
               HDI_VERIFY_STEPS);
    return HD_OK;
}

static hd_status check_name(const hd_plan *plan, uint32_t name, const char *what) {
    REFUSE(name < plan->n_string_bytes, "a %s's name lies outside it", what);
    return HD_OK;
}

static hd_status check_symbols(const hd_plan *plan) {
    for (uint32_t i = 0; i < plan->n_symbols; i++) {
        const hdi_plan_symbol *s = &hdi_plan_symbols(plan)[i];
        HD_TRY(check_name(plan, s->name, "symbol"));
        REFUSE(0 <= s->min && s->min <= s->max, "symbol %s has the range %lld..%lld", hdi_plan_name(plan, s->name),
               (long long)s->min, (long long)s->max);
    }
    return HD_OK;
}

/* Entry i stands over earlier ones, and lies between what it says. */
static hd_status check_expr(const hd_plan *plan, uint32_t i) {
    const hdi_expr *exprs = hdi_plan_exprs(plan), *e = &exprs[i];
    hdi_interval range = {e->a, e->a};
    REFUSE(0 <= e->kind && e->kind < HDI_EXPR_KINDS, "its size %u is no expression", i);
    if (e->kind == HDI_EXPR_SYMBOL) {
        REFUSE(0 <= e->a && e->a < plan->n_symbols, "its size %u has an unknown symbol", i);
        range = (hdi_interval){hdi_plan_symbols(plan)[e->a].min, hdi_plan_symbols(plan)[e->a].max};
    } else if (e->kind != HDI_EXPR_CONSTANT) {
        REFUSE(-(e->a + 1) < (int64_t)i && -(e->b + 1) < (int64_t)i, "its size %u has unknown operands", i);
        REFUSE(hdi_expr_is_formed(exprs, e), "its size %u is a sum or a product in no order", i);
        REFUSE(hdi_expr_range(exprs, e, &range), "its size %u does not fit 64 bits", i);
    }
    REFUSE(e->min == range.min && e->max == range.max, "its size %u has another range than its operands give", i);
    return HD_OK;
}

/* An expression that is a size, a stride or an offset: never negative. */
static bool dim_is_there(const hd_plan *plan, hdi_dim dim) {
    return dim >= 0 || (-(dim + 1) < (int64_t)plan->n_exprs && hdi_verify_size(plan, dim, false) >= 0);
}

static hd_status check_type(const hd_plan *plan, const hdi_type *type, const char *what) {
    REFUSE(type->dtype < HD_DTYPE_COUNT && type->layout < HDI_LAYOUT_COUNT && type->rank <= HD_MAX_DIMS, "%s has no type", what);
    REFUSE(type->layout != HDI_LAYOUT_PANEL || type->rank == 2, "%s is packed, and no matrix", what);
    for (int i = 0; i < type->rank; i++) {
        REFUSE(dim_is_there(plan, type->dim[i]), "%s has an unknown size", what);
        REFUSE(type->layout != HDI_LAYOUT_PANEL || (0 <= type->dim[i] && type->dim[i] < INT32_MAX), "%s is packed without a size",
               what);
    }
    return HD_OK;
}

static hd_status check_slots(const hd_plan *plan) {
    uint64_t segments = 0;
    REFUSE(plan->n_slots > 0 && hdi_plan_slots(plan)[0].kind == HDI_SLOT_ARENA, "it has no arena");
    REFUSE(hdi_plan_slots(plan)[0].bytes == plan->arena_bytes, "its arena has two sizes");
    for (uint32_t i = 0; i < plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[i];
        HD_TRY(check_name(plan, slot->name, "slot"));
        REFUSE(slot->kind <= HDI_SLOT_SEGMENT && (slot->kind == HDI_SLOT_ARENA) == (i == 0), "its slot %u is of no kind", i);
        REFUSE(slot->bytes < INT64_MAX / 2, "%s is larger than any machine", hdi_plan_name(plan, slot->name));
        HD_TRY(check_type(plan, &slot->type, hdi_plan_name(plan, slot->name)));
        if (slot->kind != HDI_SLOT_SEGMENT) continue;
        REFUSE(0 <= slot->rank && slot->rank < plan->ranks && !(segments >> slot->rank & 1u), "%s is of no rank, or there twice",
               hdi_plan_name(plan, slot->name));
        REFUSE(slot->bytes == plan->segment_bytes, "%s has another size than segments have", hdi_plan_name(plan, slot->name));
        segments |= 1ull << slot->rank;
    }
    return HD_OK;
}

/* ---- steps ---- */

/* An operand that is there. */
static hd_status check_operand(const hd_plan *plan, const hdi_plan_operand *t, const char *of) {
    uint64_t begin, end;
    REFUSE((uint32_t)t->slot < plan->n_slots && t->offset >= 0, "%s works in no memory of the plan's", of);
    const hdi_plan_slot *slot = &hdi_plan_slots(plan)[t->slot];
    HD_TRY(check_type(plan, &t->type, of));
    REFUSE(dim_is_there(plan, t->element_offset), "%s has an unknown offset", of);
    for (int i = 0; i < t->type.rank; i++) REFUSE(dim_is_there(plan, t->stride[i]), "%s has an unknown stride", of);
    REFUSE(t->type.layout != HDI_LAYOUT_PANEL || slot->kind == HDI_SLOT_WEIGHT, "%s works on a packed matrix that is no weight",
           of);
    REFUSE(slot->kind == HDI_SLOT_ARENA || slot->kind == HDI_SLOT_SEGMENT ? t->offset % HDI_CACHE_LINE == 0 : t->offset == 0,
           "%s works at byte %lld of %s, which is the beginning of no value", of, (long long)t->offset,
           hdi_plan_name(plan, slot->name));
    REFUSE(hdi_verify_span(plan, t, true, &begin, &end) && end <= slot->bytes,
           "%s works on bytes %llu to %llu of %s, which has %llu", of, (unsigned long long)begin, (unsigned long long)end,
           hdi_plan_name(plan, slot->name), (unsigned long long)slot->bytes);
    return HD_OK;
}

/* What a step writes is the plan's own to write; operands that the kernel needs are there. */
static hd_status check_operands(const hd_plan *plan, const hdi_plan_step *step, const hdi_op *op) {
    const char *name = hdi_plan_name(plan, step->name);
    const hdi_plan_operand *t = hdi_plan_operands(plan) + step->first_operand;
    for (uint32_t i = 0; i < step->n_operands; i++) {
        bool output = i < op->outputs;
        uint32_t input = i - op->outputs;
        if (t[i].slot == -1) {
            REFUSE(!output && (input >= op->min_inputs || op->optional >> input & 1u), "%s lacks operand %u", name, i);
            continue;
        }
        HD_TRY(check_operand(plan, &t[i], name));
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[t[i].slot];
        REFUSE(!output || slot->kind == HDI_SLOT_ARENA || slot->kind == HDI_SLOT_STATE ||
                   (slot->kind == HDI_SLOT_SEGMENT && slot->rank == plan->rank),
               "%s writes %s, which it may only read", name, hdi_plan_name(plan, slot->name));
    }
    return HD_OK;
}

static bool overlap(const hd_plan *plan, const hdi_plan_operand *a, const hdi_plan_operand *b) {
    uint64_t a0, a1, b0, b1;
    if (a->slot < 0 || a->slot != b->slot) return false;
    if (!hdi_verify_span(plan, a, true, &a0, &a1) || !hdi_verify_span(plan, b, true, &b0, &b1)) return true;
    return a0 < b1 && b0 < a1;
}

/* A kernel writes over what it reads only where its operator says so, and then all of it, in place. */
static hd_status check_in_place(const hd_plan *plan, const hdi_plan_step *step, const hdi_op *op) {
    const hdi_plan_operand *t = hdi_plan_operands(plan) + step->first_operand;
    for (uint32_t o = 0; o < op->outputs; o++)
        for (uint32_t i = o + 1; i < step->n_operands; i++) {
            bool same = o == 0 && i == op->outputs && (op->flags & (HDI_OP_INPLACE | HDI_OP_MUTATES)) &&
                        t[o].offset == t[i].offset && t[o].element_offset == t[i].element_offset;
            REFUSE(same || !overlap(plan, &t[o], &t[i]), "%s writes over its own operand %u", hdi_plan_name(plan, step->name), i);
        }
    return HD_OK;
}

static hd_status check_local_waits(const hd_plan *plan, uint32_t s) {
    const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
    const char *name = hdi_plan_name(plan, step->name);
    REFUSE(step->first_wait <= plan->n_waits && step->n_waits <= plan->n_waits - step->first_wait,
           "the waits of %s lie outside it", name);
    const uint32_t *waits = hdi_plan_waits(plan) + step->first_wait;
    for (uint32_t i = 0; i < step->n_waits; i++)
        REFUSE(waits[i] < s && (i == 0 || waits[i - 1] < waits[i]),
               "%s (step %u) waits for step %u: waits are for earlier steps, in order", name, s, waits[i]);
    return HD_OK;
}

static hd_status check_remotes(const hd_plan *plan, const hdi_plan_step *step) {
    const char *name = hdi_plan_name(plan, step->name);
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        const hdi_plan_remote *r = &hdi_plan_remotes(plan)[step->first_remote + i];
        REFUSE(r->event < plan->n_events && 0 <= r->rank && r->rank < plan->ranks && r->rank != plan->rank,
               "%s of rank %d waits for event %u of rank %d", name, plan->rank, r->event, r->rank);
        REFUSE(r->lag == 0 || r->event == 0, /* its step may not run in the run before: the wait would never end */
               "%s of rank %d waits for %s of %u runs before; only the end of a run can be waited for in another run", name,
               plan->rank, hdi_plan_name(plan, hdi_plan_events(plan)[r->event].name), r->lag);
    }
    return HD_OK;
}

/* Dense: puts copy it as rows of bytes. */
static bool is_dense(const hd_plan *plan, const hdi_plan_operand *t, bool maxima) {
    int64_t step = 1;
    if (hd_dtype_block_elements((hd_dtype)t->type.dtype) != 1 || t->type.layout != HDI_LAYOUT_STRIDED) return false;
    for (int i = t->type.rank - 1; i >= 0; i--) {
        int64_t size = hdi_verify_size(plan, t->type.dim[i], maxima), stride = hdi_verify_size(plan, t->stride[i], maxima);
        if (stride != step && size != 1) return false;
        if (!hdi_mul_i64(step, size, &step)) return false;
    }
    return true;
}

static hd_status check_trigger(const hd_plan *plan, const hdi_plan_step *step, const hdi_op *op, const hdi_plan_trigger *t) {
    const char *name = hdi_plan_name(plan, step->name);
    uint64_t others = (plan->ranks == 64 ? UINT64_MAX : (1ull << plan->ranks) - 1) & ~(1ull << plan->rank);
    REFUSE(0 < t->event && t->event < plan->n_events, "%s of rank %d triggers event %u", name, plan->rank, t->event);
    REFUSE(t->ranks && !(t->ranks & ~others), "%s of rank %d tells ranks that are no others", name, plan->rank);
    REFUSE(t->operand >= step->first_operand && t->operand - step->first_operand < op->outputs,
           "%s of rank %d announces what it does not write", name, plan->rank);
    const hdi_plan_operand *operand = &hdi_plan_operands(plan)[t->operand];
    const hdi_plan_slot *slot = &hdi_plan_slots(plan)[operand->slot];
    REFUSE(slot->kind == HDI_SLOT_SEGMENT && slot->rank == plan->rank && is_dense(plan, operand, true) &&
               is_dense(plan, operand, false),
           "%s of rank %d announces what does not lie in its segment as one piece", name, plan->rank);
    uint32_t chunks = hdi_plan_events(plan)[t->event].chunks;
    const hdi_plan_trigger *first = &hdi_plan_triggers(plan)[step->first_trigger];
    REFUSE(chunks == hdi_plan_events(plan)[first->event].chunks, "%s of rank %d comes in %u pieces and in %u", name, plan->rank,
           hdi_plan_events(plan)[first->event].chunks, chunks);
    REFUSE(chunks == 1 || (op->flags & HDI_OP_ROWWISE && op->outputs == 1 && step->n_operands > 1 && operand->type.rank &&
                           operand[1].slot >= 0 && operand[1].type.rank && operand->type.dim[0] == operand[1].type.dim[0]),
           "%s of rank %d does not work row by row, and cannot come in %u pieces", name, plan->rank, chunks);
    return HD_OK;
}

/* Cases of sizes (verify_cases.c) are cut along products. */
static bool can_be_cut(const hd_plan *plan, const hdi_plan_condition *when) {
    hdi_product size;
    return when->below == 0 ||
           (hdi_expr_product(hdi_plan_exprs(plan), when->size, &size) && (size.n == 0 || size.coefficient > 0));
}

static hd_status check_step(const hd_plan *plan, uint32_t s, uint32_t *remotes, uint32_t *triggers) {
    const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
    HD_TRY(check_name(plan, step->name, "step"));
    const char *name = hdi_plan_name(plan, step->name);
    const hdi_op *op = hdi_verify_op(step->kernel);
    REFUSE(op, "%s has no kernel", name);
    REFUSE(step->first_operand <= plan->n_operands && step->n_operands <= plan->n_operands - step->first_operand &&
               step->n_operands == (uint32_t)op->outputs + op->max_inputs && step->n_operands <= HDI_MAX_OPERANDS,
           "%s has %u operands at %u", name, step->n_operands, step->first_operand);
    REFUSE(step->attr % 8 == 0 && step->attr <= plan->n_attr_bytes && op->attr_size <= plan->n_attr_bytes - step->attr,
           "the attributes of %s lie outside it", name);
    REFUSE(step->first_remote == *remotes && step->n_remotes <= plan->n_remotes - *remotes && step->first_trigger == *triggers &&
               step->n_triggers <= plan->n_triggers - *triggers,
           "the waits for other ranks or the triggers of %s are not its own", name);
    *remotes += step->n_remotes;
    *triggers += step->n_triggers;
    REFUSE(dim_is_there(plan, step->when.size) && step->when.from >= 0 &&
               (step->when.below == 0 || step->when.below > step->when.from),
           "%s runs at no size: %lld..%lld", name, (long long)step->when.from, (long long)step->when.below);
    HD_REQUIRE(can_be_cut(plan, &step->when), HD_UNSUPPORTED, "%s runs by a size that is no product of symbols", name);
    HD_TRY(check_operands(plan, step, op));
    HD_TRY(check_in_place(plan, step, op));
    HD_TRY(check_local_waits(plan, s));
    HD_TRY(check_remotes(plan, step));
    for (uint32_t i = 0; i < step->n_triggers; i++)
        HD_TRY(check_trigger(plan, step, op, &hdi_plan_triggers(plan)[step->first_trigger + i]));
    return HD_OK;
}

static hd_status check_groups(const hd_plan *plan) {
    uint32_t next = 0;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        const hdi_plan_group *group = &hdi_plan_groups(plan)[g];
        REFUSE(group->kind < HDI_GROUP_COUNT && group->first_step >= next && group->first_step < plan->n_steps &&
                   2 <= group->n_steps && group->n_steps <= HDI_GROUP_STEPS &&
                   group->n_steps <= plan->n_steps - group->first_step,
               "its group %u is none", g);
        next = group->first_step + group->n_steps;
    }
    return HD_OK;
}

static hd_status check_events(const hd_plan *plan) {
    uint64_t others = plan->ranks ? (plan->ranks == 64 ? UINT64_MAX : (1ull << plan->ranks) - 1) & ~(1ull << plan->rank) : 0;
    REFUSE(plan->ranks ? plan->n_events > 0 && hdi_plan_events(plan)[0].chunks == 1 : plan->n_events == 0,
           "it is of %d ranks and has %u events", plan->ranks, plan->n_events);
    REFUSE(!(plan->end_ranks & ~others), "rank %d tells ranks that are no others of its end", plan->rank);
    for (uint32_t i = 0; i < plan->n_events; i++) {
        HD_TRY(check_name(plan, hdi_plan_events(plan)[i].name, "event"));
        REFUSE(1 <= hdi_plan_events(plan)[i].chunks && hdi_plan_events(plan)[i].chunks <= MOST_CHUNKS,
               "event %u comes in %u pieces; there may be 1 to %d", i, hdi_plan_events(plan)[i].chunks, MOST_CHUNKS);
    }
    return HD_OK;
}

hd_status hdi_verify_image(const void *image, size_t bytes) {
    const hd_plan *plan = image;
    uint32_t remotes = 0, triggers = 0;
    HD_TRY(check_header(plan, bytes));
    HD_TRY(check_symbols(plan));
    for (uint32_t i = 0; i < plan->n_exprs; i++) HD_TRY(check_expr(plan, i));
    HD_TRY(check_slots(plan));
    HD_TRY(check_events(plan));
    for (uint32_t s = 0; s < plan->n_steps; s++) HD_TRY(check_step(plan, s, &remotes, &triggers));
    REFUSE(remotes == plan->n_remotes && triggers == plan->n_triggers, "it has waits or triggers of no step");
    HD_TRY(check_groups(plan));
    for (uint32_t i = 0; i < plan->n_outputs; i++) {
        HD_TRY(check_name(plan, hdi_plan_outputs(plan)[i].name, "output"));
        HD_TRY(check_operand(plan, &hdi_plan_outputs(plan)[i].operand, hdi_plan_name(plan, hdi_plan_outputs(plan)[i].name)));
    }
    return HD_OK;
}

/* ---- several ---- */

static hd_status check_alike(const hd_plan *a, const hd_plan *b) {
    HD_REQUIRE(a->segment_bytes == b->segment_bytes, HD_CORRUPT, "segments have %llu bytes for rank 0 and %llu for rank %d",
               (unsigned long long)a->segment_bytes, (unsigned long long)b->segment_bytes, b->rank);
    HD_REQUIRE(a->n_events == b->n_events, HD_CORRUPT, "rank 0 knows %u events, and rank %d %u", a->n_events, b->rank,
               b->n_events);
    for (uint32_t i = 0; i < a->n_events; i++) {
        const hdi_plan_event *x = &hdi_plan_events(a)[i], *y = &hdi_plan_events(b)[i];
        HD_REQUIRE(x->chunks == y->chunks && strcmp(hdi_plan_name(a, x->name), hdi_plan_name(b, y->name)) == 0, HD_CORRUPT,
                   "event %u is %s in %u pieces for rank 0, and %s in %u for rank %d", i, hdi_plan_name(a, x->name), x->chunks,
                   hdi_plan_name(b, y->name), y->chunks, b->rank);
    }
    HD_REQUIRE(a->n_symbols == b->n_symbols, HD_CORRUPT, "rank 0 knows %u symbols, and rank %d %u", a->n_symbols, b->rank,
               b->n_symbols);
    for (uint32_t i = 0; i < a->n_symbols; i++) {
        const hdi_plan_symbol *x = &hdi_plan_symbols(a)[i], *y = &hdi_plan_symbols(b)[i];
        HD_REQUIRE(strcmp(hdi_plan_name(a, x->name), hdi_plan_name(b, y->name)) == 0 && x->min == y->min && x->max == y->max,
                   HD_CORRUPT, "symbol %u is %s in %lld..%lld for rank 0, and %s in %lld..%lld for rank %d", i,
                   hdi_plan_name(a, x->name), (long long)x->min, (long long)x->max, hdi_plan_name(b, y->name), (long long)y->min,
                   (long long)y->max, b->rank);
    }
    return HD_OK;
}

hd_status hdi_verify_set(const hd_plan *const *plans, int32_t n) {
    for (int32_t r = 0; r < n; r++) {
        HD_REQUIRE(plans[r]->ranks == n || (n == 1 && plans[r]->ranks == 0), HD_CORRUPT,
                   "%d plans were given, and plan %d is one of %d", n, r, plans[r]->ranks);
        HD_REQUIRE(plans[r]->rank == r, HD_CORRUPT, "plan %d of %d is rank %d's", r, n, plans[r]->rank);
        HD_TRY(check_alike(plans[0], plans[r]));
    }
    return HD_OK;
}
