/* SPDX-License-Identifier: Apache-2.0 */
/* Telling machines, and texts, apart by numbers. */
#ifndef HDI_BASE_MACHINE_H
#define HDI_BASE_MACHINE_H

#include <stdint.h>

/* FNV-1a of a text: against mistakes, not against malice. */
uint64_t hdi_hash_text(const char *text);

/* A number of the machine's present life: the same in all its processes and containers until it starts anew, and another one on
 * other machines. Where the system does not tell, all machines have the same. */
uint64_t hdi_machine_number(void);

#endif
