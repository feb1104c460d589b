/* SPDX-License-Identifier: Apache-2.0 */
/* The transport over MPI. Puts and signals are two-sided messages: a head, with the bytes of a small put behind it, on one tag;
 * the bytes of a large put on a second tag, received straight into their place. MPI keeps the order of messages between two
 * ranks, which is the whole of the ordering that windows promise. Every MPI call is made under one lock (MPI_THREAD_SERIALIZED).
 */
#ifndef HDI_COMM_MPI_H
#define HDI_COMM_MPI_H

#include <mpi.h>
#include <pthread.h>

#include "base/wait.h"
#include "comm/library.h"
#include "comm/timeouts.h"

enum {
    MPI_SMALL = 8192,    /* a put up to this size travels with its head */
    MPI_SLOTS = 64,      /* puts in flight from one rank */
    MPI_PIECE = 1 << 30, /* larger puts are split: MPI counts in int */
    MPI_SENTENCE = 1000,
    MPI_HOST_NAME = 48,
};

typedef enum mpi_kind { MPI_PUT = 1, MPI_RAISE, MPI_GATHER, MPI_ARRIVE, MPI_BEAT, MPI_LEAVE } mpi_kind;

typedef struct mpi_head {
    uint16_t kind;
    bool raises; /* a put that also raises `signal` */
    uint32_t window;
    uint64_t offset, bytes; /* of a put or gather */
    uint32_t signal;
    uint32_t awaits; /* what the sender stands still for, as hdi_rank_state has it */
    uint64_t value;
    int64_t sent_ns; /* the sender's clock */
    uint64_t run;    /* where the sender is */
    uint32_t step;
    int32_t pid;
} mpi_head;

typedef struct mpi_message {
    _Alignas(HDI_CACHE_LINE) mpi_head head;
    unsigned char data[MPI_SMALL];
} mpi_message;

typedef struct mpi_slot { /* a message on its way out */
    MPI_Request head, data;
    int32_t to;
    bool used;
    mpi_message message;
} mpi_slot;

typedef struct mpi_peer { /* what comes from a rank */
    mpi_message in;
    void *scrap;                /* of large bytes for a window that is gone */
    bool data_comes;            /* the request is of the bytes of `in`, no longer of a head */
    bool beat_out;              /* a sign of life is on its way to it */
    uint64_t arrived;           /* collective calls it has come to */
    uint64_t gathered;          /* whose bytes are here */
    int64_t clock_ns, clock_at; /* this clock less its clock, the least seen, and when */
    int64_t sent_ns;            /* the last message to it */
    char host[MPI_HOST_NAME];
} mpi_peer;

typedef struct mpi_abort_message {
    int32_t code;
    char sentence[MPI_SENTENCE];
} mpi_abort_message;

typedef struct mpi_domain {
    hd_domain *domain;
    int tag; /* of heads; + 1: bytes, + 2: aborts */
    pthread_mutex_t *lock;
    MPI_Comm comm;
    MPI_Request in[HD_MAX_RANKS + 1]; /* of each rank, and of aborts */
    mpi_peer *peers;
    mpi_slot *slots;
    int in_flight;
    hd_window *windows; /* open ones, by their `state` */
    struct mpi_window *open;
    struct mpi_domain *next; /* of the open domains */
    uint32_t next_window;
    uint64_t epoch; /* of collective calls */
    void *gather_to;
    size_t gather_bytes;
    uint32_t polls;
    int64_t beat_every_ns, beat_at;
    mpi_abort_message abort_in, abort_out;
    MPI_Request abort_requests[HD_MAX_RANKS];
    bool abort_sent;
    hd_status code;
    char sentence[MPI_SENTENCE]; /* set before `failed` */
    atomic_bool failed;
} mpi_domain;

typedef struct mpi_window {
    uint32_t id;
    hd_window *window;
    struct mpi_window *next;
    void *copies;
} mpi_window;

static inline mpi_domain *mpi_of(const hd_domain *domain) { return domain->state; }

/* ---- errors.c ---- */
void mpi_set_host(const hdi_transport_host *host);
/* Fails with the call and MPI's own words; HD_OK when `code` is MPI_SUCCESS. */
hd_status mpi_check(int code, const char *call);

/* ---- process.c: MPI itself, once a process ---- */
typedef struct mpi_process {
    MPI_Comm comm; /* all ranks, apart from what the program itself may send */
    int rank, ranks;
    pthread_mutex_t lock; /* held around every MPI call */
} mpi_process;
extern mpi_process mpi_the_process;
/* Starts MPI when it does not run yet. Fails when the others do not come. */
hd_status mpi_process_start(int64_t wait_ns);
int mpi_process_next_tag(void);
/* How the process will end: a domain failed, or is still open. */
void mpi_process_note(bool failed, int open_change, int64_t wait_ns);

/* ---- send.c ---- */
/* Sends a message; `data` beyond MPI_SMALL must stay as it is until quiet. Waits while all slots are taken. */
hd_status mpi_send(hd_domain *domain, int32_t to, mpi_head head, const void *data);
void mpi_collect_locked(mpi_domain *d);
void mpi_beat_locked(mpi_domain *d, int64_t now);
hd_status mpi_put(hd_window *window, int32_t rank, size_t offset, size_t bytes);
hd_status mpi_raise(hd_window *window, int32_t rank, uint32_t signal, uint64_t value);
hd_status mpi_put_signal(hd_window *window, int32_t rank, size_t offset, size_t bytes, uint32_t signal, uint64_t value);
hd_status mpi_quiet_domain(hd_domain *domain, int64_t wait_ns);
hd_status mpi_quiet(hd_window *window);

/* ---- receive.c ---- */
hd_status mpi_receive_start_locked(mpi_domain *d);
void mpi_progress_locked(mpi_domain *d, bool look_at_clock);
hd_status mpi_poll(hd_domain *domain);
void mpi_doze(hd_window *window, const hdi_signal *signal, uint64_t seen, int64_t ns);

/* ---- domain.c ---- */
/* Ends the domain; the first failure stays. `tell`: the others do not know it yet. */
void mpi_fail_locked(mpi_domain *d, hd_status code, const char *sentence, bool tell);
hd_status mpi_domain_check(hd_domain *domain);
/* Lets messages in and signs of life out, for the open domains; nothing where another thread is at it. */
void mpi_heartbeat(void);
extern const hdi_transport mpi_transport;

/* ---- window.c ---- */
hd_status mpi_window_open(hd_window *window);
void mpi_window_close(hd_window *window);
hd_window *mpi_window_find(const mpi_domain *d, uint32_t id);

#endif
