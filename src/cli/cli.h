/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: exit codes, the table of commands, and the small helpers beside this file.
 *
 * The program uses public headers only: whatever it does, any other program can do too. A command writes its result to
 * standard output and everything else to standard error; a failure is one line there. */
#ifndef HDI_CLI_CLI_H
#define HDI_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "heddle/status.h"

/* Exit codes, part of the interface (docs/cli.md). 128 + signal after an interrupt: 130 for Ctrl-C. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,    /* anything that has no code of its own */
    EXIT_USAGE = 2,     /* the command line is wrong */
    EXIT_BAD_INPUT = 3, /* a model, tokenizer or file is missing, broken, or of a kind that Heddle does not know */
    EXIT_MEMORY = 4,    /* out of memory */
    EXIT_LIMIT = 5,     /* a limit (the context, usually) is too small for what was asked */
};

/* One command. `main` gets the arguments behind the command's name. `help` writes its help page. */
typedef struct cli_command {
    const char *name;
    const char *summary;
    int (*main)(int argc, char **argv);
    void (*help)(FILE *to);
} cli_command;

int cli_run_main(int argc, char **argv);
void cli_run_help(FILE *to);
int cli_inspect_main(int argc, char **argv);
void cli_inspect_help(FILE *to);
int cli_tokenize_main(int argc, char **argv);
void cli_tokenize_help(FILE *to);
int cli_bench_main(int argc, char **argv);
void cli_bench_help(FILE *to);
int cli_worker_main(int argc, char **argv);
void cli_worker_help(FILE *to);
int cli_simulate_main(int argc, char **argv);
void cli_simulate_help(FILE *to);
int cli_devices_main(int argc, char **argv);
void cli_devices_help(FILE *to);

/* ---- failures (report.c) ---- */

/* Sets the name that starts error lines: "heddle run". Borrowed. */
void cli_set_name(const char *name);
/* Writes "NAME: sentence" to standard error and returns `code`. */
int cli_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with "(see: NAME --help)" behind it, returning EXIT_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Reports hd_last_error() and gives the exit code of `status`. Nothing is written for HD_CANCELLED: someone asked for it. */
int cli_fail_status(hd_status status);
/* From now on failures are not written: `text` gets their sentence. NULL: they are written again. */
void cli_keep_failures(char *text, size_t size);
/* `how` adds what it knows of failed ranks to such sentences, as "; ..."; NULL: nothing does. */
void cli_explain_failures(void (*how)(char *text, size_t size));
/* The candidate that is spelled most like `word`, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t count);

/* ---- signals (signals.c) ---- */

/* From here on SIGINT and SIGTERM set a flag (a second one ends the process at once), SIGPIPE is ignored, and descriptors
 * 0 to 2 are open, so that no file we open takes one of their numbers. */
void cli_signals_setup(void);
/* The signal that came, 0 when none did. */
int cli_interrupted(void);
/* `code`, or 128 + signal after an interrupt. */
int cli_exit_code(int code);

/* ---- standard output (output.c) ---- */

typedef enum cli_write_result {
    CLI_WRITE_OK = 0,
    CLI_WRITE_CLOSED, /* the reader has gone: stop, quietly */
    CLI_WRITE_FAILED, /* errno says why */
} cli_write_result;

/* Writes all of it to standard output at once, unbuffered. */
cli_write_result cli_write(const char *data, size_t size);
/* Writes a text that is a command's whole result and gives the exit code; frees nothing. */
int cli_write_result_text(const char *text, size_t size);
/* Reports a failed write and gives the exit code (EXIT_OK when the reader has gone). */
int cli_write_failed(cli_write_result result);
/* Help is a result like any other: on standard output, and a reader that goes away early is no failure. Gives EXIT_OK. */
int cli_show_help(void (*print)(FILE *to));
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void cli_json_string(FILE *to, const char *text, size_t size);

/* ---- input (input.c) ---- */

/* Reads all of a file, or of standard input when `path` is "-". *data is NUL-terminated behind *size bytes; free() it.
 * Returns EXIT_OK, or reports and gives the exit code. */
int cli_read_all(const char *path, char **data, size_t *size);
/* The prompt of `run`, `bench` and `tokenize`: -p TEXT, else -f FILE, else standard input unless that is a terminal. */
int cli_read_prompt(const char *text, const char *file, char **data, size_t *size);

/* ---- launchers of many processes (launcher.c) ---- */

/* How many processes mpirun or srun has started for this job; 0: none of them has. And which one this is, as far as it tells. */
int32_t cli_launched_ranks(void);
int32_t cli_launched_rank(void);

/* ---- terminal (terminal.c) ---- */

bool cli_is_shell(int fd);     /* a terminal at which a shell may wait */
bool cli_is_terminal(int fd);  /* and one that understands more than plain text */
bool cli_wants_colour(int fd); /* and NO_COLOR is not set */
#define CLI_DIM "\033[2m"
#define CLI_BOLD "\033[1m"
#define CLI_RESET "\033[0m"
/* A progress line on standard error, when that is a terminal; nothing is shown within the first 200 ms. */
typedef struct cli_progress {
    const char *label; /* borrowed; NULL shows nothing at all */
    double started, shown;
} cli_progress;
void cli_progress_start(cli_progress *progress, const char *label);
void cli_progress_update(cli_progress *progress, uint64_t done, uint64_t total, bool bytes);
void cli_progress_end(cli_progress *progress); /* takes the line away again */
double cli_now(void);                          /* seconds of a clock that never jumps */
/* "1.21 GB" (decimal) into `text`. */
const char *cli_bytes(char text[32], double bytes);

#endif
