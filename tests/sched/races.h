/* SPDX-License-Identifier: Apache-2.0 */
/* Races: two accesses to plain memory, one of them a write, that nothing orders. Found by the clocks of weak memory (memory.h),
 * so whether they happened to come one after the other makes no difference. */
#ifndef TESTS_SCHED_RACES_H
#define TESTS_SCHED_RACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RACES_GRAIN = 256 }; /* bytes that are looked at as one, from the beginning of what is watched */

/* From now on all is as at the beginning: nobody has read or written anything. */
void races_begin(void);
/* Memory that is watched; nothing at all is watched before. Stays after races_begin. */
void races_watch(const void *memory, size_t bytes);
void races_watch_nothing(void);
/* The current fiber reads or writes them; `who` says for what (it stays where it is). A race ends the schedule. */
void races_access(const void *memory, size_t bytes, bool writes, const char *who);

#endif
