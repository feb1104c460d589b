/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and error messages.
 *
 * Every function of Heddle that can fail returns an hd_status. A code says what kind of failure it was, for programs; the
 * sentence that hd_last_error() returns says what was wrong, where, and what to do, for people. */
#ifndef HEDDLE_STATUS_H
#define HEDDLE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define HD_CHECK_RESULT __attribute__((warn_unused_result))
#define HD_API __attribute__((visibility("default")))
#else
#define HD_CHECK_RESULT
#define HD_API
#endif

/* X(name, text): the one list of status codes. */
#define HD_STATUS_LIST(X)                                                      \
    X(OK, "ok")                                                                \
    X(INVALID_ARGUMENT, "invalid argument")  /* the caller passed something wrong */ \
    X(OUT_OF_MEMORY, "out of memory")                                          \
    X(NOT_FOUND, "not found")                /* a file, tensor, device or name that is not there */ \
    X(UNSUPPORTED, "unsupported")            /* legal, but Heddle cannot do it (yet, or on this device) */ \
    X(CORRUPT, "corrupt data")               /* a file or stream that contradicts itself or its format */ \
    X(IO, "input/output error")              /* the operating system refused a read or write */ \
    X(DEVICE, "device error")                /* a device or its driver reported a failure */ \
    X(CANCELLED, "cancelled")                /* stopped on request */          \
    X(EXHAUSTED, "limit reached")            /* a configured limit (pages, sequences, context length) is used up */ \
    X(COMM, "communication error")           /* another rank failed, was late, or is gone */

typedef enum hd_status {
#define HD_STATUS_ENUM(name, text) HD_##name,
    HD_STATUS_LIST(HD_STATUS_ENUM)
#undef HD_STATUS_ENUM
    HD_STATUS_COUNT
} hd_status;

/* The short text of a code ("out of memory"); never NULL, "unknown status" for a number that is no code. Thread-safe. */
HD_API const char *hd_status_text(hd_status status);

/* The message of the last failure in the calling thread: one sentence without a final newline, "" when nothing failed yet.
 * Borrowed: valid until the next Heddle call of this thread that fails. Successful calls leave it as it is. */
HD_API const char *hd_last_error(void);

/* Frees memory that Heddle handed out as "fresh". NULL is legal. Thread-safe. */
HD_API void hd_free(void *memory);

/* Heddle's version, "major.minor.patch". */
HD_API const char *hd_version(void);

#ifdef __cplusplus
}
#endif
#endif
