/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ranks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/load.h"
#include "heddle/engine.h"

/* ---- who this process is ---- */

/* The device of rank `rank`: "cuda" is one card after the other, "cuda:1" that one for all. */
static int device_of_rank(const char *name, int32_t rank, const hd_device **out) {
    int code = cli_parse_device(name, out);
    if (code != EXIT_OK || !*out || rank == 0 || strchr(name, ':')) return code;
    hd_device_type type = hd_device_get_type(*out);
    if (type == HD_DEVICE_CPU) return EXIT_OK;
    hd_status status = hd_device_get(type, rank % hd_device_count(type), out);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

/* ---- workers of this machine ---- */

/* The child's side: never returns. Its death signal is set before it looks whether the parent is still there. */
static void become_worker(char *const argv[], pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXIT_FAILED);
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
    execv("/proc/self/exe", argv);
    dprintf(STDERR_FILENO, "heddle: cannot start a rank: %s\n", strerror(errno));
    _exit(EXIT_FAILED);
}

static int start_worker(cli_ranks *r, const char *folder, const char *name, int32_t rank, int32_t ranks) {
    char rank_text[16], ranks_text[16], tensor[16], pipeline[16], threads[16], two_shot[24];
    snprintf(rank_text, sizeof rank_text, "%d", rank);
    snprintf(ranks_text, sizeof ranks_text, "%d", ranks);
    snprintf(tensor, sizeof tensor, "%d", (int)r->tensor);
    snprintf(pipeline, sizeof pipeline, "%d", (int)r->pipeline);
    snprintf(threads, sizeof threads, "%d", (int)r->threads);
    snprintf(two_shot, sizeof two_shot, "%lld", (long long)r->two_shot);
    const char *argv[24] = {"heddle", "worker", "--name", name,      "--rank", rank_text,   "--ranks", ranks_text,   "--tp",
                            tensor,   "--pp",   pipeline, "--model", folder,   "--threads", threads,   "--two-shot", two_shot};
    size_t n = 18;
    if (r->weights) argv[n++] = "--weights", argv[n++] = r->weights;
    if (r->device) argv[n++] = "--device", argv[n++] = r->device;
    pid_t self = getpid(), pid = fork();
    if (pid == 0) become_worker((char *const *)(uintptr_t)argv, self);
    if (pid < 0) return cli_fail(EXIT_FAILED, "cannot start rank %d of %d: %s", rank, ranks, strerror(errno));
    r->worker[rank] = pid;
    return EXIT_OK;
}

static int start_workers(cli_ranks *r, const char *folder, const char *name, int32_t ranks) {
    int code = EXIT_OK;
    for (int32_t rank = 1; rank < ranks && code == EXIT_OK; rank++) code = start_worker(r, folder, name, rank, ranks);
    return code;
}

