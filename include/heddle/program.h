/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: what heddle.export made of a PyTorch model (docs/program_file.md). */
#ifndef HEDDLE_PROGRAM_H
#define HEDDLE_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable and thread-safe. */
typedef struct hd_program hd_program;

/* Reads a program file. HD_NOT_FOUND, HD_IO; HD_CORRUPT with file, line and column where it breaks the format's rules;
 * HD_UNSUPPORTED for a version or a size beyond what Heddle takes. */
HD_API HD_CHECK_RESULT hd_status hd_program_open(const char *path, hd_program **out);
HD_API void hd_program_close(hd_program *program); /* NULL is legal */

/* Its methods, in the file's order; NULL for an index that is none. */
HD_API int32_t hd_program_methods(const hd_program *program);
HD_API const char *hd_program_method(const hd_program *program, int32_t index);

/* The program as a file again, in the one form that a writer has; fresh, free with hd_free. */
HD_API HD_CHECK_RESULT hd_status hd_program_print(const hd_program *program, char **text);

/* What is in it, in short: sizes, methods with their inputs and outputs, operators counted; fresh, free with hd_free. */
HD_API HD_CHECK_RESULT hd_status hd_program_describe(const hd_program *program, char **text);

#ifdef __cplusplus
}
#endif
#endif
