/* SPDX-License-Identifier: Apache-2.0 */
/* The program `heddle`: finds the command and hands it its arguments. */
#include "cli/cli.h"

#include <string.h>

static const cli_command commands[] = {
    {"run", "continue a text with a model", cli_run_main, cli_run_help},
    {"inspect", "show what a model is: sizes, tensors, graph, plan", cli_inspect_main, cli_inspect_help},
    {"tokenize", "turn text into token ids, or ids into text", cli_tokenize_main, cli_tokenize_help},
    {"bench", "measure prefill and decode beside the machine's limit", cli_bench_main, cli_bench_help},
    {"worker", "hold one rank's part of a model (started by --tp and --pp)", cli_worker_main, cli_worker_help},
    {"simulate", "how long steps would take on more ranks than there are", cli_simulate_main, cli_simulate_help},
    {"devices", "list what models can run on here, and how fast its memory is", cli_devices_main, cli_devices_help},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *to) {
    fprintf(to, "Heddle takes a neural network from its checkpoint to its answer.\n\n"
                "usage: heddle COMMAND [OPTIONS]\n\ncommands\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "  %-10s %s\n", "help", "a command's options and examples: heddle help run");
    fprintf(to, "\nTo begin with\n"
                "  heddle run -p \"Once upon a time\"              a story from the model that comes with Heddle\n"
                "  heddle run -m FOLDER -p \"The sky is\" -n 64    a model as it comes from the Hugging Face hub\n"
                "\nExit codes: 0 done, 1 failed, 2 wrong command line, 3 missing, broken or unknown model or file,\n"
                "4 out of memory, 5 a limit is too small, 130 interrupted.\n");
}

static const cli_command *find(const char *name) {
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i].name, name)) return &commands[i];
    return NULL;
}

static int unknown(const char *name) {
    const char *names[COMMANDS + 1];
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    names[COMMANDS] = "help";
    const char *near = cli_nearest(name, names, COMMANDS + 1);
    if (near) return cli_usage("there is no command \"%s\"; did you mean %s?", name, near);
    return cli_usage("there is no command \"%s\"", name);
}

static bool is_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

int main(int argc, char **argv) {
    cli_signals_setup();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (is_help(name) || (!strcmp(name, "help") && argc == 2)) return cli_show_help(print_help);
    if (!strcmp(name, "--version")) {
        printf("heddle %s\n", hd_version());
        return fflush(stdout) ? cli_fail(EXIT_FAILED, "cannot write to standard output") : EXIT_OK;
    }
    bool wants_help = !strcmp(name, "help");
    if (wants_help) name = argv[2];
    const cli_command *command = find(name);
    if (!command) return unknown(name);
    if (wants_help) return cli_show_help(command->help);
    char full[64];
    int rank = (int)cli_launched_rank();
    int n = snprintf(full, sizeof full, "heddle %s", command->name);
    if (rank) snprintf(full + n, sizeof full - (size_t)n, " (rank %d)", rank);
    cli_set_name(full);
    return cli_exit_code(command->main(argc - 2, argv + 2));
}
