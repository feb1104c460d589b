/* SPDX-License-Identifier: Apache-2.0 */
/* The thread's last error message. A fixed buffer, so that failing never allocates: "out of memory" must be sayable. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

const char *hd_status_text(hd_status status) {
    static const char *const texts[] = {
#define TEXT(name, text) text,
        HD_STATUS_LIST(TEXT)
#undef TEXT
    };
    if ((unsigned)status >= HDI_COUNTOF(texts)) return "unknown status";
    return texts[status];
}

const char *hd_last_error(void) { return message; }

const char *hd_version(void) { return HEDDLE_VERSION; }

/* One line of plain text, whatever a file's names hold: a control character could end the line or drive a terminal. */
static void set_message(char text[sizeof message]) {
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    memcpy(message, text, sizeof message);
}

hd_status(hdi_fail)(hd_status code, const char *fmt, ...) {
    char text[sizeof message]; /* arguments may point into `message` */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    set_message(text);
    return code;
}

hd_status hdi_fail_prefix(hd_status code, const char *fmt, ...) {
    char prefix[512], text[sizeof message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    snprintf(text, sizeof text, "%s: %.*s", prefix, (int)(sizeof text - sizeof prefix - 3), message);
    set_message(text);
    return code;
}
