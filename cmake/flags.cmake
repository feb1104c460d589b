# SPDX-License-Identifier: Apache-2.0
# Warnings, number rules and sanitizers, for every target of the project through the interface target heddle_flags.
add_library(heddle_flags INTERFACE)
target_compile_options(heddle_flags INTERFACE
  -Wall -Wextra -Wpointer-arith -Wwrite-strings -Wundef
  $<$<COMPILE_LANGUAGE:C>:-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes;-Wvla>
  $<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration;-Werror=incompatible-pointer-types;-Werror=int-conversion>
  # Numbers: results do not depend on what a compiler contracts or reassociates; kernels ask for FMA by name.
  -ffp-contract=off -fno-math-errno)
target_compile_definitions(heddle_flags INTERFACE _GNU_SOURCE HEDDLE_VERSION="${PROJECT_VERSION}")
if(HEDDLE_SANITIZE)
  target_compile_options(heddle_flags INTERFACE -fsanitize=${HEDDLE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(heddle_flags INTERFACE -fsanitize=${HEDDLE_SANITIZE})
endif()
