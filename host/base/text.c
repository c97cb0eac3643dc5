/* SPDX-License-Identifier: MIT */
/* Growing byte strings. */
#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* Room for `n` more bytes and the null; false if it failed, now or before. */
static bool make_room(struct text *text, size_t n)
{
    size_t room = text->room ? text->room : 64;

    if (text->st)
        return false;
    if (n >= SIZE_MAX / 2 - text->size) {
        log_error("text: %zu more bytes wanted, more than this machine can address", n);
        text->st = STATUS_MEMORY;
        return false;
    }
    while (room < text->size + n + 1)
        room *= 2;
    if (room > text->room) {
        char *data = realloc(text->data, room);
        if (!data) {
            log_error("text: out of host memory, %zu bytes wanted", room);
            text->st = STATUS_MEMORY;
            return false;
        }
        text->data = data;
        text->room = room;
    }
    return true;
}

enum status text_add(struct text *text, const char *bytes, size_t n)
{
    if (make_room(text, n)) {
        if (n > 0)
            memcpy(text->data + text->size, bytes, n);
        text->size += n;
        text->data[text->size] = '\0';
    }
    return text->st;
}

enum status text_put(struct text *text, const char *string)
{
    return text_add(text, string, strlen(string));
}

enum status text_addf(struct text *text, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        log_error("text: format \"%s\" cannot be printed", fmt);
        return text_take(text, STATUS_INTERNAL);
    }
    if (make_room(text, (size_t)n)) {
        va_start(args, fmt);
        vsnprintf(text->data + text->size, (size_t)n + 1, fmt, args);
        va_end(args);
        text->size += (size_t)n;
    }
    return text->st;
}

enum status text_take(struct text *text, enum status st)
{
    text->st = text->st ? text->st : st;
    return text->st;
}

const char *text_of(const struct text *text)
{
    return text->data ? text->data : "";
}

enum status text_add_marked(struct text *text, const char *bytes, size_t n)
{
    for (const char *null; (null = n ? memchr(bytes, 0, n) : NULL);) {
        text_add(text, bytes, (size_t)(null - bytes));
        text_put(text, TEXT_NUL);
        n -= (size_t)(null + 1 - bytes);
        bytes = null + 1;
    }
    return text_add(text, bytes, n);
}

enum status text_add_unmarked(struct text *text, const char *marked)
{
    for (const char *nul; (nul = strstr(marked, TEXT_NUL));) {
        text_add(text, marked, (size_t)(nul - marked));
        text_add(text, "", 1);
        marked = nul + 2;
    }
    return text_put(text, marked);
}

void text_finish(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}
