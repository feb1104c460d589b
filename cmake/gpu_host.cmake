# SPDX-License-Identifier: Apache-2.0
# The host vendor of GPU code (src/kernels/gpu/host): every .cu file built by the C++ compiler, for 32 and for 64 lanes. Only tests
# need it, and only it needs C++.
option(HEDDLE_GPU_HOST "Build GPU kernels to run on the CPU (tests do)" OFF)
option(HEDDLE_GPU_RACECHECK "Look at every memory access of GPU kernels that run on the CPU" OFF)
if(HEDDLE_GPU_RACECHECK AND HEDDLE_SANITIZE MATCHES "thread|address")
  message(FATAL_ERROR "HEDDLE_GPU_RACECHECK uses what ThreadSanitizer uses, and AddressSanitizer forbids: build one at a time")
endif()
set(HEDDLE_HAVE_GPU_HOST OFF)
if((HEDDLE_TESTS OR HEDDLE_GPU_HOST) AND NOT HEDDLE_KERNELS_ONLY)
  include(CheckLanguage)
  check_language(CXX)
  if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
    set(CMAKE_CXX_STANDARD 17)
    set(CMAKE_CXX_STANDARD_REQUIRED ON)
    set(CMAKE_CXX_VISIBILITY_PRESET hidden)
    set(HEDDLE_HAVE_GPU_HOST ON)
  else()
    message(STATUS "No C++ compiler: GPU kernels are not tested on the CPU")
  endif()
endif()

# Flags of the C++ that runs GPU code, and of that code: as heddle_flags, as far as they have a meaning in C++.
add_library(heddle_gpu_host_flags INTERFACE)
target_compile_options(heddle_gpu_host_flags INTERFACE
  -Wall -Wextra -Wno-unknown-pragmas -Wpointer-arith -Wundef -ffp-contract=off -fno-math-errno -g) # unknown: nvcc's unroll
target_compile_definitions(heddle_gpu_host_flags INTERFACE _GNU_SOURCE HDI_GPU_HOST)
target_include_directories(heddle_gpu_host_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
if(HEDDLE_SANITIZE)
  target_compile_options(heddle_gpu_host_flags INTERFACE -fsanitize=${HEDDLE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(heddle_gpu_host_flags INTERFACE -fsanitize=${HEDDLE_SANITIZE})
endif()

# Builds the .cu or C++ files `sources` into the object library `name`, for warps of `lanes` lanes.
function(heddle_gpu_host_objects name lanes sources)
  set_source_files_properties(${sources} PROPERTIES LANGUAGE CXX)
  add_library(${name} OBJECT ${sources})
  target_compile_definitions(${name} PRIVATE GPU_LANES=${lanes} HDI_GPU_NAMESPACE=hdi_gpu_${lanes})
  target_compile_options(${name} PRIVATE -x c++)
  if(HEDDLE_GPU_RACECHECK) # only these objects: the functions that the compiler calls are in host/race.cpp
    target_compile_options(${name} PRIVATE -fsanitize=thread)
    target_compile_definitions(${name} PRIVATE HDI_GPU_RACECHECK)
  endif()
  target_link_libraries(${name} PRIVATE heddle_gpu_host_flags)
endfunction()

if(HEDDLE_HAVE_GPU_HOST)
  add_subdirectory(src/kernels/gpu/host)
endif()
