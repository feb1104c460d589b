/* SPDX-License-Identifier: Apache-2.0 */
/* The device waits on its own, and the host may be asleep in the vendor's library meanwhile. So a thread of the executor's
 * watches: it gives signs of life for a device that waits, ends a wait whose deadline has passed or whose domain has failed, and
 * tells the other ranks. It looks a few times a deadline and costs nothing otherwise. */
#include "task/exchange_device.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/wait.h"
#include "comm/timeouts.h"
#include "comm/window_device.h"
#include "runtime/context.h"
#include "task/exchange.h"

enum { ANSWERS = 100 }; /* ms that a device may take to give up a wait */

typedef struct hdi_exchange_device {
    const hd_device *device;
    const hd_plan *plan;
    hd_domain *domain;
    void *exchange;             /* the back end's */
    hdi_device_signal *signals; /* room for what one step waits for or tells */
    pthread_t watcher;
    bool watched;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bool ends;
    uint64_t number; /* of the wait that goes on, */
    int64_t since;   /* and when it was first seen */
    bool explained;
    hd_status status; /* of the wait that was given up, */
    char text[1024];  /* and its sentence */
} hdi_exchange_device;

static void look(const hdi_exchange_device *x, hdi_device_waiting *out) {
    x->device->vtable->exchange_look(x->device, x->exchange, out);
}

/* ---- watching ---- */

static const hdi_plan_remote *remote_of(const hdi_exchange_device *x, const hdi_device_waiting *w) {
    return &hdi_plan_remotes(x->plan)[hdi_plan_steps(x->plan)[w->where].first_remote + w->index];
}

/* Makes the sentence of a wait, once, and tells the other ranks. Under the lock. */
static void explain(hdi_exchange_device *x, const hdi_device_waiting *w) {
    if (x->explained) return;
    const hdi_plan_step *step = &hdi_plan_steps(x->plan)[w->where];
    const hdi_plan_remote *remote = remote_of(x, w);
    int64_t waited = w->number == x->number ? hdi_now_ns() - x->since : 0;
    x->status = hdi_wait_gave_up(x->domain, remote->rank, remote->event, w->expected, w->seen, hdi_plan_name(x->plan, step->name),
                                 waited);
    snprintf(x->text, sizeof x->text, "%s", hd_last_error());
    x->explained = true;
}

/* Tells the device to give up, and waits a moment for its last words; without them those at hand must do. */
static void stop(const hdi_exchange_device *x, hdi_device_waiting *w) {
    x->device->vtable->exchange_stop(x->device, x->exchange);
    for (int ms = 0; ms < ANSWERS && !w->gave_up; ms++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        look(x, w);
    }
}

/* A sign of life for a device that waits, and what it waits for. */
static void say(const hdi_exchange_device *x, const hdi_device_waiting *w, bool waits, int64_t now) {
    if (!waits) {
        hdi_domain_goes_on(x->domain);
        return;
    }
    const hdi_plan_remote *remote = remote_of(x, w);
    hdi_domain_beat(x->domain, w->run, w->where, now);
    hdi_domain_awaits_signal(x->domain, remote->rank, remote->event);
}

/* One look. Under the lock. */
static void watch_once(hdi_exchange_device *x) {
    hdi_device_waiting w;
    int64_t now = hdi_now_ns();
    if (x->explained) return;
    bool failed = hd_domain_check(x->domain) != HD_OK;
    if (failed) x->device->vtable->exchange_stop(x->device, x->exchange); /* also what has not begun to wait yet */
    look(x, &w);
    bool waits = w.number != w.ended;
    if (waits && w.number != x->number) {
        x->number = w.number;
        x->since = now;
    }
    say(x, &w, waits, now);
    if (waits && !w.gave_up && (failed || now - x->since >= x->domain->timeout_ns)) {
        stop(x, &w);
        explain(x, &w);
    } else if (w.gave_up) {
        explain(x, &w);
    }
}

static void *watch(void *argument) {
    hdi_exchange_device *x = argument;
    int64_t period = hdi_timeout_ns(HDI_TIMEOUT_BEAT, x->domain->timeout_ns);
    pthread_mutex_lock(&x->lock);
    while (!x->ends) {
        int64_t until = hdi_now_ns() + period;
        const struct timespec t = {until / 1000000000, until % 1000000000};
        if (pthread_cond_timedwait(&x->wake, &x->lock, &t) == ETIMEDOUT && !x->ends) watch_once(x);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

static hd_status start_watching(hdi_exchange_device *x) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&x->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&x->lock, NULL);
    int error = pthread_create(&x->watcher, NULL, watch, x);
    HD_REQUIRE(error == 0, HD_EXHAUSTED, "a thread that watches over a device among ranks cannot be started: %s",
               strerror(error));
    x->watched = true;
    return HD_OK;
}

