/* SPDX-License-Identifier: Apache-2.0 */
/* Program files: what is right reads as it was written, what is wrong is refused with its line and column. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "program/program.h"

static const char example[] =
    "heddle program 1\n"
    "\n"
    "symbol batch 1..8\n"
    "symbol seq 2..512 hint 64\n"
    "weight %w \"lm_head.weight\" bf16[32000, 64]\n"
    "state %k \"k_cache\" bf16[batch, 8]\n"
    "\n"
    "method forward\n"
    "input %tokens i64[batch, seq]   # ids\n"
    "%a = aten.embedding.default(%w, %tokens) : bf16[batch, seq, 64] @ \"embed\" \"model.py:12\"\n"
    "%b = aten.slice.Tensor(%a, 1, 0, seq - 1) : bf16[batch, seq - 1, 64]\n"
    "%v, %i = aten.max.dim(%b, -1, keepdim=true) : bf16[batch, seq - 1, 1], i64[batch, seq - 1, 1]\n"
    "%c = my.op(none, [%a, [1.5, -inf], f32], \"ta\\\"nh\\u00e4\", alpha=1e-05, beta=nan) : bf16[batch, 8]\n"
    "update %k %c\n"
    "output \"logits\" %v\n"
    "output \"cache\" %k\n"
    "end\n"
    "\n"
    "method other\n"
    "input %a f32[]\n"
    "output \"same\" %a\n"
    "end\n";

static hd_program *read_good(const char *text) {
    hd_program *program;
    if (hdi_program_parse("test.hdg", text, strlen(text), &program) != HD_OK) fail_msg("%s", hd_last_error());
    return program;
}

static void the_example_is_read(void **state) {
    (void)state;
    hd_program *p = read_good(example);
    assert_int_equal(hd_program_methods(p), 2);
    assert_string_equal(hd_program_method(p, 0), "forward");
    assert_string_equal(hd_program_method(p, 1), "other");
    assert_null(hd_program_method(p, 2));
    assert_null(hd_program_method(p, -1));
    assert_int_equal(p->symbols[0].hint, -1);
    assert_int_equal(p->symbols[1].hint, 64);
    assert_int_equal(p->n_shared, 3);
    const hdi_method *m = &p->methods[0];
    assert_int_equal(m->inputs.n, 1);
    assert_int_equal(m->calls.n, 4);
    assert_int_equal(m->updates.n, 1);
    assert_int_equal(m->outputs.n, 2);
    const hdi_call *slice = &p->calls[m->calls.first + 1], *max = slice + 1, *mine = slice + 2;
    assert_string_equal(hdi_program_string(p, slice->op), "aten.slice.Tensor");
    assert_int_equal(slice->args.n, 4);
    const hdi_arg *args = p->args + slice->args.first;
    assert_int_equal(args[0].kind, HDI_ARG_VALUE);
    assert_int_equal(args[1].size, 1);
    char text[32];
    hdi_dims_text(&p->dims, args[3].size, text, sizeof text);
    assert_string_equal(text, "seq - 1");
    assert_true(args[3].size == p->values[slice->results.first].type.dim[1]);
    args = p->args + max->args.first;
    assert_int_equal(hdi_dims_max(&p->dims, args[1].size), -1);
    assert_string_equal(hdi_program_string(p, args[2].name), "keepdim");
    assert_true(args[2].kind == HDI_ARG_BOOL && args[2].flag);
    assert_int_equal(max->results.n, 2);
    args = p->args + mine->args.first;
    assert_int_equal(args[0].kind, HDI_ARG_NONE);
    assert_int_equal(args[1].list.n, 3);
    const hdi_arg *list = p->args + args[1].list.first, *inner = p->args + list[1].list.first;
    assert_true(inner[0].number == 1.5 && isinf(inner[1].number) && inner[1].number < 0);
    assert_int_equal(list[2].dtype, HD_DTYPE_F32);
    assert_string_equal(hdi_program_string(p, args[2].string), "ta\"nh\xc3\xa4");
    assert_true(args[3].number == 1e-05 && isnan(args[4].number));
    hd_program_close(p);
}

static void expect_same_again(const char *text) {
    char *once, *twice;
    hd_program *p = read_good(text);
    assert_int_equal(hd_program_print(p, &once), HD_OK);
    hd_program_close(p);
    p = read_good(once);
    assert_int_equal(hd_program_print(p, &twice), HD_OK);
    hd_program_close(p);
    assert_string_equal(once, twice);
    hd_free(once);
    hd_free(twice);
}

static void what_is_printed_reads_the_same(void **state) {
    (void)state;
    expect_same_again(example);
    expect_same_again("heddle program 1\nsymbol n 1..9\nsymbol m 1..9\nmethod f\n"
                      "%a = x.y(min(n, m)//2 % 3 - -(n*m + 2)*3, max(n - 5, 0), 1e300, -0.0, 0.1, 123456789.125, 7//2, -3)"
                      " : i8[n - (n//2), n*n + 1, (n + 1)//2*m]\n%b = x.z() : bool[]\nend");
}

/* Numbers have points, whatever the host's locale says. */
static void locales_do_not_matter(void **state) {
    (void)state;
    const char *names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    for (size_t i = 0; i < HDI_COUNTOF(names); i++)
        if (setlocale(LC_ALL, names[i])) break;
    hd_program *p = read_good("heddle program 1\nmethod f\n%a = x.y(0.25) : f32[]\nend\n");
    assert_true(p->args[0].number == 0.25);
    char *text;
    assert_int_equal(hd_program_print(p, &text), HD_OK);
    assert_non_null(strstr(text, "x.y(0.25)"));
    hd_free(text);
    hd_program_close(p);
    setlocale(LC_ALL, "C");
}

