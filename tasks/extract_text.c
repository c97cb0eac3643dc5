/* SPDX-License-Identifier: MIT */
/* Pieces of texts that hold answers: boxes, formulas, fences, the text after a phrase. */
#include <string.h>

#include "tasks/extract_impl.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct extract_span extract_trim(struct extract_span s)
{
    while (s.size > 0 && is_blank(s.at[0])) {
        s.at++;
        s.size--;
    }
    while (s.size > 0 && is_blank(s.at[s.size - 1]))
        s.size--;
    return s;
}

enum status extract_copy(const char **out, struct arena *arena, struct extract_span s)
{
    s = s.at ? extract_trim(s) : s;
    *out = NULL;
    if (!s.at || s.size == 0)
        return STATUS_OK;
    *out = arena_text(arena, s.at, s.size);
    return *out ? STATUS_OK : STATUS_MEMORY;
}

/* Length of a box's command at `at`, 0 if there is none. */
static size_t box_word(const char *at, const char *end)
{
    static const char *const words[] = {"\\boxed", "\\fbox"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const size_t n = strlen(words[i]);
        if ((size_t)(end - at) >= n && strncmp(at, words[i], n) == 0)
            return n;
    }
    return 0;
}

/* From `at`, after the command: the inside of braces, or "\boxed 5" up to a blank or $. */
static struct extract_span box_inside(const char *at, const char *end)
{
    const struct extract_span none = {0};
    size_t depth = 0;

    while (at < end && *at == ' ')
        at++;
    if (at >= end)
        return none;
    if (*at != '{') {
        const char *stop = at;
        while (stop < end && !is_blank(*stop) && *stop != '$')
            stop++;
        return (struct extract_span){at, (size_t)(stop - at)};
    }
    for (const char *c = at; c < end; c++) {
        if (*c == '\\' && c + 1 < end)
            c++;
        else if (*c == '{')
            depth++;
        else if (*c == '}' && --depth == 0)
            return (struct extract_span){at + 1, (size_t)(c - at - 1)};
    }
    return none;
}

/* Boxes are searched from the end; after this many unclosed ones there is no answer, so a million
 * of them cost no more. */
#define OPEN_BOXES 16

struct extract_span extract_box(struct extract_span text)
{
    const char *const end = text.at + text.size;
    int open = 0;

    for (const char *at = end; at > text.at && open < OPEN_BOXES; at--) {
        const size_t word = at[-1] == '\\' ? box_word(at - 1, end) : 0;
        if (word == 0)
            continue;
        const struct extract_span inside = box_inside(at - 1 + word, end);
        if (inside.at)
            return inside;
        open++;
    }
    return (struct extract_span){0};
}

/* The delimiter that opens a formula at `at` and its closing one. */
static const char *formula_close(const char *at, const char *end, size_t *size)
{
    static const char *const pairs[][2] = {
        {"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const size_t n = strlen(pairs[i][0]);
        if ((size_t)(end - at) >= n && strncmp(at, pairs[i][0], n) == 0) {
            *size = n;
            return pairs[i][1];
        }
    }
    return NULL;
}

struct extract_span extract_formula(struct extract_span text, bool last)
{
    const char *const end = text.at + text.size;
    struct extract_span found = {0}, open = {0};
    const char *close = NULL;
    size_t size = 0;

    for (const char *at = text.at; at < end;) {
        if (close && (size_t)(end - at) >= size && strncmp(at, close, size) == 0) {
            open.size = (size_t)(at - open.at);
            if (extract_trim(open).size > 0) {
                found = open;
                if (!last)
                    return found;
            }
            at += size;
            close = NULL;
        } else if (!close && (close = formula_close(at, end, &size))) {
            at += size;
            open.at = at;
        } else {
            at += *at == '\\' && end - at > 1 ? 2 : 1;
        }
    }
    return found;
}

/* ASCII without case; `word` is lower case. */
static bool same_word(const char *at, const char *end, const char *word)
{
    for (; *word; at++, word++) {
        if (at >= end)
            return false;
        const char c = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        if (c != *word)
            return false;
    }
    return true;
}

struct extract_span extract_after(struct extract_span text, const char *const *phrases)
{
    const char *const end = text.at + text.size;
    struct extract_span found = {0};

    for (const char *at = end; at > text.at && !found.at; at--) {
        for (size_t i = 0; phrases[i] && !found.at; i++) {
            if (same_word(at - 1, end, phrases[i])) {
                found.at = at - 1 + strlen(phrases[i]);
                found.size = (size_t)(end - found.at);
            }
        }
    }
    return found;
}

bool extract_fence_next(struct extract_fence *out, struct extract_span text, const char *from)
{
    const char *const end = text.at + text.size;
    bool open = false;

    *out = (struct extract_fence){0};
    for (const char *line = from; line < end;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *const stop = feed ? feed : end;
        const char *at = line;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        if (stop - at >= 3 && strncmp(at, "```", 3) == 0) {
            if (open) {
                out->body.size = (size_t)(line - out->body.at);
                out->closed = true;
                return true;
            }
            open = true;
            out->open = line;
            out->info = extract_trim((struct extract_span){at + 3, (size_t)(stop - at - 3)});
            out->body.at = feed ? feed + 1 : end;
        }
        line = feed ? feed + 1 : end;
    }
    if (open)
        out->body.size = (size_t)(end - out->body.at);
    return open;
}
