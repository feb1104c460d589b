/* SPDX-License-Identifier: Apache-2.0 */
/* Domains over MPI: meeting, collective calls, failing, leaving. Collective calls are messages to each other rank and not MPI's
 * own, so that a deadline can end them and say who has not come. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "comm/mpi/mpi.h"

/* ---- failing ---- */

static void tell_others(mpi_domain *d) {
    int all = 0;
    d->abort_sent = true;
    d->abort_out.code = (int32_t)d->code;
    snprintf(d->abort_out.sentence, sizeof d->abort_out.sentence, "%s", d->sentence);
    for (int32_t rank = 0; rank < d->domain->ranks; rank++)
        if (rank != d->domain->rank)
            (void)MPI_Isend(&d->abort_out, sizeof d->abort_out, MPI_BYTE, rank, d->tag + 2, d->comm, &d->abort_requests[rank]);
    for (int i = 0; i < 100 && !all; i++) (void)MPI_Testall(d->domain->ranks, d->abort_requests, &all, MPI_STATUSES_IGNORE);
}

void mpi_fail_locked(mpi_domain *d, hd_status code, const char *sentence, bool tell) {
    if (atomic_load(&d->failed)) return;
    d->code = code;
    if (tell)
        snprintf(d->sentence, sizeof d->sentence, "rank %d: %s", d->domain->rank, sentence);
    else
        snprintf(d->sentence, sizeof d->sentence, "%s", sentence);
    atomic_store(&d->failed, true);
    mpi_process_note(true, 0, 0);
    if (tell) tell_others(d);
}

static void domain_abort(hd_domain *domain, hd_status code, const char *sentence) {
    mpi_domain *d = mpi_of(domain);
    pthread_mutex_lock(d->lock);
    mpi_progress_locked(d, false); /* another rank may have been first */
    mpi_fail_locked(d, code, sentence, true);
    pthread_mutex_unlock(d->lock);
}

hd_status mpi_domain_check(hd_domain *domain) {
    mpi_domain *d = mpi_of(domain);
    if (atomic_load_explicit(&d->failed, memory_order_acquire)) return hdi_fail(d->code, "%s", d->sentence);
    if (pthread_mutex_trylock(d->lock) == 0) {
        mpi_progress_locked(d, false);
        pthread_mutex_unlock(d->lock);
    }
    return atomic_load_explicit(&d->failed, memory_order_acquire) ? hdi_fail(d->code, "%s", d->sentence) : HD_OK;
}

/* ---- collective calls ---- */

/* Waits until `of(peer)` has reached `epoch` for all. */
static hd_status await_all(hd_domain *domain, bool bytes, uint64_t epoch, const char *call, int64_t wait_ns) {
    mpi_domain *d = mpi_of(domain);
    int64_t begin = hdi_now_ns();
    for (uint32_t turn = 0;; turn++) {
        int32_t missing = -1;
        char who[128] = "";
        size_t n = 0;
        pthread_mutex_lock(d->lock);
        mpi_progress_locked(d, false);
        for (int32_t rank = 0; rank < domain->ranks; rank++) {
            const mpi_peer *peer = &d->peers[rank];
            if (rank == domain->rank || (bytes ? peer->gathered : peer->arrived) >= epoch) continue;
            if (n < sizeof who - 8) n += (size_t)snprintf(who + n, sizeof who - n, missing < 0 ? "%d" : ", %d", rank);
            if (missing < 0) missing = rank;
        }
        pthread_mutex_unlock(d->lock);
        if (hdi_domain_failed(domain))
            return mpi_domain_check(domain); /* also of one who came last, when the others had given up */
        if (missing < 0) {
            hdi_domain_goes_on(domain);
            return HD_OK;
        }
        hdi_domain_awaits(domain, missing);
        int64_t waited = hdi_now_ns() - begin;
        bool left = hdi_quiet_load(&domain->states[missing].left, relaxed);
        if (waited > wait_ns || left) {
            char what[256];
            snprintf(what, sizeof what, "waited %.2f s for rank %s to come to %s%s", (double)waited * 1e-9, who, call,
                     left ? "; it has left" : "");
            return hdi_domain_give_up(domain, missing, what);
        }
        hdi_wait_turn(turn, domain->spins);
    }
}

static hd_status arrive(hd_domain *domain, const char *call, int64_t wait_ns) {
    mpi_domain *d = mpi_of(domain);
    uint64_t epoch = ++d->epoch;
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        if (rank != domain->rank)
            HD_TRY(mpi_send(domain, rank, (mpi_head){.kind = MPI_ARRIVE, .value = epoch, .pid = getpid()}, NULL));
    return await_all(domain, false, epoch, call, wait_ns);
}

static hd_status domain_barrier(hd_domain *domain) { return arrive(domain, "the barrier", domain->timeout_ns); }

