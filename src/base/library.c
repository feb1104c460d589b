/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Cuts a path to its folder. */
static void to_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
}

/* The folder of the library or program that this code is in; "" when the system does not tell. */
static void folder_of_code(char out[PATH_MAX]) {
    static const char here;
    Dl_info info;
    out[0] = 0;
    if (!dladdr(&here, &info) || !info.dli_fname || !realpath(info.dli_fname, out)) out[0] = 0;
    to_folder(out);
}

static void folder_of_program(char out[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    to_folder(out);
}

/* Opens FOLDER/TAIL/FILE when there is such a file. */
static hdi_library_found try_folder(const char *folder, size_t length, const char *tail, const char *file, void **library) {
    char path[PATH_MAX];
    if (length == 0) return HDI_LIBRARY_ABSENT;
    int n = snprintf(path, sizeof path, "%.*s%s/%s", (int)length, folder, tail, file);
    if (n < 0 || (size_t)n >= sizeof path || !hdi_file_exists(path)) return HDI_LIBRARY_ABSENT;
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return *library ? HDI_LIBRARY_LOADED : HDI_LIBRARY_BROKEN;
}

hdi_library_found hdi_library_load(const char *file, void **library) {
    static const char *const tails[] = {"", "/../lib", ("/../" HEDDLE_LIBDIR)};
    char folders[2][PATH_MAX];
    const char *at = getenv("HD_BACKEND_PATH");
    hdi_library_found result = HDI_LIBRARY_ABSENT;
    while (at && *at && result == HDI_LIBRARY_ABSENT) {
        size_t n = strcspn(at, ":");
        result = try_folder(at, n, "", file, library);
        at += n + (at[n] == ':');
    }
    folder_of_code(folders[0]);
    folder_of_program(folders[1]);
    for (size_t i = 0; i < 2 && result == HDI_LIBRARY_ABSENT; i++)
        for (size_t k = 0; k < HDI_COUNTOF(tails) && result == HDI_LIBRARY_ABSENT; k++)
            result = try_folder(folders[i], strlen(folders[i]), tails[k], file, library);
    if (result == HDI_LIBRARY_ABSENT) result = try_folder(HEDDLE_FULL_LIBDIR, strlen(HEDDLE_FULL_LIBDIR), "", file, library);
    if (result != HDI_LIBRARY_ABSENT) return result;
    *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    return *library ? HDI_LIBRARY_LOADED : HDI_LIBRARY_ABSENT;
}
