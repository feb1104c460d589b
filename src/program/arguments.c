/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, types and arguments of a program file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "program/reader.h"

enum { MOST_DEPTH = 64, MOST_SIZES = 1 << 16 };

static hd_status deeper(hdi_reader *r) {
    return ++r->depth <= MOST_DEPTH ? HD_OK : hdi_reader_fail(r, "brackets are nested more than %d deep", MOST_DEPTH);
}

/* ---- numbers ---- */

static bool is_digit(const hdi_reader *r, const char *at) { return at < r->end && '0' <= *at && *at <= '9'; }

hd_status hdi_want_integer(hdi_reader *r, int64_t *out) {
    hdi_skip_blanks(r);
    *out = 0;
    if (!is_digit(r, r->at)) return hdi_reader_fail(r, "there should be a number here");
    for (; is_digit(r, r->at); r->at++)
        if (!hdi_mul_i64(*out, 10, out) || __builtin_add_overflow(*out, *r->at - '0', out))
            return hdi_reader_fail(r, "the number does not fit 64 bits");
    return HD_OK;
}

/* How long a float is that begins here, 0: none does. It has a point or an exponent; "1..8" is none. */
static size_t float_length(const hdi_reader *r) {
    const char *at = r->at;
    bool point, exponent;
    if (at < r->end && *at == '-') at++;
    if (!is_digit(r, at)) return 0;
    while (is_digit(r, at)) at++;
    point = at < r->end && *at == '.' && !(at + 1 < r->end && at[1] == '.');
    if (point) at++;
    while (point && is_digit(r, at)) at++;
    exponent = at < r->end && (*at == 'e' || *at == 'E');
    if (exponent) at++;
    if (exponent && at < r->end && (*at == '-' || *at == '+')) at++;
    if (exponent && !is_digit(r, at)) return 0;
    while (exponent && is_digit(r, at)) at++;
    return point || exponent ? (size_t)(at - r->at) : 0;
}

static hd_status take_float(hdi_reader *r, size_t size, double *out) {
    char digits[128];
    if (size >= sizeof digits) return hdi_reader_fail(r, "the number has too many digits");
    memcpy(digits, r->at, size);
    digits[size] = 0;
    *out = strtod_l(digits, NULL, r->plain);
    if (!isfinite(*out)) return hdi_reader_fail(r, "the number is too large for 64 bits; write inf for infinity");
    r->at += size;
    return HD_OK;
}

/* ---- sizes ---- */

typedef hd_status (*size_op)(hdi_dims *dims, hdi_dim a, hdi_dim b, hdi_dim *out);

static hd_status apply(hdi_reader *r, size_op op, hdi_dim a, hdi_dim b, hdi_dim *out) {
    hd_status status = op(&r->program->dims, a, b, out);
    if (status != HD_OK) return hdi_reader_blame(r, status == HD_INVALID_ARGUMENT ? HD_CORRUPT : status);
    if (r->program->dims.n_exprs <= MOST_SIZES) return HD_OK;
    (void)hdi_fail(HD_UNSUPPORTED, "the program has more than %d different sizes", MOST_SIZES);
    return hdi_reader_blame(r, HD_UNSUPPORTED);
}

static hd_status want_sum(hdi_reader *r, hdi_dim *out);

/* "min(a, b)", "max(a, b)", or a symbol. */
static hd_status want_named(hdi_reader *r, hdi_word word, hdi_dim *out) {
    const hd_program *p = r->program;
    uint32_t symbol = hdi_names_find(&r->symbols, &p->strings, word.text, word.size);
    bool min = hdi_is(word, "min");
    hdi_dim a, b;
    if (!min && !hdi_is(word, "max")) {
        if (!symbol) return hdi_word_fail(r, word, "there is no symbol %.*s", HDI_WORD(word));
        return apply(r, hdi_dims_add, p->symbols[symbol - 1].dim, 0, out);
    }
    HD_TRY(hdi_want(r, "("));
    HD_TRY(want_sum(r, &a));
    HD_TRY(hdi_want(r, ","));
    HD_TRY(want_sum(r, &b));
    HD_TRY(hdi_want(r, ")"));
    return apply(r, min ? hdi_dims_lesser : hdi_dims_greater, a, b, out);
}

