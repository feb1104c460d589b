/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out: a bounded number of messages at once. Large bytes are sent from where they lie; small ones are copied behind
 * their head. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "comm/mpi/mpi.h"

static bool has_left(const mpi_domain *d, int32_t rank) { return hdi_quiet_load(&d->domain->states[rank].left, relaxed); }

static bool is_done(mpi_domain *d, mpi_slot *slot) {
    int head = 0, data = 0;
    if (MPI_Test(&slot->head, &head, MPI_STATUS_IGNORE) != MPI_SUCCESS ||
        MPI_Test(&slot->data, &data, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
        char text[64];
        snprintf(text, sizeof text, "MPI: a message to rank %d could not be sent", slot->to);
        mpi_fail_locked(d, HD_COMM, text, true);
        return false;
    }
    return head && data;
}

static void free_slot(mpi_domain *d, mpi_slot *slot) {
    if (slot->message.head.kind == MPI_BEAT) d->peers[slot->to].beat_out = false;
    slot->used = false;
    d->in_flight--;
}

void mpi_collect_locked(mpi_domain *d) {
    for (int i = 0; i < MPI_SLOTS && d->in_flight > 0; i++)
        if (d->slots[i].used && is_done(d, &d->slots[i])) free_slot(d, &d->slots[i]);
}

static mpi_slot *take_slot(mpi_domain *d) {
    if (d->in_flight == MPI_SLOTS) mpi_collect_locked(d);
    for (int i = 0; i < MPI_SLOTS && d->in_flight < MPI_SLOTS; i++)
        if (!d->slots[i].used) return &d->slots[i];
    return NULL;
}

static hd_status post_locked(mpi_domain *d, mpi_slot *slot, int32_t to, const mpi_head *head, const void *data, int64_t now) {
    const hdi_rank_state *mine = &d->domain->states[d->domain->rank];
    mpi_message *message = &slot->message;
    size_t small = head->bytes <= MPI_SMALL ? (size_t)head->bytes : 0;
    *slot = (mpi_slot){.head = MPI_REQUEST_NULL, .data = MPI_REQUEST_NULL, .to = to, .used = true, .message.head = *head};
    message->head.sent_ns = now;
    message->head.run = hdi_told(&mine->run);
    message->head.step = hdi_told(&mine->step);
    message->head.awaits = hdi_told(&mine->awaits);
    if (small) memcpy(message->data, data, small);
    d->peers[to].sent_ns = now;
    d->in_flight++;
    HD_TRY(mpi_check(MPI_Isend(message, (int)(sizeof message->head + small), MPI_BYTE, to, d->tag, d->comm, &slot->head),
                     "MPI_Isend"));
    if (head->bytes > MPI_SMALL)
        HD_TRY(mpi_check(MPI_Isend(data, (int)head->bytes, MPI_BYTE, to, d->tag + 1, d->comm, &slot->data), "MPI_Isend"));
    if (is_done(d, slot)) free_slot(d, slot);
    return HD_OK;
}

/* HD_OK with *sent false: all slots are taken. */
static hd_status try_send(mpi_domain *d, int32_t to, const mpi_head *head, const void *data, bool *sent) {
    hd_status status = HD_OK;
    pthread_mutex_lock(d->lock);
    mpi_slot *slot = has_left(d, to) ? NULL : take_slot(d);
    *sent = slot || has_left(d, to); /* nobody there reads it any more */
    if (slot)
        status = post_locked(d, slot, to, head, data, hdi_now_ns());
    else if (!*sent)
        mpi_progress_locked(d, true);
    if (status != HD_OK) mpi_fail_locked(d, status, hd_last_error(), true);
    pthread_mutex_unlock(d->lock);
    return atomic_load(&d->failed) ? mpi_domain_check(d->domain) : status;
}

hd_status mpi_send(hd_domain *domain, int32_t to, mpi_head head, const void *data) {
    bool sent = false;
    int64_t begin = 0;
    for (uint32_t turn = 0;; turn++) {
        HD_TRY(try_send(mpi_of(domain), to, &head, data, &sent));
        if (sent) return HD_OK;
        int64_t now = hdi_now_ns();
        if (!begin) begin = now;
        if (now - begin > domain->timeout_ns) {
            char what[96];
            snprintf(what, sizeof what, "waited %.2f s for room to send to rank %d", (double)(now - begin) * 1e-9, to);
            return hdi_domain_give_up(domain, to, what);
        }
        hdi_wait_turn(turn, domain->spins);
    }
}

void mpi_beat_locked(mpi_domain *d, int64_t now) {
    d->beat_at = now;
    for (int32_t rank = 0; rank < d->domain->ranks; rank++) {
        mpi_peer *peer = &d->peers[rank];
        if (rank == d->domain->rank || peer->beat_out || has_left(d, rank) || now - peer->sent_ns < d->beat_every_ns) continue;
        mpi_slot *slot = take_slot(d);
        if (!slot) return;
        peer->beat_out = true;
        mpi_head head = {.kind = MPI_BEAT, .pid = getpid()};
        hd_status status = post_locked(d, slot, rank, &head, NULL, now);
        if (status != HD_OK) {
            mpi_fail_locked(d, status, hd_last_error(), true);
            return;
        }
    }
}

/* ---- puts ---- */

static hd_status put(hd_window *window, int32_t rank, size_t offset, size_t bytes, bool raises, uint32_t signal, uint64_t value) {
    const mpi_window *own = window->state;
    if (rank == window->domain->rank) {
        if (raises) hdi_signal_store(hdi_signal_of(window, rank, signal), value);
        return HD_OK;
    }
    do {
        size_t piece = bytes < MPI_PIECE ? bytes : MPI_PIECE;
        bool last = piece == bytes;
        mpi_head head = {.kind = MPI_PUT,
                         .window = own->id,
                         .offset = offset,
                         .bytes = piece,
                         .raises = raises && last,
                         .signal = signal,
                         .value = value};
        HD_TRY(mpi_send(window->domain, rank, head, (const char *)window->segment[window->domain->rank] + offset));
        offset += piece;
        bytes -= piece;
    } while (bytes > 0);
    return HD_OK;
}

hd_status mpi_put(hd_window *window, int32_t rank, size_t offset, size_t bytes) {
    return bytes == 0 ? HD_OK : put(window, rank, offset, bytes, false, 0, 0);
}

hd_status mpi_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value) {
    return put(window, rank, 0, 0, true, signal, value);
}

