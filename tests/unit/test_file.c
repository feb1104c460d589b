/* SPDX-License-Identifier: Apache-2.0 */
/* Maps and bounded reads: contents, limits, and everything that is not a readable regular file. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/file.h"
#include "base/memory.h"

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/heddle-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static char *path_of(const char *name) {
    char *path = hdi_path_join(folder, name);
    assert_non_null(path);
    return path;
}

static char *write_file(const char *name, const void *data, size_t size) {
    char *path = path_of(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void done_with(char *path) {
    assert_int_equal(remove(path), 0);
    hdi_free(path);
}

static void a_file_maps_whole(void **state) {
    (void)state;
    static uint8_t bytes[10001];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
    char *path = write_file("map", bytes, sizeof bytes);
    hdi_map map;
    assert_int_equal(hdi_map_open(&map, path), HD_OK);
    assert_int_equal(map.size, sizeof bytes);
    assert_memory_equal(map.data, bytes, sizeof bytes);
    hdi_map_close(&map);
    assert_null(map.data);
    hdi_map_close(&map);
    done_with(path);
}

static void an_empty_file_maps_to_nothing(void **state) {
    (void)state;
    char *path = write_file("empty", "", 0), *data;
    size_t size = 1;
    hdi_map map;
    assert_int_equal(hdi_map_open(&map, path), HD_OK);
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    hdi_map_close(&map);
    assert_int_equal(hdi_file_read(path, 0, &data, &size), HD_OK);
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
    hdi_free(data);
    done_with(path);
}

static void what_is_no_file_is_said(void **state) {
    (void)state;
    hdi_map map;
    char *data, *path = path_of("absent");
    size_t size;
    assert_int_equal(hdi_map_open(&map, path), HD_NOT_FOUND);
    assert_non_null(strstr(hd_last_error(), path));
    assert_int_equal(hdi_file_read(path, 10, &data, &size), HD_NOT_FOUND);
    assert_null(data);
    assert_int_equal(hdi_map_open(&map, folder), HD_IO);
    assert_non_null(strstr(hd_last_error(), "is a folder"));
    assert_int_equal(hdi_file_read(folder, 10, &data, &size), HD_IO);
    assert_int_equal(hdi_map_open(&map, "/dev/null"), HD_IO);
    assert_non_null(strstr(hd_last_error(), "regular"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(hdi_map_open(&map, path), HD_IO); /* and does not wait for a writer */
    assert_int_equal(hdi_file_read(path, 10, &data, &size), HD_OK);
    assert_int_equal(size, 0);
    hdi_free(data);
    assert_true(hdi_file_exists(path));
    assert_false(hdi_is_directory(path));
    assert_true(hdi_is_directory(folder));
    done_with(path);
}

static void reads_stop_at_the_limit(void **state) {
    (void)state;
    char *path = write_file("text", "twelve bytes", 12), *data;
    size_t size;
    assert_int_equal(hdi_file_read(path, 12, &data, &size), HD_OK);
    assert_int_equal(size, 12);
    assert_string_equal(data, "twelve bytes");
    hdi_free(data);
    assert_int_equal(hdi_file_read(path, 11, &data, &size), HD_CORRUPT);
    assert_non_null(strstr(hd_last_error(), "12 bytes, more than the 11"));
    assert_int_equal(hdi_file_read("/dev/zero", 100000, &data, &size), HD_CORRUPT);
    assert_non_null(strstr(hd_last_error(), "100000"));
    assert_null(data);
    done_with(path);
}

static void a_pipe_is_read_to_its_end(void **state) {
    (void)state;
    int ends[2];
    static char text[30000];
    char *data;
    size_t size;
    memset(text, 'x', sizeof text);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
    close(ends[1]);
    assert_int_equal(hdi_fd_read(ends[0], "standard input", 30000, &data, &size), HD_OK);
    assert_int_equal(size, sizeof text);
    assert_memory_equal(data, text, sizeof text);
    assert_int_equal(data[size], 0);
    hdi_free(data);
    close(ends[0]);
    assert_int_equal(hdi_fd_read(ends[0], "standard input", 10, &data, &size), HD_IO);
    assert_non_null(strstr(hd_last_error(), "standard input"));
}

static void paths_join_with_one_slash(void **state) {
    (void)state;
    char *a = hdi_path_join("a", "b"), *b = hdi_path_join("a/", "b"), *c = hdi_path_join("/", "b");
    assert_string_equal(a, "a/b");
    assert_string_equal(b, "a/b");
    assert_string_equal(c, "/b");
    hdi_free(a);
    hdi_free(b);
    hdi_free(c);
    hdi_memory_fail_after(0);
    assert_null(hdi_path_join("a", "b"));
    hdi_memory_fail_after(-1);
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    char *path = write_file("text", "twelve bytes", 12), *data;
    size_t size;
    hd_status status = HD_OUT_OF_MEMORY;
    int n = 0;
    for (; n < 100 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hdi_file_read(path, 100, &data, &size);
        hdi_memory_fail_after(-1);
        assert_true(status == HD_OK || (status == HD_OUT_OF_MEMORY && !data));
    }
    assert_int_equal(status, HD_OK);
    assert_in_range(n, 2, 99);
    hdi_free(data);
    done_with(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_maps_whole),
        cmocka_unit_test(an_empty_file_maps_to_nothing),
        cmocka_unit_test(what_is_no_file_is_said),
        cmocka_unit_test(reads_stop_at_the_limit),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
        cmocka_unit_test(paths_join_with_one_slash),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
