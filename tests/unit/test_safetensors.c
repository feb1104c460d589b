/* SPDX-License-Identifier: Apache-2.0 */
/* One safetensors file: what is right reads as it was written; what lies is refused with the file, the tensor and the fault. */
#include <string.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "formats/safetensors.h"

/* A file in memory: the length, `header`, `data` bytes counting upwards. Free with free. */
static uint8_t *build(const char *header, size_t data, size_t *size) {
    size_t n = strlen(header);
    *size = 8 + n + data;
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)n >> 8 * i);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < data; i++) bytes[8 + n + i] = (uint8_t)i;
    return bytes;
}

static void expect_bytes(const void *bytes, size_t size, hd_status code, const char *a, const char *b) {
    hdi_safetensors *file = NULL;
    hd_status status = hdi_safetensors_parse(bytes, size, "hostile.safetensors", &file);
    if (status == code && code == HD_OK) {
        hdi_safetensors_close(file);
        return;
    }
    const char *said = hd_last_error();
    if (status != code || file || !strstr(said, "hostile.safetensors") || !strstr(said, a) || !strstr(said, b) ||
        strchr(said, '\n'))
        fail_msg("code %d, \"%s\"; wanted code %d, \"%s\" and \"%s\"", status, said, code, a, b);
}

static void expect(const char *header, size_t data, hd_status code, const char *a, const char *b) {
    size_t size;
    uint8_t *bytes = build(header, data, &size);
    expect_bytes(bytes, size, code, a, b);
    free(bytes);
}

static void a_good_file_is_read(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes =
        build("{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
              "\"a\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]},"
              "\"none\":{\"dtype\":\"F32\",\"shape\":[4,0],\"data_offsets\":[20,20]}}  ",
              20, &size);
    hdi_safetensors *file;
    assert_int_equal(hdi_safetensors_parse(bytes, size, "x", &file), HD_OK);
    assert_int_equal(hdi_safetensors_count(file), 3);
    assert_string_equal(hdi_safetensors_at(file, 0)->name, "a");
    assert_string_equal(hdi_safetensors_at(file, 1)->name, "b");
    const hdi_stored_tensor *b = hdi_safetensors_find(file, "b"), *a = hdi_safetensors_find(file, "a");
    assert_ptr_equal(b, hdi_safetensors_at(file, 1));
    assert_int_equal(b->dtype, HD_DTYPE_BF16);
    assert_int_equal(b->ndim, 2);
    assert_int_equal(b->shape[0], 2);
    assert_int_equal(b->shape[1], 3);
    assert_int_equal(b->bytes, 12);
    assert_memory_equal(b->data, bytes + size - 12, 12);
    assert_string_equal(b->where, "x");
    assert_int_equal(a->ndim, 0);
    assert_int_equal(a->bytes, 8);
    assert_int_equal((uintptr_t)a->data % 8, 0); /* wherever malloc and the header put it */
    assert_memory_equal(a->data, bytes + size - 20, 8);
    assert_int_equal(hdi_safetensors_find(file, "none")->bytes, 0);
    assert_null(hdi_safetensors_find(file, "c"));
    assert_null(hdi_safetensors_find(file, ""));
    assert_string_equal(hdi_safetensors_metadata(file, "format"), "pt");
    assert_null(hdi_safetensors_metadata(file, "gone"));
    hdi_safetensors_close(file);
    free(bytes);
    hdi_safetensors_close(NULL);
    expect("{}", 0, HD_OK, "", "");
}

