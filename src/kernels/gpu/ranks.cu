/* SPDX-License-Identifier: Apache-2.0 */
/* What a rank does between its kernels: it counts runs, waits for signals that other ranks raise in its memory, and raises theirs. The
 * number of the run lies in device memory, so that a recorded graph is right however often it is replayed.
 *
 * A wait is one warp that looks at a signal a lane; it costs a launch when all is there. One that takes long says so in memory that the
 * host reads too; who watches there tells it to stop when its deadline has passed or a rank has failed. From then on this rank waits for
 * nothing and raises nothing: what it computes from data that never came reaches nobody. */
#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

namespace {
struct signal_list {
    hdi_gpu_signal signal[HDI_GPU_SIGNALS];
    int n;
};
} // namespace

enum {
    LONG = 256,     /* looks after which a wait takes long: some 30 us on a card */
    STOP_EVERY = 8, /* then every so many looks it looks whether it shall stop */
};

static __global__ void ranks_begin(hdi_gpu_ranks *ranks) { ranks->run++; }

/* Says that a wait takes long, or how it stands when it is given up: whole words, the last of which completes the rest. */
static __device__ void tell(hdi_gpu_report *report, uint64_t *last, uint64_t value, uint64_t run, uint32_t where, uint32_t index,
                            uint64_t expected, uint64_t seen) {
    gpu_store_release_system(&report->run, run);
    gpu_store_release_system(&report->where, where);
    gpu_store_release_system(&report->index, index);
    gpu_store_release_system(&report->expected, expected);
    gpu_store_release_system(&report->seen, seen);
    gpu_store_release_system(last, value);
}

/* `first`: the number of the list's first signal among all of this wait. One warp. */
static __global__ void __launch_bounds__(GPU_LANES) ranks_wait(hdi_gpu_ranks *ranks, hdi_gpu_report *report, signal_list list,
                                                               uint32_t where, uint32_t first) {
    const uint64_t run = ranks->run;
    const int lane = (int)threadIdx.x;
    if (ranks->failed) return;
    for (int from = 0; from < list.n; from += GPU_LANES) {
        const bool mine = from + lane < list.n;
        const hdi_gpu_signal s = list.signal[mine ? from + lane : 0];
        const uint64_t expected = run > s.lag ? (run - s.lag) * s.chunks : 0;
        for (unsigned turn = 0;; turn++) {
            const uint64_t seen = mine ? gpu_load_acquire_system(s.word) : expected;
            const uint64_t missing = gpu_ballot(seen < expected);
            if (!missing) {
                if (turn > LONG && lane == 0) gpu_store_release_system(&report->ended, ranks->waits);
                break;
            }
            int who = 0;
            while (!(missing >> who & 1)) who++;
            const uint64_t wanted = gpu_shfl(expected, who), got = gpu_shfl(seen, who);
            int stop = 0;
            if (lane == 0) {
                const uint32_t index = first + (uint32_t)(from + who);
                if (turn == LONG) tell(report, &report->number, ++ranks->waits, run, where, index, wanted, got);
                stop = turn > LONG && turn % STOP_EVERY == 0 && gpu_load_acquire_system(&report->stop);
                if (stop) {
                    ranks->failed = 1;
                    tell(report, &report->gave_up, 1, run, where, index, wanted, got);
                } else {
                    gpu_rest(turn);
                }
            }
            if (gpu_shfl(stop, 0)) return;
        }
    }
    gpu_fence_system();
}

static __global__ void __launch_bounds__(GPU_LANES) ranks_raise(const hdi_gpu_ranks *ranks, signal_list list) {
    if (ranks->failed) return;
    gpu_fence_system();
    for (int i = (int)threadIdx.x; i < list.n; i += GPU_LANES)
        gpu_store_release_system(list.signal[i].word, ranks->run * list.signal[i].chunks);
}

/* ---- on the host ---- */

static int launch_begin(hdi_gpu_queue *queue, hdi_gpu_ranks *ranks) { return (int)gpu_launch(ranks_begin, 1, 1, 0, queue->stream, ranks); }

static signal_list list_of(const hdi_gpu_signal *signals, int n) {
    signal_list list = {};
    list.n = n;
    for (int i = 0; i < n; i++) list.signal[i] = signals[i];
    return list;
}

static int launch_wait(hdi_gpu_queue *queue, hdi_gpu_ranks *ranks, hdi_gpu_report *report, const hdi_gpu_signal *signals, int n,
                       uint32_t where, uint32_t first) {
    return (int)gpu_launch(ranks_wait, 1, GPU_LANES, 0, queue->stream, ranks, report, list_of(signals, n), where, first);
}

static int launch_raise(hdi_gpu_queue *queue, const hdi_gpu_ranks *ranks, const hdi_gpu_signal *signals, int n) {
    return (int)gpu_launch(ranks_raise, 1, GPU_LANES, 0, queue->stream, ranks, list_of(signals, n));
}

void hdi_gpu_ranks_table(hdi_gpu_kernels *kernels) {
    kernels->ranks_begin = launch_begin;
    kernels->ranks_wait = launch_wait;
    kernels->ranks_raise = launch_raise;
}

} // namespace HDI_GPU_NAMESPACE
