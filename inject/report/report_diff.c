/* SPDX-License-Identifier: MIT */
/* Longest common subsequence by dynamic programming. */
#include "inject/report/report_diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "inject/report/report_out.h"

#define DIFF_WORDS 4000

struct words {
    const char **at; /* (count + 1): the last is the end */
    bool *common;    /* (count) */
    uint32_t count;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static enum status split(struct words *out, struct arena *arena, const char *text)
{
    const size_t most = strlen(text) + 2;
    *out = (struct words){arena_array(arena, most, sizeof(*out->at)),
                          arena_array(arena, most, sizeof(*out->common)), 0};
    if (!out->at || !out->common)
        return STATUS_MEMORY;
    out->at[0] = text;
    while (*text) {
        while (*text && !is_space(*text))
            text++;
        while (is_space(*text))
            text++;
        out->at[++out->count] = text;
    }
    return STATUS_OK;
}

static bool same(const struct words *a, uint32_t i, const struct words *b, uint32_t j)
{
    const size_t n = (size_t)(a->at[i + 1] - a->at[i]);
    return n == (size_t)(b->at[j + 1] - b->at[j]) && memcmp(a->at[i], b->at[j], n) == 0;
}

/* Matches words at both ends alone: everything between differs. */
static void mark_ends(struct words *a, struct words *b)
{
    uint32_t head = 0, tail = 0;
    while (head < a->count && head < b->count && same(a, head, b, head))
        head++;
    while (tail < a->count - head && tail < b->count - head &&
           same(a, a->count - 1 - tail, b, b->count - 1 - tail))
        tail++;
    for (uint32_t i = 0; i < a->count; i++)
        a->common[i] = i < head || i >= a->count - tail;
    for (uint32_t j = 0; j < b->count; j++)
        b->common[j] = j < head || j >= b->count - tail;
}

static enum status mark_common(struct words *a, struct words *b, struct arena *arena)
{
    const size_t width = (size_t)b->count + 1;
    uint16_t *longest = arena_array(arena, ((size_t)a->count + 1) * width, sizeof(*longest));
    if (!longest)
        return STATUS_MEMORY;
    for (uint32_t i = a->count; i-- > 0;) {
        for (uint32_t j = b->count; j-- > 0;) {
            const uint16_t below = longest[(i + 1) * width + j], right = longest[i * width + j + 1];
            longest[i * width + j] = same(a, i, b, j) ? longest[(i + 1) * width + j + 1] + 1
                                     : below > right  ? below
                                                      : right;
        }
    }
    for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
        if (same(a, i, b, j))
            a->common[i++] = b->common[j++] = true;
        else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1])
            i++;
        else
            j++;
    }
    return STATUS_OK;
}

/* Writes runs of equal kind in one piece. */
static void write_words(struct text *out, const struct words *words)
{
    for (uint32_t i = 0; i < words->count;) {
        uint32_t end = i;
        while (end < words->count && words->common[end] == words->common[i])
            end++;
        text_put(out, words->common[i] ? "" : "<mark>");
        report_out_html_n(out, words->at[i], (size_t)(words->at[end] - words->at[i]));
        text_put(out, words->common[i] ? "" : "</mark>");
        i = end;
    }
}

enum status report_diff_make(struct report_diff *out, struct arena *arena, const char *golden,
                             const char *faulty)
{
    struct words a, b;
    *out = (struct report_diff){0};
    enum status st = split(&a, arena, golden);
    st = st ? st : split(&b, arena, faulty);
    if (st)
        return st;
    if (a.count > DIFF_WORDS || b.count > DIFF_WORDS)
        mark_ends(&a, &b);
    else
        st = mark_common(&a, &b, arena);
    if (st)
        return st;
    write_words(&out->golden, &a);
    write_words(&out->faulty, &b);
    return out->golden.st ? out->golden.st : out->faulty.st;
}

void report_diff_finish(struct report_diff *diff)
{
    text_finish(&diff->golden);
    text_finish(&diff->faulty);
}
