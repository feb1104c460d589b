/* SPDX-License-Identifier: Apache-2.0 */
/* The parser behind the option tables. Values follow as the next argument, behind '=', or directly behind a letter (-n64). */
#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How the option is called in messages: as the user would write it. */
static const char *spelled(const cli_option *option, char buffer[64]) {
    if (option->name)
        snprintf(buffer, 64, "--%s", option->name);
    else
        snprintf(buffer, 64, "-%c", option->letter);
    return buffer;
}

static const cli_option *find_long(const cli_option *options, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (options[i].name && strlen(options[i].name) == length && !memcmp(options[i].name, name, length)) return &options[i];
    return NULL;
}

static const cli_option *find_letter(const cli_option *options, size_t count, char letter) {
    for (size_t i = 0; i < count; i++)
        if (options[i].letter && options[i].letter == letter) return &options[i];
    return NULL;
}

static int unknown(const cli_option *options, size_t count, const char *argument) {
    const char *names[CLI_MAX_STRINGS];
    size_t n = 0;
    for (size_t i = 0; i < count && n < CLI_COUNT(names); i++)
        if (options[i].name) names[n++] = options[i].name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    const char *near = argument[0] == '-' && argument[1] == '-' ? cli_nearest(word + 2, names, n) : NULL;
    if (near) return cli_usage("there is no option %s; did you mean --%s?", word, near);
    if (argument[0] == '-') return cli_usage("there is no option %s", word);
    return cli_usage("the argument \"%s\" belongs to no option (a model goes behind -m, a text behind -p)", argument);
}

static bool parse_int(const char *text, size_t length, double min, double max, int64_t *out) {
    char buffer[32], *end;
    if (!length || length >= sizeof buffer) return false;
    memcpy(buffer, text, length);
    buffer[length] = 0;
    errno = 0;
    long long number = strtoll(buffer, &end, 10);
    if (errno || *end || end == buffer || (double)number < min || (double)number > max) return false;
    *out = number;
    return true;
}

static bool parse_ints(const char *text, double min, double max, cli_ints *out) {
    out->count = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        if (out->count == CLI_MAX_INTS || !parse_int(text, length, min, max, &out->items[out->count++])) return false;
        if (!text[length]) return true;
        text += length + 1;
    }
}

static bool parse_number(const char *text, double min, double max, double *out) {
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number < min || number > max) return false;
    *out = number;
    return true;
}

static bool parse_uint(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9') return false;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno || *end) return false;
    *out = number;
    return true;
}

/* "a number from 0 to 1", "a number of at least 0": how the allowed values are described. */
static const char *range(const cli_option *option, const char *noun, char buffer[96]) {
    if (option->max >= 1e9)
        snprintf(buffer, 96, "%s of at least %.10g", noun, option->min);
    else
        snprintf(buffer, 96, "%s from %.10g to %.10g", noun, option->min, option->max);
    return buffer;
}

static int set_value(const cli_option *option, const char *value) {
    char name[64], allowed[96];
    switch (option->kind) {
    case CLI_STRING:
        *(const char **)option->target = value;
        return -1;
    case CLI_STRINGS: {
        cli_strings *list = option->target;
        if (list->count == CLI_MAX_STRINGS) return cli_usage("%s may be given %d times", spelled(option, name), CLI_MAX_STRINGS);
        list->items[list->count++] = value;
        return -1;
    }
    case CLI_INT:
        if (parse_int(value, strlen(value), option->min, option->max, option->target)) return -1;
        return cli_usage("%s takes %s, not \"%s\"", spelled(option, name), range(option, "a whole number", allowed), value);
    case CLI_INTS:
        if (parse_ints(value, option->min, option->max, option->target)) return -1;
        return cli_usage("%s takes %s, or several with commas between, not \"%s\"", spelled(option, name),
                         range(option, "a whole number", allowed), value);
    case CLI_UINT:
        if (parse_uint(value, option->target)) return -1;
        return cli_usage("%s takes a whole number of at least 0, not \"%s\"", spelled(option, name), value);
    case CLI_NUMBER:
        if (parse_number(value, option->min, option->max, option->target)) return -1;
        return cli_usage("%s takes %s, not \"%s\"", spelled(option, name), range(option, "a number", allowed), value);
    default:
        return -1;
    }
}

static bool is_flag(const cli_option *option) { return option->kind == CLI_FLAG || option->kind == CLI_UNFLAG; }

int cli_parse(const cli_option *options, size_t count, void (*help)(FILE *to), int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i], *value = NULL;
        const cli_option *option = NULL;
        if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) return cli_show_help(help);
        if (argument[0] == '-' && argument[1] == '-' && argument[2]) {
            size_t length = strcspn(argument + 2, "=");
            option = find_long(options, count, argument + 2, length);
            if (argument[2 + length]) value = argument + 2 + length + 1;
        } else if (argument[0] == '-' && argument[1] && argument[1] != '-') {
            option = find_letter(options, count, argument[1]);
            if (argument[2]) value = argument + 2;
            if (value && option && is_flag(option)) option = NULL; /* letters are not combined */
        }
        if (!option) return unknown(options, count, argument);
        char name[64];
        if (is_flag(option)) {
            if (value) return cli_usage("%s takes no value", spelled(option, name));
            *(bool *)option->target = option->kind == CLI_FLAG;
        } else {
            if (!value && i + 1 == argc) return cli_usage("%s needs a value: %s", spelled(option, name), option->value);
            int code = set_value(option, value ? value : argv[++i]);
            if (code >= 0) return code;
        }
        if (option->given) *option->given = true;
    }
    return -1;
}

/* Help texts are wrapped to this many columns, behind a column for the names. */
enum { WIDTH = 100, NAMES = 30 };

static void print_wrapped(FILE *to, const char *text, int indent) {
    int column = indent;
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > WIDTH) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        }
        column += fprintf(to, "%s%.*s", column > indent ? " " : "", length, text);
        text += length;
        while (*text == ' ') text++;
    }
    fputc('\n', to);
}

void cli_print_options(FILE *to, const cli_option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const cli_option *option = &options[i];
        if (option->kind == CLI_HEADING) {
            fprintf(to, "\n%s\n", option->help);
            continue;
        }
        char names[96];
        int length = snprintf(names, sizeof names, "  ");
        if (option->letter)
            length += snprintf(names + length, sizeof names - (size_t)length, "-%c%s", option->letter, option->name ? ", " : "");
        else
            length += snprintf(names + length, sizeof names - (size_t)length, "    ");
        if (option->name) length += snprintf(names + length, sizeof names - (size_t)length, "--%s", option->name);
        if (option->value) length += snprintf(names + length, sizeof names - (size_t)length, " %s", option->value);
        fprintf(to, "%-*s", NAMES, names);
        if (length >= NAMES) fprintf(to, "\n%*s", NAMES, "");
        print_wrapped(to, option->help, NAMES);
    }
}
