/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers it wants in front of it. */
#ifndef HDI_TESTS_CMOCKA_ALL_H
#define HDI_TESTS_CMOCKA_ALL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif
#endif
