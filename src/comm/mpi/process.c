/* SPDX-License-Identifier: Apache-2.0 */
/* MPI itself: started when the first domain asks for it, ended once, when the process exits.
 *
 * A thread of our own calls MPI_Init_thread and, at exit, MPI_Finalize: both wait for all ranks without a limit, and so their
 * callers can stop waiting. In between it gives signs of life, whatever the program does. At exit the ranks first say good-bye to
 * each other; when some do not, the job is ended by MPI_Abort, after a time in which each living rank could say what had
 * happened. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "comm/mpi/mpi.h"

enum { TAG_GOODBYE = 1, TAG_DOMAINS = 16, TAGS_OF_A_DOMAIN = 4, LAST_WORDS_MS = 2000, FINALIZE_MS = 1000, ABORT_SECONDS = 2 };

mpi_process mpi_the_process = {.lock = PTHREAD_MUTEX_INITIALIZER};

typedef enum phase { NOT_STARTED, STARTING, RUNNING, ENDING, ENDED } phase;

static pthread_mutex_t phase_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t phase_changed; /* with CLOCK_MONOTONIC */
static phase now_in = NOT_STARTED;
static hd_status start_status = HD_OK;
static char start_message[1024];
static bool ours; /* MPI was not running before */
static pid_t pid;
static int domains;
static atomic_bool any_failed;
static atomic_int open_domains;
static _Atomic int64_t wait_of_last_domain = (int64_t)HDI_TIMEOUT_MS_WAIT * 1000000;

int mpi_process_next_tag(void) { return TAG_DOMAINS + TAGS_OF_A_DOMAIN * (domains++ % 100000000); }

void mpi_process_note(bool failed, int open_change, int64_t wait_ns) {
    if (failed) atomic_store(&any_failed, true);
    atomic_fetch_add(&open_domains, open_change);
    if (wait_ns) atomic_store(&wait_of_last_domain, wait_ns);
}

static void nap(int64_t ns) { nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL); }

/* ---- the thread ---- */

