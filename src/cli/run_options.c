/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `heddle run`, one row each: the parser and the help page both read this table. */
#include "cli/run.h"

enum { MAX_ROWS = 48 };

/* The table's targets point into `o`. */
static size_t make_table(run_options *o, cli_option table[MAX_ROWS]) {
    cli_sampling *s = &o->sampling;
    const double many = 1e9;
    const cli_option rows[] = {
        {CLI_HEADING, .help = "what to run"},
        {CLI_STRING, 'm', "model", "FOLDER", &o->model,
         .help = "a Hugging Face folder (config.json, *.safetensors, tokenizer.json); default: $HEDDLE_MODEL, else the bundled "
                 "model"},
        {CLI_STRING, 'p', "prompt", "TEXT", &o->prompt, .help = "the text to continue"},
        {CLI_STRING, 'f', "file", "FILE", &o->file,
         .help = "read it from a file (- is standard input, also the default when that is a pipe); one final newline is dropped"},
        {CLI_INT, 'n', "tokens", "N", &o->tokens, -1, many,
         .help = "write at most N tokens; -1: as far as the context goes (256)"},
        {CLI_UNFLAG, 0, "no-special", NULL, &o->add_special,
         .help = "do not put the tokenizer's begin and end tokens around the prompt"},
        {CLI_STRINGS, 0, "stop", "STRING", &o->stop, .help = "end before this string; may be repeated"},
        {CLI_FLAG, 0, "ignore-eos", NULL, &o->ignore_eos, .help = "go on behind the model's end token"},

        {CLI_HEADING, .help = "how the next token is chosen (without these: as the model's generation_config.json says)"},
        {CLI_NUMBER, 0, "temp", "T", &s->temperature, 0, 100, &s->given.temperature,
         "temperature; 0 is greedy, and drops the model's own settings"},
        {CLI_INT, 0, "top-k", "K", &s->top_k, 0, many, &s->given.top_k, "only the K most probable tokens; 0: off"},
        {CLI_NUMBER, 0, "top-p", "P", &s->top_p, 0, 1, &s->given.top_p,
         "the fewest tokens that together have probability P; 1: off"},
        {CLI_NUMBER, 0, "min-p", "P", &s->min_p, 0, 1, .help = "only tokens with P times the best one's probability; 0: off"},
        {CLI_NUMBER, 0, "typical-p", "P", &s->typical_p, 0, 1,
         .help = "the most typical tokens that together have probability P; 1: off"},
        {CLI_NUMBER, 0, "repeat-penalty", "X", &s->repeat_penalty, 0.01, 100, &s->given.repeat_penalty,
         "divide the logits of tokens that were there already; 1: off"},
        {CLI_INT, 0, "repeat-last", "N", &s->repeat_last, 0, many, .help = "how many last tokens that looks at; 0: all"},
        {CLI_NUMBER, 0, "presence-penalty", "X", &s->presence_penalty, -100, 100,
         .help = "subtract once from the logits of tokens written already"},
        {CLI_NUMBER, 0, "frequency-penalty", "X", &s->frequency_penalty, -100, 100,
         .help = "subtract for every time a token was written"},
        {CLI_STRINGS, 0, "logit-bias", "ID=X", &s->bias_text,
         .help = "add X to a token's logit (-inf forbids it); may be repeated"},
        {CLI_UINT, 0, "seed", "N", &s->seed, .given = &s->given.seed,
         .help = "the same seed draws the same tokens; default: a new one, shown at the end"},

        {CLI_HEADING, .help = "how it runs"},
        {CLI_STRING, 0, "device", "NAME", &o->device, .help = "cpu, cuda, cuda:1, maca ...: where the model lies and runs (cpu)"},
        {CLI_STRING, 0, "executor", "KIND", &o->executor,
         .help = "serial, threads or tasks on the CPU, stream, graph or persistent on devices; serial, one step after the other in one "
                 "thread, is what the others are tested against (threads; graph where there is one)"},
        {CLI_STRING, 0, "weights", "TYPE", &o->weights,
         .help = "as-is, f32, f16, bf16, q8 or q4: convert the matrices while loading (as-is)"},
        {CLI_INT, 't', "threads", "N", &o->threads, 0, 1024, .help = "threads; 0: one a core that this process may use (0)"},
        CLI_RANKS_ROWS(&o->ranks),
        {CLI_INT, 0, "ctx", "N", &o->context, 0, many,
         .help = "longest sequence in tokens; 0: the model's, as memory allows (0)"},
        {CLI_INT, 0, "batch", "N", &o->batch, 0, 1 << 16, .help = "tokens of the prompt in one step; 0: 512, on a GPU 2048 (0)"},
        {CLI_STRING, 0, "kv-type", "TYPE", &o->kv_type,
         .help = "f32, f16 or bf16: how keys and values are kept (by the weights' type)"},

        {CLI_HEADING, .help = "what is shown"},
        {CLI_FLAG, 0, "special", NULL, &o->show_special, .help = "write special tokens out, too"},
        {CLI_INT, 0, "logprobs", "N", &o->logprobs, 0, 20,
         .help = "show each token's log-probability and N alternatives, on standard error"},
        {CLI_FLAG, 0, "json", NULL, &o->json, .help = "write one JSON object at the end in place of the text"},
        CLI_TRACE_ROWS(&o->trace, "what was run"),
        {CLI_UNFLAG, 0, "no-stats", NULL, &o->stats, .help = "no closing line"},
        {CLI_FLAG, 'q', "quiet", NULL, &o->quiet, .help = "nothing on standard error but errors"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

static void set_defaults(run_options *o) {
    *o = (run_options){.tokens = 256, .logprobs = -1, .add_special = true, .stats = true};
    o->sampling.typical_p = 1;
    o->sampling.top_p = 1;
    o->sampling.repeat_penalty = 1;
}

int run_parse(run_options *options, int argc, char **argv) {
    cli_option table[MAX_ROWS];
    set_defaults(options);
    int code = cli_parse(table, make_table(options, table), cli_run_help, argc, argv);
    if (code < 0) code = cli_trace_parsed(&options->trace) == EXIT_OK ? -1 : EXIT_USAGE;
    return code;
}

void cli_run_help(FILE *to) {
    run_options options;
    cli_option table[MAX_ROWS];
    set_defaults(&options);
    fprintf(to, "heddle run: continue a text with a model\n\n"
                "usage: heddle run [-m FOLDER] [-p TEXT | -f FILE] [-n N] [OPTIONS]\n\n"
                "Standard output gets the prompt and its continuation as they come, and nothing else.\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to, "\nexamples\n"
                "  heddle run -p \"Once upon a time\"\n"
                "  heddle run -m Qwen2.5-0.5B -p \"The sky is\" -n 64 --temp 0 -t 4\n"
                "  heddle run -m Qwen2.5-7B --device cuda -p \"The sky is\"\n"
                "  heddle run -m Qwen2.5-7B --tp 2 -p \"The sky is\"\n"
                "  heddle run -m Qwen2.5-0.5B -f letter.txt --temp 0.8 --top-p 0.95 --seed 7 > answer.txt\n"
                "  echo \"def fib(n):\" | heddle run -m Llama-3.2-1B --weights q8 --stop \"class\" -q\n");
}
