/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of domains and windows: they check what they were given and go to the transport. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/wait.h"
#include "comm/domain.h"
#include "comm/timeouts.h"
#include "comm/window_device.h"
#include "device/device.h"

enum {
    MAX_SIGNALS = 1 << 20, /* of a window, from one rank */
    REASON = 200,          /* of a rank's failure to make its part of a window, for the others */
};
static const size_t max_segment = (size_t)1 << 46;

/* After a failure every call fails with it. */
static hd_status still_good(hd_domain *domain) { return hdi_domain_failed(domain) ? domain->transport->check(domain) : HD_OK; }

/* ---- domains ---- */

static hd_status check_options(const hd_domain_options *options, const hdi_transport *transport) {
    int32_t rank = options->rank, ranks = options->ranks;
    if (rank == -1 && ranks == -1 && transport != &hdi_transport_local) return HD_OK; /* the transport knows */
    HD_REQUIRE(1 <= ranks && ranks <= HD_MAX_RANKS, HD_INVALID_ARGUMENT, "a domain of %d ranks; there must be 1 to %d", ranks,
               HD_MAX_RANKS);
    HD_REQUIRE(0 <= rank && rank < ranks, HD_INVALID_ARGUMENT, "rank %d of a domain of %d; ranks are 0 to %d", rank, ranks,
               ranks - 1);
    return HD_OK;
}

hd_status hd_domain_create(const hd_domain_options *options, hd_domain **out) {
    const hdi_transport *transport;
    hd_domain *domain;
    int64_t timeout_ns;
    HD_REQUIRE(options && out, HD_INVALID_ARGUMENT, "hd_domain_create: options and a place for the domain are needed");
    *out = NULL;
    HD_TRY(hdi_transport_find(options->transport, &transport));
    HD_TRY(check_options(options, transport));
    HD_TRY(hdi_timeout_of_wait(options->timeout_ms, &timeout_ns));
    HD_TRY(hdi_calloc(&domain, 1, sizeof *domain, "a domain"));
    domain->transport = transport;
    domain->rank = options->rank;
    domain->ranks = options->ranks;
    domain->timeout_ns = timeout_ns;
    domain->spins = HDI_SPINS;
    hd_status status = transport->open(domain, options);
    if (status != HD_OK) {
        hd_domain_destroy(domain);
        return status;
    }
    *out = domain;
    return HD_OK;
}

void hd_domain_destroy(hd_domain *domain) {
    if (!domain) return;
    domain->transport->close(domain);
    hdi_free(domain);
}

int32_t hd_domain_rank(const hd_domain *domain) { return domain->rank; }
int32_t hd_domain_ranks(const hd_domain *domain) { return domain->ranks; }
const char *hd_domain_transport(const hd_domain *domain) { return domain->transport->name; }

hd_status hd_domain_allgather(hd_domain *domain, const void *mine, size_t bytes, void *all) {
    HD_REQUIRE(domain && ((mine && all) || bytes == 0), HD_INVALID_ARGUMENT,
               "hd_domain_allgather: a domain, this rank's bytes and a place for all are needed");
    HD_REQUIRE(bytes <= max_segment, HD_INVALID_ARGUMENT, "an allgather of %zu bytes a rank; it can be at most %zu", bytes,
               max_segment);
    HD_TRY(still_good(domain));
    return domain->transport->allgather(domain, mine, bytes, all);
}

hd_status hd_domain_barrier(hd_domain *domain) {
    HD_REQUIRE(domain, HD_INVALID_ARGUMENT, "hd_domain_barrier: there is no domain");
    HD_TRY(still_good(domain));
    return domain->transport->barrier(domain);
}

void hd_domain_abort(hd_domain *domain, hd_status code, const char *sentence) {
    if (!domain) return;
    if (code <= HD_OK || code >= HD_STATUS_COUNT) code = HD_COMM;
    domain->transport->abort(domain, code, sentence && *sentence ? sentence : hd_status_text(code));
}

hd_status hd_domain_check(hd_domain *domain) {
    HD_REQUIRE(domain, HD_INVALID_ARGUMENT, "hd_domain_check: there is no domain");
    return domain->transport->check(domain);
}

void hd_domain_fresh_name(char *name, size_t size) {
    static atomic_uint turn;
    uint64_t salt = 0;
    if (getrandom(&salt, sizeof salt, GRND_NONBLOCK) != sizeof salt) salt = (uint64_t)hdi_now_ns();
    snprintf(name, size, "hd%x.%x.%016llx", (unsigned)getpid(), atomic_fetch_add(&turn, 1) & 0xfffu, (unsigned long long)salt);
}

/* ---- windows: made by all, or by none ---- */

/* What all ranks must ask for alike. */
typedef struct terms {
    uint64_t bytes;
    uint32_t signals;
    int32_t device_type;
} terms;

