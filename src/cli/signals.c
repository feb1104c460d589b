/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C ends a command in order: the handler sets a flag, loops look at it between steps. The second one is the system's. */
#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t received; /* a signal handler has nowhere else to write to */

static void note_signal(int number) { received = number; }

void cli_signals_setup(void) {
    /* A closed standard stream stays unusable (a write fails), but its number is taken. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) return;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND}; /* no SA_RESTART: a read must end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL); /* writes then fail with EPIPE, which output.c knows */
}

int cli_interrupted(void) { return received; }

int cli_exit_code(int code) { return received ? 128 + received : code; }
