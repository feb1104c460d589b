/* SPDX-License-Identifier: Apache-2.0 */
/* How ranks of one machine sleep and wake each other, without a lost wake-up and without a system call while nobody sleeps.
 *
 * A sleeper notes the bell, says that it dozes, then looks once more; who writes something looks for sleepers afterwards. Both
 * pairs are sequentially consistent, so one of the two sees the other. Who notes a bell that has risen sees what it rose for; who
 * notes an older one does not fall asleep: the system compares. tests/models/event.pml checks this protocol line by line.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "comm/local.h"

/* Shared futexes: the words lie in memory of several processes. */
static void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t ns) {
    struct timespec most = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    syscall(SYS_futex, word, FUTEX_WAIT, expected, &most, NULL, 0); /* however it ends: the caller looks again */
}

static void futex_wake_all(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

void hdi_local_ring(hdi_local_rank *rank) {
    hdi_add(&rank->bell, 1, release);
    futex_wake_all(&rank->bell);
}

void hdi_local_wake(hdi_local_rank *rank) {
    if (hdi_load(&rank->dozing, seq_cst)) hdi_local_ring(rank);
}

void hdi_local_sleep(hdi_local *local, int32_t rank, bool (*worth_a_look)(const void *user), const void *user, int64_t ns) {
    hdi_local_rank *mine = &local->control->ranks[rank];
    uint32_t bell = hdi_load(&mine->bell, acquire);
    hdi_add(&mine->dozing, 1, seq_cst);
    if (!hdi_load(&local->control->failed, relaxed) && !worth_a_look(user)) futex_wait(&mine->bell, bell, ns);
    hdi_sub(&mine->dozing, 1, relaxed); /* seen late, it costs a call */
}