static void the_length_is_checked(void **state) {
    (void)state;
    expect_bytes("", 0, HD_CORRUPT, "0 bytes, too few", "");
    expect_bytes("\x02\0\0\0\0\0\0\0{", 9, HD_CORRUPT, "9 bytes, too few", "");
    expect_bytes("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, HD_CORRUPT, "18446744073709551615", "100000000");
    expect_bytes("\x03\0\0\0\0\0\0\0{}", 10, HD_CORRUPT, "header of 3 bytes but has only 2", "");
    expect_bytes("\0\0\0\0\0\0\0\0{}", 10, HD_CORRUPT, "does not begin with", "");
    expect_bytes("\x02\0\0\0\0\0\0\0[]", 10, HD_CORRUPT, "does not begin with", "");
    expect_bytes("GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0", 16, HD_CORRUPT, "no safetensors file", "");
    static const char lfs[] = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    expect_bytes(lfs, sizeof lfs - 1, HD_CORRUPT, "Git LFS pointer", "git lfs pull");
}

static void the_header_is_strict_json(void **state) {
    (void)state;
    expect("{\"a\":", 0, HD_CORRUPT, "line 1", "in the header");
    expect("{} {}", 0, HD_CORRUPT, "line 1", "");
    expect("{\"a\xff\":1}", 0, HD_CORRUPT, "UTF-8", "");
    expect("{\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_"
           "offsets\":[1,2]}}",
           2, HD_CORRUPT, "uplicate", "\"a\"");
    size_t n = 1 << 20;
    char *deep = malloc(n + 1);
    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '[', n - 5);
    deep[n] = 0;
    expect(deep, 0, HD_CORRUPT, "depth", "");
    free(deep);
    expect("{\"__metadata__\":null}", 0, HD_OK, "", "");
    expect("{\"__metadata__\":[]}", 0, HD_CORRUPT, "__metadata__", "object");
    expect("{\"__metadata__\":{\"k\":1}}", 0, HD_CORRUPT, "\"k\"", "string");
    expect("{\"a\":7}", 0, HD_CORRUPT, "tensor \"a\"", "object");
}

