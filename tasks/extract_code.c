/* SPDX-License-Identifier: MIT */
/* Extraction rule of code: a fenced block, or a completion up to its end. */
#include <string.h>

#include "tasks/extract_impl.h"

/* Starts of lines that end a completion whose first line is indented: the body of a function. */
static const char *const AFTER_BODY[] = {"def ",   "class ", "#",      "@",       "if ",
                                         "print",  "assert", "from ",  "import ", "```",
                                         "[DONE]", "<|",     "\"\"\"", NULL};
/* ... and of one that has definitions itself. */
static const char *const AFTER_PROGRAM[] = {"if __name__", "print",  "assert", "```",    "[DONE]",
                                            "<|",          "\"\"\"", "# Test", "# test", NULL};
/* Starts of a first line that is code rather than prose. */
static const char *const CODE[] = {" ",      "\t",     "def ",    "import ", "from ",
                                   "class ", "@",      "return ", "return",  "if ",
                                   "for ",   "while ", "async ",  "#",       NULL};

static bool starts_with_one(const char *at, const char *end, const char *const *words)
{
    for (; *words; words++) {
        const size_t n = strlen(*words);
        if ((size_t)(end - at) >= n && strncmp(at, *words, n) == 0)
            return true;
    }
    return false;
}

/* The first line that is not blank. */
static const char *first_line(struct extract_span s)
{
    const struct extract_span trimmed = extract_trim(s);
    const char *at = trimmed.at;

    while (at > s.at && at[-1] != '\n')
        at--;
    return at;
}

static struct extract_span completion(struct extract_span text)
{
    const char *const end = text.at + text.size;
    const char *const first = first_line(text);
    const bool body = first < end && (*first == ' ' || *first == '\t');
    const char *const *const words = body ? AFTER_BODY : AFTER_PROGRAM;

    for (const char *line = first; line < end;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        if (line > first && starts_with_one(line, end, words))
            return (struct extract_span){text.at, (size_t)(line - text.at)};
        line = feed ? feed + 1 : end;
    }
    return text;
}

static bool is_python(struct extract_span info)
{
    return info.size >= 2 && (strncmp(info.at, "py", 2) == 0 || strncmp(info.at, "Py", 2) == 0);
}

/* The block that holds the answer; false if the text is a raw completion. */
static bool block(struct extract_span *out, struct extract_span text)
{
    const char *const end = text.at + text.size, *const first = first_line(text);
    struct extract_fence fence;
    const char *from = text.at;
    bool any = false;

    while (extract_fence_next(&fence, text, from)) {
        /* A bare fence after code closes one opened in the prompt. */
        if (!any && fence.info.size == 0 && fence.open > first && starts_with_one(first, end, CODE))
            return false;
        if (!any || is_python(fence.info))
            *out = fence.body;
        if (is_python(fence.info))
            return true;
        any = true;
        if (!fence.closed)
            break;
        from = memchr(fence.body.at + fence.body.size, '\n',
                      (size_t)(end - fence.body.at - (ptrdiff_t)fence.body.size));
        if (!from)
            break;
        from++;
    }
    return any;
}

enum status extract_code(const char **out, struct arena *arena, const char *argument,
                         const char *text)
{
    const struct extract_span whole = {text, strlen(text)};
    struct extract_span found;

    (void)argument;
    *out = NULL;
    if (!block(&found, whole))
        found = completion(whole);
    if (extract_trim(found).size == 0)
        return STATUS_OK;
    /* Blanks at the start are indentation: only empty lines are removed. */
    const char *const end = found.at + found.size;
    found.at = first_line(found);
    found.size = (size_t)(end - found.at);
    while (found.size > 0 && strchr(" \t\r\n", found.at[found.size - 1]))
        found.size--;
    *out = arena_text(arena, found.at, found.size);
    return *out ? STATUS_OK : STATUS_MEMORY;
}
