/* SPDX-License-Identifier: Apache-2.0 */
/* What a transport's library (libheddle-mpi.so) and the program that loads it say to each other: one function, and one number
 * that both compute from what they were compiled with. The library needs nothing else of the program, which may hold libheddle
 * statically. */
#ifndef HDI_COMM_LIBRARY_H
#define HDI_COMM_LIBRARY_H

#include "comm/domain.h"

typedef struct hdi_transport_host {
    uint64_t abi;
    void (*set_message)(const char *text); /* sets the calling thread's message (hd_last_error) */
} hdi_transport_host;

/* The one symbol of a transport's library. `host` stays valid. Gives NULL when host->abi is not its own. */
#define HDI_TRANSPORT_OPEN "hdi_transport_open"
typedef const hdi_transport *(*hdi_transport_open_fn)(const hdi_transport_host *host);
HD_API const hdi_transport *hdi_transport_open(const hdi_transport_host *host);

/* The number: the version and the sizes of what both sides touch. */
static inline uint64_t hdi_transport_abi(void) {
    static const char version[] = HEDDLE_VERSION;
    const uint64_t sizes[] = {sizeof(hdi_transport_host), sizeof(hdi_transport),     sizeof(hd_domain),
                              sizeof(hd_window),          sizeof(hdi_rank_state),    sizeof(hdi_signal),
                              sizeof(hd_domain_options),  (uint64_t)HD_STATUS_COUNT, (uint64_t)HD_MAX_RANKS};
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < sizeof version; i++) hash = (hash ^ (unsigned char)version[i]) * 1099511628211u;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) hash = (hash ^ sizes[i]) * 1099511628211u;
    return hash;
}

#endif
