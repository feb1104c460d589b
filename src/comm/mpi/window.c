/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: every rank holds a copy of every segment and its own signals. */
#include <string.h>

#include "comm/mpi/mpi.h"
#include "device/device.h"

hd_window *mpi_window_find(const mpi_domain *d, uint32_t id) {
    for (const mpi_window *at = d->open; at; at = at->next)
        if (at->id == id) return at->window;
    return NULL;
}

static hd_status make(hd_window *window, mpi_window *own, size_t each) {
    size_t ranks = (size_t)window->domain->ranks, all, counters;
    HD_REQUIRE(hdi_mul_size(each, ranks, &all) && hdi_mul_size(ranks * sizeof(hdi_signal), window->n_signals, &counters),
               HD_OUT_OF_MEMORY, "out of memory: a window of %zu bytes for each of %zu ranks", each, ranks);
    HD_TRY(hdi_alloc_aligned(&own->copies, all, "the segments of a window"));
    HD_TRY(hdi_alloc_aligned(&window->signals, counters, "the signals of a window"));
    memset(own->copies, 0, all);
    memset(window->signals, 0, counters);
    for (size_t rank = 0; rank < ranks; rank++) window->segment[rank] = (char *)own->copies + rank * each;
    return HD_OK;
}

hd_status mpi_window_open(hd_window *window) {
    mpi_domain *d = mpi_of(window->domain);
    mpi_window *own;
    pthread_mutex_lock(d->lock);
    uint32_t id = d->next_window++; /* the same on all ranks, also where this one fails */
    pthread_mutex_unlock(d->lock);
    HD_REQUIRE(!window->device || window->device->type == HD_DEVICE_CPU, HD_UNSUPPORTED,
               "the transport mpi has windows in main memory only; copy to and from the device");
    HD_TRY(hdi_calloc(&own, 1, sizeof *own, "a window"));
    own->id = id;
    own->window = window;
    window->state = own;
    HD_TRY(make(window, own, hdi_align_up(window->bytes, HDI_CACHE_LINE)));
    pthread_mutex_lock(d->lock);
    own->next = d->open;
    d->open = own;
    pthread_mutex_unlock(d->lock);
    return HD_OK;
}

/* Whether MPI may still read or write the window's memory. */
static bool in_use_locked(mpi_domain *d, uint32_t id) {
    for (int i = 0; i < MPI_SLOTS; i++)
        if (d->slots[i].used && d->slots[i].data != MPI_REQUEST_NULL && d->slots[i].message.head.window == id) return true;
    for (int32_t rank = 0; rank < d->domain->ranks; rank++) {
        const mpi_peer *peer = &d->peers[rank];
        if (peer->data_comes && !peer->scrap && peer->in.head.kind == MPI_PUT && peer->in.head.window == id) return true;
    }
    return false;
}

void mpi_window_close(hd_window *window) {
    mpi_window *own = window->state;
    mpi_domain *d = mpi_of(window->domain);
    if (!own) return;
    if (!hdi_domain_failed(window->domain)) (void)mpi_quiet(window);
    pthread_mutex_lock(d->lock);
    bool in_use = in_use_locked(d, own->id);
    for (int64_t begin = hdi_now_ns(); in_use && !atomic_load(&d->failed) && hdi_now_ns() - begin < window->domain->timeout_ns;) {
        mpi_progress_locked(d, true);
        mpi_collect_locked(d);
        in_use = in_use_locked(d, own->id);
    }
    for (mpi_window **at = &d->open; *at; at = &(*at)->next)
        if (*at == own) {
            *at = own->next;
            break;
        }
    pthread_mutex_unlock(d->lock);
    if (!in_use)
        hdi_free_aligned(own->copies); /* else it stays until the process ends: the other rank is gone, MPI may not know it */
    hdi_free_aligned(window->signals);
    hdi_free(own);
}
