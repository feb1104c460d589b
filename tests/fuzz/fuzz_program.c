/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a program file: what is read prints as a file that reads and prints the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "program/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hd_program *program, *again;
    char *text, *once, *twice;
    if (hdi_program_parse("fuzz.hdg", (const char *)data, size, &program) != HD_OK) return 0;
    hd_status status = hd_program_describe(program, &text);
    assert(status == HD_OK);
    hd_free(text);
    status = hd_program_print(program, &once);
    hd_program_close(program);
    if (status != HD_OK) return 0;
    status = hdi_program_parse("printed.hdg", once, strlen(once), &again);
    assert(status == HD_OK);
    status = hd_program_print(again, &twice);
    assert(status == HD_OK && strcmp(once, twice) == 0);
    hd_program_close(again);
    hd_free(once);
    hd_free(twice);
    return 0;
}
