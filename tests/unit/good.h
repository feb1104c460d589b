/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the library that must not fail: if it does, the test fails with its sentence. Behind cmocka_all.h. */
#ifndef HDI_TESTS_GOOD_H
#define HDI_TESTS_GOOD_H

#include "heddle/status.h"

static inline void good(hd_status status) {
    if (status != HD_OK) fail_msg("%s", hd_last_error());
}

#endif
