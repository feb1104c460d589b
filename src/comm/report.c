/* SPDX-License-Identifier: Apache-2.0 */
/* What is said when a wait does not end: who waited where for what, and when each of the others last gave a sign of life. */
#include <stdio.h>
#include <string.h>

#include "base/wait.h"
#include "comm/domain.h"
#include "comm/wait_report.h"

enum {
    TOLD = 6, /* ranks whose signs of life are told: the awaited one and the most silent ones */
    TEXT = 960
};

static double seconds(int64_t ns) { return (double)ns * 1e-9; }

/* What a rank stands still for, as far as it can be believed: who waits gives signs of life all the time, and one that has given
 * none for half a deadline may have been stopped while it waited, and be what the others wait for. */
static uint32_t awaits(const hd_domain *domain, int32_t rank, int64_t now) {
    const hdi_rank_state *state = &domain->states[rank];
    uint32_t what = hdi_told(&state->awaits);
    int64_t beat = hdi_told(&state->beat_ns);
    return now - beat < domain->timeout_ns / 2 && (what & 255) <= (uint32_t)domain->ranks ? what : 0;
}

/* ", awaits signal 3 of rank 1" */
static void tell_awaits(const hd_domain *domain, int32_t rank, int64_t now, char *text, size_t size) {
    uint32_t what = awaits(domain, rank, now), signal = what >> 8;
    text[0] = 0;
    if (signal) snprintf(text, size, ", awaits signal %u of rank %u", signal - 1, (what & 255) - 1);
    if (what && !signal) snprintf(text, size, ", awaits rank %u", what - 1);
}

/* "rank 2 (process 4711, stopped) 1.9 s ago in run 7, step 12" */
static size_t tell_rank(const hd_domain *domain, int32_t rank, int64_t now, char *text, size_t size) {
    const hdi_rank_state *state = &domain->states[rank];
    int64_t beat = hdi_told(&state->beat_ns);
    uint64_t run = hdi_told(&state->run);
    char who[64] = "", when[48] = "never", at[64] = "", what[48];
    if (domain->transport->describe) domain->transport->describe(domain, rank, who, sizeof who);
    if (beat) snprintf(when, sizeof when, "%.2f s ago", seconds(now > beat ? now - beat : 0));
    if (run) snprintf(at, sizeof at, " in run %llu, step %u", (unsigned long long)run, hdi_told(&state->step));
    tell_awaits(domain, rank, now, what, sizeof what);
    int n = snprintf(text, size, "rank %d%s%s%s %s%s%s", rank, who[0] ? " (" : "", who, who[0] ? ")" : "", when, at, what);
    return n < 0 ? 0 : (size_t)n;
}

/* The most silent rank that has not been told yet; -1: none is left. */
static int32_t most_silent(const hd_domain *domain, const bool *told) {
    int32_t found = -1;
    int64_t oldest = INT64_MAX;
    for (int32_t rank = 0; rank < domain->ranks; rank++) {
        int64_t beat = hdi_told(&domain->states[rank].beat_ns);
        if (told[rank] || (found >= 0 && beat >= oldest)) continue;
        found = rank;
        oldest = beat;
    }
    return found;
}

static void tell_signs_of_life(const hd_domain *domain, int32_t awaited, char *text, size_t size) {
    bool told[HD_MAX_RANKS] = {false};
    int64_t now = hdi_now_ns();
    size_t n = (size_t)snprintf(text, size, "; last signs of life: ");
    told[domain->rank] = true;
    int32_t rank = awaited == domain->rank ? most_silent(domain, told) : awaited, count = 0;
    if (rank < 0) text[0] = 0; /* this rank is alone */
    for (; rank >= 0 && count < TOLD && n < size; count++) {
        if (count) n += (size_t)snprintf(text + n, size - n, ", ");
        if (n < size) n += tell_rank(domain, rank, now, text + n, size - n);
        told[rank] = true;
        rank = most_silent(domain, told);
    }
    if (rank >= 0 && n < size) snprintf(text + n, size - n, " and %d more", domain->ranks - 1 - count);
}