/* SIGINT and SIGTERM wait until a worker has chosen what they mean to it (worker.c): between fork and then none may be lost. */
static int start_all(cli_ranks *r, const char *folder, const char *name, int32_t ranks) {
    sigset_t both, before;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    sigprocmask(SIG_BLOCK, &both, &before);
    int code = start_workers(r, folder, name, ranks);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* The first worker that has ended (by a signal), and how; 0: none has. It stays to be reaped. */
static int32_t find_ended(const cli_ranks *r, bool by_signal, siginfo_t *how) {
    for (int32_t rank = 1; rank < HD_MAX_RANKS; rank++) {
        how->si_pid = 0;
        if (r->worker[rank] <= 0 || waitid(P_PID, (id_t)r->worker[rank], how, WEXITED | WNOHANG | WNOWAIT) != 0) continue;
        if (how->si_pid && !(by_signal && how->si_code == CLD_EXITED)) return rank;
    }
    return 0;
}

static const cli_ranks *started; /* what explain() tells of: a report has no other way to it */

/* "; rank 1 was ended by signal 9 (Killed)": a rank that ended by itself has said why. */
static void explain(char *text, size_t size) {
    enum { TRIES = 50 }; /* the others may see it go a moment before the system lets its parent know */
    siginfo_t how;
    int32_t rank = find_ended(started, true, &how);
    for (int i = 0; !rank && i < TRIES; i++) {
        usleep(1000);
        rank = find_ended(started, true, &how);
    }
    if (!rank) return;
    snprintf(text, size, "; rank %d was ended by signal %d (%s)%s", rank, how.si_status, strsignal(how.si_status),
             how.si_status == SIGKILL ? ", which the system sends when memory runs out" : "");
}

/* Nobody waits for ranks that cannot come any more. Which one it was is noted: soon the others will have ended, too. */
static bool all_may_come(void *user) {
    cli_ranks *r = user;
    if (!r->lost) r->lost = find_ended(r, false, &r->lost_how);
    return !cli_interrupted() && !r->lost;
}

static int meeting_failed(const cli_ranks *r, hd_status status) {
    int32_t rank = r->lost;
    const siginfo_t how = r->lost_how;
    if (cli_interrupted() || !rank || status != HD_CANCELLED) return cli_fail_status(status);
    if (how.si_code == CLD_EXITED)
        return cli_fail(EXIT_FAILED, "rank %d (process %d) ended with exit code %d before all ranks had met", rank,
                        (int)r->worker[rank], how.si_status);
    return cli_fail(EXIT_FAILED, "rank %d (process %d) was ended by signal %d (%s) before all ranks had met", rank,
                    (int)r->worker[rank], how.si_status, strsignal(how.si_status));
}

static void kill_workers(cli_ranks *r) {
    for (int32_t rank = 1; rank < HD_MAX_RANKS; rank++)
        if (r->worker[rank] > 0) kill(r->worker[rank], SIGKILL);
}

/* ---- beginning ---- */

static int meet(cli_ranks *r, const char *folder, int32_t ranks) {
    char name[64];
    hd_domain_options options = {.rank = -1, .ranks = -1};
    int32_t launched = cli_launched_ranks();
    int code = EXIT_OK;
    if (launched && launched != ranks)
        return cli_usage("--tp %d and --pp %d are %d ranks, and %d processes were started", (int)r->tensor, (int)r->pipeline,
                         ranks, launched);
    if (launched) {
        options.transport = "mpi";
    } else {
        hd_domain_fresh_name(name, sizeof name);
        options = (hd_domain_options){.name = name, .rank = 0, .ranks = ranks, .go_on = all_may_come, .user = r};
        code = start_all(r, folder, name, ranks);
        started = r;
        cli_explain_failures(explain);
    }
    if (code != EXIT_OK) return code;
    hd_status status = hd_domain_create(&options, &r->domain);
    return status == HD_OK ? EXIT_OK : meeting_failed(r, status);
}

static hd_status status_of(int code) {
    switch (code) {
    case EXIT_MEMORY:
        return HD_OUT_OF_MEMORY;
    case EXIT_BAD_INPUT:
        return HD_UNSUPPORTED;
    case EXIT_LIMIT:
        return HD_EXHAUSTED;
    default:
        return HD_INVALID_ARGUMENT;
    }
}

static int load_part(cli_ranks *r, const char *folder, hd_model **out) {
    const hd_device *device;
    int code = device_of_rank(r->device, r->domain ? hd_domain_rank(r->domain) : 0, &device);
    if (code != EXIT_OK) return code;
    const cli_load_options options = {.weights = r->weights,
                                      .device = device,
                                      .threads = r->threads,
                                      .quiet = r->quiet || (r->domain && hd_domain_rank(r->domain) > 0),
                                      .domain = r->domain,
                                      .tensor = (int32_t)r->tensor,
                                      .pipeline = (int32_t)r->pipeline,
                                      .two_shot = r->two_shot};
    return cli_load_model(folder, &options, out);
}

/* A failure that all ranks have alike is told once, by rank 0; one of its own a rank tells rank 0. */
static int load(cli_ranks *r, const char *folder, hd_model **out) {
    char sentence[1200] = "";
    bool leads = !r->domain || hd_domain_rank(r->domain) == 0;
    if (!leads) cli_keep_failures(sentence, sizeof sentence);
    int code = load_part(r, folder, out);
    cli_keep_failures(NULL, 0);
    if (code == EXIT_OK) return code;
    if (r->domain) hd_domain_abort(r->domain, sentence[0] ? status_of(code) : HD_CANCELLED, sentence);
    return sentence[0] && !r->reports ? cli_fail(code, "%s", sentence) : code;
}

static int follow(cli_ranks *r, hd_model *model) {
    hd_status status = hd_ranks_follow(model, (int32_t)r->threads);
    hd_model_release(model);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

int cli_ranks_load(cli_ranks *r, const char *folder, hd_model **out, bool *follows) {
    *out = NULL;
    *follows = false;
    if (r->tensor == 0) r->tensor = 1;
    if (r->pipeline == 0) r->pipeline = 1;
    int64_t ranks = r->tensor * r->pipeline;
    if (ranks > HD_MAX_RANKS)
        return cli_usage("--tp %d and --pp %d are %d ranks; there can be %d", (int)r->tensor, (int)r->pipeline, (int)ranks,
                         HD_MAX_RANKS);
    int code = ranks > 1 ? meet(r, folder, (int32_t)ranks) : EXIT_OK;
    *follows = r->reports = r->domain && hd_domain_rank(r->domain) > 0;
    if (code == EXIT_OK) code = load(r, folder, out);
    if (code != EXIT_OK || !*follows) return code;
    code = follow(r, *out);
    *out = NULL;
    return code;
}

int cli_ranks_work(cli_ranks *r, const char *folder, const char *name, int32_t rank, int32_t of) {
    const hd_domain_options options = {.name = name, .rank = rank, .ranks = of};
    hd_model *model = NULL;
    hd_status status = hd_domain_create(&options, &r->domain);
    if (status == HD_INVALID_ARGUMENT && r->reports) return EXIT_FAILED; /* rank 0 was given the same, and says so */
    if (status != HD_OK) return cli_fail_status(status);
    int code = load(r, folder, &model);
    if (code == EXIT_OK) code = follow(r, model);
    hd_domain_destroy(r->domain);
    return code;
}

/* ---- the end ---- */

/* Waits for a worker until it has had time enough to end in order, then ends it. Gives how it ended, as waitpid has it. */
static int reap(pid_t pid, double until) {
    int state = 0;
    for (;;) {
        pid_t done = waitpid(pid, &state, WNOHANG);
        if (done == pid || (done < 0 && errno != EINTR)) return state;
        if (cli_now() > until) kill(pid, SIGKILL);
        usleep(500);
    }
}

/* The run itself has ended well, but a worker has not. */
static int worker_failed(int32_t rank, int state) {
    if (WIFEXITED(state)) return cli_fail(EXIT_FAILED, "rank %d ended with exit code %d", rank, WEXITSTATUS(state));
    return cli_fail(EXIT_FAILED, "rank %d was ended by signal %d (%s)", rank, WTERMSIG(state), strsignal(WTERMSIG(state)));
}

int cli_ranks_end(cli_ranks *r, int code) {
    /* A worker that follows to the end takes milliseconds to leave. After a failure all know, but who is stopped. */
    enum { GRACE_SECONDS = 5, GRACE_AFTER_FAILURE = 2 };
    double until = cli_now() + (code == EXIT_OK ? GRACE_SECONDS : GRACE_AFTER_FAILURE);
    if (!r->domain) kill_workers(r); /* who never met anybody would wait for it */
    cli_explain_failures(NULL);
    hd_domain_destroy(r->domain);
    r->domain = NULL;
    for (int32_t rank = 1; rank < HD_MAX_RANKS; rank++) {
        if (r->worker[rank] <= 0) continue;
        int state = reap(r->worker[rank], until);
        r->worker[rank] = 0;
        if (code == EXIT_OK && state != 0) code = worker_failed(rank, state);
    }
    return code;
}
