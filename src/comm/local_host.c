/* SPDX-License-Identifier: Apache-2.0 */
/* The meeting of local ranks, seen by rank 0: it holds the name, lets the others in, and gives all of them the memory or one
 * sentence.
 *
 * Anybody may connect to an abstract socket: other users are turned away at the door, whoever says nothing or nonsense is let go
 * after a while, and none of them keeps the ranks waiting. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/wait.h"
#include "comm/local_meet.h"
#include "comm/timeouts.h"

enum { STRANGERS = 64 }; /* connections that have not said hello yet, at once */

typedef struct stranger {
    int fd;
    int64_t since;
    struct ucred process;
    size_t got; /* bytes of hello */
    hdi_hello hello;
} stranger;

typedef struct guest {
    int fd; /* -1: has not come */
    int32_t pid;
    uint64_t started;
} guest;

typedef struct host {
    hd_domain *domain;
    hdi_local *local;
    const hd_domain_options *options;
    int64_t begin;
    guest guests[HD_MAX_RANKS]; /* guest 0 is this rank itself */
    int32_t here;               /* how many have come, this one counted in */
    stranger strangers[STRANGERS];
    int n_strangers;
} host;

/* ---- the name and the memory ---- */

/* Binds the name; a little patience, since the last run's end may be a moment away. */
static hd_status take_name(const host *h) {
    struct sockaddr_un address;
    socklen_t size = hdi_meet_address(h->local->name, &address);
    int64_t until = h->begin + hdi_timeout_ns(HDI_TIMEOUT_HELLO, h->domain->timeout_ns);
    int64_t pause = hdi_timeout_ns(HDI_TIMEOUT_RETRY, h->domain->timeout_ns);
    int s = h->local->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    HD_REQUIRE(s >= 0, HD_COMM, "cannot make a socket to meet the other ranks: %s", strerror(errno));
    while (bind(s, (const struct sockaddr *)&address, size) != 0) {
        HD_REQUIRE(errno == EADDRINUSE, HD_COMM, "cannot take the name \"%s\": %s", h->local->name, strerror(errno));
        HD_REQUIRE(hdi_now_ns() < until, HD_COMM,
                   "the name \"%s\" is in use on this machine: by another run, or by a second process that is rank 0",
                   h->local->name);
        struct timespec t = {.tv_nsec = pause % 1000000000};
        nanosleep(&t, NULL);
    }
    HD_REQUIRE(listen(s, 2 * HD_MAX_RANKS) == 0, HD_COMM, "cannot listen under the name \"%s\": %s", h->local->name,
               strerror(errno));
    return HD_OK;
}

static hd_status make_memory(host *h) {
    size_t bytes = hdi_local_control_bytes(h->domain->ranks);
    void *control;
    h->local->fd = memfd_create("heddle", MFD_CLOEXEC);
    HD_REQUIRE(h->local->fd >= 0, HD_COMM, "cannot make shared memory: %s", strerror(errno));
    HD_TRY(hdi_local_back(h->local->fd, 0, bytes, "a domain"));
    HD_TRY(hdi_local_map(h->local->fd, 0, bytes, "a domain", &control));
    h->local->control = control;
    return HD_OK;
}

/* ---- the door ---- */

static void let_go(host *h, int i) {
    close(h->strangers[i].fd);
    h->strangers[i] = h->strangers[--h->n_strangers];
}

/* Takes all who knock; when there is no more room the first who came and said nothing goes. */
static hd_status open_door(host *h) {
    for (;;) {
        struct ucred process;
        int fd = accept4(h->local->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0 && errno == EAGAIN) return HD_OK;
        HD_REQUIRE(fd >= 0, HD_COMM, "cannot let the other ranks in: %s", strerror(errno));
        if (hdi_meet_peer(fd, &process) != HD_OK || process.uid != geteuid()) {
            close(fd);
            continue;
        }
        if (h->n_strangers == STRANGERS) let_go(h, 0);
        h->strangers[h->n_strangers++] = (stranger){.fd = fd, .since = hdi_now_ns(), .process = process};
    }
}

