/* SPDX-License-Identifier: MIT */
/* A growing byte string, always null-terminated. */
#ifndef VKFI_BASE_TEXT_H
#define VKFI_BASE_TEXT_H

#include <stddef.h>

#include "base/status.h"

struct text {
    char *data; /* owned; null while empty */
    size_t size, room;
};

enum status text_add(struct text *text, const char *bytes, size_t n) STATUS_MUST_USE;
__attribute__((format(printf, 2, 3))) enum status text_addf(struct text *text, const char *fmt,
                                                            ...) STATUS_MUST_USE;
void text_finish(struct text *text);

/* A model may write U+0000. Where texts end at a null (rows, pipes), these two bytes, which
 * well-formed UTF-8 never has, stand for it; JSON, database, export and report write it out. */
#define TEXT_NUL "\xC0\x80"

/* Appends n bytes with TEXT_NUL for each null; appends a null for each TEXT_NUL. */
enum status text_add_marked(struct text *text, const char *bytes, size_t n) STATUS_MUST_USE;
enum status text_add_unmarked(struct text *text, const char *marked) STATUS_MUST_USE;

#endif
