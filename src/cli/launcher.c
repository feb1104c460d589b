/* SPDX-License-Identifier: Apache-2.0 */
/* What mpirun and srun tell a process that they start, without any of their libraries. */
#include "cli/options.h"

#include <stdlib.h>

static int32_t number_in(const char *const *names, size_t n, int32_t least) {
    for (size_t i = 0; i < n; i++) {
        const char *text = getenv(names[i]);
        if (text && atoi(text) >= least) return atoi(text);
    }
    return 0;
}

int32_t cli_launched_ranks(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"};
    return number_in(names, CLI_COUNT(names), 2);
}

int32_t cli_launched_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
    return cli_launched_ranks() ? number_in(names, CLI_COUNT(names), 1) : 0;
}
