/* SPDX-License-Identifier: Apache-2.0 */
/* What ranks have of weights, and parts that are streamed to the others or written where these read them. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "heddle/compile.h"

enum { N = 64, K = 1004, RANKS = 4 };

/* y = x + down(up(x)): up cut along N, down along K. */
static hd_graph *whole(void) {
    hd_graph *g;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){3, N});
    hd_value up = hd_graph_weight(g, "up", HD_DTYPE_F32, false, 2, (int64_t[]){K, N});
    hd_value down = hd_graph_weight(g, "down", HD_DTYPE_F32, false, 2, (int64_t[]){N, K});
    hd_value norm = hd_graph_weight(g, "norm", HD_DTYPE_F32, false, 1, (int64_t[]){N});
    hd_graph_place(g, up, &(hd_placement){.dim = 0, .unit = 1});
    hd_graph_place(g, down, &(hd_placement){.dim = 1, .unit = 1});
    hd_value y = hd_graph_add(g, x, hd_graph_linear(g, hd_graph_linear(g, x, up, 0, 1), down, 0, 8));
    hd_graph_output(g, "y", hd_graph_rms_norm(g, y, norm, 1e-5F));
    assert_int_equal(hd_graph_status(g), HD_OK);
    return g;
}

static hd_graph *part_of(const hd_graph *g, int32_t rank, bool streamed) {
    hd_shard shard = {.rank = rank, .tensor = RANKS, .pipeline = 1, .outputs_everywhere = true, .streamed = streamed};
    hd_graph *mine;
    assert_int_equal(hd_graph_shard(g, &shard, &mine), HD_OK);
    return mine;
}

static void parts_follow_each_other(void **state) {
    static const struct {
        const char *name;
        int32_t dim;
    } cut[] = {{"up", 0}, {"down", 1}};
    hd_graph *g = whole();
    (void)state;
    for (int w = 0; w < 2; w++) {
        int64_t end = 0;
        for (int32_t r = 0; r < RANKS; r++) {
            hd_graph *mine = part_of(g, r, false);
            hd_part *parts;
            int32_t n;
            assert_int_equal(hd_graph_parts(mine, cut[w].name, &parts, &n), HD_OK);
            assert_int_equal(n, 1);
            assert_int_equal(parts[0].dim, cut[w].dim);
            assert_int_equal(parts[0].begin, end);
            assert_true(parts[0].end > end);
            end = parts[0].end;
            hd_free(parts);
            hd_graph_destroy(mine);
        }
        assert_int_equal(end, K);
    }
    hd_graph_destroy(g);
}

static void whole_weights_have_no_parts(void **state) {
    hd_graph *g = whole(), *mine = part_of(g, 1, false);
    hd_part *parts;
    int32_t n = -1;
    (void)state;
    assert_int_equal(hd_graph_parts(mine, "norm", &parts, &n), HD_OK);
    assert_int_equal(n, 0);
    assert_null(parts);
    assert_int_equal(hd_graph_parts(mine, "x", &parts, &n), HD_NOT_FOUND); /* an input */
    assert_int_equal(hd_graph_parts(mine, "sideways", &parts, &n), HD_NOT_FOUND);
    assert_non_null(strstr(hd_last_error(), "no weight named sideways"));
    hd_graph_destroy(mine);
    hd_graph_destroy(g);
}

/* Either way the plans of all ranks fit together. */
static void streamed_parts_are_a_step_more(void **state) {
    hd_graph *g = whole();
    int32_t steps[2];
    (void)state;
    for (int streamed = 0; streamed < 2; streamed++) {
        hd_plan *plans[RANKS];
        for (int32_t r = 0; r < RANKS; r++) {
            hd_graph *mine = part_of(g, r, streamed);
            assert_int_equal(hd_compile(mine, &plans[r]), HD_OK);
            hd_graph_destroy(mine);
        }
        assert_int_equal(hd_plans_verify((const hd_plan *const *)plans, RANKS), HD_OK);
        steps[streamed] = hd_plan_steps(plans[0]);
        for (int32_t r = 0; r < RANKS; r++) hd_plan_destroy(plans[r]);
    }
    assert_int_equal(steps[1], steps[0] + 1);
    hd_graph_destroy(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_follow_each_other),
        cmocka_unit_test(whole_weights_have_no_parts),
        cmocka_unit_test(streamed_parts_are_a_step_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
