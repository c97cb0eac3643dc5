/* SPDX-License-Identifier: MIT */
/* A growing byte string, always null-terminated, that remembers the first failure. */
#ifndef VKFI_BASE_TEXT_H
#define VKFI_BASE_TEXT_H

#include <stddef.h>

#include "base/status.h"

/* All zeros is empty. Once `st` is set, additions are dropped: a caller adds piece by piece and
 * checks the status once, at the end. Each call returns it too. */
struct text {
    char *data; /* owned; null while empty: see text_of */
    size_t size, room;
    enum status st; /* the first failure, logged */
};

enum status text_add(struct text *text, const char *bytes, size_t n);
enum status text_put(struct text *text, const char *string); /* up to its null */
__attribute__((format(printf, 2, 3))) enum status text_addf(struct text *text, const char *fmt,
                                                            ...);
/* Notes that an addition could not be had (logged already). */
enum status text_take(struct text *text, enum status st);
/* The bytes, "" while empty. */
const char *text_of(const struct text *text);
void text_finish(struct text *text);

/* A model may write U+0000. Where texts end at a null (rows, pipes), these two bytes, which
 * well-formed UTF-8 never has, stand for it; JSON, database, export and report write it out. */
#define TEXT_NUL "\xC0\x80"

/* Appends n bytes with TEXT_NUL for each null; appends a null for each TEXT_NUL. */
enum status text_add_marked(struct text *text, const char *bytes, size_t n);
enum status text_add_unmarked(struct text *text, const char *marked);

#endif
