/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SITES = 1024 };

/* The section's ends, by the linker. */
extern hdi_site *const __start_hdi_sites[], *const __stop_hdi_sites[];

static const char *const order_name[] = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"};

static const char *file_of(const hdi_site *s) {
    const char *src = strstr(s->file, "src/");
    return src ? src + 4 : "";
}

static int compare(const void *a, const void *b) {
    const hdi_site *x = *(hdi_site *const *)a, *y = *(hdi_site *const *)b;
    int by_file = strcmp(file_of(x), file_of(y));
    if (by_file) return by_file;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->access != y->access) return x->access < y->access ? -1 : 1;
    return strcmp(x->object, y->object);
}

static void add(weakening *all, int *n, hdi_site *site, hdi_order to) { all[(*n)++] = (weakening){site, to}; }

static void add_site(weakening *all, int *n, hdi_site *s) {
    bool loads = s->access == HDI_LOAD, stores = s->access == HDI_STORE;
    if (s->written == HDI_ORDER_seq_cst)
        add(all, n, s, loads ? HDI_ORDER_acquire : stores ? HDI_ORDER_release : HDI_ORDER_acq_rel);
    else if (s->written == HDI_ORDER_acq_rel) {
        add(all, n, s, HDI_ORDER_acquire);
        add(all, n, s, HDI_ORDER_release);
    } else if (s->written != HDI_ORDER_relaxed)
        add(all, n, s, HDI_ORDER_relaxed);
}

const weakening *sites_weakenings(int *n) {
    static weakening all[2 * MOST_SITES];
    static hdi_site *sites[MOST_SITES];
    static int found;
    size_t n_sites = 0;
    for (hdi_site *const *s = __start_hdi_sites; !found && s < __stop_hdi_sites; s++)
        if (*file_of(*s)) sites[n_sites++] = *s;
    qsort(sites, n_sites, sizeof *sites, compare);
    for (size_t i = 0; i < n_sites; i++)
        if (i == 0 || compare(&sites[i - 1], &sites[i]) != 0) add_site(all, &found, sites[i]);
    *n = found;
    return all;
}

void sites_weaken(const weakening *w) {
    for (hdi_site *const *s = __start_hdi_sites; s < __stop_hdi_sites; s++)
        (*s)->order = w && compare(s, &w->site) == 0 ? w->to : (*s)->written;
}

void sites_name(const weakening *w, char name[SITES_NAME]) {
    const hdi_site *s = w->site;
    snprintf(name, SITES_NAME, "%s:%d %s: %s to %s", file_of(s), s->line, s->object, order_name[s->written], order_name[w->to]);
}

const weakening *sites_find(const char *name) {
    int n;
    const weakening *all = sites_weakenings(&n);
    for (int i = 0; i < n; i++) {
        char this[SITES_NAME];
        sites_name(&all[i], this);
        if (strcmp(this, name) == 0) return &all[i];
    }
    return NULL;
}
