/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does: find a range, halve it until one chunk is left (the rest can be stolen), do that, and when it was a step's
 * last one, release what waited for the step and let new steps into the ring. */
#include "base/wait.h"
#include "task/tasks.h"
#include "task/tracer.h"

enum {
    YIELDS = 200,   /* turns of giving the core away before sleeping */
    OWN_TURNS = 8,  /* turns before it takes what lies ready for others: they may be about to, and know the data */
    NAP_NS = 50000, /* the most that a sleeping worker overlooks a signal */
};

/* ---- handing out ---- */

static void post(hdi_worker *to, uint32_t slot, uint64_t range) {
    hdi_quiet_store(&to->letter[slot], range, relaxed);
    hdi_slot_set_put(&to->letters, slot);
}

/* For the worker itself. */
static void keep(hdi_tasks *tasks, hdi_worker *self, uint32_t slot, uint64_t range) {
    if (!self->next) {
        self->next = range;
        return;
    }
    if (!hdi_deque_push(&self->deque, range)) post(self, slot, range);
    hdi_bed_wake(&tasks->bed);
}

void hdi_tasks_start(hdi_tasks *tasks, int worker, uint32_t step) {
    uint32_t slot = step & (tasks->ring.size - 1);
    const hdi_chunks *c = &tasks->ring.places[slot].chunks;
    HDI_READS(*c);
    uint32_t n = c->pieces * c->parts, mine = 0;
    if (c->shares == 1) {
        keep(tasks, &tasks->workers[worker], slot, hdi_range(step, 0, n));
        return;
    }
    for (uint32_t share = 0; share < c->shares; share++) {
        int to = (int)((uint64_t)share * (uint64_t)tasks->n_workers / c->shares);
        if (to == worker)
            mine = share + 1;
        else
            post(&tasks->workers[to], slot, hdi_range(step, share * n, n));
    }
    hdi_bed_wake(&tasks->bed);
    if (mine) keep(tasks, &tasks->workers[worker], slot, hdi_range(step, (mine - 1) * n, n));
}

/* ---- the ring goes on ---- */

static void open_step(hdi_tasks *tasks, int worker, uint32_t step) {
    hdi_place *place = hdi_ring_place(&tasks->ring, step);
    const hdi_bound_step *bound = &tasks->executor->steps[step];
    hdi_store(&place->step, step, relaxed);
    HDI_WRITES(place->chunks);
    place->chunks = hdi_chunks_of(bound, tasks->n_workers);
    uint32_t n = place->chunks.shares * place->chunks.parts;
    for (uint32_t p = 0; p < place->chunks.pieces; p++) hdi_quiet_store(&place->chunks_left[p], n, relaxed);
    hdi_quiet_store(&place->pieces_left, place->chunks.pieces, relaxed);
    if (hdi_ring_count_down(&tasks->ring, step) || !HDI_EDGE(LOCAL_WAIT)) hdi_tasks_ready(tasks, worker, step);
}

static void close_steps(hdi_ring *ring) {
    while (ring->head < ring->opened && hdi_load(&hdi_ring_place(ring, ring->head)->ended, acquire) == ring->head + 1) {
        uint32_t later = ring->head + 2 * ring->size;
        if (later < ring->n_steps && HDI_EDGE(RESET))
            hdi_store(&ring->waits[later & (2 * ring->size - 1)], ring->near[later] + 1, relaxed);
        ring->head++;
    }
}

/* One worker at a time; others only say that there is something to look at. It acquires what they did, and what the one before it
 * did, when it looks at how many they were; the swap that finds no more of them finds the same store. */
static void advance(hdi_tasks *tasks, int worker) {
    hdi_ring *ring = &tasks->ring;
    if (hdi_fetch_add(&ring->requests, 1, release) != 0 && HDI_EDGE(ADVANCE_ALONE)) return;
    for (bool again = true; again;) {
        uint32_t seen = hdi_load(&ring->requests, acquire), room = ring->size;
        HDI_WRITES(ring->head);
        close_steps(ring);
        if (!HDI_EDGE(RING_BOUND)) room *= 2;
        while (ring->opened < ring->n_steps && ring->opened - ring->head < room) open_step(tasks, worker, ring->opened++);
        bool all = ring->head == ring->n_steps;
        again = !hdi_swap_if(&ring->requests, &seen, 0, release);
        if (!HDI_EDGE(ADVANCE_AGAIN) && again) {
            hdi_store(&ring->requests, 0, relaxed);
            again = false;
        }
        if (all) {
            hdi_store(&ring->done, true, seq_cst);
            if (HDI_EDGE(WAKE_END)) hdi_bed_wake(&tasks->bed);
            return;
        }
    }
}

static void end_step(hdi_tasks *tasks, int worker, uint32_t step) {
    hdi_ring *ring = &tasks->ring;
    for (uint32_t i = ring->first[step]; i < ring->first[step + 1]; i++)
        if (HDI_EDGE(RELEASE) && hdi_ring_count_down(ring, ring->successors[i]))
            hdi_tasks_ready(tasks, worker, ring->successors[i]);
    hdi_store(&hdi_ring_place(ring, step)->ended, step + 1, release);
    advance(tasks, worker);
}

/* ---- doing ---- */

static void trigger(hdi_tasks *tasks, int worker, uint32_t step, int32_t piece, int32_t pieces) {
    HDI_SHARED_POINT();
    if (!HDI_EDGE(TRIGGER)) return;
    hd_status status = hdi_exchange_trigger(tasks->executor, step, piece, pieces, worker);
    if (status != HD_OK) hdi_tasks_fail(tasks, status);
}

