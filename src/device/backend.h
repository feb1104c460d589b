/* SPDX-License-Identifier: Apache-2.0 */
/* What a back end's library (libheddle-cuda.so) and the program that loads it say to each other: one function, and one number
 * that both compute from what they were compiled with, so that a library of another version is refused before anything is called.
 */
#ifndef HDI_DEVICE_BACKEND_H
#define HDI_DEVICE_BACKEND_H

#include "device/device.h"

/* What the library gets from the program; it needs nothing else of it. */
typedef struct hdi_backend_host {
    uint64_t abi;
    /* Sets the calling thread's message (hd_last_error). */
    void (*set_message)(const char *text);
} hdi_backend_host;

typedef struct hdi_backend {
    uint64_t abi;
    hd_device_type type;
    const hdi_device_vtable *vtable; /* valid until the process ends */
} hdi_backend;

/* The one symbol of a back end's library. `host` stays valid. Gives NULL when host->abi is not its own. */
#define HDI_BACKEND_OPEN "hdi_backend_open"
typedef const hdi_backend *(*hdi_backend_open_fn)(const hdi_backend_host *host);
HD_API const hdi_backend *hdi_backend_open(const hdi_backend_host *host);

/* The number: version, the names and order of all kernels and groups, and the sizes of what is passed. */
static inline uint64_t hdi_backend_abi(void) {
    static const char contents[] = HEDDLE_VERSION ";"
#define KERNEL_OP(op) #op ":"
#define KERNEL(op, variant) #variant ","
#include "kernels/kernels.def"
#define GROUP(name) #name ","
#include "kernels/groups.def"
        ;
    const uint64_t sizes[] = {
        sizeof(hdi_device_vtable), sizeof(struct hd_device),  sizeof(hd_device_properties),   sizeof(hdi_kernel_call),
        sizeof(hdi_operand),       sizeof(hdi_device_handle), sizeof(hdi_device_signal),      sizeof(hdi_device_waiting),
        sizeof(hdi_backend_host),  sizeof(hdi_backend),       (uint64_t)HD_DEVICE_TYPE_COUNT, (uint64_t)HD_STATUS_COUNT};
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < sizeof contents; i++) hash = (hash ^ (unsigned char)contents[i]) * 1099511628211u;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) hash = (hash ^ sizes[i]) * 1099511628211u;
    return hash;
}

/* ---- the program's side (loader.c) ---- */

/* Makes the devices of a type known: finds its library, opens it, registers what it has. Done once a process, when the type is
 * first asked for; types without a library (the CPU) are there already. Thread-safe. */
void hdi_backend_load(hd_device_type type);

#endif
