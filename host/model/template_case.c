/* SPDX-License-Identifier: MIT */
/* Texts with the case of letters changed. */
#include "model/template_case.h"

#include <string.h>

#include "model/template_text.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char to_case(char c, bool large)
{
    return !is_letter(c) ? c : (char)(large ? c & ~0x20 : c | 0x20);
}

/* Whether a letter after `before` is upper case. */
static bool is_start(enum template_case style, char before)
{
    if (style == TEMPLATE_CASE_WORDS)
        return !is_letter(before);
    const struct template_text text = {&before, 1};
    return template_text_space(text) == 1 || strchr("-([{<", before);
}

enum status template_case_change(struct template_run *run, struct template_text text,
                                 enum template_case style, struct template_value *out)
{
    if (!template_text_is_ascii(text))
        return template_value_fail(run, "found a change of case of a text that is not ASCII, which "
                                        "is not run here");
    enum status st = template_value_step(run, text.size / 16);
    if (st)
        return st;
    char *copy = template_value_memory(run, text.size + 1);
    if (!copy)
        return template_value_no_memory(run);
    for (size_t i = 0; i < text.size; i++) {
        bool large = style == TEMPLATE_CASE_UPPER;
        if (style >= TEMPLATE_CASE_FIRST)
            large = i == 0 || (style != TEMPLATE_CASE_FIRST && is_start(style, text.data[i - 1]));
        copy[i] = to_case(text.data[i], large);
    }
    *out = (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {copy, text.size}};
    return STATUS_OK;
}

enum status template_case_replace(struct template_run *run, struct template_text text,
                                  struct template_case_swap swap, struct template_value *out)
{
    struct text made = {0};
    size_t at = 0;
    enum status st = template_value_step(run, text.size / 16);
    if (swap.from.size == 0)
        return template_value_fail(run, "found a replacement of an empty text, which is not run "
                                        "here");
    while (!st && swap.most != 0) {
        const size_t found = template_text_find(text, swap.from, at);
        if (found == SIZE_MAX)
            break;
        st = template_value_step(run, 1 + swap.to.size / 64);
        if (!st && made.size > TEMPLATE_MAX_OUTPUT)
            st = template_value_no_memory(run);
        if (!st)
            st = text_add(&made, text.data + at, found - at);
        if (!st)
            st = text_add(&made, swap.to.data, swap.to.size);
        at = found + swap.from.size;
        swap.most -= swap.most > 0;
    }
    if (!st)
        st = text_add(&made, text.data + at, text.size - at);
    if (!st)
        st = template_value_text(run, made.data, made.size, out);
    text_finish(&made);
    return st;
}
