# SPDX-License-Identifier: Apache-2.0
# The core needs jansson, PCRE2 and utf8proc; everything else is optional.
find_package(Threads REQUIRED)
if(HEDDLE_KERNELS_ONLY)
  return()
endif()
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.10)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.40) # binary properties such as \p{White_Space}
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
