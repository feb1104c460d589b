/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the index of a folder with two good shards: m.safetensors (tensors a, b) and n.safetensors (c). When it is
 * accepted, it names some of these three and nothing else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], paths[3][96];

static void remove_folder(void) {
    for (size_t i = 0; i < HDI_COUNTOF(paths); i++) unlink(paths[i]);
    rmdir(folder);
}

static void make_folder(void) {
    static const char *const names[] = {"m.safetensors", "n.safetensors", "model.safetensors.index.json"};
    static const float values[4] = {1, 2, 3, 4};
    const char *home = getenv("TMPDIR");
    hdi_stored_tensor t[3];
    if (!home || strlen(home) > 40) home = "/tmp";
    snprintf(folder, sizeof folder, "%s/heddle-fuzz-XXXXXX", home);
    if (!mkdtemp(folder)) abort();
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
        t[i] = (hdi_stored_tensor){.dtype = HD_DTYPE_F32, .ndim = 1, .shape = {4}, .data = values, .bytes = sizeof values};
    }
    t[0].name = "a", t[1].name = "b", t[2].name = "c";
    if (hdi_safetensors_write(paths[0], t, 2, NULL) != HD_OK || hdi_safetensors_write(paths[1], t + 2, 1, NULL) != HD_OK) abort();
    atexit(remove_folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hdi_checkpoint *checkpoint;
    if (!folder[0]) make_folder();
    FILE *f = fopen(paths[2], "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) abort();
    if (hdi_checkpoint_open(folder, &checkpoint) != HD_OK) {
        if (checkpoint || !hd_last_error()[0]) abort();
        return 0;
    }
    size_t count = hdi_checkpoint_count(checkpoint);
    if (count < 1 || count > 3 || hdi_checkpoint_bytes(checkpoint) != 16 * count) abort();
    for (size_t i = 0; i < count; i++) {
        const hdi_stored_tensor *t = hdi_checkpoint_at(checkpoint, i);
        if (hdi_checkpoint_find(checkpoint, t->name) != t || strlen(t->name) != 1 || !strchr("abc", t->name[0])) abort();
    }
    hdi_checkpoint_close(checkpoint);
    return 0;
}
