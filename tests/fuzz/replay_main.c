/* SPDX-License-Identifier: Apache-2.0 */
/* A main for fuzz targets without a fuzzer: replays every file of the folders (or single files) given, then mutations of the
 * small ones: each prefix, each flipped bit, and bytes set to telling values. The order is fixed; after SECONDS of mutations
 * a target stops, so that the plain test run stays short. A copy of the exact size lets ASan see reads past the end. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { SMALL = 8192, SECONDS = 4, MOST_FILES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    if (size) memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static uint8_t *read_whole(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    long end;
    uint8_t *data;
    if (!f || fseek(f, 0, SEEK_END) != 0 || (end = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0) {
        perror(path);
        exit(2);
    }
    *size = (size_t)end;
    data = malloc(*size ? *size : 1);
    if (!data || fread(data, 1, *size, f) != *size) {
        perror(path);
        exit(2);
    }
    fclose(f);
    return data;
}

/* The i-th mutation of `data`, run; false when there is none. The numbers interleave the kinds, so that a target that runs
 * out of time has seen some of each. */
static bool mutate(uint8_t *data, size_t size, size_t i) {
    static const uint8_t values[] = {0x00, 0xff, 0x7f, 0x80, '"', '{', '9', '-'};
    size_t at = i / 17, kind = i % 17;
    if (at >= size) return false;
    /* A stride that is coprime to the size visits every byte once, but not in order. */
    size_t stride = size / 2 + 1;
    for (;; stride++) {
        size_t a = stride, b = size;
        while (b) {
            size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1) break;
    }
    at = at * stride % size;
    uint8_t old = data[at];
    if (kind == 0) {
        run(data, at);
    } else {
        data[at] = kind <= 8 ? (uint8_t)(old ^ (1u << (kind - 1))) : values[kind - 9];
        if (data[at] != old) run(data, size);
        data[at] = old;
    }
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static size_t list(const char *path, char **names, size_t count) {
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(st.st_mode)) {
        names[count] = strdup(path);
        return count + 1;
    }
    DIR *folder = opendir(path);
    size_t first = count;
    for (struct dirent *entry; folder && (entry = readdir(folder)) && count < MOST_FILES;) {
        if (entry->d_name[0] == '.') continue;
        size_t room = strlen(path) + strlen(entry->d_name) + 2;
        names[count] = malloc(room);
        if (!names[count]) abort();
        snprintf(names[count++], room, "%s/%s", path, entry->d_name);
    }
    if (folder) closedir(folder);
    qsort(names + first, count - first, sizeof *names, by_name);
    return count;
}

int main(int argc, char **argv) {
    static char *names[MOST_FILES + 1];
    static uint8_t *data[MOST_FILES + 1];
    static size_t sizes[MOST_FILES + 1];
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        if (count < MOST_FILES) count = list(argv[i], names, count);
    if (count == 0) {
        fprintf(stderr, "usage: %s FOLDER|FILE... (no seeds found)\n", argv[0]);
        return 2;
    }
    run((const uint8_t *)"", 0);
    for (size_t f = 0; f < count; f++) {
        data[f] = read_whole(names[f], &sizes[f]);
        run(data[f], sizes[f]);
    }
    double end = now() + SECONDS;
    bool more = true;
    for (size_t i = 0; more && now() < end; i++) {
        more = false;
        for (size_t f = 0; f < count; f++)
            if (sizes[f] <= SMALL) more |= mutate(data[f], sizes[f], i);
    }
    printf("%zu seeds, %zu inputs\n", count, runs);
    for (size_t f = 0; f < count; f++) free(data[f]), free(names[f]);
    return 0;
}
