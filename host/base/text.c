/* SPDX-License-Identifier: MIT */
/* Growing byte strings. */
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Room for `n` more bytes and the null. */
static enum status make_room(struct text *text, size_t n)
{
    size_t room = text->room ? text->room : 64;

    if (n >= SIZE_MAX / 2 - text->size) {
        log_error("text: %zu more bytes wanted, more than this machine can address", n);
        return STATUS_MEMORY;
    }
    while (room < text->size + n + 1) {
        room *= 2;
    }
    if (room > text->room) {
        char *data = realloc(text->data, room);
        if (!data) {
            log_error("text: out of host memory, %zu bytes wanted", room);
            return STATUS_MEMORY;
        }
        text->data = data;
        text->room = room;
    }
    return STATUS_OK;
}

enum status text_add(struct text *text, const char *bytes, size_t n)
{
    const enum status st = make_room(text, n);

    if (!st) {
        if (n > 0) {
            memcpy(text->data + text->size, bytes, n);
        }
        text->size += n;
        text->data[text->size] = '\0';
    }
    return st;
}

enum status text_addf(struct text *text, const char *fmt, ...)
{
    enum status st;
    va_list args;

    va_start(args, fmt);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        log_error("text: format \"%s\" cannot be printed", fmt);
        return STATUS_INTERNAL;
    }
    st = make_room(text, (size_t)n);
    if (!st) {
        va_start(args, fmt);
        vsnprintf(text->data + text->size, (size_t)n + 1, fmt, args);
        va_end(args);
        text->size += (size_t)n;
    }
    return st;
}

enum status text_add_marked(struct text *text, const char *bytes, size_t n)
{
    enum status st = STATUS_OK;

    for (const char *null; !st && (null = n ? memchr(bytes, 0, n) : NULL);) {
        st = text_add(text, bytes, (size_t)(null - bytes));
        if (!st) {
            st = text_add(text, TEXT_NUL, 2);
        }
        n -= (size_t)(null + 1 - bytes);
        bytes = null + 1;
    }
    return st ? st : text_add(text, bytes, n);
}

enum status text_add_unmarked(struct text *text, const char *marked)
{
    enum status st = STATUS_OK;

    for (const char *nul; !st && (nul = strstr(marked, TEXT_NUL));) {
        st = text_add(text, marked, (size_t)(nul - marked));
        if (!st) {
            st = text_add(text, "", 1);
        }
        marked = nul + 2;
    }
    return st ? st : text_add(text, marked, strlen(marked));
}

void text_finish(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}
