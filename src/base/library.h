/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries of Heddle's own that are loaded at run time (libheddle-cuda.so, libheddle-mpi.so): where they are looked for. */
#ifndef HDI_BASE_LIBRARY_H
#define HDI_BASE_LIBRARY_H

typedef enum hdi_library_found {
    HDI_LIBRARY_ABSENT, /* there is no such file in any place */
    HDI_LIBRARY_BROKEN, /* there is, but the system could not load it: dlerror() names the file, or what it lacks */
    HDI_LIBRARY_LOADED,
} hdi_library_found;

/* Loads `file`, a bare name: from each folder of $HD_BACKEND_PATH, the folder of this code and of the program, the libraries
 * beside them, where `make install` puts them, and the system's own places. The first file found counts, broken or not. *library
 * is a handle of dlopen. Thread-safe. */
hdi_library_found hdi_library_load(const char *file, void **library);

#endif
