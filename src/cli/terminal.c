/* SPDX-License-Identifier: Apache-2.0 */
/* What is only for people at a terminal: colours and a progress line. A file or a pipe gets none of it. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* mpirun gives ranks a terminal of its own, wherever it writes itself. */
bool cli_is_shell(int fd) { return isatty(fd) && cli_launched_ranks() == 0; }

bool cli_is_terminal(int fd) {
    const char *term = getenv("TERM");
    return cli_is_shell(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool cli_wants_colour(int fd) {
    const char *no = getenv("NO_COLOR");
    return cli_is_terminal(fd) && !(no && *no);
}

double cli_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *cli_bytes(char text[32], double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, 32, "%.*f %s", unit == 0 || bytes >= 99.5 ? 0 : bytes >= 9.95 ? 1 : 2, bytes, units[unit]);
    return text;
}

void cli_progress_start(cli_progress *progress, const char *label) {
    *progress = (cli_progress){.label = cli_is_terminal(STDERR_FILENO) ? label : NULL, .started = cli_now()};
}

void cli_progress_update(cli_progress *progress, uint64_t done, uint64_t total, bool bytes) {
    enum { CELLS = 24 };
    double now = cli_now();
    if (!progress->label || !total || now - progress->started < 0.2 || now - progress->shown < 0.05) return;
    progress->shown = now;
    double share = done < total ? (double)done / (double)total : 1;
    char bar[CELLS * 3 + 1] = "";
    for (int i = 0; i < CELLS; i++) strcat(bar, i < share * CELLS ? "█" : "░");
    char a[32], b[32];
    if (bytes)
        fprintf(stderr, "\r%s %s %3.0f %%  %s of %s\033[K", progress->label, bar, share * 100, cli_bytes(a, (double)done),
                cli_bytes(b, (double)total));
    else
        fprintf(stderr, "\r%s %s %3.0f %%  %llu of %llu\033[K", progress->label, bar, share * 100, (unsigned long long)done,
                (unsigned long long)total);
    fflush(stderr);
}

void cli_progress_end(cli_progress *progress) {
    if (progress->label && progress->shown > 0) fputs("\r\033[K", stderr);
    progress->label = NULL;
}
