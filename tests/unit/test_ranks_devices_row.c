/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks on devices that hang on each other in a row (rank_chain.h): who stands still is named by those that wait for others, and
 * what a rank gave is still read when it has ended, as threads and as processes. HEDDLE_TEST_DEVICE=cuda:0: all on that card. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "unit/forked_ranks.h"
#include "unit/rank_chain.h"

#include "runtime/storage.h"
#include "support/devices.h"
#include "task/executor.h"

static const hd_device *device; /* of the test that runs */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool cannot(void) { return device->vtable->host_visible ? false : !device->vtable->memory_share; }

enum { LATE_MS = 300 };

typedef struct in_a_row {
    char name[64];
    int32_t rank;
    int timeout_ms;
    bool away; /* rank 2 does not run; else it has ended before the others begin */
    hd_status status;
    char text[1024];
    double ending; /* seconds that its executor took to end */
} in_a_row;

static void sleep_ms(int ms) { nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL); }

static hd_status check_row(const in_a_row *me, hd_executor *e) {
    float y[CHAIN_ITEMS];
    void *data;
    HD_TRY(hd_executor_output(e, "y", &data));
    HD_TRY(hdi_copy(hdi_device_cpu(), y, device, data, sizeof y));
    for (int i = 0; i < CHAIN_ITEMS; i++)
        HD_REQUIRE(y[i] == chain_result(me->rank), HD_DEVICE, "rank %d: number %d is %g", me->rank, i, (double)y[i]);
    return HD_OK;
}

/* Rank 0 begins first where its deadline is to pass first, and last where rank 2 is to have ended. */
static hd_status run_in_a_row(const in_a_row *me, hd_executor *e, hd_domain *domain) {
    if (me->rank == 1) sleep_ms(LATE_MS);
    if (me->rank == 2 && me->away) {
        while (hd_domain_check(domain) == HD_OK) sleep_ms(1);
        return hd_domain_check(domain);
    }
    HD_TRY(hd_executor_run(e));
    HD_TRY(hd_executor_synchronize(e));
    return check_row(me, e);
}

static hd_status live_in_a_row(in_a_row *me, hd_domain *domain, hdi_storage *x) {
    float ones[CHAIN_ITEMS];
    hd_executor *e = NULL;
    hd_plan *plan = chain_plan(me->rank);
    const hd_executor_options options = {.kind = HD_EXECUTOR_STREAM, .device = device, .domain = domain};
    hd_status status;
    for (int i = 0; i < CHAIN_ITEMS; i++) ones[i] = (float)(me->rank + 1);
    HD_REQUIRE_GOTO(plan, HD_OUT_OF_MEMORY, "there is no plan");
    HD_TRY_GOTO(hdi_copy(device, x->data, hdi_device_cpu(), ones, sizeof ones));
    HD_TRY_GOTO(hd_executor_create(plan, &options, &e));
    HD_TRY_GOTO(hd_executor_bind(e, "x", x->data, sizeof ones));
    HD_TRY_GOTO(run_in_a_row(me, e, domain));
fail:
    if (status != HD_OK) snprintf(me->text, sizeof me->text, "%s", hd_last_error());
    double begin = seconds();
    hd_executor_destroy(e);
    me->ending = seconds() - begin;
    hd_plan_destroy(plan);
    return status;
}

static void *thread_in_a_row(void *argument) {
    in_a_row *me = argument;
    hd_domain *domain = NULL;
    hdi_storage *x = NULL;
    const hd_domain_options options = {.name = me->name, .rank = me->rank, .ranks = CHAIN_RANKS, .timeout_ms = me->timeout_ms};
    hd_status status;
    HD_TRY_GOTO(hdi_storage_create(device, sizeof(float) * CHAIN_ITEMS, &x));
    HD_TRY_GOTO(hd_domain_create(&options, &domain));
    status = live_in_a_row(me, domain, x);
fail:
    me->status = status;
    hd_domain_destroy(domain);
    hdi_storage_release(x);
    return NULL;
}

