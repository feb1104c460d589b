/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/window_device.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/machine.h"
#include "base/wait.h"
#include "comm/timeouts.h"
#include "device/device.h"

enum { REASON = 200, NAP_NS = 200000 };

/* ---- memory that threads of this process hold together: the last one frees it ---- */

typedef struct block {
    struct block *next;
    uint64_t number; /* drawn: no other process has one of it */
    const hd_device *device;
    void *memory;
    int32_t holders;
} block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *blocks;

static hd_status block_create(const hd_device *device, size_t bytes, block **out) {
    block *b;
    HD_TRY(hdi_calloc(&b, 1, sizeof *b, "a window"));
    hd_status status = device->vtable->alloc(device, bytes, &b->memory);
    if (status != HD_OK) {
        hdi_free(b);
        return status;
    }
    if (getrandom(&b->number, sizeof b->number, GRND_NONBLOCK) != sizeof b->number) b->number = (uint64_t)(uintptr_t)b;
    b->device = device;
    b->holders = 1;
    pthread_mutex_lock(&lock);
    b->next = blocks;
    blocks = b;
    pthread_mutex_unlock(&lock);
    *out = b;
    return HD_OK;
}

/* NULL: it is none of this process. */
static block *block_hold(uint64_t number) {
    pthread_mutex_lock(&lock);
    block *b = blocks;
    while (b && b->number != number) b = b->next;
    if (b) b->holders++;
    pthread_mutex_unlock(&lock);
    return b;
}