hd_status mpi_put_signal(hd_window *window, int32_t rank, size_t offset, size_t bytes, uint32_t signal, uint64_t value) {
    return put(window, rank, offset, bytes, true, signal, value);
}

/* A message to a rank that has left will never be taken: it is given up. Its bytes are not looked at again. */
static void forget_left_locked(mpi_domain *d) {
    for (int i = 0; i < MPI_SLOTS; i++) {
        mpi_slot *slot = &d->slots[i];
        if (!slot->used || !has_left(d, slot->to)) continue;
        if (slot->head != MPI_REQUEST_NULL) continue; /* small: MPI has a copy or takes one; the slot stays taken */
        if (slot->data != MPI_REQUEST_NULL) MPI_Request_free(&slot->data);
        free_slot(d, slot);
    }
}

static int32_t awaited(const mpi_domain *d) {
    for (int i = 0; i < MPI_SLOTS; i++)
        if (d->slots[i].used && d->slots[i].message.head.kind != MPI_BEAT && !has_left(d, d->slots[i].to)) return d->slots[i].to;
    return -1;
}

hd_status mpi_quiet_domain(hd_domain *domain, int64_t wait_ns) {
    mpi_domain *d = mpi_of(domain);
    int64_t begin = hdi_now_ns();
    for (uint32_t turn = 0;; turn++) {
        pthread_mutex_lock(d->lock);
        mpi_progress_locked(d, true);
        mpi_collect_locked(d);
        forget_left_locked(d);
        int32_t rank = awaited(d);
        pthread_mutex_unlock(d->lock);
        if (atomic_load(&d->failed)) return mpi_domain_check(domain);
        if (rank < 0) return HD_OK;
        int64_t waited = hdi_now_ns() - begin;
        if (waited > wait_ns) {
            char what[96];
            snprintf(what, sizeof what, "waited %.2f s for rank %d to take in what was put", (double)waited * 1e-9, rank);
            return hdi_domain_give_up(domain, rank, what);
        }
        hdi_wait_turn(turn, domain->spins);
    }
}

hd_status mpi_quiet(hd_window *window) { return mpi_quiet_domain(window->domain, window->domain->timeout_ns); }
