/* SPDX-License-Identifier: Apache-2.0 */
/* Every vector kernel, built for avx512. */
#if defined(__x86_64__)
#define HDI_ISA_SUFFIX avx512
#include "kernels/simd/avx512.h"

#include "kernels/isa/kernels.h"
#endif