/* ---- what is wrong ---- */

static int wrong; /* refusals that were not as they should be: all of them are told */

static void refuse(const char *text, hd_status code, const char *place, const char *why) {
    hd_program *program;
    hd_status status = hdi_program_parse("bad.hdg", text, strlen(text), &program);
    const char *said = status == HD_OK ? "nothing" : hd_last_error();
    char begin[64];
    snprintf(begin, sizeof begin, "bad.hdg:%s: ", place);
    if (status != code || strncmp(said, begin, strlen(begin)) != 0 || !strstr(said, why))
        wrong++, print_error("code %d, \"%s\"; wanted code %d, \"%s\" and \"%s\"\n", status, said, code, begin, why);
    assert_null(program);
}

/* Lines of a method behind "symbol n 1..9", a weight %w, a state %s and an input %x f32[n]. */
static void refuse_line(const char *line, const char *column, const char *why) {
    char text[1024], place[32];
    snprintf(
        text, sizeof text,
        "heddle program 1\nsymbol n 1..9\nweight %%w \"w\" f32[3]\nstate %%s \"s\" f32[n]\nmethod f\ninput %%x f32[n]\n%s\nend\n",
        line);
    snprintf(place, sizeof place, "7:%s", column);
    refuse(text, HD_CORRUPT, place, why);
}

