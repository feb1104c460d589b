/* SPDX-License-Identifier: Apache-2.0 */
/* Back ends are libraries of their own, found when a device of their type is first asked for: a machine without their hardware,
 * or without their makers' software, never loads them. Whatever is missing becomes one sentence, kept for who asks later. */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "device/backend.h"

/* The file of a type's back end, and what must be there for a build to make one. */
typedef struct source {
    const char *file, *needs;
} source;

static const source sources[HD_DEVICE_TYPE_COUNT] = {
    [HD_DEVICE_CUDA] = {"libheddle-cuda.so", "CUDA: build it where nvcc is on the PATH (make build CUDA=ON)"},
    [HD_DEVICE_MACA] = {"libheddle-maca.so", "MACA: build it where mxcc is on the PATH, or MACA_PATH names its folder"},
    [HD_DEVICE_HOST] = {"libheddle-host.so", "the host's GPU emulation: configure with -DHEDDLE_GPU_HOST=ON"},
};

/* One a type. `lock` is held while its back end is loaded: others who ask for this type wait. */
typedef struct slot {
    pthread_mutex_t lock;
    bool tried;
    hdi_backend_host host; /* what its library got */
    char absence[1024];    /* why there are no devices; "" when it loaded and found some */
} slot;

static slot slots[HD_DEVICE_TYPE_COUNT] = {[0 ... HD_DEVICE_TYPE_COUNT - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static void set_message(const char *text) { (void)hdi_fail(HD_DEVICE, "%s", text); }

/* ---- where ---- */

/* Cuts a path to its folder. */
static void to_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
}

/* The folder of the library or program that this code is in; "" when the system does not tell. */
static void folder_of_code(char out[PATH_MAX]) {
    Dl_info info;
    out[0] = 0;
    if (!dladdr((void *)slots, &info) || !info.dli_fname || !realpath(info.dli_fname, out)) out[0] = 0;
    to_folder(out);
}

static void folder_of_program(char out[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    to_folder(out);
}

typedef enum found { NOT_THERE, BROKEN, THERE } found;

/* Opens FOLDER/TAIL/FILE when there is such a file. BROKEN: there is, but the system could not load it. */
static found try_folder(const char *folder, size_t length, const char *tail, const char *file, void **library) {
    char path[PATH_MAX];
    if (length == 0) return NOT_THERE;
    int n = snprintf(path, sizeof path, "%.*s%s/%s", (int)length, folder, tail, file);
    if (n < 0 || (size_t)n >= sizeof path || !hdi_file_exists(path)) return NOT_THERE;
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return *library ? THERE : BROKEN;
}

/* $HD_BACKEND_PATH, the folder of this code and of the program, the libraries beside them, where `make install` puts them, and
 * the system's own places. */
static found find_library(const char *file, void **library) {
    static const char *const tails[] = {"", "/../lib", ("/../" HEDDLE_LIBDIR)};
    char folders[2][PATH_MAX];
    const char *at = getenv("HD_BACKEND_PATH");
    found result = NOT_THERE;
    while (at && *at && result == NOT_THERE) {
        size_t n = strcspn(at, ":");
        result = try_folder(at, n, "", file, library);
        at += n + (at[n] == ':');
    }
    folder_of_code(folders[0]);
    folder_of_program(folders[1]);
    for (size_t i = 0; i < 2 && result == NOT_THERE; i++)
        for (size_t k = 0; k < HDI_COUNTOF(tails) && result == NOT_THERE; k++)
            result = try_folder(folders[i], strlen(folders[i]), tails[k], file, library);
    if (result == NOT_THERE) result = try_folder(HEDDLE_FULL_LIBDIR, strlen(HEDDLE_FULL_LIBDIR), "", file, library);
    if (result != NOT_THERE) return result;
    *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    return *library ? THERE : NOT_THERE;
}

/* ---- what ---- */

static hd_status load(hd_device_type type, hdi_backend_host *host) {
    const source *from = &sources[type];
    void *library = NULL;
    found result = find_library(from->file, &library);
    HD_REQUIRE(result != NOT_THERE, HD_NOT_FOUND, "this heddle was built without %s", from->needs);
    if (result == BROKEN) {
        const char *text = dlerror(); /* names the file, or what it lacks */
        return hdi_fail(HD_DEVICE, "%s cannot be loaded: %s", from->file, text ? text : "the system does not say why");
    }
    *host = (hdi_backend_host){hdi_backend_abi(), set_message};
    hdi_backend_open_fn open;
    void *symbol = dlsym(library, HDI_BACKEND_OPEN);
    memcpy(&open, &symbol, sizeof open); /* C has no cast from an object's address to a function's */
    HD_REQUIRE(symbol, HD_DEVICE, "%s is no back end of heddle", from->file);
    const hdi_backend *backend = open(host);
    HD_REQUIRE(backend && backend->abi == host->abi && backend->type == type, HD_DEVICE,
               "%s is of another version than this heddle " HEDDLE_VERSION ": build and install both together", from->file);
    HD_TRY(hdi_device_register(type, backend->vtable));
    return HD_OK;
}

static void load_locked(hd_device_type type, slot *s) {
    char before[1024]; /* looking for something is no failure: the thread's message stays */
    s->tried = true;
    snprintf(before, sizeof before, "%s", hd_last_error());
    if (load(type, &s->host) != HD_OK) snprintf(s->absence, sizeof s->absence, "%s", hd_last_error());
    set_message(before);
}

void hdi_backend_load(hd_device_type type) {
    if ((unsigned)type >= HD_DEVICE_TYPE_COUNT || !sources[type].file) return;
    slot *s = &slots[type];
    pthread_mutex_lock(&s->lock);
    if (!s->tried) load_locked(type, s);
    pthread_mutex_unlock(&s->lock);
}

const char *hd_device_absence(hd_device_type type) {
    if ((unsigned)type >= HD_DEVICE_TYPE_COUNT || hd_device_count(type) > 0) return NULL;
    return slots[type].absence[0] ? slots[type].absence : "its driver finds no card in this machine";
}
