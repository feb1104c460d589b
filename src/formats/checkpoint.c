/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the weights in a folder and says, when there are none that Heddle reads, what is there instead: that is the message
 * a newcomer meets first. The index is not trusted: shard names stay inside of the folder, and every name must be in its
 * shard. */
#include "formats/checkpoint.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum { INDEX_LIMIT = 100 * 1000 * 1000 };

static const char single_name[] = "model.safetensors", index_name[] = "model.safetensors.index.json";

typedef struct shard {
    char *name;
    hdi_safetensors *file;
} shard;

struct hdi_checkpoint {
    char *folder;
    shard *shards; /* by name */
    size_t shard_count, shard_cap;
    const hdi_stored_tensor **tensors; /* by shard, then data */
    const hdi_stored_tensor **named;   /* by name */
    size_t count;
    uint64_t bytes;
};

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Fails with what the folder holds in place of safetensors; the first kind that is there counts. */
static hd_status nothing_to_read(const char *folder) {
#define DANGLING "is a link to a file that is not there; fetch the model again"
#define PICKLE "is a PyTorch pickle, which is not read because it can run code; "
    static const struct {
        const char *pattern, *advice;
    } kinds[] = {
        {"model.safetensors", DANGLING},
        {"model.safetensors.index.json", DANGLING},
        {"model-*-of-*.safetensors",
         "is one of several shards, but their index model.safetensors.index.json is missing; fetch it too"},
        {"adapter_model.safetensors", "is an adapter without its base model; merge it into the base model first"},
        {"*.safetensors", "is there, but its name is not looked for; if it is the whole model, rename it to model.safetensors"},
        {"*.bin", PICKLE "load it with transformers and save it with save_pretrained(folder, safe_serialization=True)"},
        {"*.pth", PICKLE "convert it to safetensors first"},
        {"*.pt", PICKLE "convert it to safetensors first"},
        {"*.gguf", "is a GGUF file; fetch the model's original Hugging Face folder with safetensors"},
        {"*.h5", "holds TensorFlow weights; fetch the model as safetensors"},
        {"*.msgpack", "holds Flax weights; fetch the model as safetensors"},
    };
#undef PICKLE
#undef DANGLING
    size_t best = HDI_COUNTOF(kinds);
    char found[256] = "";
    DIR *dir = opendir(folder);
    HD_REQUIRE(dir, HD_IO, "%s: cannot be listed: %m", folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *name = entry->d_name;
        size_t k = 0;
        while (k < HDI_COUNTOF(kinds) && fnmatch(kinds[k].pattern, name, 0) != 0) k++;
        /* Of several files of a kind the first by name, whatever order the folder is listed in. */
        if (k > best || k == HDI_COUNTOF(kinds) || (k == best && strcmp(name, found) > 0)) continue;
        best = k;
        snprintf(found, sizeof found, "%s", name);
    }
    closedir(dir);
    if (best < HDI_COUNTOF(kinds))
        return hdi_fail(HD_NOT_FOUND, "%s: cannot be opened: %s %s", folder, found, kinds[best].advice);
    return hdi_fail(HD_NOT_FOUND, "%s: has neither %s nor %s; give the folder of a model as it comes from the Hugging Face hub",
                    folder, single_name, index_name);
}

static hd_status check_folder(const char *folder) {
    if (hdi_is_directory(folder)) return HD_OK;
    HD_REQUIRE(hdi_file_exists(folder), HD_NOT_FOUND, "%s: there is no such folder", folder);
    return hdi_fail(HD_INVALID_ARGUMENT, "%s: is a file; give the folder of the model, with config.json and %s", folder,
                    single_name);
}

/* A plain name of a safetensors file: nothing that could lead out of the folder. */
static bool plain_shard_name(const char *name) {
    return name[0] != '.' && !strchr(name, '/') && !strchr(name, '\\') && ends_with(name, ".safetensors") && strlen(name) < 256;
}

