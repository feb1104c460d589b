/* SPDX-License-Identifier: Apache-2.0 */
/* Rates from measured steps: least squares of relative errors over three rates, none of them negative. With three unknowns all
 * seven choices of which are not zero are tried; the best that has no negative one is the solution. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/calibrate.h"

enum { RATES = 3 };

/* A sample's terms, divided by its time: their sum with the right rates is 1. */
static void terms_of(const hdi_sample *s, double x[RATES]) {
    x[0] = 1 / s->seconds;
    x[1] = s->bytes / s->seconds;
    x[2] = s->flops / s->seconds;
}

static double predict(const hdi_sample *s, const double rate[RATES]) { return rate[0] + s->bytes * rate[1] + s->flops * rate[2]; }

/* Sums of products over the samples of a class. */
typedef struct normal {
    double a[RATES][RATES], b[RATES], scale[RATES];
} normal;

static void sum_up(const hdi_samples *samples, hd_sim_class kind, normal *n) {
    *n = (normal){0};
    for (size_t i = 0; i < samples->n; i++) {
        double x[RATES];
        if (samples->all[i].kind != kind) continue;
        terms_of(&samples->all[i], x);
        for (int j = 0; j < RATES; j++) {
            for (int k = 0; k < RATES; k++) n->a[j][k] += x[j] * x[k];
            n->b[j] += x[j];
        }
    }
    for (int j = 0; j < RATES; j++) n->scale[j] = n->a[j][j] > 0 ? sqrt(n->a[j][j]) : 0;
}

/* Solves for the rates in `set`, the others being zero; false: they cannot be told apart, or one is negative. */
static bool solve(const normal *n, unsigned set, double rate[RATES]) {
    double m[RATES][RATES + 1];
    int column[RATES], size = 0;
    for (int j = 0; j < RATES; j++) rate[j] = 0;
    for (int j = 0; j < RATES; j++)
        if (set >> j & 1u) column[size++] = j;
    for (int r = 0; r < size; r++) {
        if (n->scale[column[r]] <= 0) return false;
        for (int c = 0; c < size; c++) m[r][c] = n->a[column[r]][column[c]] / (n->scale[column[r]] * n->scale[column[c]]);
        m[r][size] = n->b[column[r]] / n->scale[column[r]];
    }
    for (int p = 0; p < size; p++) { /* positive definite, with ones on its diagonal: no rows change places */
        if (m[p][p] < 1e-9) return false;
        for (int r = 0; r < size; r++) {
            double f = m[r][p] / m[p][p];
            for (int c = p; r != p && c <= size; c++) m[r][c] -= f * m[p][c];
        }
    }
    for (int p = 0; p < size; p++) {
        rate[column[p]] = m[p][size] / m[p][p] / n->scale[column[p]];
        if (!(rate[column[p]] >= 0)) return false;
    }
    return true;
}

static double squares(const hdi_samples *samples, hd_sim_class kind, const double rate[RATES]) {
    double sum = 0;
    for (size_t i = 0; i < samples->n; i++) {
        const hdi_sample *s = &samples->all[i];
        double e = s->kind == kind ? predict(s, rate) / s->seconds - 1 : 0;
        sum += e * e;
    }
    return sum;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_error(const hdi_samples *samples, hd_sim_class kind, const double rate[RATES], double *room) {
    size_t n = 0;
    for (size_t i = 0; i < samples->n; i++)
        if (samples->all[i].kind == kind) room[n++] = fabs(predict(&samples->all[i], rate) / samples->all[i].seconds - 1);
    qsort(room, n, sizeof *room, by_value);
    return n ? room[n / 2] : 0;
}

hd_status hdi_calibrate_fit(const hdi_samples *samples, hd_sim_rates rates[HD_SIM_CLASS_COUNT],
                            double error[HD_SIM_CLASS_COUNT]) {
    double *room;
    HD_TRY(hdi_alloc(&room, samples->n, sizeof *room, "a fit"));
    for (int kind = 0; kind < HD_SIM_CLASS_COUNT; kind++) {
        normal n;
        double best = INFINITY, chosen[RATES] = {0}, rate[RATES];
        sum_up(samples, (hd_sim_class)kind, &n);
        for (unsigned set = 1; set < 1u << RATES; set++) {
            if (!solve(&n, set, rate)) continue;
            double sum = squares(samples, (hd_sim_class)kind, rate);
            if (sum >= best) continue;
            best = sum;
            for (int j = 0; j < RATES; j++) chosen[j] = rate[j];
        }
        rates[kind] = (hd_sim_rates){chosen[0], chosen[1], chosen[2]};
        error[kind] = median_error(samples, (hd_sim_class)kind, chosen, room);
    }
    hdi_free(room);
    return HD_OK;
}
