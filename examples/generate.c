/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest useful program on Heddle: generate FOLDER PROMPT [TOKENS] continues a text greedily.
 *
 *   cc generate.c -o generate $(pkg-config --cflags --libs heddle) */
#include <heddle/engine.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hands every token that is ready to the terminal. */
static hd_status print_ready(hd_sequence *sequence) {
    for (;;) {
        hd_token token;
        bool have;
        hd_status status = hd_sequence_next(sequence, &token, &have);
        if (status != HD_OK || !have) return status;
        fwrite(token.text, 1, token.size, stdout);
        fflush(stdout);
    }
}

static hd_status generate(hd_engine *engine, const hd_tokenizer *tokenizer, const char *prompt, int64_t tokens) {
    int32_t *ids = NULL;
    size_t count = 0;
    hd_sequence *sequence = NULL;
    hd_status status = hd_tokenizer_encode(tokenizer, prompt, strlen(prompt), true, &ids, &count);
    if (status != HD_OK) return status;
    hd_request request;
    hd_request_init(&request);
    request.prompt = ids;
    request.n_prompt = count;
    request.max_tokens = tokens;
    status = hd_engine_submit(engine, &request, &sequence);
    bool busy = true;
    while (status == HD_OK && busy) {
        status = hd_engine_step(engine, &busy);
        if (status == HD_OK) status = print_ready(sequence);
    }
    hd_sequence_release(sequence);
    hd_free(ids);
    return status;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: generate FOLDER PROMPT [TOKENS]\n");
        return 2;
    }
    hd_model *model = NULL;
    hd_tokenizer *tokenizer = NULL;
    hd_engine *engine = NULL;
    hd_status status = hd_model_load(argv[1], NULL, &model);
    if (status == HD_OK) status = hd_tokenizer_load(argv[1], &tokenizer);
    if (status == HD_OK) status = hd_engine_create(model, tokenizer, NULL, &engine);
    if (status == HD_OK) {
        fputs(argv[2], stdout);
        status = generate(engine, tokenizer, argv[2], argc > 3 ? atoi(argv[3]) : 64);
        putchar('\n');
    }
    if (status != HD_OK) fprintf(stderr, "generate: %s\n", hd_last_error());
    hd_engine_destroy(engine);
    hd_tokenizer_destroy(tokenizer);
    hd_model_release(model);
    return status == HD_OK ? 0 : 1;
}