/* A hello that has the magic is a rank of Heddle: if it does not fit here, all are told. */
static hd_status judge(const host *h, const stranger *s) {
    const hdi_hello *hello = &s->hello;
    int32_t ranks = h->domain->ranks;
    const char *name = h->local->name;
    HD_REQUIRE(hello->abi == hdi_meet_abi(), HD_COMM,
               "process %d came to \"%s\" with another version of heddle than rank 0's (process %d)", (int)s->process.pid, name,
               (int)getpid());
    HD_REQUIRE(hello->pid == s->process.pid, HD_COMM,
               "rank %d came to \"%s\" from another PID namespace, where processes cannot be watched: start all ranks in one",
               hello->rank, name);
    HD_REQUIRE(hello->ranks == ranks, HD_COMM, "process %d came to \"%s\" for a domain of %d ranks, and rank 0 for one of %d",
               hello->pid, name, hello->ranks, ranks);
    HD_REQUIRE(0 < hello->rank && hello->rank < ranks, HD_COMM, "process %d came to \"%s\" as rank %d of %d", hello->pid, name,
               hello->rank, ranks);
    const guest *there = &h->guests[hello->rank];
    HD_REQUIRE(there->fd < 0, HD_COMM, "two came to \"%s\" as rank %d: processes %d and %d", name, hello->rank, there->pid,
               hello->pid);
    return HD_OK;
}

/* Reads on. *gone: this connection has no more business here. */
static hd_status hear(host *h, stranger *s, bool *gone) {
    *gone = false;
    ssize_t n = recv(s->fd, (char *)&s->hello + s->got, sizeof s->hello - s->got, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return HD_OK;
    if (n > 0) s->got += (size_t)n;
    size_t known = s->got < sizeof s->hello.magic ? s->got : sizeof s->hello.magic;
    *gone = n <= 0 || memcmp(s->hello.magic, HDI_MEET_MAGIC, known) != 0;
    if (*gone || s->got < sizeof s->hello) return HD_OK;
    HD_TRY(judge(h, s));
    h->guests[s->hello.rank] = (guest){s->fd, s->hello.pid, s->hello.started};
    h->here++;
    *s = h->strangers[--h->n_strangers]; /* it is a guest now */
    return HD_OK;
}

/* The strangers: a copy of the list is not needed, since only the last one takes a place that was left. */
static hd_status hear_all(host *h) {
    int64_t patience = hdi_timeout_ns(HDI_TIMEOUT_HELLO, h->domain->timeout_ns), now = hdi_now_ns();
    for (int i = h->n_strangers - 1; i >= 0; i--) {
        bool gone;
        stranger *s = &h->strangers[i];
        int fd = s->fd;
        HD_TRY(hear(h, s, &gone));
        if (i < h->n_strangers && s->fd == fd && (gone || now - s->since > patience)) let_go(h, i);
    }
    return HD_OK;
}

/* ---- the meeting ---- */

static hd_status missing(const host *h) {
    char list[160] = "";
    size_t n = 0;
    int32_t absent = h->domain->ranks - h->here;
    for (int32_t rank = 1; rank < h->domain->ranks && n < sizeof list - 8; rank++)
        if (h->guests[rank].fd < 0) n += (size_t)snprintf(list + n, sizeof list - n, "%s%d", n ? ", " : "", rank);
    return hdi_fail(HD_COMM, "rank%s %s of %d did not come within %.1f s under the name \"%s\"", absent == 1 ? "" : "s", list,
                    h->domain->ranks, (double)hdi_timeout_ns(HDI_TIMEOUT_RENDEZVOUS, h->domain->timeout_ns) * 1e-9,
                    h->local->name);
}

/* Sleeps until somebody knocks, speaks or goes. */
static hd_status await_news(const host *h, int64_t ns) {
    struct pollfd events[1 + STRANGERS + HD_MAX_RANKS];
    nfds_t n = 0;
    events[n++] = (struct pollfd){.fd = h->local->listener, .events = POLLIN};
    for (int i = 0; i < h->n_strangers; i++) events[n++] = (struct pollfd){.fd = h->strangers[i].fd, .events = POLLIN};
    nfds_t first_guest = n;
    int32_t ranks[HD_MAX_RANKS];
    for (int32_t rank = 1; rank < h->domain->ranks; rank++) {
        if (h->guests[rank].fd < 0) continue;
        ranks[n - first_guest] = rank;
        events[n++] = (struct pollfd){.fd = h->guests[rank].fd, .events = POLLRDHUP};
    }
    if (poll(events, n, (int)(ns / 1000000) + 1) <= 0) return HD_OK;
    for (nfds_t i = first_guest; i < n; i++)
        HD_REQUIRE(!(events[i].revents & (POLLRDHUP | POLLHUP | POLLERR)), HD_COMM,
                   "rank %d (process %d) went away while the ranks were meeting under the name \"%s\"", ranks[i - first_guest],
                   h->guests[ranks[i - first_guest]].pid, h->local->name);
    return HD_OK;
}

static hd_status gather(host *h) {
    int64_t until = h->begin + hdi_timeout_ns(HDI_TIMEOUT_RENDEZVOUS, h->domain->timeout_ns);
    hdi_timeout look = h->options->go_on ? HDI_TIMEOUT_BEAT : HDI_TIMEOUT_HELLO;
    int64_t patience = hdi_timeout_ns(look, h->domain->timeout_ns);
    while (h->here < h->domain->ranks) {
        int64_t left = until - hdi_now_ns();
        if (left <= 0) return missing(h);
        HD_REQUIRE(!h->options->go_on || h->options->go_on(h->options->user), HD_CANCELLED,
                   "rank 0 called off the meeting under the name \"%s\"", h->local->name);
        HD_TRY(await_news(h, left < patience ? left : patience));
        HD_TRY(open_door(h));
        HD_TRY(hear_all(h));
    }
    return HD_OK;
}

/* ---- the verdict ---- */

/* Sends it, with the memfd when it is a good one. These few bytes fit any socket's buffer: nobody is waited for. */
static bool tell(int s, const hdi_verdict *verdict, int memory) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(void *)verdict, sizeof *verdict};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (verdict->code == HD_OK) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(head), &memory, sizeof memory);
    }
    return sendmsg(s, &message, MSG_NOSIGNAL) == sizeof *verdict;
}

