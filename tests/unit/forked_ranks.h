/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that are processes of a test, on each device that it is run for: forked before anything else is done, so that back ends
 * are loaded by the children themselves; how they ended is told by a test later on. */
#ifndef HDI_TESTS_FORKED_RANKS_H
#define HDI_TESTS_FORKED_RANKS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "device/device.h"
#include "heddle/comm.h"

enum { FORKED_DEVICES = 2, FORKED_RANKS = 4 };

typedef struct forked {
    char device[32];
    int32_t ranks;
    int how[FORKED_RANKS]; /* as waitpid has it */
} forked;

static forked forked_on[FORKED_DEVICES];
static int n_forked;

static inline void fork_on(forked *f, bool (*body)(const char *name, int32_t rank, const hd_device *device)) {
    const hd_device *device;
    char name[64];
    pid_t child[FORKED_RANKS];
    hd_domain_fresh_name(name, sizeof name);
    for (int32_t r = 0; r < f->ranks; r++) {
        child[r] = fork();
        if (child[r] == 0) _exit(hd_device_parse(f->device, &device) == HD_OK && body(name, r, device) ? 0 : 1);
    }
    for (int32_t r = 0; r < f->ranks; r++) {
        f->how[r] = -1;
        if (child[r] > 0) (void)waitpid(child[r], &f->how[r], 0);
    }
}

/* `body` on `ranks` processes, for HEDDLE_TEST_DEVICE or the emulated devices: whether it went well. */
static inline void fork_ranks(int32_t ranks, bool (*body)(const char *name, int32_t rank, const hd_device *device)) {
    const char *only = getenv("HEDDLE_TEST_DEVICE");
    if (only && strcmp(only, "remote") == 0) return;
    n_forked = only && *only ? 1 : FORKED_DEVICES;
    for (int i = 0; i < n_forked; i++) {
        forked_on[i].ranks = ranks;
        if (only && *only)
            snprintf(forked_on[i].device, sizeof forked_on[i].device, "%s", only);
        else
            snprintf(forked_on[i].device, sizeof forked_on[i].device, "host:%d", i);
        fork_on(&forked_on[i], body);
    }
}

static inline void forked_ended_well(const hd_device *device) {
    bool ran = false;
    for (int i = 0; i < n_forked; i++) {
        const forked *f = &forked_on[i];
        if (strcmp(f->device, hdi_device_text(device)) != 0) continue;
        ran = true;
        for (int32_t r = 0; r < f->ranks; r++)
            if (!WIFEXITED(f->how[r]) || WEXITSTATUS(f->how[r])) fail_msg("rank %d on %s ended with %d", r, f->device, f->how[r]);
    }
    if (!ran) skip();
}

#endif
