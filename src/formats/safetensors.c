/* SPDX-License-Identifier: Apache-2.0 */
/* Reads safetensors. Strict where the reference reader is strict, because a header that lies would make a kernel read
 * foreign memory: every number is bounded by the file's size before it is used, and messages name file and tensor. */
#include "formats/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum { HEADER_LIMIT = 100 * 1000 * 1000, PREFIX = 8 };

struct hdi_safetensors {
    hdi_map map; /* empty for borrowed bytes */
    char *where;
    char *names;                     /* all names, each with its NUL */
    uint8_t *copies;                 /* data of tensors that were not aligned */
    hdi_stored_tensor *tensors;      /* by begin of the data */
    const hdi_stored_tensor **named; /* by name */
    size_t count;
    json_t *metadata;
};

static const struct {
    const char *name;
    hd_dtype dtype;
} dtypes[] = {
    {"F64", HD_DTYPE_F64},         {"F32", HD_DTYPE_F32},         {"F16", HD_DTYPE_F16},   {"BF16", HD_DTYPE_BF16},
    {"F8_E4M3", HD_DTYPE_F8_E4M3}, {"F8_E5M2", HD_DTYPE_F8_E5M2}, {"I64", HD_DTYPE_I64},   {"I32", HD_DTYPE_I32},
    {"I16", HD_DTYPE_I16},         {"I8", HD_DTYPE_I8},           {"U64", HD_DTYPE_U64},   {"U32", HD_DTYPE_U32},
    {"U16", HD_DTYPE_U16},         {"U8", HD_DTYPE_U8},           {"BOOL", HD_DTYPE_BOOL},
};

bool hdi_safetensors_dtype(const char *name, hd_dtype *out) {
    for (size_t i = 0; i < HDI_COUNTOF(dtypes); i++) {
        if (strcmp(dtypes[i].name, name) != 0) continue;
        *out = dtypes[i].dtype;
        return true;
    }
    return false;
}

const char *hdi_safetensors_dtype_name(hd_dtype dtype) {
    for (size_t i = 0; i < HDI_COUNTOF(dtypes); i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].name;
    return NULL;
}

/* Fails with "FILE: tensor "NAME" ...": a name is cut so that a very long one does not push the rest out of the message. */
#define TENSOR_REQUIRE(cond, code, fmt, ...) \
    HD_REQUIRE(cond, code, "%s: tensor \"%.200s\" " fmt, t->where, t->name __VA_OPT__(, ) __VA_ARGS__)

static hd_status read_shape(hdi_stored_tensor *t, const json_t *shape, size_t *bytes) {
    TENSOR_REQUIRE(json_is_array(shape), HD_CORRUPT, "has no \"shape\" array");
    TENSOR_REQUIRE(json_array_size(shape) <= HD_MAX_DIMS, HD_UNSUPPORTED, "has %zu dimensions; at most %d are possible",
                   json_array_size(shape), HD_MAX_DIMS);
    t->ndim = (int32_t)json_array_size(shape);
    *bytes = hd_dtype_block_bytes(t->dtype);
    bool fits = true, empty = false;
    for (int32_t i = 0; i < t->ndim; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        TENSOR_REQUIRE(json_is_integer(dim), HD_CORRUPT, "has a \"shape\" whose entry %d is not a 64-bit integer", i);
        t->shape[i] = json_integer_value(dim);
        TENSOR_REQUIRE(t->shape[i] >= 0, HD_CORRUPT, "has the negative dimension %" PRId64, t->shape[i]);
        if (t->shape[i] == 0)
            empty = true; /* the others must still multiply: strides are made of them */
        else
            fits = fits && hdi_mul_size(*bytes, (size_t)t->shape[i], bytes);
    }
    TENSOR_REQUIRE(fits && *bytes <= PTRDIFF_MAX, HD_CORRUPT, "has dimensions whose product overflows");
    if (empty) *bytes = 0;
    return HD_OK;
}

/* Offsets count from the begin of the data, of which there are `size` bytes. */
static hd_status read_offsets(hdi_stored_tensor *t, const json_t *offsets, size_t size, size_t *begin, size_t *end) {
    TENSOR_REQUIRE(json_is_array(offsets) && json_array_size(offsets) == 2 && json_is_integer(json_array_get(offsets, 0)) &&
                       json_is_integer(json_array_get(offsets, 1)),
                   HD_CORRUPT, "needs \"data_offsets\" of two 64-bit integers");
    json_int_t from = json_integer_value(json_array_get(offsets, 0)), to = json_integer_value(json_array_get(offsets, 1));
    TENSOR_REQUIRE(from >= 0 && from <= to, HD_CORRUPT, "has the impossible data_offsets [%lld, %lld]", (long long)from,
                   (long long)to);
    TENSOR_REQUIRE((uint64_t)to <= size, HD_CORRUPT,
                   "ends at byte %lld of the data, but the file holds only %zu: it is cut short or damaged; fetch it again",
                   (long long)to, size);
    *begin = (size_t)from;
    *end = (size_t)to;
    return HD_OK;
}

