/* SPDX-License-Identifier: Apache-2.0 */
/* A program file's statements. Each function reads one, and checks what docs/program_file.md says of it. */
#include <string.h>

#include "base/memory.h"
#include "program/reader.h"

enum { VERSION = 1, MOST_SYMBOLS = 256 };

/* ---- names ---- */

/* `word` as the name of `number`, where names may not be there twice. */
static hd_status name_it(hdi_reader *r, hdi_names *names, const char *what, hdi_word word, uint32_t number, uint32_t *string) {
    if (hdi_names_find(names, &r->program->strings, word.text, word.size))
        return hdi_word_fail(r, word, "there is a %s %.*s already", what, HDI_WORD(word));
    HD_TRY(hdi_keep_word(r, word, string));
    return hdi_names_add(names, &r->program->strings, *string, number);
}

/* A new value, behind its name. */
static hd_status add_value(hdi_reader *r, hdi_names *names, hdi_word word, hdi_source_kind kind, uint32_t *out) {
    hd_program *p = r->program;
    hdi_program_value value = {.kind = kind, .line = r->line};
    if (names == &r->local && hdi_names_find(&r->shared, &p->strings, word.text, word.size))
        return hdi_word_fail(r, word, "%.*s is a weight's or a state's name already", HDI_WORD(word));
    HD_TRY(name_it(r, names, "value", word, (uint32_t)p->n_values, &value.name));
    HD_TRY(hdi_reader_grow(&p->values, &p->cap_values, p->n_values, sizeof *p->values));
    *out = (uint32_t)p->n_values;
    p->values[p->n_values++] = value;
    return HD_OK;
}

/* ---- outside methods ---- */

static bool is_reserved(hdi_word word) {
    static const char *const words[] = {"true", "false", "none", "inf", "nan", "min", "max"};
    for (size_t i = 0; i < HDI_COUNTOF(words); i++)
        if (hdi_is(word, words[i])) return true;
    for (int t = 0; t < HD_DTYPE_COUNT; t++)
        if (hdi_is(word, hd_dtype_name((hd_dtype)t))) return true;
    return false;
}

/* "seq 2..512 hint 64" */
static hd_status symbol(hdi_reader *r) {
    hd_program *p = r->program;
    int64_t min, max;
    uint32_t string;
    hdi_program_symbol *s;
    hdi_word word = hdi_take_word(r, false);
    if (!word.size) return hdi_reader_fail(r, "a symbol's name should follow");
    if (is_reserved(word)) return hdi_word_fail(r, word, "%.*s means something else already", HDI_WORD(word));
    if (p->dims.n_symbols == MOST_SYMBOLS) return hdi_reader_fail(r, "more than %d symbols", MOST_SYMBOLS);
    HD_TRY(hdi_want_integer(r, &min));
    HD_TRY(hdi_want(r, ".."));
    HD_TRY(hdi_want_integer(r, &max));
    if (min > max) return hdi_reader_fail(r, "the range has no number in it");
    HD_TRY(name_it(r, &r->symbols, "symbol", word, (uint32_t)p->dims.n_symbols + 1, &string));
    HD_TRY(hdi_reader_grow(&p->symbols, &p->cap_symbols, p->dims.n_symbols, sizeof *p->symbols));
    s = &p->symbols[p->dims.n_symbols];
    s->hint = -1;
    HD_TRY(hdi_dims_symbol(&p->dims, hdi_program_string(p, string), min, max, &s->dim));
    hdi_word hint = hdi_take_word(r, false);
    if (!hint.size) return HD_OK;
    if (!hdi_is(hint, "hint")) return hdi_word_fail(r, hint, "there may be a hint here, and nothing else");
    HD_TRY(hdi_want_integer(r, &s->hint));
    return min <= s->hint && s->hint <= max ? HD_OK : hdi_reader_fail(r, "the hint lies outside the range");
}

/* "%w "lm_head.weight" bf16[32000, 64]" */
static hd_status stored(hdi_reader *r, hdi_source_kind kind) {
    hd_program *p = r->program;
    hdi_word word;
    uint32_t id;
    if (p->n_methods) return hdi_reader_fail(r, "weights and states come before all methods");
    HD_TRY(hdi_want_value_name(r, &word));
    HD_TRY(add_value(r, &r->shared, word, kind, &id));
    HD_TRY(hdi_want_string(r, &p->values[id].key));
    const char *key = hdi_program_string(p, p->values[id].key);
    if (!*key) return hdi_reader_fail(r, "the tensor's name is empty");
    if (hdi_names_find(&r->keys, &p->strings, key, strlen(key))) return hdi_reader_fail(r, "\"%.64s\" is there already", key);
    HD_TRY(hdi_names_add(&r->keys, &p->strings, p->values[id].key, id));
    HD_TRY(hdi_want_type(r, &p->values[id].type));
    p->n_shared = p->n_values;
    for (int i = 0; i < p->values[id].type.rank && kind == HDI_SOURCE_WEIGHT; i++)
        if (p->values[id].type.dim[i] < 0) return hdi_reader_fail(r, "a weight's sizes must be numbers");
    return HD_OK;
}

