/* SPDX-License-Identifier: Apache-2.0 */
/* --tp and --pp: a model over several ranks. On one machine the program starts the other ranks itself, as `heddle worker`; under
 * mpirun or srun each of them runs the same command line, and rank 0 is the one that reads and writes. */
#ifndef HDI_CLI_RANKS_H
#define HDI_CLI_RANKS_H

#include <signal.h>
#include <sys/types.h>

#include "cli/options.h"
#include "heddle/comm.h"
#include "heddle/model.h"

typedef struct cli_ranks {
    /* as asked */
    int64_t tensor, pipeline; /* 0: 1 */
    int64_t two_shot;         /* of hd_model_options */
    const char *device;       /* its name; NULL: the CPU */
    const char *weights;
    int64_t threads;
    bool quiet;
    bool reports; /* a worker whose failure to load rank 0 tells, and not the worker itself */
    /* private to ranks.c */
    hd_domain *domain; /* NULL: this process alone */
    pid_t worker[HD_MAX_RANKS];
    int32_t lost; /* the worker that ended before all had met, and how; 0: none did */
    siginfo_t lost_how;
} cli_ranks;

/* Rows for a command's table. */
#define CLI_RANKS_ROWS(r)                                                                                           \
    {CLI_INT,      0, "tp", "N",                                                                                    \
     &(r)->tensor, 0, 8,    .help = "share each layer among N ranks (1, 2, 4 or 8), each with a part of it (1)"},   \
        {CLI_INT,        0, "pp",         "N",                                                                      \
         &(r)->pipeline, 0, HD_MAX_RANKS, .help = "give runs of layers to N stages, each of --tp ranks (1)"},       \
    {                                                                                                               \
        CLI_INT, 0, "two-shot", "BYTES", &(r)->two_shot, -1, 1ll << 40,                                             \
            .help = "sums over ranks of so many bytes are made in two shots; 0: what suits the ranks, -1: none (0)" \
    }

/* Meets the other ranks, starting them if need be, and loads this one's part of the model. *follows: this process is not rank 0;
 * it has followed to the end, and is to exit with the code returned. */
int cli_ranks_load(cli_ranks *ranks, const char *folder, hd_model **out, bool *follows);
/* A worker: meets the others as rank `rank` and follows to the end; gives the exit code. */
int cli_ranks_work(cli_ranks *ranks, const char *folder, const char *name, int32_t rank, int32_t of);
/* Rank 0 has released the model: waits for the others. Gives `code`, or a failure of theirs if it is EXIT_OK. */
int cli_ranks_end(cli_ranks *ranks, int code);

#endif