static void set_gather(mpi_domain *d, void *to, size_t bytes) {
    pthread_mutex_lock(d->lock);
    d->gather_to = to;
    d->gather_bytes = bytes;
    pthread_mutex_unlock(d->lock);
}

static hd_status exchange(hd_domain *domain, const void *mine, size_t bytes) {
    mpi_domain *d = mpi_of(domain);
    HD_TRY(arrive(domain, "the allgather", domain->timeout_ns)); /* then all have a place for the bytes */
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        if (rank != domain->rank)
            HD_TRY(mpi_send(domain, rank, (mpi_head){.kind = MPI_GATHER, .bytes = bytes, .value = d->epoch}, mine));
    HD_TRY(await_all(domain, true, d->epoch, "the allgather", domain->timeout_ns));
    return mpi_quiet_domain(domain, domain->timeout_ns); /* `mine` is the caller's again */
}

static hd_status domain_allgather(hd_domain *domain, const void *mine, size_t bytes, void *all) {
    HD_REQUIRE(bytes <= MPI_PIECE, HD_UNSUPPORTED, "an allgather of %zu bytes over mpi; it can have at most %d", bytes,
               MPI_PIECE);
    if (bytes == 0) return domain_barrier(domain);
    set_gather(mpi_of(domain), all, bytes);
    if (mine != (char *)all + (size_t)domain->rank * bytes) memcpy((char *)all + (size_t)domain->rank * bytes, mine, bytes);
    hd_status status = exchange(domain, mine, bytes);
    set_gather(mpi_of(domain), NULL, 0);
    return status;
}

/* ---- signs of life ---- */

static mpi_domain *open_domains; /* under the lock */

void mpi_heartbeat(void) {
    if (pthread_mutex_trylock(&mpi_the_process.lock) != 0) return;
    for (mpi_domain *d = open_domains; d; d = d->next)
        if (!atomic_load_explicit(&d->failed, memory_order_relaxed)) mpi_progress_locked(d, true);
    pthread_mutex_unlock(&mpi_the_process.lock);
}

static void remember_locked(mpi_domain *d) {
    d->next = open_domains;
    open_domains = d;
}

static void forget_locked(const mpi_domain *d) {
    for (mpi_domain **at = &open_domains; *at; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            return;
        }
}

/* Every process gives signs of life all the time: one that is silent for a while is stopped, or its host cannot be reached. */
static bool frozen(const hd_domain *domain, int32_t rank) {
    int64_t beat = hdi_told(&domain->states[rank].beat_ns);
    return beat && hdi_now_ns() - beat > domain->timeout_ns / 4;
}

/* ---- meeting and leaving ---- */

static hd_status check_ranks(const hd_domain_options *options) {
    int rank = mpi_the_process.rank, ranks = mpi_the_process.ranks;
    HD_REQUIRE(ranks <= HD_MAX_RANKS, HD_UNSUPPORTED, "mpirun has started %d ranks; a domain has at most %d", ranks,
               HD_MAX_RANKS);
    HD_REQUIRE(options->ranks == -1 || options->ranks == ranks, HD_INVALID_ARGUMENT,
               "%d ranks were asked for, and mpirun has started %d: start it as mpirun -n %d ...", options->ranks, ranks,
               options->ranks);
    HD_REQUIRE(options->rank == -1 || options->rank == rank, HD_INVALID_ARGUMENT,
               "this was to be rank %d, and mpirun says that it is rank %d: let mpirun number the ranks", options->rank, rank);
    return HD_OK;
}

typedef struct card {
    int32_t pid;
    char host[MPI_HOST_NAME];
} card;

/* All come, and tell who they are. */
static hd_status meet(hd_domain *domain) {
    mpi_domain *d = mpi_of(domain);
    card mine = {.pid = getpid()}, all[HD_MAX_RANKS];
    int32_t here = 0;
    (void)gethostname(mine.host, sizeof mine.host - 1);
    HD_TRY(arrive(domain, "the domain", hdi_timeout_ns(HDI_TIMEOUT_RENDEZVOUS, domain->timeout_ns)));
    HD_TRY(domain_allgather(domain, &mine, sizeof mine, all));
    for (int32_t rank = 0; rank < domain->ranks; rank++) {
        hdi_tell(&domain->states[rank].pid, all[rank].pid, relaxed);
        memcpy(d->peers[rank].host, all[rank].host, sizeof all[rank].host);
        here += memcmp(all[rank].host, mine.host, sizeof mine.host) == 0;
    }
    if (here > sysconf(_SC_NPROCESSORS_ONLN)) domain->spins = 0;
    return HD_OK;
}