static hd_status add_shard(hdi_checkpoint *c, const char *name) {
    HD_TRY(hdi_grow(&c->shards, &c->shard_cap, c->shard_count + 1, sizeof *c->shards, "a table of shards"));
    shard *s = &c->shards[c->shard_count];
    *s = (shard){.name = hdi_strdup(name)};
    if (!s->name) return HD_OUT_OF_MEMORY;
    c->shard_count++; /* from here on the close frees it */
    char *path = hdi_path_join(c->folder, name);
    if (!path) return HD_OUT_OF_MEMORY;
    hd_status status = hdi_safetensors_open(path, &s->file);
    if (status == HD_NOT_FOUND)
        status = hdi_fail(status, "%s: %s names the shard %s, which is not there: fetch the missing file", c->folder, index_name,
                          name);
    hdi_free(path);
    return status;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const hdi_stored_tensor *const *)a)->name, (*(const hdi_stored_tensor *const *)b)->name);
}

static int compare_strings(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int compare_shards(const void *a, const void *b) { return strcmp(((const shard *)a)->name, ((const shard *)b)->name); }

static hd_status make_tables(hdi_checkpoint *c, size_t room) {
    HD_TRY(hdi_calloc(&c->tensors, room, sizeof *c->tensors, "a table of tensors"));
    return hdi_calloc(&c->named, room, sizeof *c->named, "a table of tensors");
}

static void add_tensor(hdi_checkpoint *c, const hdi_stored_tensor *tensor) {
    c->tensors[c->count] = c->named[c->count] = tensor;
    c->count++;
    c->bytes += tensor->bytes;
}

static hd_status open_single(hdi_checkpoint *c) {
    HD_TRY(add_shard(c, single_name));
    const hdi_safetensors *file = c->shards[0].file;
    HD_TRY(make_tables(c, hdi_safetensors_count(file)));
    for (size_t i = 0; i < hdi_safetensors_count(file); i++) add_tensor(c, hdi_safetensors_at(file, i));
    return HD_OK;
}

/* Opens each shard that the map names, once, in the order of their names. */
static hd_status open_shards(hdi_checkpoint *c, const json_t *map, const char *where) {
    hd_status status = HD_OK;
    const char **names = NULL, *tensor;
    size_t n = 0;
    json_t *value;
    HD_TRY_GOTO(hdi_calloc(&names, json_object_size(map), sizeof *names, "a list of shards"));
    json_object_foreach((json_t *)map, tensor, value) {
        const char *name = json_string_value(value);
        HD_REQUIRE_GOTO(name && strlen(name) == json_string_length(value), HD_CORRUPT,
                        "%s: tensor \"%.200s\" must be given a file name", where, tensor);
        HD_REQUIRE_GOTO(plain_shard_name(name), HD_CORRUPT,
                        "%s: tensor \"%.200s\" is said to be in \"%.200s\", which is no plain name of a .safetensors file", where,
                        tensor, name);
        names[n++] = name;
    }
    qsort(names, n, sizeof *names, compare_strings);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) HD_TRY_GOTO(add_shard(c, names[i]));
fail:
    hdi_free(names);
    return status;
}

static const hdi_safetensors *shard_of(const hdi_checkpoint *c, const json_t *name) {
    shard key = {.name = (char *)json_string_value(name)};
    return ((const shard *)bsearch(&key, c->shards, c->shard_count, sizeof key, compare_shards))->file;
}

/* Takes the tensors that the map names, each from its shard. */
static hd_status take_mapped(hdi_checkpoint *c, const json_t *map, const char *where) {
    const char *name;
    json_t *value;
    HD_TRY(make_tables(c, json_object_size(map)));
    json_object_foreach((json_t *)map, name, value)
        HD_REQUIRE(hdi_safetensors_find(shard_of(c, value), name), HD_CORRUPT,
                   "%s: tensor \"%.200s\" is not in %s, where it should be", where, name, json_string_value(value));
    for (size_t s = 0; s < c->shard_count; s++) {
        const hdi_safetensors *file = c->shards[s].file;
        for (size_t i = 0; i < hdi_safetensors_count(file); i++) {
            const hdi_stored_tensor *tensor = hdi_safetensors_at(file, i);
            const json_t *home = json_object_get(map, tensor->name);
            if (home && strcmp(json_string_value(home), c->shards[s].name) == 0) add_tensor(c, tensor);
        }
    }
    return HD_OK;
}