/* What is known of a rank: nothing, where it neither waits nor has ended. */
static bool know(const hd_domain *domain, int32_t rank, hdi_rank_report *report) {
    int32_t whom = (int32_t)(awaits(domain, rank, hdi_now_ns()) & 255);
    bool left = hdi_quiet_load(&domain->states[rank].left, relaxed);
    *report = (hdi_rank_report){.rank = rank, .doing = left ? HDI_RANK_GONE : HDI_RANK_WAITS, .waits_for = whom - 1};
    return left || whom > 0;
}

/* "; culprit: rank 3 is gone, and 2 ranks wait for it": where the awaited rank stands still itself, who it all hangs on. A wait
 * of this rank for itself tells nothing. Without memory nothing is said. */
static size_t tell_culprit(const hd_domain *domain, int32_t awaited, char *text, size_t size) {
    hdi_rank_report known[HD_MAX_RANKS], *next = known;
    char *report;
    if (awaited == domain->rank || !know(domain, awaited, next) || next->doing != HDI_RANK_WAITS) return 0;
    for (int32_t rank = 0; rank < domain->ranks; rank++) {
        if (rank == domain->rank)
            *next++ = (hdi_rank_report){.rank = rank, .doing = HDI_RANK_WAITS, .waits_for = awaited};
        else
            next += know(domain, rank, next);
    }
    if (hdi_wait_report(known, (size_t)(next - known), &report) != HD_OK) return 0;
    const char *culprit = strstr(report, "culprit: ");
    int n = culprit ? snprintf(text, size, "; %.*s", (int)strcspn(culprit, "\n"), culprit) : 0;
    hdi_free(report);
    return n < 0 ? 0 : (size_t)n;
}

/* What a person can do. The text ends here. */
static void tell_advice(const hd_domain *domain, char *text, size_t size) {
    size_t n = strlen(text);
    snprintf(text + n, size - n, "; ranks that are only slow need a longer HEDDLE_TIMEOUT_MS, which is %lld",
             (long long)(domain->timeout_ns / 1000000));
}

hd_status hdi_domain_give_up(hd_domain *domain, int32_t awaited, const char *what) {
    return hdi_domain_gave_up_after(domain, awaited, what, 0);
}

hd_status hdi_domain_gave_up_after(hd_domain *domain, int32_t awaited, const char *what, int64_t waited_ns) {
    char text[TEXT];
    size_t n = (size_t)snprintf(text, sizeof text, "%.400s", what);
    n += tell_culprit(domain, awaited, text + n, sizeof text - n);
    if (n < sizeof text) tell_signs_of_life(domain, awaited, text + n, sizeof text - n);
    if (waited_ns >= domain->timeout_ns) tell_advice(domain, text, sizeof text);
    domain->transport->abort(domain, HD_COMM, text);
    hd_status status = domain->transport->check(domain);
    if (status == HD_OK) return hdi_fail(HD_COMM, "rank %d: %s", domain->rank, text);
    if (strstr(hd_last_error(), what)) return status; /* it is the failure that all hear */
    return hdi_fail(status, "%s; rank %d %s", hd_last_error(), domain->rank, what);
}

hd_status hdi_wait_failed(hd_window *window, int32_t rank, uint32_t signal, uint64_t value, const char *where,
                          int64_t waited_ns) {
    uint64_t seen = hdi_quiet_load(&hdi_signal_of(window, rank, signal)->value, acquire);
    return hdi_wait_gave_up(window->domain, rank, signal, value, seen, where, waited_ns);
}

hd_status hdi_wait_gave_up(hd_domain *domain, int32_t rank, uint32_t signal, uint64_t value, uint64_t seen, const char *where,
                           int64_t waited_ns) {
    bool left = hdi_quiet_load(&domain->states[rank].left, relaxed);
    char what[320];
    snprintf(what, sizeof what, "waited %.2f s%s%.80s for signal %u of rank %d%s: expected %llu, seen %llu", seconds(waited_ns),
             where ? " in " : "", where ? where : "", signal, rank, left ? ", which has left" : "", (unsigned long long)value,
             (unsigned long long)seen);
    return hdi_domain_gave_up_after(domain, rank, what, waited_ns);
}
