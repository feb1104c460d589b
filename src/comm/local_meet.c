/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/local_meet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/wait.h"

uint64_t hdi_meet_abi(void) {
    static const char version[] = HEDDLE_VERSION ";local 1";
    const uint64_t sizes[] = {sizeof(hdi_local_control), HD_MAX_RANKS, HDI_LOCAL_PIECE, (uint64_t)sysconf(_SC_PAGESIZE),
                              HD_STATUS_COUNT};
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < sizeof version; i++) hash = (hash ^ (unsigned char)version[i]) * 1099511628211u;
    for (size_t i = 0; i < HDI_COUNTOF(sizes); i++) hash = (hash ^ sizes[i]) * 1099511628211u;
    return hash;
}

socklen_t hdi_meet_address(const char *name, struct sockaddr_un *out) {
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    int n = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "heddle/%u/%s", (unsigned)geteuid(), name);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

hd_status hdi_meet_peer(int fd, struct ucred *out) {
    socklen_t size = sizeof *out;
    HD_REQUIRE(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out, &size) == 0, HD_COMM, "cannot ask who is at the other end: %s",
               strerror(errno));
    return HD_OK;
}

hd_status hdi_local_meet(hd_domain *domain, const hd_domain_options *options) {
    HD_TRY(domain->rank == 0 ? hdi_meet_host(domain, options) : hdi_meet_join(domain));
    hdi_local_control *control = hdi_local_of(domain)->control;
    domain->states = control->states;
    domain->failed = &control->failed;
    hdi_tell(&control->states[domain->rank].beat_ns, hdi_now_ns(), relaxed);
    return HD_OK;
}
