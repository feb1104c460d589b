/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "local": ranks are threads of one process, or processes of one machine.
 *
 * All memory that they share is one memfd, which rank 0 makes and hands to the others when they meet: first the control block
 * below, then the windows, one behind the other. It has no name anywhere, so it is gone when the last process that holds it is,
 * however that ends. */
#ifndef HDI_COMM_LOCAL_H
#define HDI_COMM_LOCAL_H

#include <sys/types.h>

#include "comm/domain.h"

enum {
    HDI_LOCAL_PIECE = 4096,    /* bytes of an allgather that a rank shows at once */
    HDI_LOCAL_SENTENCE = 1000, /* of a failure */
};

/* A rank's part of the control block. */
typedef struct hdi_local_rank {
    /* How many steps of collectives it has made, and what its last two collectives were: by their number's lowest bit, since a
     * rank can be one ahead of another that still looks. */
    _Alignas(HDI_CACHE_LINE) _Atomic uint64_t arrived;
    _Atomic uint64_t call[2];
    /* Its sleepers: how many threads are dozing, or about to; the bell is a futex that rises when it is rung for them. */
    _Alignas(HDI_CACHE_LINE) _Atomic uint32_t dozing;
    _Atomic uint32_t bell;
    /* Its process, and when that started (clock ticks since boot; 0: the system does not tell). Written by rank 0 before the
     * others see this block. */
    _Alignas(HDI_CACHE_LINE) int32_t pid;
    uint64_t started;
    /* What it says when it ends the domain: complete before control.first names it. */
    atomic_bool claimed; /* by one of its threads */
    int32_t code;
    char sentence[HDI_LOCAL_SENTENCE];
} hdi_local_rank;

/* The beginning of the memfd. Zero when fresh. [ranks][HDI_LOCAL_PIECE] bytes follow it. */
typedef struct hdi_local_control {
    _Alignas(HDI_CACHE_LINE) atomic_bool failed;
    _Atomic int32_t first; /* 1 + the rank whose sentence is the domain's failure; 0: none. Set once */
    hdi_rank_state states[HD_MAX_RANKS];
    hdi_local_rank ranks[HD_MAX_RANKS];
} hdi_local_control;

/* One rank's end. */
typedef struct hdi_local {
    char name[65];
    int fd;       /* the memfd */
    int listener; /* rank 0: keeps the name; else -1 */
    hdi_local_control *control;
    uint64_t arrived, calls;      /* of this rank's collectives */
    size_t end;                   /* of the memory in use: where the next window goes */
    _Atomic int64_t next_look_ns; /* at the other processes */
} hdi_local;

static inline hdi_local *hdi_local_of(const hd_domain *domain) { return domain->state; }
static inline unsigned char *hdi_local_piece(const hdi_local *local, int32_t rank) {
    return (unsigned char *)(local->control + 1) + (size_t)rank * HDI_LOCAL_PIECE;
}

/* ---- local_meet.c ---- */

/* Collective: finds the others under local->name; then local->fd and local->control are there. */
hd_status hdi_local_meet(hd_domain *domain, const hd_domain_options *options);

/* ---- local_memory.c ---- */

size_t hdi_local_page(size_t bytes); /* rounded up to whole pages */
size_t hdi_local_control_bytes(int32_t ranks);
/* Backs bytes offset .. offset + bytes of the memfd with memory, zero, near the calling thread; the file grows to hold them,
 * never shrinks. */
hd_status hdi_local_back(int fd, size_t offset, size_t bytes, const char *what);
/* Gives that memory back to the system; it reads as zero afterwards. */
void hdi_local_unback(int fd, size_t offset, size_t bytes);
/* Maps a range of the memfd. Ranks that are threads of one process get the same addresses, so tools that watch memory see what
 * they share. */
hd_status hdi_local_map(int fd, size_t offset, size_t bytes, const char *what, void **out);
void hdi_local_unmap(void *address);

/* ---- local_peers.c ---- */

typedef enum hdi_process_there { HDI_PROCESS_THERE, HDI_PROCESS_GONE } hdi_process_there;
typedef struct hdi_process {
    hdi_process_there there;
    char state;       /* as in /proc/PID/stat: 'R', 'S', 'T' ...; 0: the system does not tell */
    uint64_t started; /* clock ticks since boot; 0: the same */
} hdi_process;
hdi_process hdi_process_look(int32_t pid);

/* Makes `sentence` the domain's failure, unless there is one, and wakes all. */
void hdi_local_publish(hd_domain *domain, hd_status code, const char *sentence);
/* As hdi_transport's check, abort, describe and frozen. */
hd_status hdi_local_check(hd_domain *domain);
void hdi_local_abort(hd_domain *domain, hd_status code, const char *sentence);
void hdi_local_describe(const hd_domain *domain, int32_t rank, char *text, size_t size);
bool hdi_local_frozen(const hd_domain *domain, int32_t rank);

/* ---- local_sleep.c ---- */

/* Wakes a rank's sleepers if it has any: after what they wait for was written, sequentially consistent. */
void hdi_local_wake(hdi_local_rank *rank);
/* Wakes them all whether it says that it has some or not. */
void hdi_local_ring(hdi_local_rank *rank);
/* Sleeps up to `ns` unless good(user) says that it is worth a look already. */
void hdi_local_sleep(hdi_local *local, int32_t rank, bool (*worth_a_look)(const void *user), const void *user, int64_t ns);

#endif
