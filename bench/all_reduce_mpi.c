/* SPDX-License-Identifier: Apache-2.0 */
/* MPI_Allreduce of float sums between the ranks of mpirun, as bench/all_reduce.c measures Heddle's. The send buffer is written
 * once and never again, which spares MPI a copy that Heddle's figure has in it; with the argument "fresh" it is written before
 * each all-reduce, as a product writes its part. */
#include <mpi.h>
#include <string.h>

#include "all_reduce.h"

static const float *parts; /* NULL: `from` stays as it is */

static double sample(float *from, float *to, size_t bytes) {
    int runs = runs_of(bytes) * EXCHANGES;
    MPI_Barrier(MPI_COMM_WORLD);
    double begin = now_ns();
    for (int i = 0; i < runs; i++) {
        if (parts) memcpy(from, parts, bytes);
        MPI_Allreduce(from, to, (int)(bytes / sizeof(float)), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    }
    return (now_ns() - begin) / runs;
}

int main(int argc, char **argv) {
    int rank;
    double samples[SAMPLES];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    pin(rank);
    float *from = aligned_alloc(4096, LARGEST), *to = aligned_alloc(4096, LARGEST), *source = aligned_alloc(4096, LARGEST);
    if (!from || !to || !source) return 1;
    for (size_t i = 0; i < LARGEST / sizeof *from; i++) from[i] = to[i] = source[i] = 1;
    parts = argc > 1 && strcmp(argv[1], "fresh") == 0 ? source : NULL;
    for (size_t bytes = SMALLEST; bytes <= LARGEST; bytes = next_size(bytes)) {
        sample(from, to, bytes);
        for (int s = 0; s < SAMPLES; s++) {
            alone(1);
            samples[s] = sample(from, to, bytes);
            alone(0);
        }
        if (rank == 0) report(bytes, samples);
    }
    MPI_Finalize();
    return 0;
}
