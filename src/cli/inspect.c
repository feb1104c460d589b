/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle inspect`: what a model is. A summary by default; its graph, plan, tensors or configuration when asked. */
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"
#include "heddle/program.h"

typedef struct inspect_options {
    const char *model, *weights;
    bool graph, plan, tensors, config, json;
    int64_t tokens, threads;
} inspect_options;

enum { MAX_ROWS = 12 };

static size_t make_table(inspect_options *o, cli_option table[MAX_ROWS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "options"},
        {CLI_STRING, 'm', "model", "FOLDER", &o->model,
         .help = "a Hugging Face folder, or a program (.hdg); default: $HEDDLE_MODEL, else the bundled model"},
        {CLI_FLAG, 0, "graph", NULL, &o->graph, .help = "the graph of operators that the model becomes; of a program, its calls"},
        {CLI_FLAG, 0, "plan", NULL, &o->plan,
         .help = "the plan that the graph compiles to: steps, what they wait for, where values lie"},
        {CLI_INT, 0, "tokens", "N", &o->tokens, 1, 1 << 16, .help = "the plan's most tokens a step (512)"},
        {CLI_FLAG, 0, "tensors", NULL, &o->tensors,
         .help = "the checkpoint's tensors; works for models that Heddle cannot run, too"},
        {CLI_FLAG, 0, "config", NULL, &o->config, .help = "config.json, as it is"},
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "the summary as a JSON object"},
        {CLI_STRING, 0, "weights", "TYPE", &o->weights,
         .help = "as-is, f32, f16, bf16, q8 or q4: as run would hold them (as-is)"},
        {CLI_INT, 't', "threads", "N", &o->threads, 0, 1024,
         .help = "threads for the conversion that --weights asks for (0: one a core)"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

void cli_inspect_help(FILE *to) {
    inspect_options options = {0};
    cli_option table[MAX_ROWS];
    fprintf(to, "heddle inspect: show what a model is\n\n"
                "usage: heddle inspect [-m FOLDER] [--graph | --plan | --tensors | --config | --json]\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to, "\nexamples\n"
                "  heddle inspect -m Qwen2.5-0.5B\n"
                "  heddle inspect -m Qwen2.5-0.5B --plan --tokens 1 | less\n");
}

/* "30.0 M", "1.54 B": a number of parameters. */
static const char *parameters(char text[32], uint64_t count) {
    double n = (double)count;
    if (n >= 1e9)
        snprintf(text, 32, "%.2f billion", n / 1e9);
    else if (n >= 1e6)
        snprintf(text, 32, "%.2f million", n / 1e6);
    else
        snprintf(text, 32, "%llu", (unsigned long long)count);
    return text;
}

static void print_summary(const char *folder, const hd_model *model, FILE *to) {
    hd_model_info info;
    hd_generation_defaults advice;
    char a[32];
    hd_model_get_info(model, &info);
    hd_model_get_generation_defaults(model, &advice);
    fprintf(to, "%s\n", folder);
    fprintf(to, "  architecture    %s (family %s)\n", info.architecture, info.family);
    fprintf(to, "  parameters      %s\n", parameters(a, info.parameters));
    fprintf(to, "  weights         %s, held as %s\n", cli_bytes(a, (double)info.weight_bytes), hd_weights_name(info.weights));
    fprintf(to, "  read a token    %s of matrices, beside the KV cache\n", cli_bytes(a, (double)info.matrix_bytes_per_token));
    fprintf(to, "  layers          %d\n", (int)info.layers);
    fprintf(to, "  hidden          %d, feed-forward %d\n", (int)info.hidden, (int)info.intermediate);
    fprintf(to, "  heads           %d of %d, %d for keys and values\n", (int)info.heads, (int)info.head_dim, (int)info.kv_heads);
    fprintf(to, "  vocabulary      %d\n", (int)info.vocab);
    fprintf(to, "  context         %lld tokens\n", (long long)info.context);
    if (advice.do_sample)
        fprintf(to, "  advised         temperature %g, top-k %d, top-p %g, repetition penalty %g\n", (double)advice.temperature,
                (int)advice.top_k, (double)advice.top_p, (double)advice.repetition_penalty);
    else
        fprintf(to, "  advised         greedy\n");
    fprintf(to, "  end tokens     ");
    for (int32_t i = 0; i < advice.n_eos; i++) fprintf(to, " %d", (int)advice.eos[i]);
    fprintf(to, "%s\n", advice.n_eos ? "" : " none");
}

static void print_json(const char *folder, const hd_model *model, FILE *to) {
    hd_model_info info;
    hd_model_get_info(model, &info);
    fputs("{\"path\": ", to);
    cli_json_string(to, folder, strlen(folder));
    fputs(", \"architecture\": ", to);
    cli_json_string(to, info.architecture, strlen(info.architecture));
    fputs(", \"family\": ", to);
    cli_json_string(to, info.family, strlen(info.family));
    fprintf(to, ", \"parameters\": %llu, \"weight_bytes\": %llu, \"matrix_bytes_per_token\": %llu, \"weights\": \"%s\"",
            (unsigned long long)info.parameters, (unsigned long long)info.weight_bytes,
            (unsigned long long)info.matrix_bytes_per_token, hd_weights_name(info.weights));
    fprintf(to, ", \"layers\": %d, \"hidden\": %d, \"intermediate\": %d, \"heads\": %d, \"kv_heads\": %d, \"head_dim\": %d",
            (int)info.layers, (int)info.hidden, (int)info.intermediate, (int)info.heads, (int)info.kv_heads, (int)info.head_dim);
    fprintf(to, ", \"vocab\": %d, \"context\": %lld}\n", (int)info.vocab, (long long)info.context);
}

/* Writes a fresh text of the library and frees it. */
static int write_described(hd_status status, char *text) {
    if (status != HD_OK) return cli_fail_status(status);
    int code = cli_write_result_text(text, strlen(text));
    hd_free(text);
    return code;
}

static int print_config(const char *folder) {
    char path[CLI_PATH_MAX + 16], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/config.json", folder);
    int code = cli_read_all(path, &text, &size);
    if (code != EXIT_OK) return code;
    code = cli_write_result_text(text, size);
    free(text);
    return code;
}

static int show_model(const inspect_options *options, const char *folder, const hd_model *model) {
    char *text = NULL;
    if (options->graph) {
        hd_status status = hd_model_describe_graph(model, &text);
        return write_described(status, text);
    }
    if (options->plan) {
        hd_status status = hd_model_describe_plan(model, (int32_t)options->tokens, &text);
        return write_described(status, text);
    }
    /* In memory first: a reader that goes away early then meets one write only. */
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return cli_fail(EXIT_MEMORY, "the summary does not fit into memory");
    if (options->json)
        print_json(folder, model, to);
    else
        print_summary(folder, model, to);
    int code = fclose(to) ? cli_fail(EXIT_MEMORY, "the summary does not fit into memory") : cli_write_result_text(text, size);
    free(text);
    return code;
}

static int show_program(const inspect_options *options, const char *path) {
    hd_program *program;
    char *text = NULL;
    if (options->plan || options->tensors || options->config || options->json || options->weights)
        return cli_usage("of a program there are a summary and --graph");
    hd_status status = hd_program_open(path, &program);
    if (status != HD_OK) return cli_fail_status(status);
    status = options->graph ? hd_program_print(program, &text) : hd_program_describe(program, &text);
    hd_program_close(program);
    return write_described(status, text);
}

static bool is_program(const char *path) {
    size_t n = path ? strlen(path) : 0;
    return n > 4 && strcmp(path + n - 4, ".hdg") == 0;
}

int cli_inspect_main(int argc, char **argv) {
    inspect_options options = {.tokens = 512};
    cli_option table[MAX_ROWS];
    int code = cli_parse(table, make_table(&options, table), cli_inspect_help, argc, argv);
    if (code >= 0) return code;
    if (options.graph + options.plan + options.tensors + options.config + options.json > 1)
        return cli_usage("--graph, --plan, --tensors, --config and --json are one choice");
    if (is_program(options.model)) return show_program(&options, options.model);
    char buffer[CLI_PATH_MAX];
    const char *folder = cli_model_folder(options.model, buffer, &code);
    if (!folder) return code;
    if (options.config) return print_config(folder);
    if (options.tensors) {
        char *text = NULL;
        hd_status status = hd_checkpoint_describe(folder, &text);
        return write_described(status, text);
    }
    hd_model *model = NULL;
    code = cli_load_model(folder, &(cli_load_options){.weights = options.weights, .threads = options.threads}, &model);
    if (code == EXIT_OK) code = show_model(&options, folder, model);
    hd_model_release(model);
    return code;
}
