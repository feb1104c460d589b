/* SPDX-License-Identifier: Apache-2.0 */
/* Back ends are libraries of their own, found when a device of their type is first asked for: a machine without their hardware,
 * or without their makers' software, never loads them. Whatever is missing becomes one sentence, kept for who asks later. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"
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

static hd_status load(hd_device_type type, hdi_backend_host *host) {
    const source *from = &sources[type];
    void *library = NULL;
    hdi_library_found result = hdi_library_load(from->file, &library);
    HD_REQUIRE(result != HDI_LIBRARY_ABSENT, HD_NOT_FOUND, "this heddle was built without %s", from->needs);
    if (result == HDI_LIBRARY_BROKEN) {
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
