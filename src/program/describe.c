/* SPDX-License-Identifier: Apache-2.0 */
/* A program in short, for people: its sizes, what its methods take and give, and which operators they call how often. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "program/program.h"

static void add_type(hdi_text *text, const hd_program *p, const char *word, uint32_t name, const hdi_type *type) {
    hdi_text_add(text, "    %-7s %s", word, hdi_program_string(p, name));
    hdi_text_column(text, 40);
    hdi_program_add_type(text, p, type);
    hdi_text_add(text, "\n");
}

/* ---- operators ---- */

typedef struct count {
    const char *op;
    uint32_t n;
} count;

static int by_name(const void *a, const void *b) { return strcmp(((const count *)a)->op, ((const count *)b)->op); }
static int by_count(const void *a, const void *b) {
    const count *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : strcmp(x->op, y->op);
}

static hd_status add_operators(hdi_text *text, const hd_program *p, const hdi_method *m) {
    count *counts;
    uint32_t n = 0;
    HD_TRY(hdi_alloc(&counts, m->calls.n, sizeof *counts, "a program's operators"));
    for (uint32_t i = 0; i < m->calls.n; i++) counts[i] = (count){hdi_program_string(p, p->calls[m->calls.first + i].op), 1};
    qsort(counts, m->calls.n, sizeof *counts, by_name);
    for (uint32_t i = 0; i < m->calls.n; i++) {
        if (n && strcmp(counts[n - 1].op, counts[i].op) == 0)
            counts[n - 1].n++;
        else
            counts[n++] = counts[i];
    }
    qsort(counts, n, sizeof *counts, by_count);
    for (uint32_t i = 0; i < n; i++) hdi_text_add(text, "    %7u %s\n", counts[i].n, counts[i].op);
    hdi_free(counts);
    return HD_OK;
}

static hd_status add_method(hdi_text *text, const hd_program *p, const hdi_method *m) {
    hdi_text_add(text, "  method %s: %u calls, %u updates of states\n", hdi_program_string(p, m->name), m->calls.n, m->updates.n);
    for (uint32_t i = 0; i < m->inputs.n; i++) {
        const hdi_program_value *v = &p->values[m->inputs.first + i];
        add_type(text, p, "input", v->name, &v->type);
    }
    for (uint32_t i = 0; i < m->outputs.n; i++) {
        const hdi_result *o = &p->outputs[m->outputs.first + i];
        add_type(text, p, "output", o->name, &p->values[o->value].type);
    }
    return add_operators(text, p, m);
}

/* ---- the whole ---- */

hd_status hd_program_describe(const hd_program *p, char **out) {
    hdi_text text = {0};
    size_t weights = 0, states = 0;
    hd_status status = HD_OK;
    *out = NULL;
    for (size_t i = 1; i < p->n_shared; i++) *(p->values[i].kind == HDI_SOURCE_WEIGHT ? &weights : &states) += 1;
    hdi_text_add(&text, "%s\n  %zu weights, %zu states\n", p->path, weights, states);
    for (size_t i = 0; i < p->dims.n_symbols; i++) {
        const hdi_symbol *s = &p->dims.symbols[i];
        hdi_text_add(&text, "  symbol %s, %lld..%lld\n", s->name, (long long)s->min, (long long)s->max);
    }
    for (size_t i = 0; i < p->n_methods && status == HD_OK; i++) status = add_method(&text, p, &p->methods[i]);
    if (status == HD_OK) return hdi_text_finish(&text, out);
    hdi_free(text.data);
    return status;
}
