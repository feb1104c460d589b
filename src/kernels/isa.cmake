# SPDX-License-Identifier: Apache-2.0
# One translation unit an instruction set, each with its own flags; the choice between them is made at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  set_source_files_properties(kernels/isa/avx2.c PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
  set_source_files_properties(kernels/isa/avx512.c PROPERTIES COMPILE_OPTIONS
    "-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx2;-mfma;-mf16c;-mprefer-vector-width=512")
endif()
# Without forced inlining gcc no longer sees that the tiles of a template are set before they are read; the other units, built
# from the same source, keep the warning.
set_source_files_properties(kernels/isa/scalar.c PROPERTIES COMPILE_OPTIONS
  "$<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>;-Wno-uninitialized")

if(HEDDLE_SANITIZE MATCHES undefined OR HEDDLE_FUZZ)
  # Forced inlining of arithmetic on vectors: with UBSan's checks such a file compiles for minutes. The same source has them in
  # scalar.c, whose bits these units must reproduce; AddressSanitizer stays.
  set_property(SOURCE kernels/isa/avx2.c kernels/isa/avx512.c kernels/isa/neon.c APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=undefined)
endif()
