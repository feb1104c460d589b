/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of steps: each model family's plan has those that its layers consist of, whatever its flags; what somebody else reads is
 * in none; and inside a group no step writes memory that another step of it still reads, since they may run at once. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "compile/plan.h"
#include "model/model.h"
#include "support/tiny_model.h"

static hd_plan *plan_of(const char *family) {
    tiny_model tiny;
    hd_model *model;
    hd_plan *plan;
    hdi_kv_shape kv;
    tiny_model_init(&tiny, family);
    char *folder = tiny_model_write(&tiny);
    assert_non_null(folder);
    assert_int_equal(hd_model_load(folder, NULL, &model), HD_OK);
    hdi_model_kv_shape(model, &kv);
    hdi_step_limits limits = {.max_tokens = 8, .max_sequences = 4, .max_rows = 4, .pages = 8, .page_tokens = 16, .max_pages = 2};
    limits.kv_dtype = HD_DTYPE_F32;
    assert_int_equal(hdi_model_compile(model, &limits, &plan), HD_OK);
    hd_model_release(model);
    tiny_model_remove(folder);
    return plan;
}

static void each_layer_of_each_family_is_four_groups(void **state) {
    static const char *const families[] = {"llama", "mistral", "qwen2", "qwen3"};
    static const hdi_group_kind kinds[] = {HDI_GROUP_norm_qkv, HDI_GROUP_linear_add, HDI_GROUP_norm_swiglu, HDI_GROUP_linear_add};
    (void)state;
    for (size_t f = 0; f < HDI_COUNTOF(families); f++) {
        hd_plan *plan = plan_of(families[f]);
        const hdi_plan_group *groups = hdi_plan_groups(plan);
        assert_int_equal(plan->n_groups, 2 * 4 + 1);
        for (uint32_t g = 0; g < 8; g++) assert_int_equal(groups[g].kind, kinds[g % 4]);
        assert_int_equal(groups[0].n_steps, strcmp(families[f], "qwen3") == 0 ? 10 : 8);
        assert_int_equal(groups[8].kind, HDI_GROUP_norm_linear);
        hd_plan_destroy(plan);
    }
}

static bool same_place(const hdi_plan_operand *a, const hdi_plan_operand *b) {
    return a->slot == b->slot && a->offset == b->offset && a->type.rank == b->type.rank &&
           memcmp(a->type.dim, b->type.dim, sizeof a->type.dim[0] * a->type.rank) == 0;
}

/* Bytes of an operand of the arena at the symbols' maxima. */
static int64_t most_bytes(const hd_plan *plan, const hdi_plan_operand *o) {
    int64_t n = 1;
    for (int i = 0; i < o->type.rank; i++) n *= hdi_expr_interval(hdi_plan_exprs(plan), o->type.dim[i]).max;
    return n * (int64_t)hd_dtype_block_bytes((hd_dtype)o->type.dtype);
}

/* Operand 0 of step s against the inputs of step t: apart, or element over element. */
static void check_pair(const hd_plan *plan, const hdi_plan_step *s, const hdi_plan_step *t) {
    const hdi_plan_operand *operands = hdi_plan_operands(plan), *out = &operands[s->first_operand];
    if (hdi_plan_slots(plan)[out->slot].kind != HDI_SLOT_ARENA) return; /* a cache: written only where nobody reads yet */
    for (uint32_t i = 1; i < t->n_operands; i++) {
        const hdi_plan_operand *in = &operands[t->first_operand + i];
        if (in->slot != out->slot || (s == t && same_place(in, out))) continue;
        if (s < t && in->offset == out->offset) continue; /* it reads what was made */
        assert_true(out->offset >= in->offset + most_bytes(plan, in) || in->offset >= out->offset + most_bytes(plan, out));
    }
}

static void steps_of_a_group_can_run_at_once(void **state) {
    (void)state;
    hd_plan *plan = plan_of("qwen3");
    const hdi_plan_step *steps = hdi_plan_steps(plan);
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        const hdi_plan_group *group = &hdi_plan_groups(plan)[g];
        for (uint32_t s = 0; s < group->n_steps; s++)
            for (uint32_t t = 0; t < group->n_steps; t++) {
                const hdi_plan_step *a = &steps[group->first_step + s], *b = &steps[group->first_step + t];
                if (hdi_plan_operands(plan)[b->first_operand].slot == 0 || a != b) check_pair(plan, a, b);
            }
    }
    hd_plan_destroy(plan);
}

enum { K = 64 };

/* norm -> linear -> add, with one thing changed at a time. */
static uint32_t groups_of(bool norm_is_output, bool product_is_output, bool own_residual, bool broadcast) {
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim shape[2] = {hd_graph_symbol(g, "rows", 1, 5), K};
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), residual = hd_graph_input(g, "r", HD_DTYPE_F32, 2, shape);
    hd_value w = hd_graph_weight(g, "w", HD_DTYPE_F32, false, 2, (int64_t[]){K, K});
    hd_value row = hd_graph_weight(g, "row", HD_DTYPE_F32, false, 1, (int64_t[]){K});
    hd_value norm = hd_graph_rms_norm(g, x, row, 1e-5f), first = hd_graph_linear(g, norm, w, 0, 1);
    hd_value product = hd_graph_linear(g, first, w, 0, 1);
    hd_graph_output(g, "y", hd_graph_add(g, broadcast ? row : own_residual ? first : residual, product));
    if (norm_is_output) hd_graph_output(g, "norm", norm);
    if (product_is_output) hd_graph_output(g, "product", product);
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    uint32_t n = plan->n_groups;
    hd_plan_destroy(plan);
    hd_graph_destroy(g);
    return n;
}

static void what_others_read_is_in_no_group(void **state) {
    (void)state;
    assert_int_equal(groups_of(false, false, false, false), 2);
    assert_int_equal(groups_of(true, false, false, false), 1);
    assert_int_equal(groups_of(false, true, false, false), 1);
    assert_int_equal(groups_of(false, false, true, false), 1);
    assert_int_equal(groups_of(false, false, false, true), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layer_of_each_family_is_four_groups),
        cmocka_unit_test(steps_of_a_group_can_run_at_once),
        cmocka_unit_test(what_others_read_is_in_no_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
