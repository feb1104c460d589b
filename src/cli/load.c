/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and opening a model. The bundled one lies in ../share/heddle of an installed program, or in models/ of the source
 * tree that a program was built in; nothing has to be configured for either. */
#include "cli/load.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUNDLED "models/heddle-stories"

static bool is_model(const char *folder) {
    char path[CLI_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/config.json", folder);
    return access(path, R_OK) == 0;
}

/* Tries share/heddle and the folder itself at every level above the program. */
static bool find_bundled(char buffer[CLI_PATH_MAX]) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) return false;
    self[length] = 0;
    for (int level = 0; level < 5; level++) {
        char *slash = strrchr(self, '/');
        if (!slash) return false;
        *slash = 0;
        int n = snprintf(buffer, CLI_PATH_MAX, "%s/share/heddle/" BUNDLED, self);
        if (n < CLI_PATH_MAX && is_model(buffer)) return true;
        n = snprintf(buffer, CLI_PATH_MAX, "%s/" BUNDLED, self);
        if (n < CLI_PATH_MAX && is_model(buffer)) return true;
    }
    return false;
}

const char *cli_model_folder(const char *given, char buffer[CLI_PATH_MAX], int *code) {
    *code = EXIT_OK;
    if (given) return given;
    const char *from_environment = getenv("HEDDLE_MODEL");
    if (from_environment && *from_environment) return from_environment;
    if (find_bundled(buffer)) return buffer;
    *code = cli_fail(EXIT_BAD_INPUT,
                     "the bundled model is not beside the program: give a model's folder with -m, or set HEDDLE_MODEL");
    return NULL;
}

static bool show_progress(void *user, uint64_t done, uint64_t total) {
    cli_progress_update(user, done, total, true);
    return !cli_interrupted();
}

static void show_notice(void *user, const char *sentence) {
    (void)user;
    fprintf(stderr, "heddle: note: %s\n", sentence);
}

int cli_load_model(const char *folder, const cli_load_options *asked, hd_model **out) {
    cli_progress progress;
    const char *weights = asked->weights;
    hd_model_options options = {.device = asked->device,
                                .domain = asked->domain,
                                .tensor = asked->tensor,
                                .pipeline = asked->pipeline,
                                .two_shot = asked->two_shot,
                                .threads = (int32_t)asked->threads,
                                .progress = show_progress,
                                .progress_user = &progress,
                                .notice = asked->quiet ? NULL : show_notice};
    if (weights && !hd_weights_parse(weights, &options.weights)) {
        char names[128] = "";
        for (int i = 0; i < HD_WEIGHTS_COUNT; i++) {
            strcat(names, i ? ", " : "");
            strcat(names, hd_weights_name((hd_weights)i));
        }
        return cli_usage("--weights takes one of %s, not \"%s\"", names, weights);
    }
    cli_progress_start(&progress, asked->quiet ? NULL : "loading");
    hd_status status = hd_model_load(folder, &options, out);
    cli_progress_end(&progress);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

int cli_load_tokenizer(const char *folder, hd_tokenizer **out) {
    hd_status status = hd_tokenizer_load(folder, out);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

int cli_parse_device(const char *name, const hd_device **out) {
    *out = NULL;
    if (!name) return EXIT_OK;
    hd_status status = hd_device_parse(name, out);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

int cli_parse_executor(const char *name, hd_executor_kind *out) {
    *out = HD_EXECUTOR_KIND_COUNT;
    if (!name || hd_executor_kind_parse(name, out)) return EXIT_OK;
    char names[128] = "";
    for (int i = 0; i < HD_EXECUTOR_KIND_COUNT; i++) {
        strcat(names, i ? ", " : "");
        strcat(names, hd_executor_kind_name((hd_executor_kind)i));
    }
    return cli_usage("--executor takes one of %s, not \"%s\"", names, name);
}

static bool is_cpu(const hd_device *device) { return !device || hd_device_get_type(device) == HD_DEVICE_CPU; }

const char *cli_device_name(const hd_device *device, char text[32]) {
    if (is_cpu(device))
        snprintf(text, 32, "cpu");
    else
        snprintf(text, 32, "%s:%d", hd_device_type_name(hd_device_get_type(device)), (int)hd_device_get_index(device));
    return text;
}

hd_status cli_measure_limit(const hd_device *device, int32_t threads, double *bytes_per_second) {
    return is_cpu(device) ? hd_measure_bandwidth(threads, 0, bytes_per_second) : hd_measure_copy(device, 0, bytes_per_second);
}

int cli_parse_kv_type(const char *name, hd_dtype *out) {
    *out = HD_DTYPE_COUNT;
    if (!name) return EXIT_OK;
    if (hd_dtype_parse(name, out) && (*out == HD_DTYPE_F32 || *out == HD_DTYPE_F16 || *out == HD_DTYPE_BF16)) return EXIT_OK;
    return cli_usage("--kv-type takes f32, f16 or bf16, not \"%s\"", name);
}
