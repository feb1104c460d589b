/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "comm/domain.h"

hd_status hdi_transport_find(const char *name, const hdi_transport **out) {
    *out = NULL;
    HD_REQUIRE(!name || strcmp(name, hdi_transport_local.name) == 0, HD_UNSUPPORTED,
               "there is no transport \"%.40s\" in this heddle; it has: local", name);
    *out = &hdi_transport_local;
    return HD_OK;
}