static hd_status read_tensor(hdi_stored_tensor *t, const json_t *info, const uint8_t *data, size_t size) {
    TENSOR_REQUIRE(json_is_object(info), HD_CORRUPT, "is not described by an object");
    const json_t *dtype = json_object_get(info, "dtype");
    TENSOR_REQUIRE(json_is_string(dtype), HD_CORRUPT, "has no \"dtype\" string");
    TENSOR_REQUIRE(hdi_safetensors_dtype(json_string_value(dtype), &t->dtype), HD_UNSUPPORTED,
                   "has the element type \"%.40s\", which Heddle does not know", json_string_value(dtype));
    size_t bytes, begin, end;
    HD_TRY(read_shape(t, json_object_get(info, "shape"), &bytes));
    HD_TRY(read_offsets(t, json_object_get(info, "data_offsets"), size, &begin, &end));
    TENSOR_REQUIRE(end - begin == bytes, HD_CORRUPT, "needs %zu bytes for its shape and type but its data_offsets give it %zu",
                   bytes, end - begin);
    t->data = data + begin;
    t->bytes = bytes;
    return HD_OK;
}

static int by_data(const void *a, const void *b) {
    const hdi_stored_tensor *x = a, *y = b;
    if (x->data != y->data) return (const uint8_t *)x->data < (const uint8_t *)y->data ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const hdi_stored_tensor *const *)a)->name, (*(const hdi_stored_tensor *const *)b)->name);
}

/* Tensors are sorted by their data. */
static hd_status check_cover(const hdi_safetensors *file, const uint8_t *data, size_t size) {
    const uint8_t *at = data;
    for (size_t i = 0; i < file->count; i++) {
        const hdi_stored_tensor *t = &file->tensors[i];
        const uint8_t *begin = t->data;
        TENSOR_REQUIRE(begin >= at, HD_CORRUPT, "overlaps tensor \"%.200s\" in the data", file->tensors[i - 1].name);
        TENSOR_REQUIRE(begin == at, HD_CORRUPT, "begins at byte %zu of the data and leaves a hole of %zu bytes before it",
                       (size_t)(begin - data), (size_t)(begin - at));
        at = begin + t->bytes;
    }
    HD_REQUIRE(at == data + size, HD_CORRUPT, "%s: has %zu bytes after the last tensor that belong to none", file->where,
               (size_t)(data + size - at));
    return HD_OK;
}

/* Kernels read whole elements: data that is not aligned to them (old or hand-made files) moves to a block of its own. */
static hd_status align_data(hdi_safetensors *file) {
    size_t total = 0;
    for (size_t i = 0; i < file->count; i++) {
        const hdi_stored_tensor *t = &file->tensors[i];
        if ((uintptr_t)t->data % hd_dtype_block_bytes(t->dtype)) total += hdi_align_up(t->bytes, HDI_CACHE_LINE);
    }
    if (total == 0) return HD_OK;
    HD_TRY(hdi_alloc_aligned(&file->copies, total, "tensors that are not aligned in their file"));
    uint8_t *to = file->copies;
    for (size_t i = 0; i < file->count; i++) {
        hdi_stored_tensor *t = &file->tensors[i];
        if ((uintptr_t)t->data % hd_dtype_block_bytes(t->dtype) == 0) continue;
        if (t->bytes) memcpy(to, t->data, t->bytes);
        t->data = to;
        t->mapped = false;
        to += hdi_align_up(t->bytes, HDI_CACHE_LINE);
    }
    return HD_OK;
}

static hd_status take_metadata(hdi_safetensors *file, json_t *metadata) {
    const char *key;
    json_t *value;
    if (json_is_null(metadata)) return HD_OK;
    HD_REQUIRE(json_is_object(metadata), HD_CORRUPT, "%s: \"__metadata__\" must be an object of strings", file->where);
    json_object_foreach(metadata, key, value)
        HD_REQUIRE(json_is_string(value), HD_CORRUPT, "%s: \"%.200s\" in \"__metadata__\" must be a string", file->where, key);
    file->metadata = json_incref(metadata);
    return HD_OK;
}