static void wrong_lines_are_refused(void **state) {
    (void)state;
    wrong = 0;
    refuse_line("%y = aten.neg(%z) : f32[n]", "16", "there is no value %z here");
    refuse_line("%y = aten.neg(%y) : f32[n]", "16", "there is no value %y here");
    refuse_line("%x = aten.neg(%x) : f32[n]", "2", "there is a value x already");
    refuse_line("%w = aten.neg(%x) : f32[n]", "2", "weight's or a state's name");
    refuse_line("%y = aten.neg(%x) : f33[n]", "21", "a type like");
    refuse_line("%y = aten.neg(%x) : q8_0[32]", "21", "a type like");
    refuse_line("%y = aten.neg(%x) : f32[m]", "25", "there is no symbol m");
    refuse_line("%y = aten.neg(%x) : f32[n - 2]", "30", "could be negative");
    refuse_line("%y = aten.neg(%x) : f32[n//(n - 1)]", "35", "divided by one that can be less than 1");
    refuse_line("%y = aten.neg(%x) : f32[1,2,3,4,5,6,7,8,9]", "41", "more than 8 dims");
    refuse_line("%y = aten.neg(%x)", "18", "there should be a ':' here");
    refuse_line("%y aten.neg(%x) : f32[n]", "4", "there should be a '=' here");
    refuse_line("%y = aten.neg(%x : f32[n]", "18", "there should be a ',' here");
    refuse_line("%y = aten.neg(a=1, %x) : f32[n]", "20", "positional argument behind a keyword");
    refuse_line("%y = aten.neg(\"a) : f32[n]", "27", "the string has no end");
    refuse_line("%y = aten.neg(\"\\q\") : f32[n]", "17", "no such escape");
    refuse_line("%y = aten.neg(\"\\ud800\") : f32[n]", "22", "four hexadecimal digits");
    refuse_line("%y = aten.neg(\"\xff\") : f32[n]", "16", "not UTF-8");
    refuse_line("%y = aten.neg(99999999999999999999) : f32[n]", "33", "does not fit 64 bits");
    refuse_line("%y = aten.neg(1e999) : f32[n]", "15", "too large");
    refuse_line("%y = aten.neg(%x) : f32[n] %x", "28", "the statement should end here");
    refuse_line("%y = aten.neg(%x) : f32[n] @ \"a\"", "33", "there should be a '\"' here");
    refuse_line("update %w %x", "13", "only states are updated");
    refuse_line("update %s %w", "13", "another type");
    assert_int_equal(wrong, 0);
}

static void wrong_files_are_refused(void **state) {
    (void)state;
    wrong = 0;
    refuse("", HD_CORRUPT, "1:1", "no program file");
    refuse("heddle graph 1\n", HD_CORRUPT, "1:13", "no program file");
    refuse("heddle program 2\n", HD_UNSUPPORTED, "1:17", "version 2");
    refuse("heddle program 1\n", HD_CORRUPT, "2:1", "no method");
    refuse("heddle program 1\nmethod f\n", HD_CORRUPT, "3:1", "the method has no end");
    refuse("heddle program 1\nmethod f\nend\nmethod f\nend\n", HD_CORRUPT, "4:8", "a method f already");
    refuse("heddle program 1\nsymbol n 5..4\n", HD_CORRUPT, "2:14", "no number in it");
    refuse("heddle program 1\nsymbol f32 1..4\n", HD_CORRUPT, "2:8", "means something else");
    refuse("heddle program 1\nsymbol n 1..4 hint 5\n", HD_CORRUPT, "2:21", "outside the range");
    refuse("heddle program 1\nsymbol n 1..4\nsymbol n 1..4\n", HD_CORRUPT, "3:8", "a symbol n already");
    refuse("heddle program 1\nsymbol n 1..4\nweight %w \"w\" f32[n]\n", HD_CORRUPT, "3:21", "must be numbers");
    refuse("heddle program 1\nweight %w \"w\" f32[1]\nweight %v \"w\" f32[1]\n", HD_CORRUPT, "3:14", "\"w\" is there already");
    refuse("heddle program 1\nmethod f\nend\nweight %w \"w\" f32[1]\n", HD_CORRUPT, "4:7", "before all methods");
    refuse("heddle program 1\nmethod f\noutput \"y\" %x\nend\n", HD_CORRUPT, "3:13", "no value %x");
    refuse("heddle program 1\nfoo\n", HD_CORRUPT, "2:1", "a symbol, a weight, a state or a method");
    char deep[256] = "heddle program 1\nmethod f\n%a = x.y(";
    memset(deep + strlen(deep), '[', 100);
    refuse(deep, HD_CORRUPT, "3:74", "nested more than 64 deep");
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_read),     cmocka_unit_test(what_is_printed_reads_the_same),
        cmocka_unit_test(locales_do_not_matter),   cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(wrong_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
