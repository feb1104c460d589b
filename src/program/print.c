/* SPDX-License-Identifier: Apache-2.0 */
/* A program as a file again: what is read from it is the same program. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "program/program.h"

static void print_size(hdi_text *text, const hd_program *p, hdi_dim dim) {
    char words[1024];
    hdi_dims_text(&p->dims, dim, words, sizeof words);
    hdi_text_add(text, "%s", words);
}

static void print_string(hdi_text *text, const char *string) {
    hdi_text_add(text, "\"");
    for (const char *c = string; *c; c++) {
        const char *marks = "\"\\\n\t", *found = strchr(marks, *c);
        if (found)
            hdi_text_add(text, "\\%c", "\"\\nt"[found - marks]);
        else if ((unsigned char)*c < 0x20)
            hdi_text_add(text, "\\u%04x", *c);
        else
            hdi_text_add(text, "%c", *c);
    }
    hdi_text_add(text, "\"");
}

void hdi_program_add_type(hdi_text *text, const hd_program *p, const hdi_type *type) {
    hdi_text_add(text, "%s[", hd_dtype_name((hd_dtype)type->dtype));
    for (int i = 0; i < type->rank; i++) {
        hdi_text_add(text, "%s", i ? ", " : "");
        print_size(text, p, type->dim[i]);
    }
    hdi_text_add(text, "]");
}

/* The shortest digits that give it again, always with a point or an exponent; the host's locale may have commas. */
static void print_number(hdi_text *text, double number) {
    char digits[64];
    if (isnan(number) || isinf(number)) {
        hdi_text_add(text, "%s", isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
        return;
    }
    for (int precision = 1; precision <= 17; precision++) {
        double again;
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (sscanf(digits, "%lf", &again) == 1 && again == number) break;
    }
    for (char *c = digits; *c; c++)
        if (*c == ',') *c = '.';
    hdi_text_add(text, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

static void print_arguments(hdi_text *text, const hd_program *p, hdi_stretch args);

static void print_argument(hdi_text *text, const hd_program *p, const hdi_arg *arg) {
    if (arg->name) hdi_text_add(text, "%s=", hdi_program_string(p, arg->name));
    switch (arg->kind) {
    case HDI_ARG_NONE:
        hdi_text_add(text, "none");
        break;
    case HDI_ARG_BOOL:
        hdi_text_add(text, arg->flag ? "true" : "false");
        break;
    case HDI_ARG_INT:
        print_size(text, p, arg->size);
        break;
    case HDI_ARG_FLOAT:
        print_number(text, arg->number);
        break;
    case HDI_ARG_DTYPE:
        hdi_text_add(text, "%s", hd_dtype_name(arg->dtype));
        break;
    case HDI_ARG_STRING:
        print_string(text, hdi_program_string(p, arg->string));
        break;
    case HDI_ARG_VALUE:
        hdi_text_add(text, "%%%s", hdi_program_string(p, p->values[arg->value].name));
        break;
    case HDI_ARG_LIST:
        hdi_text_add(text, "[");
        print_arguments(text, p, arg->list);
        hdi_text_add(text, "]");
    }
}

static void print_arguments(hdi_text *text, const hd_program *p, hdi_stretch args) {
    for (uint32_t i = 0; i < args.n; i++) {
        if (i) hdi_text_add(text, ", ");
        print_argument(text, p, &p->args[args.first + i]);
    }
}

static void print_call(hdi_text *text, const hd_program *p, const hdi_call *call) {
    const hdi_program_value *results = p->values + call->results.first;
    for (uint32_t i = 0; i < call->results.n; i++)
        hdi_text_add(text, "%s%%%s", i ? ", " : "", hdi_program_string(p, results[i].name));
    hdi_text_add(text, " = %s(", hdi_program_string(p, call->op));
    print_arguments(text, p, call->args);
    hdi_text_add(text, ") : ");
    for (uint32_t i = 0; i < call->results.n; i++) {
        if (i) hdi_text_add(text, ", ");
        hdi_program_add_type(text, p, &results[i].type);
    }
    const char *scope = hdi_program_string(p, call->scope), *source = hdi_program_string(p, call->source);
    if (*scope || *source) {
        hdi_text_add(text, " @ ");
        print_string(text, scope);
        hdi_text_add(text, " ");
        print_string(text, source);
    }
    hdi_text_add(text, "\n");
}

static void print_method(hdi_text *text, const hd_program *p, const hdi_method *m) {
    hdi_text_add(text, "\nmethod %s\n", hdi_program_string(p, m->name));
    for (uint32_t i = 0; i < m->inputs.n; i++) {
        const hdi_program_value *v = &p->values[m->inputs.first + i];
        hdi_text_add(text, "input %%%s ", hdi_program_string(p, v->name));
        hdi_program_add_type(text, p, &v->type);
        hdi_text_add(text, "\n");
    }
    for (uint32_t i = 0; i < m->calls.n; i++) print_call(text, p, &p->calls[m->calls.first + i]);
    for (uint32_t i = 0; i < m->updates.n; i++) {
        const hdi_update *u = &p->updates[m->updates.first + i];
        hdi_text_add(text, "update %%%s %%%s\n", hdi_program_string(p, p->values[u->state].name),
                     hdi_program_string(p, p->values[u->value].name));
    }
    for (uint32_t i = 0; i < m->outputs.n; i++) {
        const hdi_result *o = &p->outputs[m->outputs.first + i];
        hdi_text_add(text, "output ");
        print_string(text, hdi_program_string(p, o->name));
        hdi_text_add(text, " %%%s\n", hdi_program_string(p, p->values[o->value].name));
    }
    hdi_text_add(text, "end\n");
}

static void print_shared(hdi_text *text, const hd_program *p) {
    for (size_t i = 0; i < p->dims.n_symbols; i++) {
        const hdi_symbol *s = &p->dims.symbols[i];
        hdi_text_add(text, "symbol %s %lld..%lld", s->name, (long long)s->min, (long long)s->max);
        if (p->symbols[i].hint >= 0) hdi_text_add(text, " hint %lld", (long long)p->symbols[i].hint);
        hdi_text_add(text, "\n");
    }
    for (size_t i = 1; i < p->n_shared; i++) {
        const hdi_program_value *v = &p->values[i];
        hdi_text_add(text, "%s %%%s ", v->kind == HDI_SOURCE_WEIGHT ? "weight" : "state", hdi_program_string(p, v->name));
        print_string(text, hdi_program_string(p, v->key));
        hdi_text_add(text, " ");
        hdi_program_add_type(text, p, &v->type);
        hdi_text_add(text, "\n");
    }
}

hd_status hd_program_print(const hd_program *program, char **out) {
    hdi_text text = {0};
    hdi_text_add(&text, "heddle program 1\n\n");
    print_shared(&text, program);
    for (size_t i = 0; i < program->n_methods; i++) print_method(&text, program, &program->methods[i]);
    return hdi_text_finish(&text, out);
}
