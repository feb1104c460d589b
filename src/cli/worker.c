/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle worker`: a rank that holds its part of a model and follows rank 0. `heddle run --tp 2` starts it; so can anybody. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/load.h"
#include "cli/options.h"
#include "cli/ranks.h"
#include "heddle/engine.h"

typedef struct worker_options {
    const char *model, *name;
    int64_t rank, ranks;
    cli_ranks shared;
} worker_options;

enum { MAX_ROWS = 16 };

static size_t make_table(worker_options *o, cli_option table[MAX_ROWS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "options, of which all but --rank must be rank 0's"},
        {CLI_STRING, 0, "name", "NAME", &o->name, .help = "what the ranks meet under"},
        {CLI_INT, 0, "rank", "N", &o->rank, 1, HD_MAX_RANKS - 1, .help = "which one this is, from 1"},
        {CLI_INT, 0, "ranks", "N", &o->ranks, 2, HD_MAX_RANKS, .help = "how many there are"},
        CLI_RANKS_ROWS(&o->shared),
        {CLI_STRING, 'm', "model", "FOLDER", &o->model, .help = "a Hugging Face folder"},
        {CLI_STRING, 0, "weights", "TYPE", &o->shared.weights, .help = "as-is, f32, f16, bf16, q8 or q4 (as-is)"},
        {CLI_STRING, 0, "device", "NAME", &o->shared.device, .help = "cpu, cuda, cuda:1, maca ... (cpu)"},
        {CLI_INT, 't', "threads", "N", &o->shared.threads, 0, 1024, .help = "threads; 0: as many as rank 0 has (0)"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

void cli_worker_help(FILE *to) {
    worker_options options = {0};
    cli_option table[MAX_ROWS];
    fprintf(to, "heddle worker: hold one rank's part of a model, and follow rank 0\n\n"
                "usage: heddle worker --name NAME --rank N --ranks N --tp N --pp N -m FOLDER [OPTIONS]\n\n"
                "`heddle run` and `heddle bench` with --tp or --pp start their ranks themselves; nobody needs to call this.\n");
    cli_print_options(to, table, make_table(&options, table));
}

/* Dies of what it was sent, so that rank 0 tells that. */
static void end_now(int number) {
    (void)number;
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
}

/* Time enough to leave in order when rank 0 was told to end, too. */
static void end_soon(int number) {
    enum { GRACE_SECONDS = 2 };
    (void)number;
    signal(SIGALRM, end_now);
    alarm(GRACE_SECONDS);
}

/* A terminal sends SIGINT, and `timeout` and service managers SIGTERM, to all ranks at once: rank 0 ends in order then, and this
 * one with it. Rank 0 kept both back until here. Gives whether rank 0 has started this
 * process. */
static bool choose_signals(void) {
    sigset_t both;
    int launched = 0;
    prctl(PR_GET_PDEATHSIG, &launched);
    signal(SIGINT, launched ? SIG_IGN : SIG_DFL);
    signal(SIGTERM, launched ? end_soon : SIG_DFL);
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    return launched;
}

int cli_worker_main(int argc, char **argv) {
    worker_options o = {0};
    cli_option table[MAX_ROWS];
    char name[32];
    int code = cli_parse(table, make_table(&o, table), cli_worker_help, argc, argv);
    if (code >= 0) return code;
    if (!o.name || !o.model || !o.rank || !o.ranks) return cli_usage("a worker takes --name, --rank, --ranks and --model");
    snprintf(name, sizeof name, "heddle worker %d", (int)o.rank);
    cli_set_name(name);
    o.shared.reports = choose_signals();
    return cli_ranks_work(&o.shared, o.model, o.name, (int32_t)o.rank, (int32_t)o.ranks);
}
