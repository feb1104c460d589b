/* SPDX-License-Identifier: Apache-2.0 */
/* The sizes at which different steps run. Conditions of all ranks that look at the same symbols cut one axis, the value of the
 * symbols' product; a case is a choice of one piece of each axis. Several axes count as independent of each other, so a case may
 * be one that no sizes reach: that can only refuse too much. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compile/verify.h"

enum { MOST_AXES = 6, MOST_CUTS = HDI_MAX_CASES };

typedef struct axis {
    const hd_plan *plan; /* where its symbols' names are */
    int32_t n, symbol[HDI_EXPR_FACTORS];
    int64_t min, max;
    int64_t cut[MOST_CUTS + 1]; /* ascending: piece i begins at cut[i], cut[0] is the least value */
    int n_cuts;
} axis;

typedef struct axes {
    axis axis[MOST_AXES];
    int n;
} axes;

/* Whether it depends on a size at all; the image's check has seen that this is a product. */
static bool looks_at(const hd_plan *plan, const hdi_plan_condition *when, hdi_product *size) {
    return when->below != 0 && when->size < 0 && hdi_expr_product(hdi_plan_exprs(plan), when->size, size);
}

static axis *find_axis(axes *a, const hdi_product *p) {
    for (int i = 0; i < a->n; i++)
        if (a->axis[i].n == p->n && memcmp(a->axis[i].symbol, p->symbol, sizeof *p->symbol * (size_t)p->n) == 0)
            return &a->axis[i];
    return NULL;
}

/* The least value of the axis at which coefficient x value reaches `limit`. */
static int64_t reach(const hdi_product *p, int64_t limit) { return limit / p->coefficient + (limit % p->coefficient > 0); }

static hd_status add_cut(axis *x, int64_t at) {
    int i = x->n_cuts;
    if (at <= x->min || at > x->max) return HD_OK;
    while (i > 0 && x->cut[i - 1] > at) i--;
    if (i > 0 && x->cut[i - 1] == at) return HD_OK;
    HD_REQUIRE(x->n_cuts <= MOST_CUTS, HD_UNSUPPORTED, "the plans' conditions tell more than %d ranges of one size apart",
               MOST_CUTS);
    memmove(&x->cut[i + 1], &x->cut[i], sizeof *x->cut * (size_t)(x->n_cuts - i));
    x->cut[i] = at;
    x->n_cuts++;
    return HD_OK;
}

static hd_status cut_for(axes *a, const hd_plan *plan, const hdi_plan_condition *when) {
    hdi_product size, *p = &size;
    if (!looks_at(plan, when, p)) return HD_OK;
    axis *x = find_axis(a, p);
    if (!x) {
        HD_REQUIRE(a->n < MOST_AXES, HD_UNSUPPORTED, "the plans' conditions look at more than %d sizes", MOST_AXES);
        x = &a->axis[a->n++];
        *x = (axis){.plan = plan,
                    .n = p->n,
                    .n_cuts = 1,
                    .min = hdi_verify_size(plan, when->size, false) / p->coefficient,
                    .max = hdi_verify_size(plan, when->size, true) / p->coefficient};
        memcpy(x->symbol, p->symbol, sizeof x->symbol);
        x->cut[0] = x->min;
    }
    HD_TRY(add_cut(x, reach(p, when->from)));
    return add_cut(x, reach(p, when->below));
}

/* The value of axis `x` that stands for its piece in case `c`. */
static int64_t value_in(const axes *a, const axis *x, int c) {
    for (const axis *y = a->axis; y < x; y++) c /= y->n_cuts;
    return x->cut[c % x->n_cuts];
}

static uint64_t cases_of(axes *a, const hd_plan *plan, const hdi_plan_condition *when, int n_cases) {
    hdi_product p;
    uint64_t all = n_cases == 64 ? UINT64_MAX : (1ull << n_cases) - 1, set = 0;
    if (when->below == 0) return all;
    if (!looks_at(plan, when, &p)) return when->from <= when->size && when->size < when->below ? all : 0;
    const axis *x = find_axis(a, &p);
    for (int c = 0; c < n_cases; c++) {
        int64_t size = value_in(a, x, c) * p.coefficient;
        if (when->from <= size && size < when->below) set |= 1ull << c;
    }
    return set;
}

static void print_case(const axes *a, int c, char *text, size_t size) {
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < a->n; i++) {
        const axis *x = &a->axis[i];
        char name[48] = "";
        for (int j = 0; j < x->n; j++) {
            size_t used = strlen(name);
            snprintf(name + used, sizeof name - used, "%s%s", j ? "*" : "",
                     hdi_plan_name(x->plan, hdi_plan_symbols(x->plan)[x->symbol[j]].name));
        }
        int64_t first = value_in(a, x, c), last = x->max;
        for (int j = x->n_cuts - 1; j > 0 && x->cut[j] > first; j--) last = x->cut[j] - 1;
        int added =
            snprintf(text + n, size - n, "%s %s is %lld..%lld", i ? " and" : ", when", name, (long long)first, (long long)last);
        n = added > 0 && (size_t)added < size - n ? n + (size_t)added : size - 1;
    }
}

hd_status hdi_verify_cases(hdi_verify *v) {
    axes a = {.n = 0};
    int64_t n = 1;
    for (int32_t r = 0; r < v->ranks; r++)
        for (uint32_t s = 0; s < v->rank[r].plan->n_steps; s++)
            HD_TRY(cut_for(&a, v->rank[r].plan, &hdi_plan_steps(v->rank[r].plan)[s].when));
    for (int i = 0; i < a.n; i++) n *= a.axis[i].n_cuts; /* at most 65^6 */
    HD_REQUIRE(n <= HDI_MAX_CASES, HD_UNSUPPORTED, "the plans' conditions make %lld cases of sizes; at most %d can be verified",
               (long long)n, HDI_MAX_CASES);
    v->n_cases = (int)n;
    HD_TRY(hdi_calloc(&v->case_text, (size_t)n, sizeof *v->case_text, "the check of plans"));
    for (int c = 0; c < v->n_cases; c++) print_case(&a, c, v->case_text[c], sizeof v->case_text[c]);
    for (int32_t r = 0; r < v->ranks; r++) {
        const hdi_verify_rank *rank = &v->rank[r];
        static const hdi_plan_condition always = {0};
        for (uint32_t s = 0; s <= rank->plan->n_steps; s++) {
            const hdi_plan_condition *when = s < rank->plan->n_steps ? &hdi_plan_steps(rank->plan)[s].when : &always;
            v->in[rank->first_node + s] = cases_of(&a, rank->plan, when, v->n_cases);
        }
    }
    return HD_OK;
}
