/* SPDX-License-Identifier: Apache-2.0 */
/* Domains of the virtual scheduler's ranks. */
#ifndef TESTS_SCHED_WINDOW_H
#define TESTS_SCHED_WINDOW_H

#include "comm/domain.h"

enum { WINDOW_MOST_RANKS = 4 };

hd_domain *window_domain(int rank, int ranks);
/* The transport's own, between fibers. */
hd_status window_allgather(hd_domain *domain, const void *mine, size_t bytes, void *all);
hd_status window_barrier(hd_domain *domain);
/* The rank leaves the domain. */
void window_leave(hd_domain *domain);
/* The segments and signals of all ranks, for who watches it. */
void *window_memory(size_t *bytes);
/* Everything zero again, as at the beginning. */
void window_reset(bool in_pieces);
/* Nobody waits for anybody any more: what a schedule left undone stays so. */
void window_end(void);

#endif
