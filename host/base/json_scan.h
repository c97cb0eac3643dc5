/* SPDX-License-Identifier: MIT */
/* A strict check of JSON text that notes where each value stands, for json.c; its UTF-8 is that of
 * all texts from outside. */
#ifndef VKFI_BASE_JSON_SCAN_H
#define VKFI_BASE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define JSON_SCAN_DEPTH_MAX 64
#define JSON_SCAN_NUMBER_MAX 63
#define JSON_SCAN_SIZE_MAX ((size_t)64 << 20)

/* Where a value starts; line and column (in bytes) count from 1. */
struct json_place {
    uint32_t offset, line, column;
};

/* RFC 8259 as written: no trailing text, no control characters or bad UTF-8 in texts, and no \u0000
 * (texts are C strings). `*out` has one place per value, in document order; the caller frees it. */
enum status json_scan_text(struct json_place **out, size_t *out_count, const char *text,
                           size_t size, const char *name) STATUS_MUST_USE;

/* Length of the UTF-8 character at `text`, 0 if none stands there (Unicode 15, table 3-7). */
size_t json_scan_utf8(const char *text, size_t n);

/* Bytes of the byte-order mark at the start of a text from outside, or 0: it marks the file and is
 * no part of the content. */
size_t json_scan_mark(const char *text, size_t n);

#endif
