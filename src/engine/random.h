/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers without a state: the i-th number of a seed is a function of both, so that a sequence's draws depend neither
 * on the batch nor on how often it was interrupted. The mixer is splitmix64's (Steele, Lea, Flood 2014). */
#ifndef HDI_ENGINE_RANDOM_H
#define HDI_ENGINE_RANDOM_H

#include <stdint.h>

static inline uint64_t hdi_random_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Number `index` of `seed`, in [0, 1) with 24 bits. The seed is mixed first: neighbouring seeds are not shifted streams. */
static inline float hdi_random_uniform(uint64_t seed, uint64_t index) {
    uint64_t x = hdi_random_mix(hdi_random_mix(seed + 0x9e3779b97f4a7c15u) + (index + 1) * 0x9e3779b97f4a7c15u);
    return (float)(x >> 40) * 0x1p-24f;
}

#endif
