/* SPDX-License-Identifier: Apache-2.0 */
/* How the library fails: it keeps its own copy of the thread's message and hands each to the program. */
#include <stdarg.h>
#include <stdio.h>

#include "comm/mpi/mpi.h"

static const hdi_transport_host *host;
static _Thread_local char message[1024];

void mpi_set_host(const hdi_transport_host *given) { host = given; }
const char *hd_last_error(void) { return message; }

hd_status(hdi_fail)(hd_status code, const char *fmt, ...) {
    char text[sizeof message]; /* arguments may point into `message` */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(message, sizeof message, "%s", text);
    host->set_message(message);
    return code;
}

hd_status mpi_check(int code, const char *call) {
    char text[MPI_MAX_ERROR_STRING] = "it does not say why";
    int length;
    if (code == MPI_SUCCESS) return HD_OK;
    (void)MPI_Error_string(code, text, &length);
    return hdi_fail(HD_COMM, "MPI: %s failed: %s", call, text);
}

const hdi_transport *hdi_transport_open(const hdi_transport_host *given) {
    if (given->abi != hdi_transport_abi()) return NULL;
    mpi_set_host(given);
    return &mpi_transport;
}
