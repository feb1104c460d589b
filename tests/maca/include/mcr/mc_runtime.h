/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for MACA's header that device code includes. */
#ifndef HDI_TESTS_MC_RUNTIME_H
#define HDI_TESTS_MC_RUNTIME_H

#include <cuda_runtime.h>

#include "mcr/mc_runtime_api.h"

#endif
