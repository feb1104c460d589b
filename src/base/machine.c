/* SPDX-License-Identifier: Apache-2.0 */
#include "base/machine.h"

#include <fcntl.h>
#include <unistd.h>

uint64_t hdi_hash_text(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

uint64_t hdi_machine_number(void) {
    char boot[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, boot, sizeof boot - 1);
    if (fd >= 0) close(fd);
    boot[n > 0 ? n : 0] = 0;
    return hdi_hash_text(boot);
}
