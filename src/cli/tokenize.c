/* SPDX-License-Identifier: Apache-2.0 */
/* `heddle tokenize`: text in, ids out, or the way back. Without --no-special the tokenizer's begin and end tokens are put
 * around the text, and --decode takes exactly those off again: one undoes the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/options.h"

typedef struct tokenize_options {
    const char *model, *text, *file;
    bool special, decode, pieces;
} tokenize_options;

enum { MAX_ROWS = 8 };

static size_t make_table(tokenize_options *o, cli_option table[MAX_ROWS]) {
    const cli_option rows[] = {
        {CLI_HEADING, .help = "options"},
        {CLI_STRING, 'm', "model", "FOLDER", &o->model,
         .help = "a folder with tokenizer.json, or that file; default: $HEDDLE_MODEL, else the bundled model"},
        {CLI_STRING, 'p', "prompt", "TEXT", &o->text, .help = "the text; default: standard input, every byte of it"},
        {CLI_STRING, 'f', "file", "FILE", &o->file, .help = "the text is in a file"},
        {CLI_UNFLAG, 0, "no-special", NULL, &o->special, .help = "no begin and end tokens around the text (and none taken off)"},
        {CLI_FLAG, 'd', "decode", NULL, &o->decode, .help = "ids in (with spaces, commas or new lines between), text out"},
        {CLI_FLAG, 0, "pieces", NULL, &o->pieces, .help = "one token a line, with its spelling in the vocabulary"},
    };
    _Static_assert(CLI_COUNT(rows) <= MAX_ROWS, "the table is full");
    for (size_t i = 0; i < CLI_COUNT(rows); i++) table[i] = rows[i];
    return CLI_COUNT(rows);
}

void cli_tokenize_help(FILE *to) {
    tokenize_options options = {.special = true};
    cli_option table[MAX_ROWS];
    fprintf(to, "heddle tokenize: turn text into token ids, or ids into text\n\n"
                "usage: heddle tokenize [-m FOLDER] [OPTIONS] < TEXT\n\n"
                "Writes the ids with spaces between and a new line at the end; with --decode the text and nothing more.\n");
    cli_print_options(to, table, make_table(&options, table));
    fprintf(to, "\nexamples\n"
                "  heddle tokenize -m Qwen2.5-0.5B --no-special < letter.txt\n"
                "  heddle tokenize -p \"Hello world\" --pieces\n"
                "  echo 15496 995 | heddle tokenize -m gpt2 --decode\n");
}

/* Ids from text. *ids is malloc'ed. */
static int parse_ids(const char *text, size_t size, int32_t **ids, size_t *count) {
    *ids = malloc((size / 2 + 1) * sizeof **ids); /* an id takes a digit and a gap */
    *count = 0;
    if (!*ids) return cli_fail(EXIT_MEMORY, "the ids do not fit into memory");
    for (size_t i = 0; i < size;) {
        if (strchr(" ,\t\r\n", text[i]) && text[i]) {
            i++;
            continue;
        }
        size_t length = 0;
        int64_t id = 0;
        while (i + length < size && text[i + length] >= '0' && text[i + length] <= '9' && id <= INT32_MAX)
            id = id * 10 + (text[i + length++] - '0');
        if (!length || id > INT32_MAX || (i + length < size && !strchr(" ,\t\r\n", text[i + length]))) {
            size_t word = strcspn(text + i, " ,\t\r\n");
            return cli_fail(EXIT_FAILED, "\"%.*s\" is not a token id", word > 40 ? 40 : (int)word, text + i);
        }
        (*ids)[(*count)++] = (int32_t)id;
        i += length;
    }
    return EXIT_OK;
}

/* The tokens that the tokenizer puts around a text: *with is an encoded text of *n_with tokens, whose first *before and last
 * *behind are not the text's. */
