/* SPDX-License-Identifier: Apache-2.0 */
/* Text that comes in: from an argument, a file or a pipe. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_READ = 1 << 16 };

static int read_fd(int fd, const char *name, char **data, size_t *size) {
    size_t capacity = FIRST_READ, used = 0;
    char *buffer = malloc(capacity + 1);
    while (buffer) {
        ssize_t got = read(fd, buffer + used, capacity - used);
        if (cli_interrupted()) {
            free(buffer);
            return EXIT_FAILED; /* main makes it 128 + signal */
        }
        if (got < 0) {
            if (errno == EINTR) continue;
            free(buffer);
            return cli_fail(EXIT_BAD_INPUT, "cannot read %s: %s", name, strerror(errno));
        }
        used += (size_t)got;
        if (!got) {
            buffer[used] = 0;
            *data = buffer;
            *size = used;
            return EXIT_OK;
        }
        if (used == capacity) {
            char *larger = capacity > SIZE_MAX / 4 ? NULL : realloc(buffer, capacity * 2 + 1);
            if (!larger) free(buffer);
            buffer = larger;
            capacity *= 2;
        }
    }
    return cli_fail(EXIT_MEMORY, "%s does not fit into memory", name);
}

int cli_read_all(const char *path, char **data, size_t *size) {
    if (!strcmp(path, "-")) return read_fd(STDIN_FILENO, "standard input", data, size);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return cli_fail(EXIT_BAD_INPUT, "cannot open %s: %s", path, strerror(errno));
    int code = read_fd(fd, path, data, size);
    close(fd);
    return code;
}

int cli_read_prompt(const char *text, const char *file, char **data, size_t *size) {
    if (text && file) return cli_usage("-p and -f are two prompts: give one of them");
    if (text) {
        *size = strlen(text);
        *data = strdup(text);
        return *data ? EXIT_OK : cli_fail(EXIT_MEMORY, "the prompt does not fit into memory");
    }
    if (file) return cli_read_all(file, data, size);
    if (isatty(STDIN_FILENO)) return cli_usage("there is no text: give -p TEXT or -f FILE, or pipe it in");
    return cli_read_all("-", data, size);
}
