/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in: one receive stands open for each rank, of its next head or of the bytes that its last head announced, so that
 * the messages of a rank take effect in their order; and one for aborts, which overtake. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "comm/mpi/mpi.h"

enum { POLLS_A_LOOK = 64, ROUNDS = 16 };

static hd_status expect_head(mpi_domain *d, int32_t rank) {
    d->peers[rank].data_comes = false;
    return mpi_check(MPI_Irecv(&d->peers[rank].in, sizeof d->peers[rank].in, MPI_BYTE, rank, d->tag, d->comm, &d->in[rank]),
                     "MPI_Irecv");
}

static hd_status expect_abort(mpi_domain *d) {
    return mpi_check(
        MPI_Irecv(&d->abort_in, sizeof d->abort_in, MPI_BYTE, MPI_ANY_SOURCE, d->tag + 2, d->comm, &d->in[d->domain->ranks]),
        "MPI_Irecv");
}

hd_status mpi_receive_start_locked(mpi_domain *d) {
    for (int32_t rank = 0; rank < d->domain->ranks; rank++)
        if (rank != d->domain->rank) HD_TRY(expect_head(d, rank));
    return expect_abort(d);
}

/* Keeps what a message tells of its sender. Its clock is another: the least difference ever seen is that of the quickest message,
 * and it may grow by 100 us a second, since clocks drift apart. */
static void note_life(mpi_domain *d, int32_t rank, const mpi_head *head) {
    mpi_peer *peer = &d->peers[rank];
    hdi_rank_state *state = &d->domain->states[rank];
    int64_t now = hdi_now_ns(), difference = now - head->sent_ns, least = peer->clock_ns + (now - peer->clock_at) / 10000;
    if (peer->clock_at == 0 || difference < least) least = difference;
    peer->clock_ns = least;
    peer->clock_at = now;
    hdi_tell(&state->beat_ns, head->sent_ns + least, relaxed);
    hdi_tell(&state->run, head->run, relaxed);
    hdi_tell(&state->step, head->step, relaxed);
    hdi_tell(&state->awaits, head->awaits, relaxed);
    if (head->pid) hdi_tell(&state->pid, head->pid, relaxed);
}

/* Where the bytes of a put belong; *place is NULL when the window is gone and they belong nowhere. */
static hd_status place_of(mpi_domain *d, int32_t rank, const mpi_head *head, void **place) {
    hd_window *window = mpi_window_find(d, head->window);
    *place = NULL;
    HD_REQUIRE(window || head->window < d->next_window, HD_COMM, "rank %d put into a window that there is not", rank);
    if (!window) return HD_OK;
    HD_REQUIRE(head->offset <= window->bytes && head->bytes <= window->bytes - head->offset, HD_COMM,
               "rank %d put outside of a segment of %zu bytes", rank, window->bytes);
    HD_REQUIRE(!head->raises || head->signal < window->n_signals, HD_COMM, "rank %d raised signal %u of %u", rank, head->signal,
               window->n_signals);
    *place = (char *)window->segment[rank] + head->offset;
    return HD_OK;
}

/* A put or a part of an allgather has all its bytes. */
static void finish(mpi_domain *d, int32_t rank) {
    mpi_peer *peer = &d->peers[rank];
    const mpi_head *head = &peer->in.head;
    hd_window *window = head->kind == MPI_PUT && head->raises ? mpi_window_find(d, head->window) : NULL;
    if (window) hdi_signal_store(hdi_signal_of(window, rank, head->signal), head->value);
    if (head->kind == MPI_GATHER) peer->gathered = head->value;
}

/* Small bytes are here; a receive is opened for large ones, at their place. */
static hd_status take_bytes(mpi_domain *d, int32_t rank, size_t came, void *place) {
    mpi_peer *peer = &d->peers[rank];
    const mpi_head *head = &peer->in.head;
    if (head->bytes <= MPI_SMALL) {
        HD_REQUIRE(came == head->bytes, HD_COMM, "rank %d sent a message of the wrong size", rank);
        if (place && came) memcpy(place, peer->in.data, came);
        finish(d, rank);
        return expect_head(d, rank);
    }
    HD_REQUIRE(head->bytes <= MPI_PIECE, HD_COMM, "rank %d sent a message of the wrong size", rank);
    if (!place) { /* the window is gone, but the bytes must be taken in */
        HD_TRY(hdi_alloc(&peer->scrap, head->bytes, 1, "bytes of a window that is gone"));
        place = peer->scrap;
    }
    peer->data_comes = true;
    return mpi_check(MPI_Irecv(place, (int)head->bytes, MPI_BYTE, rank, d->tag + 1, d->comm, &d->in[rank]), "MPI_Irecv");
}