static hd_status added_tokens(const hd_tokenizer *tokenizer, int32_t **with, size_t *n_with, size_t *before, size_t *behind) {
    int32_t *plain = NULL;
    size_t n_plain = 0;
    *before = *behind = 0;
    hd_status status = hd_tokenizer_encode(tokenizer, "a", 1, true, with, n_with);
    if (status == HD_OK) status = hd_tokenizer_encode(tokenizer, "a", 1, false, &plain, &n_plain);
    if (status == HD_OK && *n_with > n_plain) {
        size_t added = *n_with - n_plain;
        while (*before < added && memcmp(*with + *before, plain, n_plain * sizeof *plain) != 0) ++*before;
        *behind = added - *before;
    }
    hd_free(plain);
    return status;
}

/* Takes off the tokens that encoding would have put around the text. */
static hd_status strip_added(const hd_tokenizer *tokenizer, const int32_t **ids, size_t *count) {
    int32_t *with = NULL;
    size_t n_with = 0, before, behind;
    hd_status status = added_tokens(tokenizer, &with, &n_with, &before, &behind);
    if (status == HD_OK) {
        if (*count >= before && !memcmp(*ids, with, before * sizeof *with)) {
            *ids += before;
            *count -= before;
        }
        if (*count >= behind && !memcmp(*ids + *count - behind, with + n_with - behind, behind * sizeof *with)) *count -= behind;
    }
    hd_free(with);
    return status;
}

static int write_text(const hd_tokenizer *tokenizer, const tokenize_options *options, const int32_t *ids, size_t count) {
    char *text = NULL;
    size_t size = 0;
    hd_status status = options->special ? strip_added(tokenizer, &ids, &count) : HD_OK;
    if (status == HD_OK) status = hd_tokenizer_decode(tokenizer, ids, count, false, &text, &size);
    if (status != HD_OK) return cli_fail_status(status);
    int code = cli_write_result_text(text, size);
    hd_free(text);
    return code;
}

static int write_ids(const hd_tokenizer *tokenizer, const tokenize_options *options, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (options->pieces) {
            const char *name = hd_tokenizer_token(tokenizer, ids[i]);
            printf("%d\t%s\n", (int)ids[i], name ? name : "");
        } else {
            printf("%s%d", i ? " " : "", (int)ids[i]);
        }
        if (ferror(stdout) || cli_interrupted()) break;
    }
    if (!options->pieces) putchar('\n');
    if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE)
        return cli_fail(EXIT_FAILED, "cannot write to standard output: %s", strerror(errno));
    return EXIT_OK;
}

static int tokenize(const tokenize_options *options, const hd_tokenizer *tokenizer, const char *text, size_t size) {
    int32_t *ids = NULL;
    size_t count = 0;
    if (options->decode) {
        int code = parse_ids(text, size, &ids, &count);
        if (code == EXIT_OK)
            code = options->pieces ? write_ids(tokenizer, options, ids, count) : write_text(tokenizer, options, ids, count);
        free(ids);
        return code;
    }
    hd_status status = hd_tokenizer_encode(tokenizer, text, size, options->special, &ids, &count);
    if (status != HD_OK) return cli_fail_status(status);
    int code = write_ids(tokenizer, options, ids, count);
    hd_free(ids);
    return code;
}

int cli_tokenize_main(int argc, char **argv) {
    tokenize_options options = {.special = true};
    cli_option table[MAX_ROWS];
    int code = cli_parse(table, make_table(&options, table), cli_tokenize_help, argc, argv);
    if (code >= 0) return code;
    char buffer[CLI_PATH_MAX], *text = NULL;
    size_t size = 0;
    hd_tokenizer *tokenizer = NULL;
    const char *folder = cli_model_folder(options.model, buffer, &code);
    if (!folder) return code;
    code = cli_load_tokenizer(folder, &tokenizer);
    if (code == EXIT_OK) code = cli_read_prompt(options.text, options.file, &text, &size);
    if (code == EXIT_OK) code = tokenize(&options, tokenizer, text, size);
    free(text);
    hd_tokenizer_destroy(tokenizer);
    return code;
}
