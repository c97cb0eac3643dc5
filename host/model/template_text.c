/* SPDX-License-Identifier: MIT */
/* Walks over the characters of texts in templates. */
#define _GNU_SOURCE /* memmem */
#include "model/template_text.h"

#include <string.h>

#include "model/utf8.h"

size_t template_text_next(struct template_text text, size_t at)
{
    return utf8_next(text.data + at, text.size - at).size;
}

size_t template_text_chars(struct template_text text)
{
    size_t n = 0;
    for (size_t at = 0; at < text.size; n++)
        at += template_text_next(text, at);
    return n;
}

size_t template_text_offset(struct template_text text, size_t n_chars)
{
    size_t at = 0;
    for (; n_chars > 0 && at < text.size; n_chars--)
        at += template_text_next(text, at);
    return at;
}

static bool in_set(struct template_text text, size_t at, const struct template_text *set)
{
    const struct utf8_char c = utf8_next(text.data + at, text.size - at);
    if (!set)
        return c.kind == UTF8_GOOD && utf8_is_space(c.code);
    for (size_t i = 0; i < set->size;) {
        const size_t n = template_text_next(*set, i);
        if (n == c.size && memcmp(set->data + i, text.data + at, n) == 0)
            return true;
        i += n;
    }
    return false;
}

size_t template_text_space(struct template_text text)
{
    size_t at = 0;
    while (at < text.size && in_set(text, at, NULL))
        at += template_text_next(text, at);
    return at;
}

struct template_text template_text_trim_start(struct template_text text,
                                              const struct template_text *set)
{
    size_t at = 0;
    while (at < text.size && in_set(text, at, set))
        at += template_text_next(text, at);
    return (struct template_text){text.data + at, text.size - at};
}

struct template_text template_text_trim_end(struct template_text text,
                                            const struct template_text *set)
{
    size_t kept = 0;
    for (size_t at = 0; at < text.size;) {
        const bool goes = in_set(text, at, set);
        at += template_text_next(text, at);
        kept = goes ? kept : at;
    }
    return (struct template_text){text.data, kept};
}

struct template_text template_text_strip_start(struct template_text text)
{
    return template_text_trim_start(text, NULL);
}

struct template_text template_text_strip_end(struct template_text text)
{
    return template_text_trim_end(text, NULL);
}

size_t template_text_find(struct template_text text, struct template_text part, size_t from)
{
    if (from > text.size)
        return SIZE_MAX;
    const char *at = memmem(text.data + from, text.size - from, part.data, part.size);
    return at ? (size_t)(at - text.data) : SIZE_MAX;
}

int template_text_compare(struct template_text a, struct template_text b)
{
    const size_t n = a.size < b.size ? a.size : b.size;
    const int order = n > 0 ? memcmp(a.data, b.data, n) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

bool template_text_is_ascii(struct template_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}