/* ---- in methods ---- */

static hdi_method *current(hdi_reader *r) { return &r->program->methods[r->program->n_methods - 1]; }

static hd_status input(hdi_reader *r) {
    hd_program *p = r->program;
    hdi_method *m = current(r);
    hdi_word word;
    uint32_t id;
    if (m->calls.n || m->updates.n || m->outputs.n) return hdi_reader_fail(r, "inputs come before all else of a method");
    HD_TRY(hdi_want_value_name(r, &word));
    HD_TRY(add_value(r, &r->local, word, HDI_SOURCE_INPUT, &id));
    m->inputs.n++;
    return hdi_want_type(r, &p->values[id].type);
}

/* The results' names stand before their operator and its arguments, which must not see them: they are entered afterwards. */
static hd_status add_results(hdi_reader *r, const hdi_word *words, uint32_t n, hdi_call *call) {
    hd_program *p = r->program;
    call->results = (hdi_stretch){(uint32_t)p->n_values, n};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id;
        if (i) HD_TRY(hdi_want(r, ","));
        HD_TRY(add_value(r, &r->local, words[i], HDI_SOURCE_RESULT, &id));
        HD_TRY(hdi_want_type(r, &p->values[id].type));
    }
    return HD_OK;
}

/* "%v, %i = aten.max.dim(%b, 1) : f32[2], i64[2] @ "scope" "model.py:3"" */
static hd_status call(hdi_reader *r) {
    enum { MOST_RESULTS = 64 };
    hd_program *p = r->program;
    hdi_method *m = current(r);
    hdi_call it = {.line = r->line};
    hdi_word words[MOST_RESULTS];
    uint32_t n = 0;
    if (m->updates.n || m->outputs.n) return hdi_reader_fail(r, "calls come before updates and outputs");
    do {
        if (n == MOST_RESULTS) return hdi_reader_fail(r, "a call of more than %d results", MOST_RESULTS);
        HD_TRY(hdi_want_value_name(r, &words[n++]));
    } while (hdi_take(r, ","));
    HD_TRY(hdi_want(r, "="));
    hdi_word op = hdi_take_word(r, true);
    if (!op.size) return hdi_reader_fail(r, "an operator's name should follow");
    HD_TRY(hdi_keep_word(r, op, &it.op));
    HD_TRY(hdi_want_arguments(r, &it.args));
    HD_TRY(hdi_want(r, ":"));
    HD_TRY(add_results(r, words, n, &it));
    if (hdi_take(r, "@")) {
        HD_TRY(hdi_want_string(r, &it.scope));
        HD_TRY(hdi_want_string(r, &it.source));
    }
    HD_TRY(hdi_reader_grow(&p->calls, &p->cap_calls, p->n_calls, sizeof *p->calls));
    p->calls[p->n_calls++] = it;
    m->calls.n++;
    return HD_OK;
}

static bool same_type(const hdi_type *a, const hdi_type *b) {
    return a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}

/* "%state %value" */
static hd_status update(hdi_reader *r) {
    hd_program *p = r->program;
    hdi_method *m = current(r);
    hdi_update it;
    if (m->outputs.n) return hdi_reader_fail(r, "updates come before outputs");
    HD_TRY(hdi_want_value(r, &it.state));
    HD_TRY(hdi_want_value(r, &it.value));
    if (p->values[it.state].kind != HDI_SOURCE_STATE) return hdi_reader_fail(r, "only states are updated");
    if (!same_type(&p->values[it.state].type, &p->values[it.value].type))
        return hdi_reader_fail(r, "the value has another type than the state");
    for (uint32_t i = 0; i < m->updates.n; i++)
        if (p->updates[m->updates.first + i].state == it.state) return hdi_reader_fail(r, "the state is updated already");
    HD_TRY(hdi_reader_grow(&p->updates, &p->cap_updates, p->n_updates, sizeof *p->updates));
    p->updates[p->n_updates++] = it;
    m->updates.n++;
    return HD_OK;
}

/* ""logits" %v" */
static hd_status output(hdi_reader *r) {
    hd_program *p = r->program;
    hdi_method *m = current(r);
    hdi_result it;
    HD_TRY(hdi_want_string(r, &it.name));
    HD_TRY(hdi_want_value(r, &it.value));
    for (uint32_t i = 0; i < m->outputs.n; i++)
        if (strcmp(hdi_program_string(p, p->outputs[m->outputs.first + i].name), hdi_program_string(p, it.name)) == 0)
            return hdi_reader_fail(r, "there is an output of this name already");
    HD_TRY(hdi_reader_grow(&p->outputs, &p->cap_outputs, p->n_outputs, sizeof *p->outputs));
    p->outputs[p->n_outputs++] = it;
    m->outputs.n++;
    return HD_OK;
}

