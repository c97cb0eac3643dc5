/* SPDX-License-Identifier: MIT */
/* Shared by the extraction rules: pieces of a text. */
#ifndef VKFI_TASKS_EXTRACT_IMPL_H
#define VKFI_TASKS_EXTRACT_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* Bytes of the text; `at` null: none. */
struct extract_span {
    const char *at;
    size_t size;
};

/* Without blanks around it. */
struct extract_span extract_trim(struct extract_span s);

/* A copy, or null if the span is none or blank. */
enum status extract_copy(const char **out, struct arena *arena, struct extract_span s);

/* Inside of the last complete \boxed or \fbox. */
struct extract_span extract_box(struct extract_span text);

/* Inside of the last complete formula in $, $$, \( \) or \[ \], or the first one. */
struct extract_span extract_formula(struct extract_span text, bool last);

/* What follows the last of `phrases` (lower case, ended by null; compared without case). */
struct extract_span extract_after(struct extract_span text, const char *const *phrases);

/* A fenced block's text, and the word after the opening fence. */
struct extract_fence {
    struct extract_span body, info;
    const char *open; /* start of the opening fence's line */
    bool closed;
};

/* The next block that opens at or after `from`; false if there is none. */
bool extract_fence_next(struct extract_fence *out, struct extract_span text, const char *from);

enum status extract_boxed(const char **out, struct arena *arena, const char *argument,
                          const char *text);
enum status extract_integral(const char **out, struct arena *arena, const char *argument,
                             const char *text);
enum status extract_code(const char **out, struct arena *arena, const char *argument,
                         const char *text);

#endif
