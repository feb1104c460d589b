/* SPDX-License-Identifier: Apache-2.0 */
/* Every vector kernel, built for neon. */
#if defined(__aarch64__)
#define HDI_ISA_SUFFIX neon
#include "kernels/simd/neon.h"

#include "kernels/isa/kernels.h"
#endif
