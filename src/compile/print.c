/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as text for people: memory, then a line a step with its kernel, operands' places and waits. */
#include <stdio.h>

#include "base/text.h"
#include "compile/plan.h"

static const char *symbol_name(const void *user, int64_t index) {
    const hd_plan *plan = user;
    return hdi_plan_name(plan, hdi_plan_symbols(plan)[index].name);
}

static void print_dim(hdi_text *text, const hd_plan *plan, hdi_dim dim) {
    char words[256];
    hdi_expr_text(hdi_plan_exprs(plan), dim, symbol_name, plan, words, sizeof words);
    hdi_text_add(text, "%s", words);
}

/* "arena+4096 f32[tokens, 64]" or "layers.0.q.weight" */
static void print_operand(hdi_text *text, const hd_plan *plan, const hdi_plan_operand *operand) {
    if (operand->slot < 0) {
        hdi_text_add(text, "-");
        return;
    }
    const hdi_plan_slot *slot = &hdi_plan_slots(plan)[operand->slot];
    hdi_text_add(text, "%s", hdi_plan_name(plan, slot->name));
    if (slot->kind != HDI_SLOT_ARENA && slot->kind != HDI_SLOT_SEGMENT) return;
    hdi_text_add(text, "+%lld %s[", (long long)operand->offset, hd_dtype_name((hd_dtype)operand->type.dtype));
    for (int i = 0; i < operand->type.rank; i++) {
        hdi_text_add(text, "%s", i ? "," : "");
        print_dim(text, plan, operand->type.dim[i]);
    }
    hdi_text_add(text, "]");
}

/* ", of rank 1: layers.0.mlp.linear", ", tells 1 2", ", when 8*tokens in 0..4095" */
static void print_exchange(hdi_text *text, const hd_plan *plan, const hdi_plan_step *step) {
    const hdi_plan_event *events = hdi_plan_events(plan);
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        const hdi_plan_remote *remote = &hdi_plan_remotes(plan)[step->first_remote + i];
        hdi_text_add(text, ", of rank %d: %s", remote->rank, hdi_plan_name(plan, events[remote->event].name));
        if (remote->lag) hdi_text_add(text, " %u before", remote->lag);
    }
    for (uint32_t i = 0; i < step->n_triggers; i++) {
        const hdi_plan_trigger *trigger = &hdi_plan_triggers(plan)[step->first_trigger + i];
        hdi_text_add(text, ", tells");
        for (int r = 0; r < plan->ranks; r++)
            if (trigger->ranks >> r & 1u) hdi_text_add(text, " %d", r);
    }
    if (!step->when.below) return;
    hdi_text_add(text, ", when ");
    print_dim(text, plan, step->when.size);
    hdi_text_add(text, " in %lld..%lld", (long long)step->when.from, (long long)step->when.below - 1);
}

static void print_step(hdi_text *text, const hd_plan *plan, uint32_t s) {
    const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
    hdi_text_add(text, "%5u  %s", s, hdi_kernel_name((hdi_kernel_id)step->kernel));
    hdi_text_column(text, 32);
    hdi_text_add(text, "%s", hdi_plan_name(plan, step->name));
    hdi_text_column(text, 64);
    for (uint32_t i = 0; i < step->n_operands; i++) {
        hdi_text_add(text, "%s", i ? "  " : "");
        print_operand(text, plan, &hdi_plan_operands(plan)[step->first_operand + i]);
    }
    hdi_text_add(text, "  waits");
    for (uint32_t i = 0; i < step->n_waits; i++) hdi_text_add(text, " %u", hdi_plan_waits(plan)[step->first_wait + i]);
    if (!step->n_waits) hdi_text_add(text, " -");
    print_exchange(text, plan, step);
    hdi_text_add(text, "\n");
}

static void print_group(hdi_text *text, const hdi_plan_group *group) {
    static const char *const names[] = {
#define GROUP(name) #name,
#include "kernels/groups.def"
    };
    hdi_text_add(text, "       %s: the next %u steps may run as one\n", names[group->kind], group->n_steps);
}

hd_status hd_plan_print(const hd_plan *plan, char **out) {
    static const char *const kinds[] = {"arena", "input", "weight", "state", "window"};
    hdi_text text = {0};
    *out = NULL;
    hdi_text_add(&text, "plan of %u steps, image %llu bytes, arena %llu bytes\n", plan->n_steps, (unsigned long long)plan->bytes,
                 (unsigned long long)plan->arena_bytes);
    if (plan->ranks)
        hdi_text_add(&text, "rank %d of %d, %u events, segments of %llu bytes\n", plan->rank, plan->ranks, plan->n_events,
                     (unsigned long long)plan->segment_bytes);
    for (uint32_t i = 0; i < plan->n_symbols; i++) {
        const hdi_plan_symbol *s = &hdi_plan_symbols(plan)[i];
        hdi_text_add(&text, "symbol %s in %lld..%lld\n", hdi_plan_name(plan, s->name), (long long)s->min, (long long)s->max);
    }
    for (uint32_t i = 1; i < plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[i];
        hdi_text_add(&text, "%s %s", kinds[slot->kind], hdi_plan_name(plan, slot->name));
        hdi_text_column(&text, 64);
        hdi_text_add(&text, "%llu bytes\n", (unsigned long long)slot->bytes);
    }
    hdi_text_add(&text, " step  kernel");
    hdi_text_column(&text, 32);
    hdi_text_add(&text, "name");
    hdi_text_column(&text, 64);
    hdi_text_add(&text, "operands (outputs first), and the steps it waits for\n");
    for (uint32_t s = 0, g = 0; s < plan->n_steps; s++) {
        if (g < plan->n_groups && hdi_plan_groups(plan)[g].first_step == s) print_group(&text, &hdi_plan_groups(plan)[g++]);
        print_step(&text, plan, s);
    }
    for (uint32_t i = 0; i < plan->n_outputs; i++) {
        const hdi_plan_output *output = &hdi_plan_outputs(plan)[i];
        hdi_text_add(&text, "output %s = ", hdi_plan_name(plan, output->name));
        print_operand(&text, plan, &output->operand);
        hdi_text_add(&text, "\n");
    }
    return hdi_text_finish(&text, out);
}
