/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent kernel: one launch whose blocks stay and walk through the units of a plan in order, each block doing its share of
 * every unit's items. Between units that depend on each other there is no launch and no barrier: a block that has ended a unit
 * adds to that unit's counter, and who needs the unit waits for the counter to be full; while it waits, its next weights are on
 * their way to the cache. Counters only grow, run after run, so nothing is ever reset. It takes a launch whose blocks are all
 * resident at once (a cooperative one). */
#include "kernels/gpu/unit.h"
#include "kernels/gpu/vendor.h"
#define BODY(name, header) 
#include "kernels/gpu/bodies.def"

namespace HDI_GPU_NAMESPACE {
}