static hd_status agree_on_terms(const hd_window *window) {
    hd_domain *domain = window->domain;
    terms all[HD_MAX_RANKS], mine = {window->bytes, window->n_signals, (int32_t)window->device->type};
    HD_TRY(domain->transport->allgather(domain, &mine, sizeof mine, all));
    for (int32_t rank = 1; rank < domain->ranks; rank++) {
        const terms *a = &all[0], *b = &all[rank];
        HD_REQUIRE(
            memcmp(a, b, sizeof *a) == 0, HD_INVALID_ARGUMENT,
            "a window of %llu bytes and %u signals on %s on rank 0, and of %llu bytes and %u signals on %s on rank %d; all ranks "
            "must ask for the same",
            (unsigned long long)a->bytes, a->signals, hd_device_type_name((hd_device_type)a->device_type),
            (unsigned long long)b->bytes, b->signals, hd_device_type_name((hd_device_type)b->device_type), rank);
    }
    return HD_OK;
}

typedef struct outcome {
    int32_t code;
    char reason[REASON];
} outcome;

/* Tells the others how it went with this rank's part; fails when one of them failed. */
static hd_status agree_on_outcome(hd_domain *domain, hd_status status) {
    outcome all[HD_MAX_RANKS], mine = {.code = (int32_t)status};
    if (status != HD_OK) snprintf(mine.reason, sizeof mine.reason, "%s", hd_last_error());
    HD_TRY(domain->transport->allgather(domain, &mine, sizeof mine, all));
    if (status != HD_OK) return hdi_fail(status, "%s", mine.reason);
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        HD_REQUIRE(all[rank].code == HD_OK, (hd_status)all[rank].code, "rank %d: %.*s", rank, REASON, all[rank].reason);
    return HD_OK;
}

static hd_status open_window(hd_window *window) {
    HD_TRY(agree_on_terms(window));
    bool on_device = hdi_window_on_device(window);
    hd_status status = on_device ? hdi_window_device_open(window) : window->domain->transport->window_open(window);
    return agree_on_outcome(window->domain, status);
}

hd_status hd_window_create(hd_domain *domain, const hd_device *device, size_t bytes, uint32_t signals, hd_window **out) {
    hd_window *window;
    HD_REQUIRE(domain && out, HD_INVALID_ARGUMENT, "hd_window_create: a domain and a place for the window are needed");
    *out = NULL;
    HD_REQUIRE(bytes <= max_segment, HD_INVALID_ARGUMENT, "a window of %zu bytes a rank; it can have at most %zu", bytes,
               max_segment);
    HD_REQUIRE(signals <= MAX_SIGNALS, HD_INVALID_ARGUMENT, "a window of %u signals; it can have at most %d", signals,
               MAX_SIGNALS);
    HD_TRY(still_good(domain));
    hd_status status = hdi_calloc(&window, 1, sizeof *window, "a window");
    if (status != HD_OK) { /* the others wait for this rank */
        hd_domain_abort(domain, status, hd_last_error());
        return status;
    }
    window->domain = domain;
    window->device = device ? device : hdi_device_cpu();
    window->bytes = bytes;
    window->n_signals = signals;
    status = open_window(window);
    if (status != HD_OK) {
        hd_window_destroy(window);
        return status;
    }
    *out = window;
    return HD_OK;
}

void hd_window_destroy(hd_window *window) {
    if (!window) return;
    if (hdi_window_on_device(window))
        hdi_window_device_close(window);
    else
        window->domain->transport->window_close(window);
    hdi_free(window);
}

void *hd_window_segment(const hd_window *window, int32_t rank) {
    return window && 0 <= rank && rank < window->domain->ranks ? window->segment[rank] : NULL;
}

/* ---- puts and signals ---- */

static inline hd_status check_rank(const hd_window *window, int32_t rank, const char *call) {
    HD_REQUIRE(window, HD_INVALID_ARGUMENT, "%s: there is no window", call);
    HD_REQUIRE(0 <= rank && rank < window->domain->ranks, HD_INVALID_ARGUMENT, "%s: rank %d of a domain of %d", call, rank,
               window->domain->ranks);
    return HD_OK;
}

static inline hd_status check_bytes(const hd_window *window, size_t offset, size_t bytes, const char *call) {
    HD_REQUIRE(offset <= window->bytes && bytes <= window->bytes - offset, HD_INVALID_ARGUMENT,
               "%s: bytes %zu to %zu of a segment of %zu", call, offset, offset + bytes, window->bytes);
    return HD_OK;
}

static inline hd_status check_signal(const hd_window *window, uint32_t signal, const char *call) {
    HD_REQUIRE(signal < window->n_signals, HD_INVALID_ARGUMENT, "%s: signal %u of a window that has %u", call, signal,
               window->n_signals);
    return HD_OK;
}

