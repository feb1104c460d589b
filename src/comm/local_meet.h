/* SPDX-License-Identifier: Apache-2.0 */
/* What ranks of a local domain say to each other when they meet, over an abstract Unix socket that carries the domain's name.
 * Every other rank says hello to rank 0, which answers with its verdict: the shared memory, or why there is none. */
#ifndef HDI_COMM_LOCAL_MEET_H
#define HDI_COMM_LOCAL_MEET_H

#include <sys/socket.h>
#include <sys/un.h>

#include "comm/local.h"

#define HDI_MEET_MAGIC "hdlmeet" /* with its NUL 8 bytes; these and the abi keep their place in all versions */

typedef struct hdi_hello {
    char magic[8];
    uint64_t abi;
    int32_t rank, ranks;
    int32_t pid;
    int32_t pad;
    uint64_t started; /* hdi_process */
} hdi_hello;

typedef struct hdi_verdict {
    char magic[8];
    int32_t code; /* hd_status; HD_OK comes with the memfd */
    int32_t pad;
    char sentence[HDI_LOCAL_SENTENCE];
} hdi_verdict;

/* A number of everything that two ranks must agree on to share memory. */
uint64_t hdi_meet_abi(void);
/* The address of a name; abstract, so no file is left anywhere. Names of two users do not meet. */
socklen_t hdi_meet_address(const char *name, struct sockaddr_un *out);
/* The process at the other end of a connection, as the system tells it. */
hd_status hdi_meet_peer(int fd, struct ucred *out);

/* Rank 0's and everybody else's side (local_host.c, local_join.c): set local->fd, ->control; rank 0 also ->listener. */
hd_status hdi_meet_host(hd_domain *domain, const hd_domain_options *options);
hd_status hdi_meet_join(hd_domain *domain);

#endif
