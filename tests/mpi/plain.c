/* SPDX-License-Identifier: Apache-2.0 */
/* MPI_Send and MPI_Recv to and fro between two ranks: what `ranks speed` is compared with. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    int me;
    char *data = calloc(8 << 20, 1);
    if (!data || MPI_Init(&argc, &argv) != MPI_SUCCESS) return 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    for (int bytes = 8; bytes <= 4 << 20; bytes *= 8) {
        int times = bytes < 100000 ? 2000 : 100;
        double best = 1e9;
        for (int set = 0; set < 5; set++) {
            MPI_Barrier(MPI_COMM_WORLD);
            double begin = MPI_Wtime();
            for (int i = 0; me < 2 && i < times; i++) {
                if (me == 0) MPI_Send(data, bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
                MPI_Recv(data, bytes, MPI_BYTE, 1 - me, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                if (me == 1) MPI_Send(data, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
            }
            double each = (MPI_Wtime() - begin) / times / 2;
            if (each < best) best = each;
        }
        if (me == 0)
            printf("{\"what\": \"MPI_Send\", \"bytes\": %d, \"us\": %.2f, \"MB_s\": %.0f}\n", bytes, best * 1e6,
                   bytes / best * 1e-6);
    }
    MPI_Finalize();
    free(data);
    return 0;
}