hd_status hd_put_signal(hd_window *window, int32_t rank, size_t offset, size_t bytes, uint32_t signal, uint64_t value) {
    HD_TRY(check_rank(window, rank, "hd_put_signal"));
    HD_TRY(check_bytes(window, offset, bytes, "hd_put_signal"));
    HD_TRY(check_signal(window, signal, "hd_put_signal"));
    HD_TRY(still_good(window->domain));
    const hdi_transport *transport = window->domain->transport;
    if (hdi_window_on_device(window)) return hdi_window_device_raise(window, rank, signal, value); /* the memory is shared */
    if (transport->put_signal) return transport->put_signal(window, rank, offset, bytes, signal, value);
    HD_TRY(transport->put(window, rank, offset, bytes));
    return transport->raise(window, rank, signal, value);
}

hd_status hd_put(hd_window *window, int32_t rank, size_t offset, size_t bytes) {
    HD_TRY(check_rank(window, rank, "hd_put"));
    HD_TRY(check_bytes(window, offset, bytes, "hd_put"));
    HD_TRY(still_good(window->domain));
    return hdi_window_on_device(window) ? HD_OK : window->domain->transport->put(window, rank, offset, bytes);
}

hd_status hd_signal_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    HD_TRY(check_rank(window, rank, "hd_signal_raise"));
    HD_TRY(check_signal(window, signal, "hd_signal_raise"));
    HD_TRY(still_good(window->domain));
    if (hdi_window_on_device(window)) return hdi_window_device_raise(window, rank, signal, value);
    return window->domain->transport->raise(window, rank, signal, value);
}

uint64_t hd_signal_value(hd_window *window, int32_t rank, uint32_t signal) {
    if (!window || rank < 0 || rank >= window->domain->ranks || signal >= window->n_signals) return 0;
    if (hdi_window_on_device(window)) return hdi_window_device_value(window, rank, signal);
    return hdi_load(&hdi_signal_of(window, rank, signal)->value, acquire);
}

bool hd_signal_test(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    if (hd_signal_value(window, rank, signal) >= value) return true;
    if (!window || !window->domain->transport->poll) return false;
    return window->domain->transport->poll(window->domain) == HD_OK && hd_signal_value(window, rank, signal) >= value;
}

hd_status hd_window_quiet(hd_window *window) {
    HD_REQUIRE(window, HD_INVALID_ARGUMENT, "hd_window_quiet: there is no window");
    HD_TRY(still_good(window->domain));
    return hdi_window_on_device(window) ? HD_OK : window->domain->transport->quiet(window);
}

/* ---- waiting ---- */

/* The long way: beats, looks at the others, sleeps. */
static hd_status wait_asleep(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where) {
    hd_domain *domain = window->domain;
    const hdi_transport *transport = domain->transport;
    const hdi_signal *counter = hdi_signal_of(window, rank, signal);
    int64_t begin = hdi_now_ns(), nap = hdi_timeout_ns(HDI_TIMEOUT_BEAT, domain->timeout_ns);
    for (;;) {
        int64_t now = hdi_now_ns(), left_ns = domain->timeout_ns - (now - begin);
        hdi_tell(&domain->states[domain->rank].beat_ns, now, relaxed);
        bool left = hdi_load(&domain->states[rank].left, acquire); /* what it raised was raised before */
        uint64_t seen = hdi_load(&counter->value, acquire);
        if (seen >= value) return HD_OK;
        if (left || left_ns <= 0 || transport->check(domain) != HD_OK || (transport->poll && transport->poll(domain) != HD_OK))
            return hdi_wait_failed(window, rank, signal, value, where, now - begin);
        transport->doze(window, counter, seen, left_ns < nap ? left_ns : nap);
    }
}

static hd_status wait_long(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where) {
    hdi_domain_awaits_signal(window->domain, rank, signal);
    hd_status status = wait_asleep(window, rank, signal, value, where);
    if (status == HD_OK) hdi_domain_awaits(window->domain, -1); /* else the domain has failed, and this is why */
    return status;
}

hd_status hd_signal_wait(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where) {
    HD_TRY(check_rank(window, rank, "hd_signal_wait"));
    HD_TRY(check_signal(window, signal, "hd_signal_wait"));
    hd_domain *domain = window->domain;
    if (hdi_window_on_device(window)) return hdi_window_device_wait(window, rank, signal, value, where);
    for (uint32_t turn = 0; turn < domain->spins + HDI_YIELDS; turn++) {
        if (hdi_domain_failed(domain)) return hdi_wait_failed(window, rank, signal, value, where, 0);
        if (hdi_signal_seen(window, rank, signal, value)) return HD_OK;
        if (domain->transport->poll && domain->transport->poll(domain) != HD_OK) break;
        hdi_wait_turn(turn, domain->spins);
    }
    return wait_long(window, rank, signal, value, where);
}
