/* SPDX-License-Identifier: Apache-2.0 */
/* What the code under test calls of the system, as fibers have it. Its sources are compiled with the system's names defined to be
 * these (CMakeLists.txt), so nothing in them is there for the test. */
#ifndef TESTS_SCHED_SYSTEM_H
#define TESTS_SCHED_SYSTEM_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

int vs_thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *user);
int vs_thread_join(pthread_t thread, void **result);
int vs_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int vs_mutex_destroy(pthread_mutex_t *mutex);
int vs_mutex_lock(pthread_mutex_t *mutex);
int vs_mutex_unlock(pthread_mutex_t *mutex);
int vs_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attributes);
int vs_cond_destroy(pthread_cond_t *cond);
int vs_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int vs_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);
int vs_cond_broadcast(pthread_cond_t *cond);
int vs_sched_yield(void);
int vs_nanosleep(const struct timespec *time, struct timespec *left);
int vs_clock_gettime(clockid_t clock, struct timespec *now);
/* Whether naps on a futex end by themselves: where something is waited for that is only looked at between two of them. */
void vs_naps_end(bool they_do);
long vs_syscall(long number, ...);

#endif
