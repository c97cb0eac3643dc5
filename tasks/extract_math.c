/* SPDX-License-Identifier: MIT */
/* Extraction rules of mathematics: boxed answers and antiderivatives. */
#include <string.h>

#include "tasks/extract_impl.h"
#include "tasks/number.h"

static const char *const ANSWER_IS[] = {"answer is", "answer:", "answer**:", "answer:**", NULL};
static const char *const INTEGRAL_IS[] = {
    "answer is",   "answer:",   "answer**:",       "antiderivative is",
    "integral is", "result is", "antiderivative:", NULL};

static bool begins(struct extract_span s, const char *word)
{
    const size_t n = strlen(word);

    return s.size >= n && strncmp(s.at, word, n) == 0;
}

static bool ends(struct extract_span s, const char *word)
{
    const size_t n = strlen(word);

    return s.size >= n && strncmp(s.at + s.size - n, word, n) == 0;
}

/* Place of `word` in the span; null: not found. */
static const char *inside(struct extract_span s, const char *word)
{
    for (; s.at && s.size >= strlen(word); s.at++, s.size--) {
        if (begins(s, word))
            return s.at;
    }
    return NULL;
}

/* Without marks around an answer in prose: **, `, quotes; a colon before and a full stop after
 * it. */
static struct extract_span bare(struct extract_span s)
{
    for (size_t before = s.size + 1; s.size < before;) {
        before = s.size;
        s = extract_trim(s);
        while (s.size > 0 && strchr("*:`\"", s.at[0])) {
            s.at++;
            s.size--;
        }
        while (s.size > 0 && strchr("*`\".,;", s.at[s.size - 1]) && !ends(s, "\\,") &&
               !ends(s, "\\;"))
            s.size--;
    }
    return s;
}

/* Up to the end of the line or of the sentence. */
static struct extract_span sentence(struct extract_span s)
{
    s = extract_trim(s);
    for (size_t i = 0; i < s.size; i++) {
        const char next = i + 1 < s.size ? s.at[i + 1] : '\n';
        if (s.at[i] == '\n' || (s.at[i] == '.' && (next == ' ' || next == '\n'))) {
            s.size = i;
            break;
        }
    }
    return s;
}

/* The first formula of the rest of the line or paragraph that follows a phrase, else its sentence.
 */
static struct extract_span stated(struct extract_span rest)
{
    const char *blank = inside(rest, "\n\n");
    struct extract_span near = rest;

    if (!rest.at)
        return rest;
    near = extract_trim(near);
    if (!begins(near, "$") && !begins(near, "\\") && blank && blank > near.at)
        near.size = (size_t)(blank - near.at);
    const struct extract_span formula = extract_formula(near, false);
    const struct extract_span words = sentence(near);
    /* A formula in a later sentence is not this one's answer. */
    if (formula.at && (formula.at < words.at + words.size + 3 || words.size == 0))
        return bare(formula);
    return bare(words);
}

enum status extract_boxed(const char **out, struct arena *arena, const char *argument,
                          const char *text)
{
    const struct extract_span whole = {text, strlen(text)};
    struct extract_span found = extract_box(whole);

    (void)argument;
    if (!found.at || extract_trim(found).size == 0)
        found = stated(extract_after(whole, ANSWER_IS));
    if (!found.at || found.size == 0)
        found = extract_formula(whole, true);
    if (!found.at || found.size == 0)
        return number_last(out, arena, text, whole.size, NUMBER_POINT_DOT);
    return extract_copy(out, arena, found);
}

/* The last line with an operator, a digit or a call: not only words. */
static struct extract_span last_line(struct extract_span s)
{
    struct extract_span found = {0};

    for (const char *line = s.at, *end = s.at + s.size; line < end;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *const stop = feed ? feed : end;
        const struct extract_span one = bare((struct extract_span){line, (size_t)(stop - line)});
        bool maths = false;
        for (size_t i = 0; i < one.size; i++)
            maths = maths || (one.at[i] && strchr("0123456789+-*/^=()[]\\|", one.at[i]));
        if (maths || (one.size > 0 && one.size < 4))
            found = one;
        line = feed ? feed + 1 : end;
    }
    return found;
}

/* The last fenced block's last line of code, not a comment or a printing call. */
static struct extract_span fenced(struct extract_span text)
{
    struct extract_fence fence, last = {0};
    const char *from = text.at;

    while (extract_fence_next(&fence, text, from)) {
        last = fence;
        from = fence.body.at + fence.body.size;
        if (fence.closed) { /* after the closing line */
            const char *feed = memchr(from, '\n', (size_t)(text.at + text.size - from));
            from = feed ? feed + 1 : text.at + text.size;
        }
    }
    return last.open ? last_line(last.body) : (struct extract_span){0};
}

/* What follows the last "=" that is no comparison. */
static struct extract_span right_side(struct extract_span s)
{
    for (size_t i = s.size; i > 0; i--) {
        if (s.at[i - 1] == '=') {
            const struct extract_span right = {s.at + i, s.size - i};
            if (extract_trim(right).size > 0)
                return right;
        }
    }
    return s;
}

/* Cuts "where C is ..." and the like. */
static struct extract_span unexplained(struct extract_span s)
{
    static const char *const starts[] = {", where", " where ",        "\\text{ where", "\\quad",
                                         ", for ",  "\\text{, where", "\\text{where"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        const char *at = inside(s, starts[i]);
        if (at && at > s.at)
            s.size = (size_t)(at - s.at);
    }
    return s;
}

static struct extract_span without_constant(struct extract_span s)
{
    static const char *const names[] = {"C",
                                        "c",
                                        "K",
                                        "k",
                                        "C_1",
                                        "C_{1}",
                                        "C1",
                                        "\\text{C}",
                                        "\\mathrm{C}",
                                        "constant",
                                        "Constant",
                                        "const",
                                        "const.",
                                        "\\text{constant}",
                                        "\\text{const}",
                                        "\\mathrm{const}",
                                        "\\mathcal{C}",
                                        "\\text{Constant}"};

    s = bare(s);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct extract_span left = s;
        if (!ends(s, names[i]))
            continue;
        left.size -= strlen(names[i]);
        left = extract_trim(left);
        while (ends(left, "\\,") || ends(left, "\\;") || ends(left, "~") || ends(left, "\\ ")) {
            left.size -= ends(left, "~") ? 1 : 2;
            left = extract_trim(left);
        }
        if (left.size > 1 && ends(left, "+")) {
            left.size--;
            return extract_trim(left);
        }
    }
    return s;
}

enum status extract_integral(const char **out, struct arena *arena, const char *argument,
                             const char *text)
{
    const struct extract_span whole = {text, strlen(text)};
    struct extract_span found = extract_box(whole);

    (void)argument;
    if (!found.at || extract_trim(found).size == 0)
        found = fenced(whole);
    if (!found.at || found.size == 0)
        found = stated(extract_after(whole, INTEGRAL_IS));
    if (!found.at || found.size == 0)
        found = extract_formula(whole, true);
    if (!found.at || found.size == 0)
        found = last_line(whole);
    if (!found.at || found.size == 0) {
        *out = NULL;
        return STATUS_OK;
    }
    found = unexplained(bare(found));
    return extract_copy(out, arena, without_constant(right_side(found)));
}
