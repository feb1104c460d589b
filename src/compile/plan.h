/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: one flat image without pointers that holds all that an executor needs to run a graph.
 *
 * Arrays lie behind the header at byte offsets; names are offsets into a block of strings. Sizes and strides may depend on
 * symbols (hdi_dim handles into `exprs`); memory is a slot number and a byte offset, slot 0 being the arena. */
#ifndef HDI_COMPILE_PLAN_H
#define HDI_COMPILE_PLAN_H

#include "graph/dim.h"
#include "heddle/compile.h"
#include "kernels/group.h"

typedef struct hdi_plan_symbol {
    uint32_t name;
    int64_t min, max;
} hdi_plan_symbol;

typedef enum hdi_slot_kind {
    HDI_SLOT_ARENA,
    HDI_SLOT_INPUT,
    HDI_SLOT_WEIGHT,
    HDI_SLOT_STATE,
    HDI_SLOT_SEGMENT, /* a rank's segment of the window */
} hdi_slot_kind;

/* A piece of memory that a plan works in: the arena, something bound by name, or a rank's segment of the window. */
typedef struct hdi_plan_slot {
    uint32_t name;
    uint32_t kind;  /* hdi_slot_kind */
    int32_t rank;   /* of a segment */
    uint64_t bytes; /* at the symbols' maxima */
    hdi_type type;  /* of what is bound; the arena and segments have none */
} hdi_plan_slot;

typedef struct hdi_plan_operand {
    hdi_type type; /* rank 0 and slot -1: an absent optional operand */
    hdi_dim stride[HD_MAX_DIMS];
    hdi_dim element_offset; /* a view's, from `offset` */
    int64_t offset;         /* bytes into the slot */
    int32_t slot;
} hdi_plan_operand;

/* A step runs when from <= size < below (below 0: always), for the same sizes on all ranks. Else nothing of it happens: its waits
 * end at once and it triggers nothing. */
typedef struct hdi_plan_condition {
    hdi_dim size;
    int64_t from, below;
} hdi_plan_condition;

/* What ranks tell each other once a run. Event 0 is the end of a run. The numbers are the same on all ranks; an event of each
 * rank is a counter of its own, the window's signal of this number, which stands at run x chunks when all is there (runs count
 * from 1). */
typedef struct hdi_plan_event {
    uint32_t name;
    uint32_t chunks;
} hdi_plan_event;

/* Before a step: the event of another rank, as of `lag` runs before this one. */
typedef struct hdi_plan_remote {
    uint32_t event;
    int32_t rank;
    uint32_t lag;
} hdi_plan_remote;

/* After a step, or each of its event's chunks: the ranks in the set see the operand, which lies in this rank's segment. */
typedef struct hdi_plan_trigger {
    uint32_t event;
    uint32_t operand; /* of the plan */
    uint64_t ranks;
} hdi_plan_trigger;

typedef struct hdi_plan_step {
    uint32_t name;
    int32_t kernel;                     /* hdi_kernel_id */
    uint32_t first_operand, n_operands; /* outputs first */
    uint32_t attr;                      /* byte offset into the attribute block */
    uint32_t first_wait, n_waits;       /* steps that must have ended before this one begins: transitively reduced */
    uint32_t first_remote, n_remotes;   /* and what it waits for of other ranks */
    uint32_t first_trigger, n_triggers; /* what it tells them */
    hdi_plan_condition when;
} hdi_plan_step;

/* Steps first .. first + n - 1 may be computed as one (kernels/groups.def); in order, each step in at most one group. */
typedef struct hdi_plan_group {
    uint32_t kind; /* hdi_group_kind */
    uint32_t first_step, n_steps;
} hdi_plan_group;

typedef struct hdi_plan_output {
    uint32_t name;
    hdi_plan_operand operand;
} hdi_plan_output;

struct hd_plan {
    uint64_t bytes; /* of the whole image */
    uint64_t arena_bytes;
    uint32_t n_symbols, n_exprs, n_slots, n_operands, n_steps, n_waits, n_groups, n_outputs, n_attr_bytes, n_string_bytes;
    uint32_t n_remotes, n_triggers, n_events;
    int32_t rank, ranks;    /* ranks 0: a plan for itself */
    uint64_t segment_bytes; /* of each rank */
    uint64_t end_ranks;     /* who hears of the end of a run */
    /* byte offsets of the arrays from the image's start */
    uint64_t symbols, exprs, slots, operands, steps, waits, groups, outputs, attrs, strings, remotes, triggers, events;
};

#define HDI_PLAN_ARRAY(field, type)                                            \
    static inline const type *hdi_plan_##field(const hd_plan *plan) {          \
        return (const type *)(const void *)((const char *)plan + plan->field); \
    }
HDI_PLAN_ARRAY(symbols, hdi_plan_symbol)
HDI_PLAN_ARRAY(exprs, hdi_expr)
HDI_PLAN_ARRAY(slots, hdi_plan_slot)
HDI_PLAN_ARRAY(operands, hdi_plan_operand)
HDI_PLAN_ARRAY(steps, hdi_plan_step)
HDI_PLAN_ARRAY(waits, uint32_t)
HDI_PLAN_ARRAY(groups, hdi_plan_group)
HDI_PLAN_ARRAY(outputs, hdi_plan_output)
HDI_PLAN_ARRAY(attrs, uint8_t)
HDI_PLAN_ARRAY(strings, char)
HDI_PLAN_ARRAY(remotes, hdi_plan_remote)
HDI_PLAN_ARRAY(triggers, hdi_plan_trigger)
HDI_PLAN_ARRAY(events, hdi_plan_event)
#undef HDI_PLAN_ARRAY

/* The values of the plan's `n_exprs` sizes for these values of the symbols. */
void hdi_plan_sizes(const hd_plan *plan, const int64_t *symbols, int64_t *sizes);
/* `from` for these sizes, its slot's memory at `base`; an absent operand has no data. Follows no address. */
void hdi_plan_bind(const hdi_plan_operand *from, const int64_t *sizes, uintptr_t base, hdi_operand *to);
/* Whether what has this condition happens for these sizes. */
bool hdi_plan_holds(const hdi_plan_condition *when, const int64_t *sizes);

static inline const char *hdi_plan_name(const hd_plan *plan, uint32_t name) { return hdi_plan_strings(plan) + name; }

#endif