static hd_status want_factor(hdi_reader *r, hdi_dim *out) {
    hdi_dim inner;
    HD_TRY(deeper(r));
    if (hdi_take(r, "-")) {
        HD_TRY(want_factor(r, &inner));
        HD_TRY(apply(r, hdi_dims_sub, 0, inner, out));
    } else if (hdi_take(r, "(")) {
        HD_TRY(want_sum(r, out));
        HD_TRY(hdi_want(r, ")"));
    } else {
        hdi_word word = hdi_take_word(r, false);
        HD_TRY(word.size ? want_named(r, word, out) : hdi_want_integer(r, out));
    }
    r->depth--;
    return HD_OK;
}

static hd_status want_product(hdi_reader *r, hdi_dim *out) {
    HD_TRY(want_factor(r, out));
    for (;;) {
        hdi_dim b;
        size_op op = hdi_take(r, "*") ? hdi_dims_mul : hdi_take(r, "//") ? hdi_dims_div : hdi_take(r, "%") ? hdi_dims_mod : NULL;
        if (!op) return HD_OK;
        HD_TRY(want_factor(r, &b));
        HD_TRY(apply(r, op, *out, b, out));
    }
}

static hd_status want_sum(hdi_reader *r, hdi_dim *out) {
    HD_TRY(deeper(r));
    HD_TRY(want_product(r, out));
    for (;;) {
        hdi_dim b;
        size_op op = hdi_take(r, "+") ? hdi_dims_add : hdi_take(r, "-") ? hdi_dims_sub : NULL;
        if (!op) break;
        HD_TRY(want_product(r, &b));
        HD_TRY(apply(r, op, *out, b, out));
    }
    r->depth--;
    return HD_OK;
}

hd_status hdi_want_size(hdi_reader *r, hdi_dim *out) { return want_sum(r, out); }

/* ---- types ---- */

static bool find_dtype(hdi_word word, hd_dtype *out) {
    char name[16];
    if (word.size == 0 || word.size >= sizeof name) return false;
    memcpy(name, word.text, word.size);
    name[word.size] = 0;
    return hd_dtype_parse(name, out) && hd_dtype_block_elements(*out) == 1;
}

hd_status hdi_want_type(hdi_reader *r, hdi_type *out) {
    hd_dtype dtype;
    memset(out, 0, sizeof *out);
    hdi_word word = hdi_take_word(r, false);
    if (!find_dtype(word, &dtype)) return hdi_word_fail(r, word, "there should be a type like f32[2, n] here");
    out->dtype = (uint8_t)dtype;
    HD_TRY(hdi_want(r, "["));
    if (hdi_take(r, "]")) return HD_OK;
    do {
        if (out->rank == HD_MAX_DIMS) return hdi_reader_fail(r, "a type of more than %d dims", HD_MAX_DIMS);
        hdi_dim *dim = &out->dim[out->rank++];
        HD_TRY(hdi_want_size(r, dim));
        if (hdi_dims_min(&r->program->dims, *dim) < 0) return hdi_reader_fail(r, "this size could be negative");
    } while (hdi_take(r, ","));
    return hdi_want(r, "]");
}

/* ---- arguments ---- */

hd_status hdi_want_value(hdi_reader *r, uint32_t *out) {
    hdi_word word;
    HD_TRY(hdi_want_value_name(r, &word));
    *out = hdi_names_find(&r->local, &r->program->strings, word.text, word.size);
    if (!*out) *out = hdi_names_find(&r->shared, &r->program->strings, word.text, word.size);
    return *out ? HD_OK : hdi_word_fail(r, word, "there is no value %%%.*s here", HDI_WORD(word));
}

static hd_status push(hdi_reader *r, const hdi_arg *arg) {
    HD_TRY(hdi_reader_grow(&r->pending, &r->cap_pending, r->n_pending, sizeof *r->pending));
    r->pending[r->n_pending++] = *arg;
    return HD_OK;
}