static hd_status take_head(mpi_domain *d, int32_t rank, const MPI_Status *status) {
    mpi_peer *peer = &d->peers[rank];
    const mpi_head *head = &peer->in.head;
    int size = 0;
    void *place = NULL;
    HD_TRY(mpi_check(MPI_Get_count(status, MPI_BYTE, &size), "MPI_Get_count"));
    HD_REQUIRE(size >= (int)sizeof *head, HD_COMM, "rank %d sent a message of the wrong size", rank);
    size_t came = (size_t)size - sizeof *head;
    note_life(d, rank, head);
    switch (head->kind) {
    case MPI_PUT:
        HD_TRY(place_of(d, rank, head, &place));
        return take_bytes(d, rank, came, place);
    case MPI_GATHER:
        HD_REQUIRE(d->gather_to && head->bytes <= d->gather_bytes, HD_COMM,
                   "rank %d gave %llu bytes to an allgather that has %zu here", rank, (unsigned long long)head->bytes,
                   d->gather_bytes);
        return take_bytes(d, rank, came, (char *)d->gather_to + (size_t)rank * d->gather_bytes);
    case MPI_ARRIVE:
        HD_REQUIRE(head->value == peer->arrived + 1, HD_COMM, "rank %d is in another collective call than this rank knows of",
                   rank);
        peer->arrived = head->value;
        break;
    case MPI_LEAVE:
        hdi_quiet_store(&d->domain->states[rank].left, true, release);
        break;
    case MPI_BEAT:
        break;
    default:
        return hdi_fail(HD_COMM, "rank %d sent a message of an unknown kind", rank);
    }
    return expect_head(d, rank);
}

static hd_status take(mpi_domain *d, int index, const MPI_Status *status) {
    if (index == d->domain->ranks) {
        mpi_abort_message *heard = &d->abort_in;
        heard->sentence[sizeof heard->sentence - 1] = 0;
        mpi_fail_locked(d, heard->code > 0 && heard->code < HD_STATUS_COUNT ? (hd_status)heard->code : HD_COMM, heard->sentence,
                        false);
        return expect_abort(d);
    }
    mpi_peer *peer = &d->peers[index];
    if (!peer->data_comes) return take_head(d, index, status);
    finish(d, index);
    hdi_free(peer->scrap);
    peer->scrap = NULL;
    return expect_head(d, index);
}

void mpi_progress_locked(mpi_domain *d, bool look_at_clock) {
    int n = d->domain->ranks + 1, came = 1, which[HD_MAX_RANKS + 1];
    MPI_Status statuses[HD_MAX_RANKS + 1];
    for (int round = 0; round < ROUNDS && came > 0; round++) {
        hd_status status = mpi_check(MPI_Testsome(n, d->in, &came, which, statuses), "MPI_Testsome");
        if (status == HD_OK && came == MPI_UNDEFINED) came = 0;
        for (int i = 0; i < came && status == HD_OK; i++) status = take(d, which[i], &statuses[i]);
        if (status != HD_OK) {
            mpi_fail_locked(d, status, hd_last_error(), true);
            return;
        }
    }
    if (!look_at_clock && ++d->polls % POLLS_A_LOOK) return;
    int64_t now = hdi_now_ns();
    if (now - d->beat_at >= d->beat_every_ns && !atomic_load_explicit(&d->failed, memory_order_relaxed)) mpi_beat_locked(d, now);
}

hd_status mpi_poll(hd_domain *domain) {
    mpi_domain *d = mpi_of(domain);
    if (pthread_mutex_trylock(d->lock) == 0) { /* else another thread is at it */
        mpi_progress_locked(d, false);
        pthread_mutex_unlock(d->lock);
    }
    return hdi_domain_failed(domain) ? mpi_domain_check(domain) : HD_OK;
}

void mpi_doze(hd_window *window, const hdi_signal *signal, uint64_t seen, int64_t ns) {
    mpi_domain *d = mpi_of(window->domain);
    int64_t begin = hdi_now_ns(), nap = 10000;
    for (;;) {
        pthread_mutex_lock(d->lock);
        mpi_progress_locked(d, true);
        pthread_mutex_unlock(d->lock);
        int64_t left = begin + ns - hdi_now_ns();
        if (hdi_domain_failed(window->domain) || left <= 0 || atomic_load_explicit(&signal->value, memory_order_relaxed) != seen)
            return;
        nanosleep(&(struct timespec){.tv_nsec = (long)(nap < left ? nap : left)}, NULL);
        nap = nap < 250000 ? nap * 2 : nap;
    }
}