/* The statements of a method, up to its end. */
static hd_status method(hdi_reader *r) {
    static const struct {
        const char *word;
        hd_status (*read)(hdi_reader *r);
    } statements[] = {{"input", input}, {"update", update}, {"output", output}};
    hd_program *p = r->program;
    hdi_method m = {.inputs.first = (uint32_t)p->n_values,
                    .calls.first = (uint32_t)p->n_calls,
                    .updates.first = (uint32_t)p->n_updates,
                    .outputs.first = (uint32_t)p->n_outputs};
    hdi_word word = hdi_take_word(r, false);
    if (!word.size) return hdi_reader_fail(r, "a method's name should follow");
    HD_TRY(name_it(r, &r->methods, "method", word, (uint32_t)p->n_methods + 1, &m.name));
    HD_TRY(hdi_reader_grow(&p->methods, &p->cap_methods, p->n_methods, sizeof *p->methods));
    p->methods[p->n_methods++] = m;
    hdi_names_clear(&r->local);
    for (;;) {
        bool more;
        size_t i = 0;
        HD_TRY(hdi_next_line(r, &more));
        if (!more) return hdi_reader_fail(r, "the method has no end");
        word = hdi_take_word(r, false);
        if (hdi_is(word, "end")) return HD_OK;
        while (i < HDI_COUNTOF(statements) && !hdi_is(word, statements[i].word)) i++;
        if (word.size && i == HDI_COUNTOF(statements))
            return hdi_word_fail(r, word, "%.*s is no statement of a method", HDI_WORD(word));
        HD_TRY(word.size ? statements[i].read(r) : call(r));
    }
}

/* ---- the file ---- */

static hd_status header(hdi_reader *r, bool *more) {
    int64_t version = 0;
    *more = true;
    if (hdi_at_end_of_line(r)) HD_TRY(hdi_next_line(r, more));
    if (!*more || !hdi_is(hdi_take_word(r, false), "heddle") || !hdi_is(hdi_take_word(r, false), "program"))
        return hdi_reader_fail(r, "this is no program file: it should begin with \"heddle program %d\"", VERSION);
    HD_TRY(hdi_want_integer(r, &version));
    if (version == VERSION) return hdi_next_line(r, more);
    (void)hdi_fail(HD_UNSUPPORTED, "a program file of version %lld; this Heddle reads version %d", (long long)version, VERSION);
    return hdi_reader_blame(r, HD_UNSUPPORTED);
}

static hd_status statement(hdi_reader *r) {
    hdi_word word = hdi_take_word(r, false);
    if (hdi_is(word, "symbol")) return symbol(r);
    if (hdi_is(word, "weight")) return stored(r, HDI_SOURCE_WEIGHT);
    if (hdi_is(word, "state")) return stored(r, HDI_SOURCE_STATE);
    if (hdi_is(word, "method")) return method(r);
    return hdi_word_fail(r, word, "there should be a symbol, a weight, a state or a method here");
}

static hd_status read_all(hdi_reader *r) {
    bool more;
    HD_TRY(hdi_reader_grow(&r->program->values, &r->program->cap_values, 0, sizeof *r->program->values));
    memset(&r->program->values[0], 0, sizeof r->program->values[0]);
    r->program->n_values = r->program->n_shared = 1;
    HD_TRY(header(r, &more));
    while (more) {
        HD_TRY(statement(r));
        HD_TRY(hdi_next_line(r, &more));
    }
    return r->program->n_methods ? HD_OK : hdi_reader_fail(r, "the program has no method");
}

static void clear_reader(hdi_reader *r) {
    hdi_names *const tables[] = {&r->keys, &r->shared, &r->local, &r->symbols, &r->methods};
    for (size_t i = 0; i < HDI_COUNTOF(tables); i++) hdi_names_clear(tables[i]);
    hdi_free(r->pending);
    if (r->plain) freelocale(r->plain);
}

hd_status hdi_program_parse(const char *path, const char *text, size_t size, hd_program **out) {
    hd_status status;
    hdi_reader r = {.path = path, .at = text, .end = text + size, .line_begin = text, .line = 1};
    *out = NULL;
    HD_TRY(hdi_calloc(&r.program, 1, sizeof *r.program, "a program"));
    r.plain = newlocale(LC_ALL_MASK, "C", NULL);
    HD_REQUIRE_GOTO(r.plain, HD_OUT_OF_MEMORY, "no memory for a locale");
    HD_REQUIRE_GOTO(r.program->path = hdi_strdup(path), HD_OUT_OF_MEMORY, "no memory for a program");
    HD_TRY_GOTO(read_all(&r));
    *out = r.program;
    r.program = NULL;
    status = HD_OK;
fail:
    clear_reader(&r);
    hd_program_close(r.program);
    return status;
}
