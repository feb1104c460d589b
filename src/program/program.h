/* SPDX-License-Identifier: Apache-2.0 */
/* A PyTorch program as its file says it (docs/program_file.md): methods that call ATen operators on values, over weights and
 * states that they share. Nothing here knows what an operator does.
 *
 * Arrays hold everything; what belongs to a method, a call or a list is a stretch of one. Immutable once read. */
#ifndef HDI_PROGRAM_PROGRAM_H
#define HDI_PROGRAM_PROGRAM_H

#include "base/names.h"
#include "base/text.h"
#include "graph/dim.h"
#include "heddle/program.h"

typedef struct hdi_stretch {
    uint32_t first, n;
} hdi_stretch;

typedef enum hdi_arg_kind {
    HDI_ARG_NONE,
    HDI_ARG_BOOL,
    HDI_ARG_INT,
    HDI_ARG_FLOAT,
    HDI_ARG_DTYPE,
    HDI_ARG_STRING,
    HDI_ARG_VALUE,
    HDI_ARG_LIST,
} hdi_arg_kind;

typedef struct hdi_arg {
    hdi_arg_kind kind;
    uint32_t name; /* a string: the keyword, 0 of a positional one */
    union {
        bool flag;
        hdi_dim size; /* of an integer: a size expression of either sign */
        double number;
        hd_dtype dtype;
        uint32_t string, value;
        hdi_stretch list; /* of args */
    };
} hdi_arg;

typedef enum hdi_source_kind { HDI_SOURCE_WEIGHT, HDI_SOURCE_STATE, HDI_SOURCE_INPUT, HDI_SOURCE_RESULT } hdi_source_kind;

typedef struct hdi_program_value {
    hdi_source_kind kind;
    uint32_t name; /* a string, without the % */
    uint32_t key;  /* of a weight or state: its tensor's name in the checkpoint */
    hdi_type type;
    uint32_t line;
} hdi_program_value;

typedef struct hdi_call {
    uint32_t op; /* a string: "aten.add.Tensor" */
    hdi_stretch args, results;
    uint32_t scope, source; /* strings: the module and the Python line it comes from */
    uint32_t line;
} hdi_call;

typedef struct hdi_program_symbol {
    hdi_dim dim;
    int64_t hint; /* a typical value; -1: none is given */
} hdi_program_symbol;

typedef struct hdi_update {
    uint32_t state, value; /* values */
} hdi_update;

typedef struct hdi_result {
    uint32_t name, value;
} hdi_result;

typedef struct hdi_method {
    uint32_t name;
    hdi_stretch inputs; /* of values */
    hdi_stretch calls;
    hdi_stretch updates;
    hdi_stretch outputs; /* of results */
} hdi_method;

struct hd_program {
    char *path; /* for messages */
    hdi_strings strings;
    hdi_dims dims;
    hdi_program_symbol *symbols; /* as many as dims has */
    size_t cap_symbols;
    hdi_program_value *values; /* values[0] is no value */
    size_t n_values, cap_values;
    size_t n_shared; /* values 1 .. n_shared - 1 are weights and states */
    hdi_arg *args;
    size_t n_args, cap_args;
    hdi_call *calls;
    size_t n_calls, cap_calls;
    hdi_update *updates;
    size_t n_updates, cap_updates;
    hdi_result *outputs;
    size_t n_outputs, cap_outputs;
    hdi_method *methods;
    size_t n_methods, cap_methods;
};

/* Reads a program from memory; `path` is for messages: HD_CORRUPT with "path:line:column: ...". */
hd_status hdi_program_parse(const char *path, const char *text, size_t size, hd_program **out);

/* "f32[2, n + 1]" */
void hdi_program_add_type(hdi_text *text, const hd_program *program, const hdi_type *type);

static inline const char *hdi_program_string(const hd_program *program, uint32_t string) {
    return hdi_string(&program->strings, string);
}

#endif
