/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of local domains: ranges of a memfd, backed by the rank that owns them, mapped once a process. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "comm/local.h"

/* Ranges that this process has mapped. */
typedef struct map {
    struct map *next;
    dev_t device; /* device, inode: which memfd */
    ino_t inode;
    size_t offset, bytes;
    void *address;
    int holders;
} map;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list */
static map *maps;

size_t hdi_local_page(size_t bytes) { return hdi_align_up(bytes, (size_t)sysconf(_SC_PAGESIZE)); }

size_t hdi_local_control_bytes(int32_t ranks) {
    return hdi_local_page(sizeof(hdi_local_control) + (size_t)ranks * HDI_LOCAL_PIECE);
}

hd_status hdi_local_back(int fd, size_t offset, size_t bytes, const char *what) {
    enum { STRETCH = 64 << 20 }; /* a signal ends the call and undoes it: what is done so far stays */
    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < STRETCH ? bytes - done : STRETCH;
        if (fallocate(fd, 0, (off_t)(offset + done), (off_t)n) == 0)
            done += n;
        else if (errno != EINTR)
            return hdi_fail(errno == ENOMEM || errno == ENOSPC ? HD_OUT_OF_MEMORY : HD_COMM,
                            "cannot get %zu bytes of shared memory for %s: %s", bytes, what, strerror(errno));
    }
    return HD_OK;
}

void hdi_local_unback(int fd, size_t offset, size_t bytes) {
    while (bytes && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) != 0 &&
           errno == EINTR) {
    }
}

static map *find(const struct stat *file, size_t offset, size_t bytes) {
    for (map *m = maps; m; m = m->next)
        if (m->device == file->st_dev && m->inode == file->st_ino && m->offset == offset && m->bytes == bytes) return m;
    return NULL;
}

static hd_status map_fresh(int fd, const struct stat *file, size_t offset, size_t bytes, const char *what, map **out) {
    map *m;
    HD_TRY(hdi_calloc(&m, 1, sizeof *m, "a map of shared memory"));
    *m = (map){.device = file->st_dev, .inode = file->st_ino, .offset = offset, .bytes = bytes};
    m->address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    if (m->address == MAP_FAILED) {
        hdi_free(m);
        return hdi_fail(HD_OUT_OF_MEMORY, "cannot map %zu bytes of shared memory for %s: %s", bytes, what, strerror(errno));
    }
    m->next = maps;
    maps = m;
    *out = m;
    return HD_OK;
}

hd_status hdi_local_map(int fd, size_t offset, size_t bytes, const char *what, void **out) {
    struct stat file;
    hd_status status = HD_OK;
    HD_REQUIRE(fstat(fd, &file) == 0, HD_COMM, "cannot look at shared memory: %s", strerror(errno));
    pthread_mutex_lock(&lock);
    map *m = find(&file, offset, bytes);
    if (!m) status = map_fresh(fd, &file, offset, bytes, what, &m);
    if (status == HD_OK) {
        m->holders++;
        *out = m->address;
    }
    pthread_mutex_unlock(&lock);
    return status;
}

void hdi_local_unmap(void *address) {
    pthread_mutex_lock(&lock);
    for (map **at = &maps; *at; at = &(*at)->next) {
        map *m = *at;
        if (m->address != address) continue;
        if (--m->holders == 0) {
            *at = m->next;
            munmap(m->address, m->bytes);
            hdi_free(m);
        }
        break;
    }
    pthread_mutex_unlock(&lock);
}
