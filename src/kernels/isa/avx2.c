/* SPDX-License-Identifier: Apache-2.0 */
/* Every vector kernel, built for avx2. */
#if defined(__x86_64__)
#define HDI_ISA_SUFFIX avx2
#include "kernels/simd/avx2.h"

#include "kernels/isa/kernels.h"
#endif