static hd_status domain_open(hd_domain *domain, const hd_domain_options *options) {
    mpi_domain *d;
    HD_TRY(mpi_process_start(hdi_timeout_ns(HDI_TIMEOUT_RENDEZVOUS, domain->timeout_ns)));
    HD_TRY(check_ranks(options));
    domain->rank = mpi_the_process.rank;
    domain->ranks = mpi_the_process.ranks;
    size_t ranks = (size_t)domain->ranks;
    HD_TRY(hdi_alloc_aligned(&d, sizeof *d, "a domain over mpi"));
    memset(d, 0, sizeof *d);
    domain->state = d;
    domain->failed = &d->failed;
    d->domain = domain;
    d->lock = &mpi_the_process.lock;
    d->comm = mpi_the_process.comm;
    d->tag = mpi_process_next_tag();
    d->beat_every_ns = hdi_timeout_ns(HDI_TIMEOUT_BEAT, domain->timeout_ns);
    for (int i = 0; i <= HD_MAX_RANKS; i++) d->in[i] = MPI_REQUEST_NULL;
    for (int i = 0; i < HD_MAX_RANKS; i++) d->abort_requests[i] = MPI_REQUEST_NULL;
    mpi_process_note(false, 1, domain->timeout_ns);
    HD_TRY(hdi_alloc_aligned(&domain->states, ranks * sizeof *domain->states, "the states of ranks"));
    memset(domain->states, 0, ranks * sizeof *domain->states);
    HD_TRY(hdi_alloc_aligned(&d->peers, ranks * sizeof *d->peers, "messages of the other ranks"));
    memset(d->peers, 0, ranks * sizeof *d->peers);
    HD_TRY(hdi_alloc_aligned(&d->slots, MPI_SLOTS * sizeof *d->slots, "messages to the other ranks"));
    memset(d->slots, 0, MPI_SLOTS * sizeof *d->slots);
    pthread_mutex_lock(d->lock);
    hd_status status = mpi_receive_start_locked(d);
    if (status == HD_OK) remember_locked(d);
    pthread_mutex_unlock(d->lock);
    HD_TRY(status);
    return meet(domain);
}

/* Takes the receives back. false: MPI may still write into some of them. */
static bool stop_receiving_locked(mpi_domain *d) {
    bool all = true;
    for (int i = 0; i <= d->domain->ranks; i++) {
        int done = 0;
        if (d->in[i] == MPI_REQUEST_NULL) continue;
        (void)MPI_Cancel(&d->in[i]);
        for (int turn = 0; turn < 1000 && !done; turn++) (void)MPI_Test(&d->in[i], &done, MPI_STATUS_IGNORE);
        if (!done) (void)MPI_Request_free(&d->in[i]);
        all = all && done;
    }
    return all;
}

static void say_goodbye(hd_domain *domain) {
    for (int32_t rank = 0; rank < domain->ranks; rank++)
        if (rank != domain->rank && mpi_send(domain, rank, (mpi_head){.kind = MPI_LEAVE}, NULL) != HD_OK) return;
    (void)mpi_quiet_domain(domain, domain->timeout_ns);
}

static void domain_close(hd_domain *domain) {
    mpi_domain *d = mpi_of(domain);
    int told = 1;
    if (!d) return;
    if (d->slots && !hdi_domain_failed(domain)) say_goodbye(domain);
    pthread_mutex_lock(d->lock);
    forget_locked(d);
    if (d->slots) mpi_collect_locked(d);
    if (d->abort_sent) (void)MPI_Testall(domain->ranks, d->abort_requests, &told, MPI_STATUSES_IGNORE);
    bool free_all = stop_receiving_locked(d) && d->in_flight == 0 && told;
    pthread_mutex_unlock(d->lock);
    mpi_process_note(atomic_load(&d->failed), -1, 0);
    hdi_free_aligned(domain->states);
    domain->state = NULL;
    if (!free_all) return; /* messages are still on their way from or to this memory: it stays until the process ends */
    hdi_free_aligned(d->peers);
    hdi_free_aligned(d->slots);
    hdi_free_aligned(d);
}

static void describe(const hd_domain *domain, int32_t rank, char *text, size_t size) {
    const mpi_domain *d = mpi_of(domain);
    int32_t process = hdi_told(&domain->states[rank].pid);
    if (process) snprintf(text, size, "process %d on %.40s", process, d->peers[rank].host[0] ? d->peers[rank].host : "its host");
}

const hdi_transport mpi_transport = {
    .name = "mpi",
    .open = domain_open,
    .close = domain_close,
    .allgather = domain_allgather,
    .barrier = domain_barrier,
    .abort = domain_abort,
    .check = mpi_domain_check,
    .poll = mpi_poll,
    .window_open = mpi_window_open,
    .window_close = mpi_window_close,
    .put = mpi_put,
    .raise = mpi_raise,
    .put_signal = mpi_put_signal,
    .quiet = mpi_quiet,
    .doze = mpi_doze,
    .describe = describe,
    .frozen = frozen,
};
