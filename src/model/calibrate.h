/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of calibration: one rank's measured runs, the fit of rates, and the transport's times. */
#ifndef HDI_MODEL_CALIBRATE_H
#define HDI_MODEL_CALIBRATE_H

#include "model/simulate.h"

enum { HDI_CALIBRATE_CASES = 24 };

/* A size at which runs are measured. */
typedef struct hdi_calibrate_case {
    hd_sim_step step;
    bool fitted;
} hdi_calibrate_case;

/* A kind of step that was measured: seconds of one. */
typedef struct hdi_sample {
    uint8_t kind; /* hd_sim_class */
    double bytes, flops, seconds;
} hdi_sample;

typedef struct hdi_samples {
    hdi_sample *all;
    size_t n, cap;
} hdi_samples;

/* One rank: loads its part of the model, measures every case, and keeps its plan. `domain` NULL: alone; then whole runs are
 * measured by the thread's own clock, which others on the machine do not move, and the steps of the cases that are fitted are
 * traced into `samples`. With others a wall clock is all there is, and 15 times as many runs are made. The fastest counts. */
typedef struct hdi_calibrate_rank {
    const char *folder;
    hd_domain *domain;
    int32_t tensor, repetitions;
    const hdi_calibrate_case *cases;
    size_t n_cases;
    /* what comes of it */
    hdi_samples samples;
    double seconds[HDI_CALIBRATE_CASES]; /* of one run of each case */
    hd_plan *plan;                       /* the caller's to destroy */
} hdi_calibrate_rank;
hd_status hdi_calibrate_measure(hdi_calibrate_rank *rank);

/* Rates of each class that has samples, none negative, with the least sum of squared relative errors; and the median error. */
hd_status hdi_calibrate_fit(const hdi_samples *samples, hd_sim_rates rates[HD_SIM_CLASS_COUNT], double error[HD_SIM_CLASS_COUNT]);

/* The local transport between two threads; *read: seconds a byte more when the other reads what was put. */
hd_status hdi_calibrate_link(int32_t repetitions, hd_sim_link *out, double *read);

/* Runs `other` in a thread of its own beside `mine`, both with `user`, and gives the first failure of the two, with its sentence.
 */
typedef hd_status (*hdi_calibrate_fn)(void *user);
hd_status hdi_calibrate_both(hdi_calibrate_fn mine, void *my_user, hdi_calibrate_fn other, void *other_user);

#endif