/* Moves the arguments from `mark` on to the program's. */
static hd_status settle(hdi_reader *r, size_t mark, hdi_stretch *out) {
    hd_program *p = r->program;
    *out = (hdi_stretch){(uint32_t)p->n_args, (uint32_t)(r->n_pending - mark)};
    for (size_t i = mark; i < r->n_pending; i++) {
        HD_TRY(hdi_reader_grow(&p->args, &p->cap_args, p->n_args, sizeof *p->args));
        p->args[p->n_args++] = r->pending[i];
    }
    r->n_pending = mark;
    return HD_OK;
}

/* A word that says all by itself. */
static bool is_constant(hdi_word word, hdi_arg *out) {
    hd_dtype dtype;
    if (hdi_is(word, "none"))
        *out = (hdi_arg){.kind = HDI_ARG_NONE};
    else if (hdi_is(word, "true") || hdi_is(word, "false"))
        *out = (hdi_arg){.kind = HDI_ARG_BOOL, .flag = hdi_is(word, "true")};
    else if (hdi_is(word, "inf") || hdi_is(word, "nan"))
        *out = (hdi_arg){.kind = HDI_ARG_FLOAT, .number = hdi_is(word, "inf") ? (double)INFINITY : (double)NAN};
    else if (find_dtype(word, &dtype))
        *out = (hdi_arg){.kind = HDI_ARG_DTYPE, .dtype = dtype};
    else
        return false;
    return true;
}

static hd_status want_list(hdi_reader *r, hdi_arg *out);

static hd_status want_argument(hdi_reader *r, hdi_arg *out) {
    hdi_skip_blanks(r);
    const char *begin = r->at;
    char c = r->at < r->end ? *r->at : 0;
    size_t length = float_length(r);
    *out = (hdi_arg){.kind = HDI_ARG_FLOAT};
    if (length) return take_float(r, length, &out->number);
    if (hdi_take(r, "-") && hdi_is(hdi_take_word(r, false), "inf")) {
        out->number = -(double)INFINITY;
        return HD_OK;
    }
    r->at = begin;
    if (c == '%') {
        out->kind = HDI_ARG_VALUE;
        return hdi_want_value(r, &out->value);
    }
    if (c == '"') {
        out->kind = HDI_ARG_STRING;
        return hdi_want_string(r, &out->string);
    }
    if (c == '[') return want_list(r, out);
    if (is_constant(hdi_take_word(r, false), out)) return HD_OK;
    r->at = begin;
    out->kind = HDI_ARG_INT;
    return hdi_want_size(r, &out->size);
}

static hd_status want_list(hdi_reader *r, hdi_arg *out) {
    size_t mark = r->n_pending;
    hdi_stretch list;
    HD_TRY(deeper(r));
    HD_TRY(hdi_want(r, "["));
    for (bool first = true; !hdi_take(r, "]"); first = false) {
        hdi_arg arg;
        if (!first) HD_TRY(hdi_want(r, ","));
        HD_TRY(want_argument(r, &arg));
        HD_TRY(push(r, &arg));
    }
    r->depth--;
    HD_TRY(settle(r, mark, &list));
    *out = (hdi_arg){.kind = HDI_ARG_LIST, .list = list};
    return HD_OK;
}

/* "name=" of a keyword argument, if it comes next. */
static hd_status take_keyword(hdi_reader *r, uint32_t *out) {
    const char *begin;
    hdi_skip_blanks(r);
    begin = r->at;
    hdi_word word = hdi_take_word(r, false);
    *out = 0;
    if (word.size && hdi_take(r, "=")) return hdi_keep_word(r, word, out);
    r->at = begin;
    return HD_OK;
}

hd_status hdi_want_arguments(hdi_reader *r, hdi_stretch *out) {
    size_t mark = r->n_pending;
    bool keywords = false;
    HD_TRY(hdi_want(r, "("));
    for (bool first = true; !hdi_take(r, ")"); first = false) {
        hdi_arg arg;
        uint32_t name;
        if (!first) HD_TRY(hdi_want(r, ","));
        HD_TRY(take_keyword(r, &name));
        if (!name && keywords) return hdi_reader_fail(r, "a positional argument behind a keyword");
        keywords |= name != 0;
        HD_TRY(want_argument(r, &arg));
        arg.name = name;
        HD_TRY(push(r, &arg));
    }
    return settle(r, mark, out);
}
