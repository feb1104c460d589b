/* SPDX-License-Identifier: Apache-2.0 */
/* Writes safetensors: the header from the tensors' types and shapes, then their bytes. A file under its final name is always
 * complete: it is written beside it and renamed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "formats/safetensors.h"

/* Larger elements first: with a header padded to 8 bytes, every tensor is then aligned to its elements. */
static const size_t sizes[] = {8, 4, 2, 1};

static hd_status check_tensor(const hdi_stored_tensor *t) {
    HD_REQUIRE(hdi_safetensors_dtype_name(t->dtype), HD_UNSUPPORTED, "tensor \"%s\": safetensors has no element type for it",
               t->name);
    HD_REQUIRE(t->ndim >= 0 && t->ndim <= HD_MAX_DIMS, HD_INVALID_ARGUMENT, "tensor \"%s\": %d dimensions are not possible",
               t->name, t->ndim);
    size_t bytes = hd_dtype_block_bytes(t->dtype);
    for (int32_t i = 0; i < t->ndim; i++)
        HD_REQUIRE(t->shape[i] >= 0 && hdi_mul_size(bytes, (size_t)t->shape[i], &bytes), HD_INVALID_ARGUMENT,
                   "tensor \"%s\": dimension %d is %" PRId64 ", which is not possible", t->name, i, t->shape[i]);
    HD_REQUIRE(bytes == t->bytes, HD_INVALID_ARGUMENT, "tensor \"%s\": its shape needs %zu bytes but %zu are given", t->name,
               bytes, t->bytes);
    HD_REQUIRE(strcmp(t->name, "__metadata__") != 0, HD_INVALID_ARGUMENT, "a tensor cannot be named \"__metadata__\"");
    return HD_OK;
}

/* Takes over `value`. */
static hd_status set(json_t *object, const char *key, json_t *value) {
    if (json_object_get(object, key)) {
        json_decref(value);
        return hdi_fail(HD_INVALID_ARGUMENT, "two entries are named \"%s\"", key);
    }
    HD_REQUIRE(json_object_set_new(object, key, value) == 0, HD_INVALID_ARGUMENT,
               "\"%s\" cannot be written: it or its value is not UTF-8, or memory is short", key);
    return HD_OK;
}

static hd_status add_tensor(json_t *header, const hdi_stored_tensor *t, size_t *offset) {
    json_t *shape = json_array();
    bool good = shape != NULL;
    for (int32_t i = 0; i < t->ndim; i++) good = good && json_array_append_new(shape, json_integer(t->shape[i])) == 0;
    size_t end = *offset + t->bytes;
    json_t *info = good ? json_pack("{s:s, s:O, s:[I, I]}", "dtype", hdi_safetensors_dtype_name(t->dtype), "shape", shape,
                                    "data_offsets", (json_int_t)*offset, (json_int_t)end)
                        : NULL;
    json_decref(shape);
    HD_REQUIRE(info, HD_OUT_OF_MEMORY, "not enough memory for the header of a safetensors file");
    *offset = end;
    return set(header, t->name, info);
}

static hd_status make_header(const hdi_stored_tensor *tensors, size_t count, const char *const *metadata, char **text) {
    hd_status status;
    size_t offset = 0;
    json_t *header = json_object(), *strings = NULL;
    *text = NULL;
    HD_REQUIRE(header, HD_OUT_OF_MEMORY, "not enough memory for the header of a safetensors file");
    if (metadata && metadata[0]) {
        strings = json_object();
        for (; *metadata; metadata += 2) HD_TRY_GOTO(set(strings, metadata[0], json_string(metadata[1])));
        HD_TRY_GOTO(set(header, "__metadata__", json_incref(strings)));
    }
    for (size_t i = 0; i < count; i++) HD_TRY_GOTO(check_tensor(&tensors[i]));
    for (size_t s = 0; s < HDI_COUNTOF(sizes); s++)
        for (size_t i = 0; i < count; i++)
            if (hd_dtype_block_bytes(tensors[i].dtype) == sizes[s]) HD_TRY_GOTO(add_tensor(header, &tensors[i], &offset));
    *text = json_dumps(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
    HD_REQUIRE_GOTO(*text, HD_OUT_OF_MEMORY, "not enough memory for the header of a safetensors file");
    status = HD_OK;
fail:
    json_decref(strings);
    json_decref(header);
    return status;
}

static bool write_all(FILE *f, const char *header, const hdi_stored_tensor *tensors, size_t count) {
    static const char spaces[] = "       ";
    size_t n = strlen(header), padded = hdi_align_up(n, 8);
    uint8_t prefix[8];
    for (int i = 0; i < 8; i++) prefix[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    bool good = fwrite(prefix, 1, 8, f) == 8 && fwrite(header, 1, n, f) == n && fwrite(spaces, 1, padded - n, f) == padded - n;
    for (size_t s = 0; good && s < HDI_COUNTOF(sizes); s++)
        for (size_t i = 0; good && i < count; i++) {
            const hdi_stored_tensor *t = &tensors[i];
            if (hd_dtype_block_bytes(t->dtype) == sizes[s] && t->bytes) good = fwrite(t->data, 1, t->bytes, f) == t->bytes;
        }
    return good && fflush(f) == 0;
}

hd_status hdi_safetensors_write(const char *path, const hdi_stored_tensor *tensors, size_t count, const char *const *metadata) {
    hd_status status;
    char *header = NULL, *part = NULL;
    FILE *f = NULL;
    size_t room = strlen(path) + sizeof ".part";
    HD_TRY_GOTO(make_header(tensors, count, metadata, &header));
    HD_TRY_GOTO(hdi_alloc(&part, room, 1, "a path"));
    snprintf(part, room, "%s.part", path);
    f = fopen(part, "wbe");
    HD_REQUIRE_GOTO(f, HD_IO, "%s: cannot be written: %m", part);
    if (!write_all(f, header, tensors, count)) status = hdi_fail(HD_IO, "%s: cannot be written: %m", part);
    if (fclose(f) != 0 && status == HD_OK) status = hdi_fail(HD_IO, "%s: cannot be written: %m", part);
    if (status == HD_OK && rename(part, path) != 0) status = hdi_fail(HD_IO, "%s: cannot be written: %m", path);
    if (status != HD_OK) unlink(part);
fail:
    hdi_free(part);
    free(header); /* jansson's */
    return status;
}