static void introduce(host *h) {
    hdi_local_control *control = h->local->control;
    int64_t now = hdi_now_ns();
    h->guests[0] = (guest){-1, (int32_t)getpid(), hdi_process_look((int32_t)getpid()).started};
    for (int32_t rank = 0; rank < h->domain->ranks; rank++) {
        control->ranks[rank].pid = h->guests[rank].pid;
        control->ranks[rank].started = h->guests[rank].started;
        hdi_tell(&control->states[rank].pid, h->guests[rank].pid, relaxed);
        hdi_tell(&control->states[rank].beat_ns, now, relaxed);
    }
}

/* All who are here hear how it went. */
static hd_status dismiss(host *h, hd_status status) {
    hdi_verdict verdict = {.magic = HDI_MEET_MAGIC, .code = (int32_t)status};
    if (status == HD_OK)
        introduce(h);
    else
        snprintf(verdict.sentence, sizeof verdict.sentence, "%s", hd_last_error());
    for (int32_t rank = 1; rank < h->domain->ranks; rank++) {
        guest *g = &h->guests[rank];
        if (g->fd >= 0) (void)tell(g->fd, &verdict, h->local->fd); /* who is gone by now is missed at the first barrier */
        if (g->fd >= 0) close(g->fd);
    }
    for (int i = 0; i < h->n_strangers; i++) { /* one of them may be a rank that did not fit */
        if (status != HD_OK && h->strangers[i].got == sizeof(hdi_hello)) (void)tell(h->strangers[i].fd, &verdict, -1);
        close(h->strangers[i].fd);
    }
    return status;
}

hd_status hdi_meet_host(hd_domain *domain, const hd_domain_options *options) {
    host *h;
    HD_TRY(hdi_calloc(&h, 1, sizeof *h, "the meeting of a domain"));
    h->domain = domain;
    h->options = options;
    h->local = hdi_local_of(domain);
    h->begin = hdi_now_ns();
    h->here = 1;
    for (int32_t rank = 0; rank < HD_MAX_RANKS; rank++) h->guests[rank].fd = -1;
    hd_status status = take_name(h);
    if (status == HD_OK) status = make_memory(h);
    if (status == HD_OK) status = gather(h);
    status = dismiss(h, status);
    hdi_free(h);
    if (status == HD_OK) shutdown(hdi_local_of(domain)->listener, SHUT_RD); /* late ones are refused; the name stays taken */
    return status;
}