static void run_row(in_a_row row[CHAIN_RANKS], int timeout_ms, bool away) {
    pthread_t thread[CHAIN_RANKS];
    char name[64];
    hd_domain_fresh_name(name, sizeof name);
    for (int32_t r = 0; r < CHAIN_RANKS; r++) {
        row[r] = (in_a_row){.rank = r, .timeout_ms = timeout_ms, .away = away};
        snprintf(row[r].name, sizeof row[r].name, "%s", name);
        assert_int_equal(pthread_create(&thread[r], NULL, thread_in_a_row, &row[r]), 0);
    }
    for (int32_t r = 0; r < CHAIN_RANKS; r++) pthread_join(thread[r], NULL);
}

static void who_it_hangs_on_is_named(void **state) {
    in_a_row row[CHAIN_RANKS];
    (void)state;
    if (device->vtable->host_visible || cannot()) skip();
    run_row(row, 1500, true);
    assert_int_equal(row[0].status, HD_COMM);
    if (!strstr(row[0].text,
                "for signal 1 of rank 1: expected 1, seen 0; culprit: rank 2 says nothing, and 2 ranks wait for it") ||
        !strstr(row[0].text, ", awaits signal 2 of rank 2"))
        fail_msg("%s", row[0].text);
}

/* What a rank has given is read after it has ended: as threads, the last one that holds the memory frees it. */
static void who_ends_first_is_still_read(void **state) {
    in_a_row row[CHAIN_RANKS];
    (void)state;
    if (cannot()) skip();
    run_row(row, 20000, false);
    for (int r = 0; r < CHAIN_RANKS; r++)
        if (row[r].status != HD_OK) fail_msg("rank %d: %s", r, row[r].text);
}

/* ---- as processes ---- */

static hd_status no_way(const hd_device *on, const hdi_device_handle *handle, void **out) {
    (void)on, (void)handle, (void)out;
    return hdi_fail(HD_UNSUPPORTED, "the door is stuck");
}

/* One rank cannot open the others' memory: all hear it, and the domain goes on. */
static bool one_cannot_open(const char *name, int32_t rank) {
    char own[80];
    hd_domain *domain;
    hd_window *window = NULL;
    hdi_device_vtable stuck = *device->vtable;
    hd_device broken = *device;
    stuck.memory_open = no_way;
    broken.vtable = &stuck;
    snprintf(own, sizeof own, "%s.w", name);
    const hd_domain_options options = {.name = own, .rank = rank, .ranks = CHAIN_RANKS, .timeout_ms = 3000};
    if (hd_domain_create(&options, &domain) != HD_OK) return false;
    hd_status made = hd_window_create(domain, rank == 1 ? &broken : device, 100, 1, &window);
    bool said = strstr(hd_last_error(), "the door is stuck") != NULL;
    hd_status next = hd_domain_barrier(domain);
    if (made != HD_UNSUPPORTED || !said || next != HD_OK)
        fprintf(stderr, "rank %d: made %d, next %d: %s\n", rank, (int)made, (int)next, hd_last_error());
    hd_domain_destroy(domain);
    return made == HD_UNSUPPORTED && said && next == HD_OK;
}

/* Memory may not be freed while another process has it open: rank 2 waits for the others at its end. */
static bool in_process(const char *name, int32_t rank, const hd_device *on) {
    device = on;
    in_a_row me = {.rank = rank, .timeout_ms = 20000};
    snprintf(me.name, sizeof me.name, "%s", name);
    (void)thread_in_a_row(&me);
    if (me.status != HD_OK) fprintf(stderr, "rank %d: %s\n", rank, me.text);
    if (rank == 2) printf("rank 2 took %.3f s to end\n", me.ending);
    fflush(stdout);
    return one_cannot_open(name, rank) && me.status == HD_OK && (rank != 2 || me.ending > LATE_MS / 2 * 1e-3);
}

static void processes_end_together(void **state) {
    (void)state;
    forked_ended_well(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_it_hangs_on_is_named),
        cmocka_unit_test(who_ends_first_is_still_read),
        cmocka_unit_test(processes_end_together),
    };
    int failed = 0;
#ifndef __SANITIZE_THREAD__ /* it takes minutes for the emulated device's threads */
    fork_ranks(CHAIN_RANKS, in_process);
#endif
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
