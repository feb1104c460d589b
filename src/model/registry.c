/* SPDX-License-Identifier: Apache-2.0 */
/* The list of families: a new one is its file and a line here. */
#include <string.h>

#include "model/builder.h"

#define FAMILIES(X) X(llama) X(mistral) X(qwen2) X(qwen3)

#define DECLARE(name) extern const hdi_family hdi_family_##name;
FAMILIES(DECLARE)
#undef DECLARE

static const hdi_family *const families[] = {
#define ENTRY(name) &hdi_family_##name,
    FAMILIES(ENTRY)
#undef ENTRY
};

hd_status hdi_family_find(const hdi_config *config, const char *where, const hdi_family **out) {
    char known[512] = "";
    for (size_t i = 0; i < HDI_COUNTOF(families); i++)
        for (const char *const *name = families[i]->architectures; *name; name++) {
            if (strcmp(*name, config->architecture) == 0) {
                *out = families[i];
                return HD_OK;
            }
            strcat(strcat(known, *known ? ", " : ""), *name);
        }
    for (size_t i = 0; i < HDI_COUNTOF(families) && !*config->architecture; i++)
        if (strcmp(families[i]->name, config->model_type) == 0) {
            *out = families[i];
            return HD_OK;
        }
    return hdi_fail(HD_UNSUPPORTED, "%s: models of architecture \"%s\" are not supported; these are: %s", where,
                    *config->architecture ? config->architecture : config->model_type, known);
}

hd_status hdi_family_read(const json_t *json, const char *where, hdi_config *config, const hdi_family **out) {
    HD_TRY(hdi_config_names(json, where, config));
    HD_TRY(hdi_family_find(config, where, out));
    HD_TRY(hdi_config_read(json, where, config));
    return (*out)->configure(json, where, config);
}
