/* SPDX-License-Identifier: Apache-2.0 */
/* How the program fails: one line on standard error that says what was wrong and what to do, and an exit code for scripts. */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

/* The one thing that every error line needs and no caller should have to pass along; set once, before anything can fail. */
static const char *program = "heddle";

void cli_set_name(const char *name) { program = name; }

static char *kept; /* where failures go instead of standard error; NULL: there */
static size_t kept_size;

void cli_keep_failures(char *text, size_t size) {
    kept = text;
    kept_size = size;
}

/* Control characters of an argument or a file's name must not end the line or drive the terminal. */
static void write_line(const char *sentence, const char *tail) {
    char line[1400];
    if (kept) {
        snprintf(kept, kept_size, "%s", sentence);
        return;
    }
    snprintf(line, sizeof line, "%s: %s%s", program, sentence, tail);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    fprintf(stderr, "%s\n", line);
}

int cli_fail(int code, const char *fmt, ...) {
    char sentence[1200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    write_line(sentence, "");
    return code;
}

int cli_usage(const char *fmt, ...) {
    char sentence[1200], tail[64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    snprintf(tail, sizeof tail, " (see %s --help)", program);
    write_line(sentence, tail);
    return EXIT_USAGE;
}

static int code_of(hd_status status) {
    switch (status) {
    case HD_OK:
        return EXIT_OK;
    case HD_NOT_FOUND:
    case HD_UNSUPPORTED:
    case HD_CORRUPT:
    case HD_IO:
        return EXIT_BAD_INPUT;
    case HD_OUT_OF_MEMORY:
        return EXIT_MEMORY;
    case HD_EXHAUSTED:
        return EXIT_LIMIT;
    default:
        return EXIT_FAILED;
    }
}

static void (*explain)(char *text, size_t size);

void cli_explain_failures(void (*how)(char *text, size_t size)) { explain = how; }

int cli_fail_status(hd_status status) {
    /* Ranks that were interrupted together end in any order: who misses another one has nothing to tell. */
    if (status == HD_CANCELLED || (status == HD_COMM && cli_interrupted())) return EXIT_FAILED;
    char more[128] = "";
    const char *sentence = hd_last_error();
    if (explain && status == HD_COMM) explain(more, sizeof more);
    return cli_fail(code_of(status), "%s%s", *sentence ? sentence : hd_status_text(status), more);
}

/* Edits (insert, delete, replace, swap neighbours) from a to b; both are short. */
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 40 };
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return LONGEST;
    size_t d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= n; i++) d[i][0] = i;
    for (size_t j = 0; j <= m; j++) d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t count) {
    size_t length = strlen(word), limit = length < 4 ? 1 : length < 9 ? 2 : 3;
    const char *best = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t away = distance(word, candidates[i]);
        bool starts = length >= 3 && !strncmp(word, candidates[i], length); /* "--temperature" for "--temp" and the reverse */
        bool started = strlen(candidates[i]) >= 3 && !strncmp(word, candidates[i], strlen(candidates[i]));
        if (starts || started) away = 1;
        if (away <= limit) {
            best = candidates[i];
            if (!away) return best;
            limit = away - 1;
        }
    }
    return best;
}
