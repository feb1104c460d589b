# SPDX-License-Identifier: Apache-2.0
# The GPU back ends: one library a vendor, from the same files (src/device/gpu, the .cu files of src/kernels), loaded at run time.
#   libheddle-cuda.so   NVIDIA, where there is an nvcc that works
#   libheddle-maca.so   MetaX, where there is mxcc
#   libheddle-host.so   the same source run by the CPU, for tests (cmake/gpu_host.cmake)
# Device code is built by commands and not by CMake's CUDA language: the three compilers take the same rule.
set(HEDDLE_CUDA AUTO CACHE STRING
  "Build the CUDA back end: ON, OFF, or AUTO: where nvcc is and either a card or the tests; not with sanitizers")
set(HEDDLE_CUDA_ARCHITECTURES "" CACHE STRING
  "What it is built for: a list such as 80;90;90a (the default with the tests), or native: this machine's cards (the default without)")
set(HEDDLE_MACA AUTO CACHE STRING "Build the MACA back end: AUTO (where mxcc is), ON, OFF")
mark_as_advanced(HEDDLE_NVCC HEDDLE_MXCC HEDDLE_CUDART HEDDLE_CUBLASLT HEDDLE_MCRUNTIME)

set(backend_dir ${PROJECT_BINARY_DIR}/lib)
file(GLOB gpu_kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/*/*.cu)
file(GLOB gpu_backend CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/device/gpu/*.c ${PROJECT_SOURCE_DIR}/src/device/gpu/*.cpp)
list(APPEND gpu_backend ${PROJECT_SOURCE_DIR}/src/base/memory.c)

# heddle_backend(TARGET FOLDER FILE objects...): the library of a back end; it shows one function and needs nothing of the program.
function(heddle_backend target folder file)
  add_library(${target} MODULE ${gpu_backend} ${ARGN})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${file} LIBRARY_OUTPUT_DIRECTORY ${folder}
    CXX_STANDARD 17 CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON LINKER_LANGUAGE CXX
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/backend.map)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE heddle_flags Threads::Threads)
  target_link_options(${target} PRIVATE -Wl,-Bsymbolic -Wl,--no-undefined -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/backend.map)
endfunction()

# heddle_gpu_objects(OUT FOLDER LAUNCHER COMMAND...): an object of each .cu file, by a compiler of nvcc's dialect.
function(heddle_gpu_objects out folder launcher)
  set(objects "")
  foreach(source IN LISTS gpu_kernels)
    get_filename_component(name ${source} NAME_WE)
    set(object ${folder}/${name}.o)
    list(APPEND objects ${object})
    set(arguments ${ARGN})
    if(name MATCHES "_wgmma$") # on a card of 9.0 the code of 90a must be the only choice
      list(REMOVE_ITEM arguments -gencode=arch=compute_90,code=sm_90)
    endif()
    file(RELATIVE_PATH shown ${PROJECT_SOURCE_DIR} ${source})
    add_custom_command(OUTPUT ${object} DEPENDS ${source} DEPFILE ${object}.d VERBATIM
      COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
      COMMAND ${launcher} ${arguments} -MD -MF ${object}.d -c ${source} -o ${object}
      COMMENT "Building GPU object of ${shown} in ${folder}")
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()

set(gpu_include -I${PROJECT_SOURCE_DIR}/src -I${PROJECT_SOURCE_DIR}/include)
set(gpu_common -std=c++17 -O3 ${gpu_include} -D_GNU_SOURCE -DHEDDLE_VERSION="${PROJECT_VERSION}")

# ---- a C++ compiler, for all of them ----
include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
  set(HEDDLE_CUDA_ABSENT "there is no C++ compiler")
  message(STATUS "There is no C++ compiler: no GPU back ends")
  return()
endif()
enable_language(CXX)

# ---- NVIDIA ----
include(cmake/cuda.cmake)

# ---- MetaX ----
find_program(HEDDLE_MXCC mxcc HINTS ENV MACA_PATH /opt/maca PATH_SUFFIXES mxgpu_llvm/bin bin)
if(HEDDLE_MACA STREQUAL "ON" AND NOT HEDDLE_MXCC)
  message(FATAL_ERROR "HEDDLE_MACA is ON, and mxcc was not found: set MACA_PATH to MACA's folder")
endif()
if(HEDDLE_MXCC AND HEDDLE_MACA AND NOT HEDDLE_SANITIZE)
  get_filename_component(maca_root ${HEDDLE_MXCC} DIRECTORY)
  get_filename_component(maca_root ${maca_root}/../.. ABSOLUTE)
  find_library(HEDDLE_MCRUNTIME mcruntime HINTS ${maca_root}/lib REQUIRED)
  heddle_gpu_objects(maca_objects ${PROJECT_BINARY_DIR}/gpu/maca "" ${HEDDLE_MXCC} -x maca -offload-arch native
    --maca-path=${maca_root} ${gpu_common} -fPIC -fvisibility=hidden -DHDI_GPU_MACA -I${maca_root}/include)
  heddle_backend(heddle_maca ${backend_dir} libheddle-maca ${maca_objects})
  target_compile_definitions(heddle_maca PRIVATE HDI_GPU_MACA)
  target_include_directories(heddle_maca SYSTEM PRIVATE ${maca_root}/include)
  target_link_libraries(heddle_maca PRIVATE ${HEDDLE_MCRUNTIME})
  install(TARGETS heddle_maca LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  message(STATUS "MACA back end: ${HEDDLE_MXCC}")
else()
  message(STATUS "MACA back end: not built (mxcc was not found; MACA_PATH says where it is)")
endif()

# ---- the CPU: the objects that tests link, too ----
if(HEDDLE_HAVE_GPU_HOST)
  heddle_backend(heddle_host ${backend_dir} libheddle-host
    $<TARGET_OBJECTS:heddle_gpu_host> $<TARGET_OBJECTS:heddle_gpu_host_32> $<TARGET_OBJECTS:heddle_gpu_host_64>)
  target_compile_definitions(heddle_host PRIVATE HDI_GPU_HOST)
endif()