/* Chunks may end anywhere and in any order: the counters gather what all of them wrote. */
static void end_chunk(hdi_tasks *tasks, int worker, uint32_t step, int32_t p) {
    const hdi_bound_step *bound = &tasks->executor->steps[step];
    hdi_place *place = hdi_ring_place(&tasks->ring, step);
    bool tells = bound->n_pieces && bound->tells;
    if (tells && !HDI_EDGE(TRIGGER_LAST)) trigger(tasks, worker, step, p, bound->n_pieces);
    bool last = hdi_fetch_sub(&place->chunks_left[p], 1, acq_rel) == 1;
    if (!last && HDI_EDGE(ALL_CHUNKS)) return;
    if (tells && HDI_EDGE(TRIGGER_LAST)) trigger(tasks, worker, step, p, bound->n_pieces);
    if (bound->n_pieces <= 1 || hdi_fetch_sub(&place->pieces_left, 1, acq_rel) == 1) end_step(tasks, worker, step);
}

static void do_chunk(hdi_tasks *tasks, int worker, uint32_t step, uint32_t chunk) {
    hd_executor *e = tasks->executor;
    const hdi_bound_step *bound = &e->steps[step];
    int32_t p = 0;
    if (bound->n_pieces) {
        int64_t begin, end;
        HDI_READS(hdi_ring_place(&tasks->ring, step)->chunks);
        p = hdi_chunk_items(bound, &hdi_ring_place(&tasks->ring, step)->chunks, chunk, &begin, &end);
        int64_t began = hdi_tracer_begin(e->tracer);
        HDI_SHARED_POINT();
        if (begin < end) bound->fn(bound->pieces[p].call, begin, end, e->scratch + (size_t)worker * e->scratch_bytes);
        if (e->tracer && begin < end)
            hdi_tracer_add(e->tracer, step, worker, began,
                           (double)(end - begin) / (double)bound->pieces[p].work.items / bound->n_pieces);
    }
    end_chunk(tasks, worker, step, p);
}

static void do_range(hdi_tasks *tasks, int worker, uint64_t range) {
    hdi_worker *self = &tasks->workers[worker];
    uint32_t step = hdi_range_step(range), first = hdi_range_first(range), n = hdi_range_n(range);
    while (n > 1 && hdi_deque_push(&self->deque, hdi_range(step, first + n / 2, n - n / 2))) {
        n /= 2;
        hdi_bed_wake(&tasks->bed);
    }
    for (uint32_t i = 0; i < n; i++) do_chunk(tasks, worker, step, first + i);
}

/* ---- finding ---- */

static uint64_t take_letter(hdi_worker *of) {
    uint64_t letters = hdi_load(&of->letters, relaxed);
    if (!letters) return 0;
    uint32_t slot = (uint32_t)__builtin_ctzll(letters);
    if (!hdi_slot_set_take(&of->letters, slot) && HDI_EDGE(MAIL_CLAIM)) return 0;
    return hdi_quiet_load(&of->letter[slot], relaxed);
}

static uint64_t steal(hdi_tasks *tasks, int worker) {
    for (int i = 1; i < tasks->n_workers; i++) {
        hdi_worker *from = &tasks->workers[(worker + i) % tasks->n_workers];
        uint64_t range = hdi_deque_steal(&from->deque);
        if (!range) range = take_letter(from);
        if (range) return range;
    }
    return 0;
}

static uint64_t find(hdi_tasks *tasks, int worker) {
    hdi_worker *self = &tasks->workers[worker];
    hdi_tasks_poll(tasks, worker);
    HDI_WRITES(self->next);
    uint64_t range = self->next;
    self->next = 0;
    if (!range) range = hdi_deque_take(&self->deque);
    if (!range) range = take_letter(self);
    if (!range && (HDI_EAGER || self->backoff.turn >= OWN_TURNS)) range = steal(tasks, worker);
    return range;
}

/* ---- nothing to do ---- */

static bool is_over(hdi_tasks *tasks) { return hdi_load(&tasks->ring.done, seq_cst) || hdi_load(&tasks->failed, seq_cst); }

/* A sleeper's last look. */
static bool something_to_do(void *user) {
    hdi_tasks *tasks = user;
    if (is_over(tasks)) return true;
    for (int w = 0; w < tasks->n_workers; w++)
        if (hdi_deque_holds(&tasks->workers[w].deque) || hdi_load(&tasks->workers[w].letters, seq_cst)) return true;
    return false;
}

static void rest(hdi_tasks *tasks, int worker) {
    hdi_backoff *backoff = &tasks->workers[worker].backoff;
    uint32_t turn = backoff->turn++;
    if (!HDI_EAGER && turn < backoff->spins + YIELDS) {
        hdi_wait_turn(turn, backoff->spins);
        return;
    }
    bool parked = hdi_load(&tasks->parked, relaxed) != 0; /* whoever put a step there last sees it: one that naps is enough */
    if (parked) hdi_tasks_watch(tasks, worker);
    if (tasks->workers[worker].next || is_over(tasks)) return;
    hdi_bed_sleep(&tasks->bed, something_to_do, tasks, parked ? NAP_NS : 0);
}

void hdi_tasks_work(hdi_tasks *tasks, int worker) {
    hdi_worker *self = &tasks->workers[worker];
    if (worker == 0) advance(tasks, 0); /* opens the first steps */
    while (!is_over(tasks)) {
        uint64_t range = find(tasks, worker);
        if (range) {
            self->backoff.turn = 0;
            do_range(tasks, worker, range);
        } else {
            rest(tasks, worker);
        }
    }
}
