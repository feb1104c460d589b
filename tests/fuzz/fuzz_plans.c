/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the plans of several ranks. An input is a row of images, each after its size as 4 bytes; what is left at the end
 * is one more. Each gets memory of just its size, so that a read past its end is seen. Plans that pass can be looked at. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "compile/verify.h"
#include "heddle/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { MOST = 4 };
    void *images[MOST];
    size_t bytes[MOST];
    int32_t n = 0;
    while (size > 4 && n < MOST) {
        uint32_t want;
        memcpy(&want, data, 4);
        data += 4, size -= 4;
        bytes[n] = want < size ? want : size;
        if (hdi_alloc_aligned(&images[n], bytes[n] ? bytes[n] : 1, "an image") != HD_OK) break;
        memcpy(images[n], data, bytes[n]);
        data += bytes[n], size -= bytes[n];
        n++;
    }
    if (n && hdi_images_verify((const void *const *)images, bytes, n) == HD_OK)
        for (int32_t r = 0; r < n; r++) {
            char *text;
            if (hd_plan_print(images[r], &text) != HD_OK) continue;
            assert(*text);
            hd_free(text);
        }
    for (int32_t r = 0; r < n; r++) hdi_free_aligned(images[r]);
    return 0;
}
