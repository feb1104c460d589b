/* SPDX-License-Identifier: Apache-2.0 */
/* Files: read-only maps and bounded whole reads. */
#ifndef HDI_BASE_FILE_H
#define HDI_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A read-only private map of a regular file. `data` is NULL for an empty file. Immutable once opened. */
typedef struct hdi_map {
    const uint8_t *data;
    size_t size;
} hdi_map;

/* Maps `path` whole. HD_NOT_FOUND when it is not there, HD_IO when it cannot be read or is not a regular file. */
hd_status hdi_map_open(hdi_map *map, const char *path);
void hdi_map_close(hdi_map *map); /* legal on a zeroed map */

/* Reads a file into a NUL-terminated block (*size without the NUL; free with hdi_free). HD_CORRUPT beyond `limit` bytes. */
hd_status hdi_file_read(const char *path, size_t limit, char **data, size_t *size);
/* The same from an open descriptor to its end (a pipe, standard input); `name` is for messages. */
hd_status hdi_fd_read(int fd, const char *name, size_t limit, char **data, size_t *size);

bool hdi_file_exists(const char *path);
bool hdi_is_directory(const char *path);

/* folder + "/" + name in a fresh string (free with hdi_free); NULL when out of memory, with the message set. */
char *hdi_path_join(const char *folder, const char *name);

#endif
