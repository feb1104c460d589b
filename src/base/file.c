/* SPDX-License-Identifier: Apache-2.0 */
/* Files are opened without blocking and looked at before they are used: a pipe without a writer, a folder or a device under
 * the name of a checkpoint must give a sentence, not a hang. A file that another program shortens while it is mapped raises
 * SIGBUS at the next touch, as with every mmap; nobody does that to a checkpoint that is in use. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static hd_status open_for_reading(const char *path, int *fd, struct stat *st) {
    do *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return hdi_fail(HD_NOT_FOUND, "%s: there is no such file", path);
        return hdi_fail(HD_IO, "%s: cannot be opened: %m", path);
    }
    hd_status status = HD_OK;
    if (fstat(*fd, st) != 0)
        status = hdi_fail(HD_IO, "%s: cannot be examined: %m", path);
    else if (S_ISDIR(st->st_mode))
        status = hdi_fail(HD_IO, "%s: is a folder; a file is needed here", path);
    if (status != HD_OK) close(*fd);
    return status;
}

hd_status hdi_map_open(hdi_map *map, const char *path) {
    int fd;
    struct stat st;
    *map = (hdi_map){0};
    HD_TRY(open_for_reading(path, &fd, &st));
    hd_status status = HD_OK;
    if (!S_ISREG(st.st_mode)) {
        status = hdi_fail(HD_IO, "%s: is not a regular file and cannot be mapped", path);
    } else if ((uint64_t)st.st_size > SIZE_MAX / 2) {
        status = hdi_fail(HD_IO, "%s: %lld bytes are too many to map", path, (long long)st.st_size);
    } else if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = hdi_fail(HD_IO, "%s: cannot be mapped: %m", path);
        else
            *map = (hdi_map){data, (size_t)st.st_size};
    }
    close(fd); /* the map keeps the file */
    return status;
}

void hdi_map_close(hdi_map *map) {
    if (map->data) munmap((void *)map->data, map->size);
    *map = (hdi_map){0};
}

/* `hint` is the expected size: the block is made that large at first, so that a regular file is read without growing. */
static hd_status read_all(int fd, const char *name, size_t limit, size_t hint, char **data, size_t *size) {
    hd_status status;
    char *block = NULL;
    size_t used = 0, cap = 0;
    if (limit > SIZE_MAX / 4) limit = SIZE_MAX / 4;
    if (hint > limit) hint = limit;
    HD_TRY_GOTO(hdi_grow(&block, &cap, hint + 2, 1, name)); /* one byte to see the end, one for the NUL */
    for (;;) {
        if (cap - used < 2) HD_TRY_GOTO(hdi_grow(&block, &cap, used + 4096, 1, name));
        ssize_t got = read(fd, block + used, cap - used - 1);
        if (got < 0 && errno == EINTR) continue;
        HD_REQUIRE_GOTO(got >= 0, HD_IO, "%s: cannot be read: %m", name);
        if (got == 0) break;
        used += (size_t)got;
        HD_REQUIRE_GOTO(used <= limit, HD_CORRUPT, "%s: has more than the %zu bytes allowed here", name, limit);
    }
    block[used] = 0;
    *data = block;
    *size = used;
    return HD_OK;
fail:
    hdi_free(block);
    return status;
}

hd_status hdi_file_read(const char *path, size_t limit, char **data, size_t *size) {
    int fd;
    struct stat st;
    *data = NULL;
    *size = 0;
    HD_TRY(open_for_reading(path, &fd, &st));
    hd_status status;
    size_t hint = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 0;
    if (hint > limit)
        status = hdi_fail(HD_CORRUPT, "%s: has %zu bytes, more than the %zu allowed here", path, hint, limit);
    else if (fcntl(fd, F_SETFL, 0) != 0) /* a pipe that has a writer is worth waiting for */
        status = hdi_fail(HD_IO, "%s: cannot be read: %m", path);
    else
        status = read_all(fd, path, limit, hint, data, size);
    close(fd);
    return status;
}

hd_status hdi_fd_read(int fd, const char *name, size_t limit, char **data, size_t *size) {
    *data = NULL;
    *size = 0;
    return read_all(fd, name, limit, 0, data, size);
}

bool hdi_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

bool hdi_is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *hdi_path_join(const char *folder, const char *name) {
    char *path = NULL;
    size_t n = strlen(folder), m = strlen(name);
    const char *slash = n > 0 && folder[n - 1] == '/' ? "" : "/";
    if (hdi_alloc(&path, n + m + 2, 1, "a path") != HD_OK) return NULL;
    snprintf(path, n + m + 2, "%s%s%s", folder, slash, name);
    return path;
}