static void block_release(block *b) {
    if (!b) return;
    pthread_mutex_lock(&lock);
    bool last = --b->holders == 0;
    for (block **at = &blocks; last && *at; at = &(*at)->next)
        if (*at == b) {
            *at = b->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    if (!last) return;
    (void)b->device->vtable->free(b->device, b->memory); /* nobody is there to hear of it */
    hdi_free(b);
}

/* ---- the window ---- */

/* What a rank tells the others of its memory, or why it has none. */
typedef struct offer {
    int32_t code;
    char reason[REASON];
    uint64_t machine, block;
    int64_t pid;
    hdi_device_handle handle;
} offer;

typedef struct device_window {
    uint8_t *base[HD_MAX_RANKS];
    bool open[HD_MAX_RANKS]; /* by its handle */
    hdi_device_handle handle[HD_MAX_RANKS];
    block *held[HD_MAX_RANKS]; /* of ranks in this process, its own too */
    size_t signals_at;
    bool apart; /* ranks are in several processes: all of them know, and close their windows together */
} device_window;

bool hdi_window_on_device(const hd_window *window) { return !window->device->vtable->host_visible; }

void *hdi_window_device_signal(const hd_window *window, int32_t to, int32_t from, uint32_t signal) {
    const device_window *w = window->state;
    size_t index = (size_t)signal * (size_t)window->domain->ranks + (size_t)from;
    return w->base[to] + w->signals_at + index * sizeof(hdi_signal);
}

static hd_status make_own(hd_window *window, offer *mine) {
    const hd_device *device = window->device;
    const hd_domain *domain = window->domain;
    device_window *w = window->state;
    HD_REQUIRE(device->vtable->memory_share && device->vtable->exchange_create, HD_UNSUPPORTED,
               "%s cannot share its memory with other ranks: run them on the CPU, or on GPUs", hdi_device_text(device));
    w->signals_at = hdi_align_up(window->bytes, HDI_CACHE_LINE);
    size_t bytes = w->signals_at + (size_t)window->n_signals * (size_t)domain->ranks * sizeof(hdi_signal);
    HD_TRY(block_create(device, bytes, &w->held[domain->rank]));
    w->base[domain->rank] = w->held[domain->rank]->memory;
    mine->block = w->held[domain->rank]->number;
    HD_TRY(device->vtable->memory_share(device, w->base[domain->rank], &mine->handle));
    return device->vtable->set(device, w->base[domain->rank], 0, bytes);
}

static hd_status open_other(hd_window *window, int32_t rank, const offer *from, const offer *mine) {
    const hd_device *device = window->device;
    device_window *w = window->state;
    void *memory;
    HD_REQUIRE(
        from->machine == mine->machine, HD_UNSUPPORTED,
        "rank %d is on another machine, whose %s memory cannot be reached: run all ranks of this plan on one machine, or on CPUs",
        rank, hd_device_type_name(device->type));
    if (from->pid == mine->pid) w->held[rank] = block_hold(from->block);
    w->handle[rank] = from->handle;
    hd_status status = device->vtable->memory_open(device, &w->handle[rank], &memory);
    if (status != HD_OK) return hdi_fail_prefix(status, "reaching the memory of rank %d", rank);
    w->open[rank] = true;
    w->base[rank] = memory;
    return HD_OK;
}

static hd_status open_others(hd_window *window, const offer *all) {
    const hd_domain *domain = window->domain;
    device_window *w = window->state;
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        HD_REQUIRE(all[rank].code == HD_OK, (hd_status)all[rank].code, "rank %d: %.*s", rank, REASON, all[rank].reason);
    for (int32_t rank = 0; rank < domain->ranks; rank++) {
        if (rank != domain->rank) HD_TRY(open_other(window, rank, &all[rank], &all[domain->rank]));
        window->segment[rank] = w->base[rank];
    }
    return HD_OK;
}

hd_status hdi_window_device_open(hd_window *window) {
    offer all[HD_MAX_RANKS], mine;
    device_window *w;
    memset(&mine, 0, sizeof mine);
    hd_status status = hdi_calloc(&w, 1, sizeof *w, "a window");
    if (status != HD_OK) { /* it could not even close it with the others, which wait for this rank */
        hd_domain_abort(window->domain, status, hd_last_error());
        return status;
    }
    window->state = w;
    status = make_own(window, &mine);
    mine.code = (int32_t)status;
    if (status != HD_OK) snprintf(mine.reason, sizeof mine.reason, "%s", hd_last_error());
    mine.machine = hdi_machine_number();
    mine.pid = (int64_t)getpid();
    HD_TRY(window->domain->transport->allgather(window->domain, &mine, sizeof mine, all));
    for (int32_t rank = 0; rank < window->domain->ranks; rank++)
        w->apart |= all[rank].machine != mine.machine || all[rank].pid != mine.pid;
    return status == HD_OK ? open_others(window, all) : hdi_fail(status, "%s", mine.reason);
}

/* Memory may be freed only when no other process has it open or works with it: its owners wait for one another, also those of a
 * window that one of them could not open, unless the domain has failed, when the others are gone or have stopped. */
static void leave_together(const hd_window *window) {
    const device_window *w = window->state;
    char before[1024];
    if (!w->apart || hdi_domain_failed(window->domain)) return;
    snprintf(before, sizeof before, "%s", hd_last_error());
    hd_status status = window->domain->transport->barrier(window->domain);
    if (status != HD_OK) (void)hdi_fail(status, "%s", before);
}

void hdi_window_device_close(hd_window *window) {
    device_window *w = window->state;
    const hd_device *device = window->device;
    if (!w) return;
    for (int32_t rank = 0; rank < window->domain->ranks; rank++) {
        if (w->open[rank]) (void)device->vtable->memory_close(device, &w->handle[rank], w->base[rank]);
        if (rank != window->domain->rank) block_release(w->held[rank]);
    }
    leave_together(window);
    block_release(w->held[window->domain->rank]);
    hdi_free(w);
    window->state = NULL;
}

/* ---- from the host ---- */

static hd_status read_word(const hd_window *window, const void *word, uint64_t *out) {
    return window->device->vtable->copy(window->device, out, word, sizeof *out, HDI_COPY_D2H);
}

hd_status hdi_window_device_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    void *word = hdi_window_device_signal(window, rank, window->domain->rank, signal);
    uint64_t seen;
    HD_TRY(read_word(window, word, &seen));
    return seen >= value ? HD_OK : window->device->vtable->copy(window->device, word, &value, sizeof value, HDI_COPY_H2D);
}

uint64_t hdi_window_device_value(hd_window *window, int32_t rank, uint32_t signal) {
    uint64_t seen;
    const void *word = hdi_window_device_signal(window, window->domain->rank, rank, signal);
    return read_word(window, word, &seen) == HD_OK ? seen : 0;
}

hd_status hdi_window_device_wait(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where) {
    hd_domain *domain = window->domain;
    const void *word = hdi_window_device_signal(window, domain->rank, rank, signal);
    int64_t begin = hdi_now_ns();
    for (;;) {
        int64_t waited = hdi_now_ns() - begin;
        uint64_t seen;
        HD_TRY(read_word(window, word, &seen));
        if (seen >= value) {
            hdi_domain_goes_on(domain);
            return HD_OK;
        }
        hdi_tell(&domain->states[domain->rank].beat_ns, begin + waited, relaxed);
        hdi_domain_awaits_signal(domain, rank, signal);
        if (waited >= domain->timeout_ns || domain->transport->check(domain) != HD_OK)
            return hdi_wait_gave_up(domain, rank, signal, value, seen, where, waited);
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    }
}