static hd_status start_mpi(void) {
    int provided = MPI_THREAD_SINGLE, is_on = 0;
    HD_TRY(mpi_check(MPI_Initialized(&is_on), "MPI_Initialized"));
    if (is_on) {
        HD_TRY(mpi_check(MPI_Query_thread(&provided), "MPI_Query_thread"));
    } else {
        HD_TRY(mpi_check(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread"));
        ours = true;
    }
    HD_REQUIRE(provided >= MPI_THREAD_SERIALIZED, HD_UNSUPPORTED,
               "MPI runs without support for threads; start it with MPI_THREAD_SERIALIZED, or let heddle start it");
    HD_TRY(mpi_check(MPI_Comm_dup(MPI_COMM_WORLD, &mpi_the_process.comm), "MPI_Comm_dup"));
    HD_TRY(mpi_check(MPI_Comm_set_errhandler(mpi_the_process.comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler"));
    HD_TRY(mpi_check(MPI_Comm_rank(mpi_the_process.comm, &mpi_the_process.rank), "MPI_Comm_rank"));
    return mpi_check(MPI_Comm_size(mpi_the_process.comm, &mpi_the_process.ranks), "MPI_Comm_size");
}

static void enter(phase next) {
    pthread_mutex_lock(&phase_lock);
    now_in = next;
    pthread_cond_broadcast(&phase_changed);
    pthread_mutex_unlock(&phase_lock);
}

/* Whether `wanted` is reached within `ns`. */
static bool reached(phase wanted, int64_t ns) {
    int64_t end = hdi_now_ns() + ns;
    struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    pthread_mutex_lock(&phase_lock);
    while (now_in < wanted && pthread_cond_timedwait(&phase_changed, &phase_lock, &until) != ETIMEDOUT) {
    }
    bool is = now_in >= wanted;
    pthread_mutex_unlock(&phase_lock);
    return is;
}

static void *life_of_mpi(void *unused) {
    (void)unused;
    hd_status status = start_mpi();
    if (status != HD_OK) snprintf(start_message, sizeof start_message, "%s", hd_last_error());
    start_status = status;
    enter(RUNNING);
    while (!reached(ENDING, hdi_timeout_ns(HDI_TIMEOUT_BEAT, atomic_load(&wait_of_last_domain)))) mpi_heartbeat();
    MPI_Finalize();
    enter(ENDED);
    return NULL;
}

/* ---- the end ---- */

/* The first request that does not end, one by one: MPI_Testall tells nothing of those that have. n: all have; -1: MPI fails. */
static int first_open(MPI_Request *requests, int n) {
    int first = n;
    for (int i = n - 1; i >= 0; i--) {
        int done = 0;
        if (MPI_Test(&requests[i], &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return -1;
        if (!done) first = i;
    }
    return first;
}

/* Says good-bye to all and hears theirs. Gives the first rank that has not within `ns`; -1: all have; -2: MPI fails. */
static int part(int64_t ns) {
    static char out, in[HD_MAX_RANKS];
    static MPI_Request requests[2 * HD_MAX_RANKS];
    int ranks = mpi_the_process.ranks, n = 0, open;
    int64_t end = hdi_now_ns() + ns;
    for (int rank = 0; rank < ranks; rank++) {
        requests[rank] = requests[ranks + rank] = MPI_REQUEST_NULL;
        if (rank == mpi_the_process.rank) continue;
        if (MPI_Irecv(&in[rank], 1, MPI_BYTE, rank, TAG_GOODBYE, mpi_the_process.comm, &requests[rank]) != MPI_SUCCESS ||
            MPI_Isend(&out, 1, MPI_BYTE, rank, TAG_GOODBYE, mpi_the_process.comm, &requests[ranks + rank]) != MPI_SUCCESS)
            return -2;
    }
    while ((open = first_open(requests, 2 * ranks)) >= 0 && open < 2 * ranks) {
        if (hdi_now_ns() > end) return open % ranks;
        if (n++ > 100) nap(200000);
    }
    return open < 0 ? -2 : -1;
}

static void leave_now(int number) {
    (void)number;
    _exit(1);
}

/* Ends the job. MPI_Abort asks the daemon of this host, which may wait in vain for an answer of mpirun's: this process does not.
 */
__attribute__((noreturn)) static void end_job(void) {
    sigset_t alone;
    sigemptyset(&alone);
    sigaddset(&alone, SIGALRM);
    signal(SIGALRM, leave_now);
    pthread_sigmask(SIG_UNBLOCK, &alone, NULL);
    alarm(ABORT_SECONDS);
    MPI_Abort(MPI_COMM_WORLD, 1);
    _exit(1);
}

static void at_exit(void) {
    int64_t wait_ns = atomic_load(&wait_of_last_domain), grace = hdi_timeout_ns(HDI_TIMEOUT_GRACE, wait_ns);
    bool failed = atomic_load(&any_failed) || atomic_load(&open_domains) > 0;
    int is_off = 0;
    if (getpid() != pid || now_in != RUNNING || start_status != HD_OK || !ours) return;
    if (MPI_Finalized(&is_off) != MPI_SUCCESS || is_off) return;
    for (int i = 0; pthread_mutex_trylock(&mpi_the_process.lock) != 0; i++) { /* a thread may have been left in a call */
        if (i > 1000) return;
        nap(1000000);
    }
    if (failed) grace = wait_ns < LAST_WORDS_MS * INT64_C(1000000) ? wait_ns : LAST_WORDS_MS * INT64_C(1000000);
    int64_t end = hdi_now_ns() + grace;
    int silent = part(grace);
    if (silent >= 0 && !failed)
        fprintf(stderr, "heddle: rank %d has not ended %.1f s after rank %d: the job ends\n", silent, (double)grace * 1e-9,
                mpi_the_process.rank);
    if (silent != -1) end_job();
    enter(ENDING);
    int64_t left = end - hdi_now_ns();
    if (reached(ENDED, left > FINALIZE_MS * INT64_C(1000000) ? left : FINALIZE_MS * INT64_C(1000000))) return;
    if (!failed)
        fprintf(stderr, "heddle: rank %d waited in vain for the end of MPI_Finalize: the job ends\n", mpi_the_process.rank);
    _exit(1); /* the launcher ends the others */
}

/* ---- the start ---- */

static hd_status launch(void) {
    static const char *const signs[] = {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK"};
    int is_on = 0;
    bool launched = MPI_Initialized(&is_on) == MPI_SUCCESS && is_on;
    for (size_t i = 0; i < HDI_COUNTOF(signs); i++) launched = launched || getenv(signs[i]);
    HD_REQUIRE(launched, HD_COMM,
               "the transport mpi: this process was not started by mpirun or srun; start it as mpirun -n RANKS ...");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&phase_changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pid = getpid();
    now_in = STARTING;
    sigset_t all, before; /* signals are the program's threads' */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, life_of_mpi, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    HD_REQUIRE(error == 0, HD_OUT_OF_MEMORY, "a thread for MPI cannot be made");
    pthread_detach(thread);
    return HD_OK;
}

hd_status mpi_process_start(int64_t wait_ns) {
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
    hd_status status = HD_OK;
    pthread_mutex_lock(&once);
    bool first = now_in == NOT_STARTED;
    if (first) status = launch();
    pthread_mutex_unlock(&once);
    if (status != HD_OK) return status;
    HD_REQUIRE(reached(RUNNING, wait_ns), HD_COMM, "waited %.1f s in MPI_Init for the other ranks: some have not started MPI",
               (double)wait_ns * 1e-9);
    HD_REQUIRE(start_status == HD_OK, start_status, "%s", start_message);
    if (first) atexit(at_exit);
    return HD_OK;
}
