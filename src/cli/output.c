/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output holds a command's result and nothing else. Written unbuffered: a token is seen when it is there. */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

cli_write_result cli_write(const char *data, size_t size) {
    while (size) {
        ssize_t written = write(STDOUT_FILENO, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno == EPIPE ? CLI_WRITE_CLOSED : CLI_WRITE_FAILED;
        data += written;
        size -= (size_t)written;
    }
    return CLI_WRITE_OK;
}

int cli_write_failed(cli_write_result result) {
    if (result != CLI_WRITE_FAILED) return EXIT_OK;
    return cli_fail(EXIT_FAILED, "cannot write to standard output: %s", strerror(errno));
}

int cli_write_result_text(const char *text, size_t size) { return cli_write_failed(cli_write(text, size)); }

int cli_show_help(void (*print)(FILE *to)) {
    print(stdout);
    fflush(stdout);
    return EXIT_OK;
}

/* Bytes of the UTF-8 character at `text`, 0 when there is none. */
static size_t character(const unsigned char *text, size_t size) {
    size_t length = text[0] < 0x80                      ? 1
                    : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                    : (text[0] & 0xf0) == 0xe0          ? 3
                    : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                        : 0;
    if (!length || length > size) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    if (text[0] == 0xe0 && text[1] < 0xa0) return 0;  /* overlong */
    if (text[0] == 0xed && text[1] >= 0xa0) return 0; /* a surrogate */
    if (text[0] == 0xf0 && text[1] < 0x90) return 0;
    if (text[0] == 0xf4 && text[1] >= 0x90) return 0; /* beyond U+10FFFF */
    return length;
}

void cli_json_string(FILE *to, const char *text, size_t size) {
    fputc('"', to);
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)text[i];
        size_t length = character((const unsigned char *)text + i, size - i);
        if (!length)
            fputs("\\ufffd", to);
        else if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", to);
        else if (c < 0x20 || c == 0x7f)
            fprintf(to, "\\u%04x", c);
        else
            fwrite(text + i, 1, length, to);
        i += length ? length : 1;
    }
    fputc('"', to);
}
