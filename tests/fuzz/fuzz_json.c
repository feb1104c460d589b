/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JSON configuration, asked for a few keys in every type. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const keys[] = {"hidden_size", "a", "rope_scaling"};
    json_t *root;
    hd_status status = hdi_json_parse((const char *)data, size, "input", &root);
    if (status != HD_OK) {
        if (root || !hd_last_error()[0]) abort();
        return 0;
    }
    for (size_t i = 0; i < HDI_COUNTOF(keys); i++) {
        int64_t n = -1;
        double f = -1;
        bool b = false;
        const char *s = NULL;
        const json_t *c;
        status = hdi_json_opt_i64(root, "input", keys[i], &n);
        status = hdi_json_opt_f64(root, "input", keys[i], &f);
        status = hdi_json_opt_bool(root, "input", keys[i], &b);
        if (hdi_json_get_string(root, "input", keys[i], &s) == HD_OK && strlen(s) > size) abort();
        if (hdi_json_get_object(root, "input", keys[i], &c) == HD_OK) status = hdi_json_opt_array(c, "input", "a", &c);
    }
    json_decref(root);
    return 0;
}
