/* SPDX-License-Identifier: Apache-2.0 */
/* Transports by name. "mpi" is a library of its own, loaded when it is first asked for: a machine without MPI never misses it. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/library.h"
#include "comm/library.h"

static const char mpi_file[] = "libheddle-mpi.so";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const hdi_transport *mpi;
static char absence[1024]; /* why there is no "mpi"; "" before the first try and when there is */

static void set_message(const char *text) { (void)hdi_fail(HD_COMM, "%s", text); }

static hd_status load_mpi(void) {
    static hdi_transport_host host; /* stays */
    void *library = NULL;
    hdi_library_found found = hdi_library_load(mpi_file, &library);
    HD_REQUIRE(found != HDI_LIBRARY_ABSENT, HD_UNSUPPORTED,
               "this heddle was built without MPI: build it where Open MPI's headers are (package libopenmpi-dev)");
    if (found == HDI_LIBRARY_BROKEN) {
        const char *text = dlerror();
        return hdi_fail(HD_UNSUPPORTED, "%s cannot be loaded: %s", mpi_file, text ? text : "the system does not say why");
    }
    host = (hdi_transport_host){hdi_transport_abi(), set_message};
    hdi_transport_open_fn open;
    void *symbol = dlsym(library, HDI_TRANSPORT_OPEN);
    memcpy(&open, &symbol, sizeof open); /* C has no cast from an object's address to a function's */
    HD_REQUIRE(symbol, HD_UNSUPPORTED, "%s is no transport of heddle", mpi_file);
    mpi = open(&host);
    HD_REQUIRE(mpi, HD_UNSUPPORTED,
               "%s is of another version than this heddle " HEDDLE_VERSION ": build and install both together", mpi_file);
    return HD_OK;
}

hd_status hdi_transport_find(const char *name, const hdi_transport **out) {
    *out = &hdi_transport_local;
    if (!name || strcmp(name, hdi_transport_local.name) == 0) return HD_OK;
    *out = NULL;
    HD_REQUIRE(strcmp(name, "mpi") == 0, HD_UNSUPPORTED, "there is no transport \"%.40s\"; there are: local, mpi", name);
    pthread_mutex_lock(&lock);
    if (!mpi && !absence[0] && load_mpi() != HD_OK) snprintf(absence, sizeof absence, "%s", hd_last_error());
    *out = mpi;
    pthread_mutex_unlock(&lock);
    return *out ? HD_OK : hdi_fail(HD_UNSUPPORTED, "%s", absence);
}
