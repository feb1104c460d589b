/* SPDX-License-Identifier: Apache-2.0 */
/* The meeting of local ranks, seen by all but rank 0: they look for it until it is there, say hello, and get the memory or a
 * sentence. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/wait.h"
#include "comm/local_meet.h"
#include "comm/timeouts.h"

typedef struct join {
    hd_domain *domain;
    int64_t begin;
    bool heard; /* somebody has answered the door once */
} join;

static int64_t remaining(const join *j, hdi_timeout which) {
    return j->begin + hdi_timeout_ns(which, j->domain->timeout_ns) - hdi_now_ns();
}

static void nap(int64_t ns) {
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&t, NULL);
}

/* One attempt to reach rank 0 and say hello: *fd is -1 where nobody is there (yet). */
static hd_status knock(const join *j, int *fd) {
    const hd_domain *domain = j->domain;
    struct sockaddr_un address;
    struct ucred peer;
    socklen_t size = hdi_meet_address(hdi_local_of(domain)->name, &address);
    *fd = -1;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    HD_REQUIRE(s >= 0, HD_COMM, "cannot make a socket to meet rank 0: %s", strerror(errno));
    if (connect(s, (const struct sockaddr *)&address, size) != 0) {
        close(s);
        return HD_OK;
    }
    hd_status status = hdi_meet_peer(s, &peer);
    if (status == HD_OK && peer.uid != geteuid())
        status =
            hdi_fail(HD_COMM, "the name \"%s\" is held by user %u; take another", hdi_local_of(domain)->name, (unsigned)peer.uid);
    if (status != HD_OK) {
        close(s);
        return status;
    }
    hdi_hello hello = {HDI_MEET_MAGIC,
                       hdi_meet_abi(),
                       domain->rank,
                       domain->ranks,
                       (int32_t)getpid(),
                       0,
                       hdi_process_look((int32_t)getpid()).started};
    if (send(s, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello) {
        close(s);
        return HD_OK;
    }
    *fd = s;
    return HD_OK;
}

/* The verdict, and the memfd that comes with a good one. false: the connection ended without it. */
static bool receive(int s, hdi_verdict *verdict, int *fd) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {verdict, sizeof *verdict};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    *fd = -1;
    ssize_t n = recvmsg(s, &message, MSG_CMSG_CLOEXEC);
    if (n < 0) return false;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(head), sizeof *fd);
    return n == sizeof *verdict && memcmp(verdict->magic, HDI_MEET_MAGIC, sizeof verdict->magic) == 0 &&
           (verdict->code != HD_OK || *fd >= 0);
}

/* Waits for rank 0's answer on an open connection. *done is false when there came none: it may have been the last domain's end.
 */
static hd_status await_verdict(join *j, int s, bool *done) {
    hdi_local *local = hdi_local_of(j->domain);
    hdi_verdict verdict;
    int fd;
    *done = true;
    for (;;) {
        int64_t left = remaining(j, HDI_TIMEOUT_VERDICT);
        HD_REQUIRE(left > 0, HD_COMM, "rank 0 is there under the name \"%s\", but has not seen all %d ranks for %.1f s",
                   local->name, j->domain->ranks, (double)(hdi_now_ns() - j->begin) * 1e-9);
        struct pollfd event = {.fd = s, .events = POLLIN};
        if (poll(&event, 1, (int)(left / 1000000 < 1000 ? left / 1000000 + 1 : 1000)) > 0) break;
    }
    if (!receive(s, &verdict, &fd)) {
        if (fd >= 0) close(fd);
        *done = false;
        return HD_OK;
    }
    if (verdict.code != HD_OK) {
        if (fd >= 0) close(fd);
        return hdi_fail(0 < verdict.code && verdict.code < HD_STATUS_COUNT ? (hd_status)verdict.code : HD_COMM, "%.*s",
                        (int)sizeof verdict.sentence, verdict.sentence);
    }
    local->fd = fd;
    void *control;
    HD_TRY(hdi_local_map(fd, 0, hdi_local_control_bytes(j->domain->ranks), "a domain", &control));
    local->control = control;
    return HD_OK;
}

hd_status hdi_meet_join(hd_domain *domain) {
    join j = {domain, hdi_now_ns(), false};
    for (;;) {
        int s;
        bool done = false;
        HD_TRY(knock(&j, &s));
        if (s >= 0) {
            hd_status status = await_verdict(&j, s, &done);
            close(s);
            if (done || status != HD_OK) return status;
            j.heard = true;
        }
        HD_REQUIRE(remaining(&j, HDI_TIMEOUT_RENDEZVOUS) > 0, HD_COMM, "rank 0 of %d %s within %.1f s under the name \"%s\"",
                   domain->ranks, j.heard ? "let nobody in" : "did not come",
                   (double)hdi_timeout_ns(HDI_TIMEOUT_RENDEZVOUS, domain->timeout_ns) * 1e-9, hdi_local_of(domain)->name);
        nap(hdi_timeout_ns(HDI_TIMEOUT_RETRY, domain->timeout_ns));
    }
}
