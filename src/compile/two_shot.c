/* SPDX-License-Identifier: Apache-2.0 */
/* With t ranks and a sum of S bytes, one shot reads (t - 1) S of the others and two read 2 (t - 1) / t S, one after the other:
 * two take a latency and some steps more, and less time from S = (latency + steps) rate / ((t - 1) (1 - 2 / t)) on.
 *
 * Two ranks read S either way. Measured there: local two shots take 1.4 times as long from 16 KB up (bench/all_reduce.py), and
 * over mpi they lose what one shot sends while the product goes on. Four and eight are worked out, not measured: local from the
 * rates of two ranks (27 ns a KB read or written in one shot, 35 in two) of (3 + t) S against (5 + 1 / t) S; devices and messages
 * from runs of `heddle simulate` (--shape llama70b --tensor 4,8), devices with eight ranks in a machine, messages with one. */
#include "compile/two_shot.h"

int64_t hdi_two_shot_from(hdi_carrier carrier, int32_t ranks) {
    enum { KB = 1 << 10 };
    static const int64_t from[][4] = {
        /* ranks:                1, 2, 4,         8 */
        [HDI_CARRIED_LOCAL] = {0, 0, 1024 * KB, 64 * KB},
        [HDI_CARRIED_DEVICE] = {0, 0, 1024 * KB, 512 * KB},
        [HDI_CARRIED_MESSAGES] = {0, 0, 512 * KB, 256 * KB},
    };
    return from[carrier][ranks >= 8 ? 3 : ranks >= 4 ? 2 : ranks >= 2 ? 1 : 0];
}
