/* SPDX-License-Identifier: Apache-2.0 */
/* Every vector kernel, built for scalar. */
#define HDI_ISA_SUFFIX scalar
#include "kernels/simd/scalar.h"

#include "kernels/isa/kernels.h"
