/* SPDX-License-Identifier: Apache-2.0 */
/* How a local domain fails: the one sentence that all hear, and finding out which processes are gone.
 *
 * A rank writes its sentence into a place of its own and then names itself the first, in one step: a rank that dies half way
 * leaves nothing half said. tests/models/abort.pml checks this protocol. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wait.h"
#include "comm/local.h"
#include "comm/timeouts.h"

/* ---- processes ---- */

/* Field `n` (from 3 on) of /proc/PID/stat, after the name in parentheses, which may hold anything. */
static const char *field(const char *text, int n) {
    const char *at = strrchr(text, ')');
    for (int i = 2; at && i < n; i++) {
        at = strchr(at + 1, ' ');
    }
    return at ? at + 1 : "";
}

hdi_process hdi_process_look(int32_t pid) {
    hdi_process found = {HDI_PROCESS_THERE, 0, 0};
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) { /* it is gone, or there is no /proc, or it is hidden */
        if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) found.there = HDI_PROCESS_GONE;
        return found;
    }
    text[n] = 0;
    found.state = *field(text, 3);
    found.started = strtoull(field(text, 22), NULL, 10);
    long threads = strtol(field(text, 20), NULL, 10);
    /* A zombie whose parent has not looked yet; one with threads is a process whose first thread has ended, no more. */
    if ((found.state == 'Z' && threads <= 1) || found.state == 'X') found.there = HDI_PROCESS_GONE;
    return found;
}

/* Another process that got the number of one that ended is not the one that was here. */
static bool is_gone(const hdi_local_rank *rank) {
    hdi_process now = hdi_process_look(rank->pid);
    return now.there == HDI_PROCESS_GONE || (now.started && rank->started && now.started != rank->started);
}

void hdi_local_describe(const hd_domain *domain, int32_t rank, char *text, size_t size) {
    static const char *const words[] = {['T'] = ", stopped", ['t'] = ", stopped by a debugger", ['D'] = ", waiting for a disk"};
    const hdi_local_rank *other = &hdi_local_of(domain)->control->ranks[rank];
    const char *word = "";
    hdi_process now = hdi_process_look(other->pid);
    if (is_gone(other))
        word = ", gone";
    else if ((unsigned char)now.state < HDI_COUNTOF(words) && words[(unsigned char)now.state])
        word = words[(unsigned char)now.state];
    if (hdi_quiet_load(&domain->states[rank].left, relaxed)) word = ", has left";
    snprintf(text, size, "process %d%s", (int)other->pid, word);
}

bool hdi_local_frozen(const hd_domain *domain, int32_t rank) {
    return hdi_process_look(hdi_local_of(domain)->control->ranks[rank].pid).state == 'T';
}

/* ---- failures ---- */

void hdi_local_publish(hd_domain *domain, hd_status code, const char *sentence) {
    hdi_local_control *control = hdi_local_of(domain)->control;
    hdi_local_rank *mine = &control->ranks[domain->rank];
    if (!hdi_swap(&mine->claimed, true, relaxed)) {
        int32_t none = 0;
        HDI_WRITES(mine->sentence);
        mine->code = (int32_t)code;
        snprintf(mine->sentence, sizeof mine->sentence, "%s", sentence);
        (void)hdi_swap_if(&control->first, &none, domain->rank + 1, release);
    }
    while (!hdi_load(&control->first, relaxed)) sched_yield(); /* another thread of this rank is just saying why */
    hdi_store(&control->failed, true, relaxed);                /* the bells show it */
    for (int32_t rank = 0; rank < domain->ranks; rank++) hdi_local_ring(&control->ranks[rank]);
}

void hdi_local_abort(hd_domain *domain, hd_status code, const char *sentence) {
    char text[HDI_LOCAL_SENTENCE];
    snprintf(text, sizeof text, "rank %d: %s", domain->rank, sentence);
    hdi_local_publish(domain, code, text);
}

/* Ends the domain if a process is gone that has not left. */
static void look_at_processes(hd_domain *domain) {
    hdi_local_control *control = hdi_local_of(domain)->control;
    int32_t own = control->ranks[domain->rank].pid;
    for (int32_t rank = 0; rank < domain->ranks; rank++) {
        const hdi_local_rank *other = &control->ranks[rank];
        if (other->pid == own || hdi_quiet_load(&domain->states[rank].left, relaxed) || !is_gone(other)) continue;
        /* It left, then ended, while we looked: the system orders a process's end after all that it wrote. */
        if (hdi_quiet_load(&domain->states[rank].left, relaxed)) continue;
        char text[80];
        snprintf(text, sizeof text, "rank %d (process %d) is gone", rank, (int)other->pid);
        hdi_local_publish(domain, HD_COMM, text);
        return;
    }
}

/* One thread of the rank looks, once an interval. */
static bool time_to_look(const hd_domain *domain) {
    hdi_local *local = hdi_local_of(domain);
    int64_t now = hdi_now_ns(), due = hdi_quiet_load(&local->next_look_ns, relaxed);
    return now >= due &&
           hdi_swap_if(&local->next_look_ns, &due, now + hdi_timeout_ns(HDI_TIMEOUT_LIVENESS, domain->timeout_ns), relaxed);
}

hd_status hdi_local_check(hd_domain *domain) {
    hdi_local_control *control = hdi_local_of(domain)->control;
    int32_t first = hdi_load(&control->first, acquire);
    if (!first && time_to_look(domain)) {
        look_at_processes(domain);
        first = hdi_load(&control->first, acquire);
    }
    if (!first) return HD_OK;
    if (!hdi_domain_failed(domain)) { /* who said it was ended before it could wake the others */
        hdi_store(&control->failed, true, relaxed);
        for (int32_t rank = 0; rank < domain->ranks; rank++) hdi_local_ring(&control->ranks[rank]);
    }
    const hdi_local_rank *from = &control->ranks[first - 1];
    HDI_READS(from->sentence);
    return hdi_fail((hd_status)from->code, "%.*s", HDI_LOCAL_SENTENCE, from->sentence);
}
