/* SPDX-License-Identifier: Apache-2.0 */
/* Which model a command works on, and opening it with progress. */
#ifndef HDI_CLI_LOAD_H
#define HDI_CLI_LOAD_H

#include "cli/cli.h"
#include "heddle/compile.h"
#include "heddle/device.h"
#include "heddle/model.h"
#include "heddle/tokenizer.h"

enum { CLI_PATH_MAX = 4096 };

/* The folder to use: `given` (from -m), else $HEDDLE_MODEL, else the bundled model beside the program. Borrowed, or in
 * `buffer`. Returns NULL after an error line, with the exit code in *code. */
const char *cli_model_folder(const char *given, char buffer[CLI_PATH_MAX], int *code);

typedef struct cli_load_options {
    const char *weights; /* --weights; NULL: as-is */
    const hd_device *device;
    int64_t threads;
    bool quiet;
    hd_domain *domain; /* of ranks that share it; NULL: this process alone */
    int32_t tensor, pipeline;
    int64_t two_shot; /* of hd_model_options */
} cli_load_options;
/* Loads with a progress line. Notices go to standard error unless `quiet`. */
int cli_load_model(const char *folder, const cli_load_options *options, hd_model **out);
int cli_load_tokenizer(const char *folder, hd_tokenizer **out);
/* --device; NULL gives NULL, which is the CPU. */
int cli_parse_device(const char *name, const hd_device **out);
/* --executor; NULL gives HD_EXECUTOR_KIND_COUNT, the engine's own choice. */
int cli_parse_executor(const char *name, hd_executor_kind *out);
/* "cuda:1"; "cpu" for NULL and the first CPU. */
const char *cli_device_name(const hd_device *device, char text[32]);
/* The rate that decoding is measured against: what `threads` threads read from memory, or what a device copies within its own. */
hd_status cli_measure_limit(const hd_device *device, int32_t threads, double *bytes_per_second);
/* --kv-type; NULL gives HD_DTYPE_COUNT, the engine's own choice. */
int cli_parse_kv_type(const char *name, hd_dtype *out);

#endif
