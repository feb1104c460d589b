/* SPDX-License-Identifier: Apache-2.0 */
/* A ref-counted piece of memory: what tensors, weights and caches hold. On a device, in host memory made for a device's
 * copies, or borrowed from somebody who is told when it is let go. The count is atomic; the bytes are the holders' business. */
#ifndef HDI_RUNTIME_STORAGE_H
#define HDI_RUNTIME_STORAGE_H

#include <stdatomic.h>

#include "runtime/allocator.h"

typedef enum hdi_storage_kind { HDI_STORAGE_DEVICE, HDI_STORAGE_HOST, HDI_STORAGE_BORROWED } hdi_storage_kind;

typedef struct hdi_storage {
    void *data; /* 64-byte aligned unless borrowed; never NULL unless borrowed */
    size_t bytes;
    const hd_device *device; /* where `data` is; for host memory, the CPU */
    hdi_storage_kind kind;
    /* private to storage.c */
    atomic_size_t count;
    const hd_device *pinned_for;
    hdi_block block;
    void (*release)(void *owner);
    void *owner;
} hdi_storage;

/* All give a storage of count 1. Contents are undefined. */
hd_status hdi_storage_create(const hd_device *device, size_t bytes, hdi_storage **out);
/* For a large block that comes and goes with what it was made for (an arena, a KV cache): on the CPU straight from the system,
 * untouched, and back to it at once. `what` names it in messages. */
hd_status hdi_storage_create_large(const hd_device *device, size_t bytes, const char *what, hdi_storage **out);
/* Host memory that copies to and from `device` run fastest from. */
hd_status hdi_storage_create_host(const hd_device *device, size_t bytes, hdi_storage **out);
/* Memory of somebody else on `device`; `release(owner)`, unless NULL, is called when the last holder lets go, and not when
 * this function fails. */
hd_status hdi_storage_borrow(const hd_device *device, void *data, size_t bytes, void (*release)(void *owner), void *owner,
                             hdi_storage **out);

hdi_storage *hdi_storage_retain(hdi_storage *storage); /* returns it */
void hdi_storage_release(hdi_storage *storage);        /* NULL is legal */

/* Copies bytes between any two devices; through host memory where there is no direct way. Ordered after the work on this thread's
 * streams of both devices, and done when it returns. */
hd_status hdi_copy(const hd_device *to, void *dst, const hd_device *from, const void *src, size_t bytes);

#endif