/* Fills the tables from the header's JSON; `data` of `size` bytes is what follows the header. */
static hd_status take_tensors(hdi_safetensors *file, json_t *header, const uint8_t *data, size_t size) {
    const char *key;
    json_t *value;
    size_t room = 0;
    json_object_foreach(header, key, value) room += strlen(key) + 1;
    HD_TRY(hdi_alloc(&file->names, room, 1, "tensor names"));
    HD_TRY(hdi_calloc(&file->tensors, json_object_size(header), sizeof *file->tensors, "a table of tensors"));
    HD_TRY(hdi_calloc(&file->named, json_object_size(header), sizeof *file->named, "a table of tensors"));
    char *name = file->names;
    json_object_foreach(header, key, value) {
        if (strcmp(key, "__metadata__") == 0) {
            HD_TRY(take_metadata(file, value));
            continue;
        }
        hdi_stored_tensor *t = &file->tensors[file->count];
        *t = (hdi_stored_tensor){.name = name, .where = file->where, .mapped = file->map.data != NULL};
        name = stpcpy(name, key) + 1;
        HD_TRY(read_tensor(t, value, data, size));
        file->count++;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, by_data);
    HD_TRY(check_cover(file, data, size));
    for (size_t i = 0; i < file->count; i++) file->named[i] = &file->tensors[i];
    qsort(file->named, file->count, sizeof *file->named, by_name);
    return align_data(file);
}

/* *header_size: of the JSON after the length; at most what is there. */
static hd_status read_length(const uint8_t *data, size_t size, const char *where, size_t *header_size) {
    static const char lfs[] = "version https://git-lfs";
    HD_REQUIRE(size < sizeof lfs || memcmp(data, lfs, sizeof lfs - 1) != 0, HD_CORRUPT,
               "%s: is a Git LFS pointer in place of the weights; run \"git lfs pull\" in its folder", where);
    HD_REQUIRE(size >= PREFIX + 2, HD_CORRUPT, "%s: has %zu bytes, too few for a safetensors file", where, size);
    uint64_t length = 0;
    for (int i = 0; i < PREFIX; i++) length |= (uint64_t)data[i] << 8 * i;
    HD_REQUIRE(length <= HEADER_LIMIT, HD_CORRUPT,
               "%s: claims a header of %" PRIu64 " bytes; at most %d are allowed: this is no safetensors file or it is damaged",
               where, length, HEADER_LIMIT);
    HD_REQUIRE(length <= size - PREFIX, HD_CORRUPT,
               "%s: claims a header of %" PRIu64 " bytes but has only %zu: it is cut short or damaged; fetch it again", where,
               length, size - PREFIX);
    HD_REQUIRE(length >= 2 && data[PREFIX] == '{', HD_CORRUPT, "%s: its header does not begin with \"{\"", where);
    *header_size = (size_t)length;
    return HD_OK;
}

static hd_status parse(hdi_safetensors *file, const uint8_t *data, size_t size, const char *where) {
    size_t header_size;
    json_t *header;
    file->where = hdi_strdup(where);
    if (!file->where) return HD_OUT_OF_MEMORY;
    HD_TRY(read_length(data, size, where, &header_size));
    hd_status status = hdi_json_parse((const char *)data + PREFIX, header_size, where, &header);
    if (status != HD_OK) return hdi_fail(status, "%s (in the header)", hd_last_error());
    status = take_tensors(file, header, data + PREFIX + header_size, size - PREFIX - header_size);
    json_decref(header);
    return status;
}

hd_status hdi_safetensors_parse(const void *data, size_t size, const char *where, hdi_safetensors **out) {
    hdi_safetensors *file;
    *out = NULL;
    HD_TRY(hdi_calloc(&file, 1, sizeof *file, "a safetensors file"));
    hd_status status = parse(file, data, size, where);
    if (status == HD_OK)
        *out = file;
    else
        hdi_safetensors_close(file);
    return status;
}

hd_status hdi_safetensors_open(const char *path, hdi_safetensors **out) {
    hdi_safetensors *file;
    *out = NULL;
    HD_TRY(hdi_calloc(&file, 1, sizeof *file, "a safetensors file"));
    hd_status status = hdi_map_open(&file->map, path);
    if (status == HD_OK) status = parse(file, file->map.data, file->map.size, path);
    if (status == HD_OK)
        *out = file;
    else
        hdi_safetensors_close(file);
    return status;
}

void hdi_safetensors_close(hdi_safetensors *file) {
    if (!file) return;
    json_decref(file->metadata);
    hdi_free(file->tensors);
    hdi_free(file->named);
    hdi_free(file->names);
    hdi_free(file->where);
    hdi_free_aligned(file->copies);
    hdi_map_close(&file->map);
    hdi_free(file);
}

size_t hdi_safetensors_count(const hdi_safetensors *file) { return file->count; }

const hdi_stored_tensor *hdi_safetensors_at(const hdi_safetensors *file, size_t i) { return &file->tensors[i]; }

const hdi_stored_tensor *hdi_safetensors_find(const hdi_safetensors *file, const char *name) {
    hdi_stored_tensor key = {.name = name};
    const hdi_stored_tensor *wanted = &key;
    const hdi_stored_tensor **found = bsearch(&wanted, file->named, file->count, sizeof *file->named, by_name);
    return found ? *found : NULL;
}

const char *hdi_safetensors_metadata(const hdi_safetensors *file, const char *key) {
    return json_string_value(json_object_get(file->metadata, key));
}
