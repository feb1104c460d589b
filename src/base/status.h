/* SPDX-License-Identifier: Apache-2.0 */
/* How a function inside Heddle fails: set a sentence, return a code, pass codes upwards. */
#ifndef HDI_BASE_STATUS_H
#define HDI_BASE_STATUS_H

#include "heddle/status.h"

/* Sets the thread's message (printf style) and returns `code`. The message names what was wrong, where, and what to do. */
hd_status hdi_fail(hd_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same call, with its value in the compiler's sight: what follows an HD_TRY is then known to be set. */
#define hdi_fail(code, ...) (hdi_fail((code), __VA_ARGS__), (code))

/* Puts "prefix: " in front of the thread's message and returns `code`, for callers that know more (a file's name, say). */
hd_status hdi_fail_prefix(hd_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define HD_TRY(expr)                              \
    do {                                          \
        hd_status hd_try_ = (expr);               \
        if (hd_try_ != HD_OK) return hd_try_;     \
    } while (0)

/* For functions with one `fail:` label that frees what was made; needs a local `hd_status status`. */
#define HD_TRY_GOTO(expr)                         \
    do {                                          \
        status = (expr);                          \
        if (status != HD_OK) goto fail;           \
    } while (0)

#define HD_REQUIRE(cond, code, ...)                       \
    do {                                                  \
        if (!(cond)) return hdi_fail((code), __VA_ARGS__); \
    } while (0)

#define HD_REQUIRE_GOTO(cond, code, ...)                  \
    do {                                                  \
        if (!(cond)) {                                    \
            status = hdi_fail((code), __VA_ARGS__);       \
            goto fail;                                    \
        }                                                 \
    } while (0)

#define HDI_COUNTOF(a) (sizeof(a) / sizeof((a)[0]))

#endif