static void stop_watching(hdi_exchange_device *x) {
    if (!x->watched) return;
    pthread_mutex_lock(&x->lock);
    x->ends = true;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->watcher, NULL);
    pthread_cond_destroy(&x->wake);
    pthread_mutex_destroy(&x->lock);
}

/* ---- creation ---- */

/* The most signals of one launch. */
static size_t most_signals(const hd_plan *plan) {
    size_t most = (size_t)plan->ranks;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        size_t told = (size_t)step->n_triggers * (size_t)plan->ranks;
        if (step->n_remotes > most) most = step->n_remotes;
        if (told > most) most = told;
    }
    return most;
}

hd_status hdi_exchange_device_create(hd_executor *executor) {
    hdi_exchange_device *x;
    HD_TRY(hdi_calloc(&x, 1, sizeof *x, "a device among ranks"));
    executor->exchange->on_device = x;
    x->device = executor->device;
    x->plan = executor->plan;
    x->domain = executor->exchange->domain;
    HD_TRY(hdi_alloc(&x->signals, most_signals(x->plan), sizeof *x->signals, "a device among ranks"));
    HD_TRY(x->device->vtable->exchange_create(x->device, &x->exchange));
    return start_watching(x);
}

void hdi_exchange_device_destroy(hd_executor *executor) {
    hdi_exchange_device *x = executor->exchange->on_device;
    if (!x) return;
    stop_watching(x);
    if (x->exchange) (void)x->device->vtable->exchange_destroy(x->device, x->exchange); /* nobody is there to hear of it */
    hdi_free(x->signals);
    hdi_free(x);
}

/* ---- enqueuing ---- */

hd_status hdi_exchange_device_begin(hd_executor *executor) {
    const hdi_exchange_device *x = executor->exchange->on_device;
    return x->device->vtable->exchange_begin(x->device, x->exchange, executor->stream->handle);
}

hd_status hdi_exchange_device_wait(hd_executor *executor, uint32_t s) {
    const hdi_exchange_device *x = executor->exchange->on_device;
    const hd_window *window = executor->exchange->window;
    const hdi_plan_step *step = &hdi_plan_steps(x->plan)[s];
    const hdi_plan_remote *remotes = hdi_plan_remotes(x->plan) + step->first_remote;
    if (step->n_remotes == 0) return HD_OK;
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        void *word = hdi_window_device_signal(window, x->plan->rank, remotes[i].rank, remotes[i].event);
        x->signals[i] = (hdi_device_signal){word, hdi_plan_events(x->plan)[remotes[i].event].chunks, remotes[i].lag};
    }
    return x->device->vtable->exchange_wait(x->device, x->exchange, executor->stream->handle, x->signals, (int)step->n_remotes,
                                            s);
}

/* Adds the signal of an event to each of the ranks. */
static int add_signals(const hdi_exchange_device *x, const hd_window *window, uint32_t event, uint64_t ranks, int n) {
    for (int32_t r = 0; r < x->plan->ranks; r++) {
        if (!(ranks >> r & 1u)) continue;
        void *word = hdi_window_device_signal(window, r, x->plan->rank, event);
        x->signals[n++] = (hdi_device_signal){word, hdi_plan_events(x->plan)[event].chunks, 0};
    }
    return n;
}

static hd_status raise_signals(const hd_executor *executor, int n) {
    const hdi_exchange_device *x = executor->exchange->on_device;
    if (n == 0) return HD_OK;
    return x->device->vtable->exchange_raise(x->device, x->exchange, executor->stream->handle, x->signals, n);
}

hd_status hdi_exchange_device_trigger(hd_executor *executor, uint32_t s) {
    const hdi_exchange_device *x = executor->exchange->on_device;
    const hdi_plan_step *step = &hdi_plan_steps(x->plan)[s];
    const hdi_plan_trigger *triggers = hdi_plan_triggers(x->plan) + step->first_trigger;
    int n = 0;
    for (uint32_t i = 0; i < step->n_triggers; i++)
        n = add_signals(x, executor->exchange->window, triggers[i].event, triggers[i].ranks, n);
    return raise_signals(executor, n);
}

hd_status hdi_exchange_device_end(hd_executor *executor) {
    const hdi_exchange_device *x = executor->exchange->on_device;
    return raise_signals(executor, add_signals(x, executor->exchange->window, 0, x->plan->end_ranks, 0));
}

hd_status hdi_exchange_device_check(hd_executor *executor) {
    hdi_exchange_device *x = executor->exchange->on_device;
    hdi_device_waiting w;
    look(x, &w);
    if (!w.gave_up) return HD_OK;
    pthread_mutex_lock(&x->lock);
    explain(x, &w);
    pthread_mutex_unlock(&x->lock);
    return hdi_fail(x->status, "%s", x->text);
}
