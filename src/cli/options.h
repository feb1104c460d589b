/* SPDX-License-Identifier: Apache-2.0 */
/* Command-line options from a table: parsing, checking and the help page come from the same rows. */
#ifndef HDI_CLI_OPTIONS_H
#define HDI_CLI_OPTIONS_H

#include "cli/cli.h"

typedef enum cli_kind {
    CLI_HEADING, /* a row of the help page only: `help` is the heading */
    CLI_FLAG,    /* bool * : set to true */
    CLI_UNFLAG,  /* bool * : set to false */
    CLI_STRING,  /* const char ** : borrowed from argv */
    CLI_STRINGS, /* cli_strings * : may be repeated */
    CLI_INT,     /* int64_t *, from min to max */
    CLI_UINT,    /* uint64_t *, any */
    CLI_INTS,    /* cli_ints *, a list "1,2,4", each from min to max */
    CLI_NUMBER,  /* double *, from min to max */
} cli_kind;

enum { CLI_MAX_STRINGS = 64, CLI_MAX_INTS = 32 };
typedef struct cli_strings {
    const char *items[CLI_MAX_STRINGS];
    size_t count;
} cli_strings;
typedef struct cli_ints {
    int64_t items[CLI_MAX_INTS];
    size_t count;
} cli_ints;

typedef struct cli_option {
    cli_kind kind;
    char letter;       /* 0: no short form */
    const char *name;  /* without the dashes */
    const char *value; /* what the help page calls the value; NULL for flags */
    void *target;
    double min, max;
    bool *given; /* set when the option was there; may be NULL */
    const char *help;
} cli_option;

/* Parses all arguments. Returns -1 to go on, or an exit code: EXIT_USAGE after an error line, EXIT_OK when --help was asked for
 * and `help` has written it. */
int cli_parse(const cli_option *options, size_t count, void (*help)(FILE *to), int argc, char **argv);
/* The rows of a help page. */
void cli_print_options(FILE *to, const cli_option *options, size_t count);

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