#define INFO(dtype, shape, offsets) "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void types_and_shapes_are_checked(void **state) {
    (void)state;
    expect(INFO("\"F32\"", "[2,2]", "[0,16]"), 16, HD_OK, "", "");
    expect(INFO("\"Q9\"", "[4]", "[0,4]"), 4, HD_UNSUPPORTED, "tensor \"w\"", "\"Q9\"");
    expect(INFO("7", "[4]", "[0,4]"), 4, HD_CORRUPT, "tensor \"w\"", "\"dtype\"");
    expect("{\"w\":{}}", 0, HD_CORRUPT, "tensor \"w\"", "\"dtype\"");
    expect("{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", 0, HD_CORRUPT, "tensor \"w\"", "\"shape\"");
    expect("{\"w\":{\"dtype\":\"F32\",\"shape\":[0]}}", 0, HD_CORRUPT, "tensor \"w\"", "\"data_offsets\"");
    expect(INFO("\"I8\"", "[-1]", "[0,1]"), 1, HD_CORRUPT, "tensor \"w\"", "negative dimension -1");
    expect(INFO("\"I8\"", "[-1,-1]", "[0,1]"), 1, HD_CORRUPT, "tensor \"w\"", "negative");
    expect(INFO("\"I8\"", "[1.0]", "[0,1]"), 1, HD_CORRUPT, "tensor \"w\"", "entry 0 is not a 64-bit integer");
    expect(INFO("\"I8\"", "[1,99999999999999999999]", "[0,1]"), 1, HD_CORRUPT, "tensor \"w\"", "entry 1 is not a 64-bit integer");
    expect(INFO("\"I8\"", "[\"1\"]", "[0,1]"), 1, HD_CORRUPT, "tensor \"w\"", "integer");
    expect(INFO("\"I8\"", "4", "[0,4]"), 4, HD_CORRUPT, "tensor \"w\"", "\"shape\"");
    expect(INFO("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, HD_CORRUPT, "tensor \"w\"", "overflows");
    expect(INFO("\"F32\"", "[4611686018427387904]", "[0,0]"), 0, HD_CORRUPT, "tensor \"w\"", "overflows");
    expect(INFO("\"F32\"", "[9223372036854775807,9223372036854775807,0]", "[0,0]"), 0, HD_CORRUPT, "tensor \"w\"", "overflows");
    expect(INFO("\"I8\"", "[1,1,1,1,1,1,1,1]", "[0,1]"), 1, HD_OK, "", "");
    expect(INFO("\"I8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1, HD_UNSUPPORTED, "tensor \"w\"", "9 dimensions");
}

static void offsets_are_checked(void **state) {
    (void)state;
    expect(INFO("\"I8\"", "[4]", "[0,4,4]"), 4, HD_CORRUPT, "tensor \"w\"", "two 64-bit integers");
    expect(INFO("\"I8\"", "[4]", "{}"), 4, HD_CORRUPT, "tensor \"w\"", "two 64-bit integers");
    expect(INFO("\"I8\"", "[4]", "[0,99999999999999999999]"), 4, HD_CORRUPT, "tensor \"w\"", "two 64-bit integers");
    expect(INFO("\"I8\"", "[4]", "[-4,0]"), 4, HD_CORRUPT, "tensor \"w\"", "[-4, 0]");
    expect(INFO("\"I8\"", "[4]", "[4,0]"), 4, HD_CORRUPT, "tensor \"w\"", "[4, 0]");
    expect(INFO("\"I8\"", "[4]", "[0,4]"), 3, HD_CORRUPT, "tensor \"w\"", "cut short");
    expect(INFO("\"I8\"", "[4]", "[9223372036854775803,9223372036854775807]"), 4, HD_CORRUPT, "tensor \"w\"", "cut short");
    expect(INFO("\"I16\"", "[4]", "[0,4]"), 4, HD_CORRUPT, "tensor \"w\"", "needs 8 bytes");
    expect(INFO("\"I8\"", "[0]", "[0,4]"), 4, HD_CORRUPT, "tensor \"w\"", "needs 0 bytes");
    expect(INFO("\"I8\"", "[4]", "[4,8]"), 8, HD_CORRUPT, "tensor \"w\"", "hole of 4 bytes");
    expect(INFO("\"I8\"", "[4]", "[0,4]"), 5, HD_CORRUPT, "1 bytes after the last tensor", "");
    expect("{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_"
           "offsets\":[3,7]}}",
           7, HD_CORRUPT, "tensor \"b\" overlaps tensor \"a\"", "");
    expect("{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_"
           "offsets\":[0,4]}}",
           4, HD_CORRUPT, "tensor \"b\" overlaps tensor \"a\"", "");
    expect("{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"I8\",\"shape\":[0],\"data_"
           "offsets\":[2,2]}}",
           4, HD_CORRUPT, "overlaps", "");
    expect("{\"a\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"I8\",\"shape\":[1],\"data_"
           "offsets\":[5,6]}}",
           6, HD_CORRUPT, "tensor \"b\"", "hole of 1 bytes");
}

static void names_cannot_spoil_the_message(void **state) {
    (void)state;
    expect("{\"a\\nb\\u001b[2J\":7}", 0, HD_CORRUPT, "tensor \"a?b?[2J\"", "object");
    static char header[20000];
    memset(header, 'x', sizeof header - 1);
    memcpy(header, "{\"", 2);
    memcpy(header + sizeof header - 5, "\":7}", 4);
    expect(header, 0, HD_CORRUPT, "tensor \"xxx", "is not described by an object");
}

static hdi_stored_tensor tensor(const char *name, hd_dtype dtype, const void *data, size_t bytes, int64_t rows, int64_t columns) {
    return (hdi_stored_tensor){.name = name, .dtype = dtype, .ndim = 2, .shape = {rows, columns}, .data = data, .bytes = bytes};
}

static void what_is_written_is_read(void **state) {
    (void)state;
    static const char *const metadata[] = {"format", "pt", "who", "a \"test\"", NULL};
    char path[] = "/tmp/heddle-st-XXXXXX";
    close(mkstemp(path));
    float f[6] = {0, 1, 2, 3, 4, 5};
    int64_t l[2] = {INT64_MIN, 7};
    uint8_t c[3] = {1, 2, 3};
    hdi_stored_tensor tensors[] = {
        tensor("bytes", HD_DTYPE_U8, c, sizeof c, 1, 3), tensor("floats", HD_DTYPE_F32, f, sizeof f, 2, 3),
        tensor("longs", HD_DTYPE_I64, l, sizeof l, 2, 1), tensor("h\xc3\xa9", HD_DTYPE_F16, NULL, 0, 0, 9)};
    assert_int_equal(hdi_safetensors_write(path, tensors, 4, metadata), HD_OK);
    hdi_safetensors *file;
    assert_int_equal(hdi_safetensors_open(path, &file), HD_OK);
    assert_int_equal(hdi_safetensors_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        const hdi_stored_tensor *t = hdi_safetensors_find(file, tensors[i].name);
        assert_non_null(t);
        assert_true(t->mapped);
        assert_int_equal(t->dtype, tensors[i].dtype);
        assert_memory_equal(t->shape, tensors[i].shape, 2 * sizeof(int64_t));
        assert_int_equal(t->bytes, tensors[i].bytes);
        if (t->bytes) assert_memory_equal(t->data, tensors[i].data, t->bytes);
    }
    assert_string_equal(hdi_safetensors_at(file, 0)->name, "longs");
    assert_string_equal(hdi_safetensors_metadata(file, "who"), "a \"test\"");
    hdi_safetensors_close(file);

    tensors[0].bytes = 4;
    assert_int_equal(hdi_safetensors_write(path, tensors, 4, NULL), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "\"bytes\""));
    tensors[0] = tensors[1];
    assert_int_equal(hdi_safetensors_write(path, tensors, 4, NULL), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "two entries are named \"floats\""));
    tensors[0] = tensor("q", HD_DTYPE_Q8_0, c, 34, 1, 32);
    assert_int_equal(hdi_safetensors_write(path, tensors, 1, NULL), HD_UNSUPPORTED);
    assert_int_equal(hdi_safetensors_write("/tmp/no/such/folder/x", tensors + 1, 1, NULL), HD_IO);
    assert_int_equal(hdi_safetensors_open(path, &file), HD_OK); /* failed writes left the old file */
    hdi_safetensors_close(file);
    remove(path);
    assert_int_equal(hdi_safetensors_open(path, &file), HD_NOT_FOUND);
}

