/* SPDX-License-Identifier: MIT */
/* The check of texts from outside. */
#include "base/outside.h"

#include "base/json_scan.h"
#include "base/log.h"

enum status outside_take(struct outside_text *text)
{
    size_t line = 1, line_start = 0;

    for (size_t at = 0; at < text->size;) {
        const unsigned char byte = (unsigned char)text->bytes[at];
        const size_t n = byte == 0 ? 0 : json_scan_utf8(text->bytes + at, text->size - at);
        if (n == 0) {
            log_error("%s:%zu:%zu: found byte 0x%02x at offset %zu, expected text in UTF-8%s",
                      text->name, line, at - line_start + 1, byte, at,
                      byte == 0 ? " without nulls" : "");
            return STATUS_INPUT;
        }
        at += n;
        if (byte == '\n') {
            line++;
            line_start = at;
        }
    }
    const size_t mark = json_scan_mark(text->bytes, text->size);
    text->bytes += mark;
    text->size -= mark;
    return STATUS_OK;
}
