/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPANS = 1 << 21 }; /* 96 MB */

int cli_trace_parsed(const cli_trace *t) {
    if (t->json && !*t->json) return cli_usage("--trace needs the name of a file");
    if (t->svg && !*t->svg) return cli_usage("--trace-svg needs the name of a file");
    if (t->json && t->svg && strcmp(t->json, t->svg) == 0) return cli_usage("--trace and --trace-svg need two files");
    return EXIT_OK;
}

/* As it will be written: beside the file first, unless it is a pipe or a device. */
static int check_file(const char *path) {
    struct stat there;
    bool is_there = stat(path, &there) == 0;
    if (is_there && S_ISDIR(there.st_mode)) return cli_fail(EXIT_BAD_INPUT, "%s: cannot be written: %s", path, strerror(EISDIR));
    if (is_there && !S_ISREG(there.st_mode)) {
        if (access(path, W_OK) == 0) return EXIT_OK;
        return cli_fail(EXIT_BAD_INPUT, "%s: cannot be written: %s", path, strerror(errno));
    }
    size_t room = strlen(path) + sizeof ".part";
    char *part = malloc(room);
    if (!part) return cli_fail(EXIT_MEMORY, "a path does not fit into memory");
    snprintf(part, room, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    int code = fd >= 0 ? EXIT_OK : cli_fail(EXIT_BAD_INPUT, "%s: cannot be written: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    if (fd >= 0) unlink(part);
    free(part);
    return code;
}

int cli_trace_check(const cli_trace *t) {
    int code = t->json ? check_file(t->json) : EXIT_OK;
    return code == EXIT_OK && t->svg ? check_file(t->svg) : code;
}

int cli_trace_create(const cli_trace *t, bool always, hd_trace **out) {
    const hd_trace_options options = {.spans = SPANS};
    *out = NULL;
    if (!t->json && !t->svg && !always) return EXIT_OK;
    hd_status status = hd_trace_create(&options, out);
    return status == HD_OK ? EXIT_OK : cli_fail_status(status);
}

int cli_trace_write(const cli_trace *t, hd_trace *trace, const char *title, bool quiet) {
    hd_trace_info info;
    hd_status status = hd_trace_get_info(trace, &info);
    if (status == HD_OK && t->json) status = hd_trace_write(trace, t->json);
    if (status == HD_OK && t->svg) status = hd_trace_write_svg(trace, t->svg, &(hd_trace_svg_options){.title = title});
    if (status != HD_OK) return cli_fail_status(status);
    if (info.lost && !quiet)
        fprintf(stderr, "heddle: note: the trace is full: %llu spans are missing; decode fewer tokens (-n)\n",
                (unsigned long long)info.lost);
    return EXIT_OK;
}