static void every_type_has_one_spelling(void **state) {
    (void)state;
    int known = 0;
    for (int d = 0; d < HD_DTYPE_COUNT; d++) {
        hd_dtype back;
        const char *name = hdi_safetensors_dtype_name((hd_dtype)d);
        assert_int_equal(name == NULL, hd_dtype_block_elements((hd_dtype)d) > 1);
        if (!name) continue;
        assert_true(hdi_safetensors_dtype(name, &back));
        assert_int_equal(back, d);
        known++;
    }
    assert_int_equal(known, 15);
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    size_t size;
    uint8_t *bytes = build("{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                           "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]}}",
                           9, &size);
    hdi_safetensors *file = NULL;
    hd_status status = HD_OUT_OF_MEMORY;
    int n = 0;
    for (; n < 100 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hdi_safetensors_parse(bytes, size, "x", &file);
        hdi_memory_fail_after(-1);
        assert_true(status == HD_OK || (status == HD_OUT_OF_MEMORY && !file));
    }
    assert_int_equal(status, HD_OK);
    assert_in_range(n, 6, 99); /* the file, its name, the names, two tables, the copy of unaligned data */
    hdi_safetensors_close(file);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read),
        cmocka_unit_test(the_length_is_checked),
        cmocka_unit_test(the_header_is_strict_json),
        cmocka_unit_test(types_and_shapes_are_checked),
        cmocka_unit_test(offsets_are_checked),
        cmocka_unit_test(names_cannot_spoil_the_message),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_type_has_one_spelling),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
