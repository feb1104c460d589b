/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding the type of each weight and finding it again by name; making them is in weights_load.c. */
#include "model/weights_table.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/weights/panel.h"

static const char *const weight_names[HD_WEIGHTS_COUNT] = {"as-is", "f32", "f16", "bf16", "q8", "q4"};

const char *hd_weights_name(hd_weights weights) { return (unsigned)weights < HD_WEIGHTS_COUNT ? weight_names[weights] : "?"; }

bool hd_weights_parse(const char *name, hd_weights *out) {
    for (int i = 0; i < HD_WEIGHTS_COUNT; i++)
        if (strcmp(name, weight_names[i]) == 0) {
            *out = (hd_weights)i;
            return true;
        }
    return false;
}

hd_status hdi_weights_create(const hdi_checkpoint *checkpoint, const hd_model_options *options, hdi_weights **out) {
    hdi_weights *weights;
    *out = NULL;
    HD_TRY(hdi_calloc(&weights, 1, sizeof *weights, "a model's weights"));
    weights->checkpoint = checkpoint;
    weights->device = options->device ? options->device : hdi_device_cpu();
    weights->choice = options->weights;
    weights->natural = HD_DTYPE_COUNT;
    *out = weights;
    return HD_OK;
}

void hdi_weights_destroy(hdi_weights *weights) {
    if (!weights) return;
    for (size_t i = 0; i < weights->n; i++) {
        hdi_free(weights->entries[i].name);
        hdi_free_aligned(weights->entries[i].owned);
        hdi_free_aligned(weights->entries[i].gathered);
        hdi_storage_release(weights->entries[i].storage);
    }
    hdi_free(weights->entries);
    hdi_free(weights);
}

static hdi_held_weight *find(const hdi_weights *weights, const char *name) {
    for (size_t i = 0; i < weights->n; i++)
        if (strcmp(weights->entries[i].name, name) == 0) return &weights->entries[i];
    return NULL;
}

static hd_status add(hdi_weights *weights, const char *name, const hdi_held_weight *entry) {
    HD_TRY(hdi_grow(&weights->entries, &weights->cap, weights->n + 1, sizeof *entry, "a model's weights"));
    hdi_held_weight *to = &weights->entries[weights->n];
    *to = *entry;
    if (entry->stored) {
        to->rows = entry->stored->data;
        to->row_stride = entry->ndim == 2 ? entry->shape[1] : 1;
    }
    to->name = hdi_strdup(name);
    if (!to->name) return HD_OUT_OF_MEMORY;
    weights->n++;
    return HD_OK;
}

static void shape_text(int32_t ndim, const int64_t *shape, char *text, size_t size) {
    size_t n = 0;
    *text = 0;
    for (int i = 0; i < ndim && n < size; i++) n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, i ? ", " : "", shape[i]);
}

/* The checkpoint's tensor, when it has the shape and a type that can be read. */
static hd_status get_stored(const hdi_weights *weights, const char *name, int32_t ndim, const int64_t *shape,
                            const hdi_stored_tensor **out) {
    const hdi_stored_tensor *t = hdi_checkpoint_find(weights->checkpoint, name);
    char have[128], want[128];
    HD_REQUIRE(t, HD_NOT_FOUND, "%s: the checkpoint has no tensor %s, which config.json calls for",
               hdi_checkpoint_folder(weights->checkpoint), name);
    shape_text(t->ndim, t->shape, have, sizeof have);
    shape_text(ndim, shape, want, sizeof want);
    HD_REQUIRE(t->ndim == ndim && memcmp(t->shape, shape, sizeof *shape * (size_t)ndim) == 0, HD_CORRUPT,
               "%s: %s is [%s]; config.json calls for [%s]", t->where, name, have, want);
    HD_REQUIRE(t->dtype == HD_DTYPE_F32 || t->dtype == HD_DTYPE_F16 || t->dtype == HD_DTYPE_BF16, HD_UNSUPPORTED,
               "%s: %s is of type %s; f32, f16 and bf16 checkpoints are supported", t->where, name, hd_dtype_name(t->dtype));
    *out = t;
    return HD_OK;
}

/* The type in which a matrix of `stored` is held. Rows that are no whole blocks cannot take a block type and stay as they are.
 * Plain types are packed for the CPU's vectors only: a GPU reads rows. */