static hd_status open_index(hdi_checkpoint *c, const char *path) {
    json_t *root;
    const json_t *map;
    HD_TRY(hdi_json_load(path, INDEX_LIMIT, &root));
    hd_status status = hdi_json_get_object(root, path, "weight_map", &map);
    if (status == HD_OK && json_object_size(map) == 0) status = hdi_fail(HD_CORRUPT, "%s: \"weight_map\" names no tensor", path);
    if (status == HD_OK) status = open_shards(c, map, path);
    if (status == HD_OK) status = take_mapped(c, map, path);
    json_decref(root);
    return status;
}

static hd_status open_folder(hdi_checkpoint *c, const char *folder) {
    hd_status status = HD_OUT_OF_MEMORY;
    c->folder = hdi_strdup(folder);
    char *single = hdi_path_join(folder, single_name), *index = hdi_path_join(folder, index_name);
    if (!c->folder || !single || !index) goto fail;
    HD_TRY_GOTO(check_folder(folder));
    if (hdi_file_exists(single))
        status = open_single(c);
    else if (hdi_file_exists(index))
        status = open_index(c, index);
    else
        status = nothing_to_read(folder);
    if (status == HD_OK) qsort(c->named, c->count, sizeof *c->named, by_name);
fail:
    hdi_free(single);
    hdi_free(index);
    return status;
}

hd_status hdi_checkpoint_open(const char *folder, hdi_checkpoint **out) {
    hdi_checkpoint *c;
    *out = NULL;
    HD_TRY(hdi_calloc(&c, 1, sizeof *c, "a checkpoint"));
    hd_status status = open_folder(c, folder);
    if (status == HD_OK)
        *out = c;
    else
        hdi_checkpoint_close(c);
    return status;
}

void hdi_checkpoint_close(hdi_checkpoint *c) {
    if (!c) return;
    for (size_t i = 0; i < c->shard_count; i++) {
        hdi_safetensors_close(c->shards[i].file);
        hdi_free(c->shards[i].name);
    }
    hdi_free(c->shards);
    hdi_free(c->tensors);
    hdi_free(c->named);
    hdi_free(c->folder);
    hdi_free(c);
}

size_t hdi_checkpoint_count(const hdi_checkpoint *c) { return c->count; }
const hdi_stored_tensor *hdi_checkpoint_at(const hdi_checkpoint *c, size_t i) { return c->tensors[i]; }
const char *hdi_checkpoint_folder(const hdi_checkpoint *c) { return c->folder; }
size_t hdi_checkpoint_files(const hdi_checkpoint *c) { return c->shard_count; }
uint64_t hdi_checkpoint_bytes(const hdi_checkpoint *c) { return c->bytes; }

const hdi_stored_tensor *hdi_checkpoint_find(const hdi_checkpoint *c, const char *name) {
    hdi_stored_tensor key = {.name = name};
    const hdi_stored_tensor *wanted = &key;
    const hdi_stored_tensor **found = bsearch(&wanted, c->named, c->count, sizeof *c->named, by_name);
    return found ? *found : NULL;
}

/* Advice on whole pages: outwards for pages that are wanted, inwards for pages that others may still want. */
static void advise(const hdi_stored_tensor *tensor, bool outwards, int advice) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)tensor->data, end = begin + tensor->bytes;
    if (!tensor->mapped || tensor->bytes == 0) return;
    begin = outwards ? begin / page * page : (begin + page - 1) / page * page;
    end = outwards ? end : end / page * page;
    if (end > begin) madvise((void *)begin, end - begin, advice);
}

void hdi_stored_tensor_will_need(const hdi_stored_tensor *tensor) { advise(tensor, true, MADV_WILLNEED); }
void hdi_stored_tensor_done(const hdi_stored_tensor *tensor) { advise(tensor, false, MADV_DONTNEED); }