static hdi_weight_type choose_type(hdi_weights *weights, const hdi_stored_tensor *stored) {
    static const hd_dtype chosen[HD_WEIGHTS_COUNT] = {[HD_WEIGHTS_F32] = HD_DTYPE_F32,
                                                      [HD_WEIGHTS_F16] = HD_DTYPE_F16,
                                                      [HD_WEIGHTS_BF16] = HD_DTYPE_BF16,
                                                      [HD_WEIGHTS_Q8] = HD_DTYPE_Q8_0,
                                                      [HD_WEIGHTS_Q4] = HD_DTYPE_Q4_0};
    hdi_weight_type as_is = {.dtype = stored->dtype};
    if (weights->choice == HD_WEIGHTS_AS_IS || chosen[weights->choice] == stored->dtype) return as_is;
    hd_dtype want = chosen[weights->choice];
    if (stored->shape[1] % hd_dtype_block_elements(want) != 0) {
        weights->kept++;
        return as_is;
    }
    return (hdi_weight_type){.dtype = want,
                             .packed = weights->device->type == HD_DEVICE_CPU || hd_dtype_block_elements(want) > 1};
}

hd_status hdi_weights_matrix(hdi_weights *weights, const char *name, int64_t rows, int64_t cols, hdi_weight_type *out) {
    hdi_held_weight entry = {.ndim = 2, .shape = {rows, cols}};
    const hdi_held_weight *seen = find(weights, name);
    if (!seen) {
        HD_TRY(get_stored(weights, name, 2, entry.shape, &entry.stored));
        entry.type = choose_type(weights, entry.stored);
        entry.bytes = entry.type.packed ? hdi_panel_bytes(entry.type.dtype, rows, cols)
                                        : (uint64_t)(rows * cols) * hd_dtype_block_bytes(entry.type.dtype);
        HD_REQUIRE(entry.bytes > 0, HD_OUT_OF_MEMORY, "%s: [%" PRId64 ", %" PRId64 "] is too large to pack", name, rows, cols);
        if (weights->natural == HD_DTYPE_COUNT) weights->natural = entry.stored->dtype;
        HD_TRY(add(weights, name, &entry));
        seen = find(weights, name);
    }
    *out = seen->type;
    return HD_OK;
}

hd_status hdi_weights_vector(hdi_weights *weights, const char *name, int64_t n, hdi_weight_type *out) {
    hdi_held_weight entry = {.ndim = 1, .shape = {n}, .type = {.dtype = HD_DTYPE_F32}, .bytes = (uint64_t)n * sizeof(float)};
    *out = entry.type;
    if (find(weights, name)) return HD_OK;
    HD_TRY(get_stored(weights, name, 1, entry.shape, &entry.stored));
    return add(weights, name, &entry);
}

hd_status hdi_weights_constant(hdi_weights *weights, const char *name, const float *data, int64_t n, hdi_weight_type *out) {
    hdi_held_weight entry = {.ndim = 1, .shape = {n}, .type = {.dtype = HD_DTYPE_F32}, .bytes = (uint64_t)n * sizeof *data};
    *out = entry.type;
    if (find(weights, name)) return HD_OK;
    HD_TRY(hdi_alloc_aligned(&entry.owned, entry.bytes, name));
    memcpy(entry.owned, data, entry.bytes);
    entry.data = entry.owned;
    hd_status status = add(weights, name, &entry);
    if (status != HD_OK) hdi_free_aligned(entry.owned);
    return status;
}

hd_status hdi_weights_bind(const hdi_weights *weights, hd_executor *executor) {
    for (size_t i = 0; i < weights->n; i++) {
        const hdi_held_weight *w = &weights->entries[i];
        if (w->absent) continue;
        /* Kernels only read weights, but slots are not typed by access. */
        hd_status status = hd_executor_bind(executor, w->name, (void *)(uintptr_t)w->data, w->bytes);
        if (status != HD_OK && status != HD_NOT_FOUND) return status;
    }
    return HD_OK;
}

hdi_weights_total hdi_weights_sum(const hdi_weights *weights) {
    hdi_weights_total total = {0};
    for (size_t i = 0; i < weights->n; i++) {
        const hdi_held_weight *w = &weights->entries[i];
        total.bytes += w->bytes;
        if (w->stored) total.parameters += (uint64_t)w->stored->shape[0] * (uint64_t)(w->ndim == 2 ? w->stored->shape[1] : 1);
    }
    return total;
}

uint64_t hdi_weights_bytes_of(const hdi_weights *weights, const char *name) {
    const hdi_held_weight *w = find(weights, name);
    return w ? w->bytes : 0;
}

hd_dtype hdi_weights_natural_dtype(const hdi_weights *weights) { return weights->natural; }
