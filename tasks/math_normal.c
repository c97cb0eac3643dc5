/* SPDX-License-Identifier: MIT */
/* Normal form of mathematical answers: one pass over the text for each rule. */
#include <string.h>

#include "base/text.h"
#include "tasks/math_equal.h"

/* A text and the output of the current pass. */
struct math_text {
    struct text now, next;
    enum status st;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put(struct math_text *m, const char *bytes, size_t n)
{
    if (!m->st)
        m->st = text_add(&m->next, bytes, n);
}

/* Ends a pass. */
static void turn(struct math_text *m)
{
    const struct text held = m->now;

    put(m, "", 0);
    m->now = m->next;
    m->next = held;
    m->next.size = 0;
}

/* A letter must not follow a command: \le is not the start of \left. */
static bool starts(const char *at, const char *word)
{
    const size_t n = strlen(word);

    return strncmp(at, word, n) == 0 &&
           !(word[0] == '\\' && is_letter(word[n - 1]) && is_letter(at[n]));
}

static const char *const SPELLINGS[][2] = {
    {"\\left.", ""},
    {"\\left", ""},
    {"\\right.", ""},
    {"\\right", ""},
    {"\\bigl", ""},
    {"\\bigr", ""},
    {"\\Bigl", ""},
    {"\\Bigr", ""},
    {"\\big", ""},
    {"\\Big", ""},
    {"\\displaystyle", ""},
    {"\\limits", ""},
    {"\\quad", " "},
    {"\\qquad", " "},
    {"\\,", " "},
    {"\\;", " "},
    {"\\:", " "},
    {"\\ ", " "},
    {"~", " "},
    {"\t", " "},
    {"\n", " "},
    {"\r", " "},
    {"\xC2\xA0", " "},
    {"{,}", ","},
    {"\\$", ""},
    {"\\(", ""},
    {"\\)", ""},
    {"\\[", ""},
    {"\\]", ""},
    {"$", ""},
    {"\\%", ""},
    {"%", ""},
    {"^\\circ", ""},
    {"^{\\circ}", ""},
    {"\\circ", ""},
    {"\\degree", ""},
    {"\xC2\xB0", ""},
    {"\\dfrac", "\\frac"},
    {"\\tfrac", "\\frac"},
    {"\\cfrac", "\\frac"},
    {"\\leq", "\\le"},
    {"\\geq", "\\ge"},
    {"\\neq", "\\ne"},
    {"\\lbrace", "\\{"},
    {"\\rbrace", "\\}"},
    {"\\times", "\\cdot"},
    {"\\mathrm{", "\\text{"},
    {"\\mathbf{", "\\text{"},
    {"\\textbf{", "\\text{"},
    {"\\textit{", "\\text{"},
    {"\\textrm{", "\\text{"},
    {"\\mbox{", "\\text{"},
    {"\\hbox{", "\\text{"},
    {"\\operatorname{", "\\text{"},
    {"{bmatrix}", "{pmatrix}"},
    {"\\infinity", "\\infty"},
    {"+\\infty", "\\infty"},
    {"\xE2\x88\x92", "-"},
    {"\xE2\x80\x93", "-"},
    {"\xCF\x80", "\\pi "},
    {"\xE2\x88\x9E", "\\infty "},
    {"\xE2\x88\x9A", "\\sqrt "},
    {"\xC3\x97", "\\cdot "},
    {"\xC2\xB7", "\\cdot "},
    {"\xE2\x88\xAA", "\\cup "},
    {"\xE2\x88\x88", "\\in "},
    {"\xE2\x89\xA4", "\\le "},
    {"\xE2\x89\xA5", "\\ge "},
    {"\xC2\xB1", "\\pm "},
    {"\xC2\xB2", "^2"},
    {"\xC2\xB3", "^3"},
    {"\xC2\xBD", "\\frac{1}{2}"},
};

static void spell(struct math_text *m)
{
    for (const char *at = m->now.data; *at && !m->st;) {
        const char *to = NULL;
        size_t n = 1;
        for (size_t i = 0; i < sizeof(SPELLINGS) / sizeof(SPELLINGS[0]) && !to; i++) {
            if (starts(at, SPELLINGS[i][0])) {
                to = SPELLINGS[i][1];
                n = strlen(SPELLINGS[i][0]);
            }
        }
        if (!to && starts(at, "\\!")) { /* a negative space, and the blanks after it */
            to = "";
            n = 2 + strspn(at + 2, " ");
        } else if (!to && at[0] == '\\' && at[1]) { /* "\\" and other commands stay */
            n = 2;
        }
        put(m, to ? to : at, to ? strlen(to) : n);
        at += n;
    }
    turn(m);
}

/* From an opening brace to after its closing one; null if there is none. */
static const char *braces_end(const char *at)
{
    size_t depth = 0;

    for (; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '{')
            depth++;
        else if (*at == '}' && --depth == 0)
            return at + 1;
    }
    return NULL;
}

/* The last character put that is not blank; 0 at the start. */
static char last_put(const struct math_text *m)
{
    for (size_t i = m->next.size; i > 0; i--) {
        if (m->next.data[i - 1] != ' ')
            return m->next.data[i - 1];
    }
    return 0;
}

/* \text{...}: a comma, a unit (removed with its exponent), or its content. */
static void texts(struct math_text *m)
{
    for (const char *at = m->now.data; *at && !m->st;) {
        const char *end = starts(at, "\\text{") ? braces_end(at + 5) : NULL;
        if (!end) {
            put(m, at++, 1);
            continue;
        }
        const char *inside = at + 6 + strspn(at + 6, " ");
        size_t n = (size_t)(end - 1 - inside);
        const char before = last_put(m);
        while (n > 0 && inside[n - 1] == ' ')
            n--;
        if ((n == 3 && strncmp(inside, "and", 3) == 0) ||
            (n == 2 && strncmp(inside, "or", 2) == 0)) {
            put(m, ",", 1);
        } else if (is_digit(before) || is_letter(before) || (before && strchr("})]", before))) {
            if (*end == '^')
                end = end[1] == '{' && braces_end(end + 1) ? braces_end(end + 1)
                                                           : end + 1 + (end[1] != 0);
        } else {
            put(m, inside, n);
        }
        at = end;
    }
    turn(m);
}

static const char *const UNITS[] = {
    "cm",         "mm",      "km",     "kg",      "ft",      "inches", "inch",     "feet",
    "foot",       "yards",   "yard",   "miles",   "mile",    "meters", "meter",    "metres",
    "metre",      "cents",   "cent",   "dollars", "dollar",  "euros",  "euro",     "degrees",
    "degree",     "radians", "hours",  "hour",    "minutes", "minute", "seconds",  "second",
    "days",       "day",     "weeks",  "years",   "year",    "square", "cubic",    "units",
    "unit",       "percent", "points", "point",   "ways",    "people", "grams",    "gram",
    "liters",     "gallons", "pounds", "mph",     "per",     "sq",     "students", "centimeters",
    "kilometers", "sec",     "min"};

/* Words of units at the end, with their exponents, after a value. */
static void units(struct math_text *m)
{
    char *const s = m->now.data;
    size_t size = m->now.size;

    for (bool any = true; any;) {
        size_t end = size, word;
        any = false;
        while (end > 0 && s[end - 1] == ' ')
            end--;
        if (end >= 2 && is_digit(s[end - 1]) && s[end - 2] == '^')
            end -= 2;
        for (word = end; word > 0 && is_letter(s[word - 1]); word--)
            ;
        size_t before = word;
        while (before > 0 && s[before - 1] == ' ')
            before--;
        if (before == 0 || s[before - 1] == '\\' || s[word > 0 ? word - 1 : 0] == '\\')
            break;
        for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]) && !any; i++)
            any = end > word && strlen(UNITS[i]) == end - word &&
                  strncmp(UNITS[i], s + word, end - word) == 0;
        size = any ? before : size;
    }
    put(m, s, size);
    turn(m);
}

/* Commas between thousands, outside brackets. */
static void thousands(struct math_text *m)
{
    const char *const start = m->now.data;
    int depth = 0;

    for (const char *at = start; *at && !m->st;) {
        depth += strchr("([{", *at) != NULL;
        depth -= strchr(")]}", *at) != NULL;
        const bool first =
            is_digit(*at) && (at == start || (!is_digit(at[-1]) && at[-1] != '.' && at[-1] != ','));
        const char *end = at + strspn(at, "0123456789");
        size_t groups = 0;
        if (!first || depth != 0 || end - at > 3) {
            put(m, at++, 1);
            continue;
        }
        while (end[4 * groups] == ',' && strspn(end + 4 * groups + 1, "0123456789") == 3)
            groups++;
        if (end[4 * groups] == ',')
            groups = 0; /* 100,200,3 is a list */
        put(m, at, (size_t)(end - at));
        for (size_t i = 0; i < groups; i++)
            put(m, end + 4 * i + 1, 3);
        at = end + 4 * groups;
    }
    turn(m);
}

/* End of \frac{3}{4} or 3/4 of digits at `at`; null if there is none. */
static const char *fraction_end(const char *at)
{
    size_t n;

    if (starts(at, "\\frac")) {
        at += 5;
        for (int part = 0; part < 2; part++) {
            at += strspn(at, " ");
            n = *at == '{' ? strspn(at + 1, "0123456789") : is_digit(*at);
            if (n == 0 || (*at == '{' && at[n + 1] != '}'))
                return NULL;
            at += *at == '{' ? n + 2 : 1;
        }
        return at;
    }
    n = strspn(at, "0123456789");
    if (n == 0 || at[n] != '/' || strspn(at + n + 1, "0123456789") == 0)
        return NULL;
    return at + n + 1 + strspn(at + n + 1, "0123456789");
}

static void mixed(struct math_text *m)
{
    const char *const start = m->now.data;

    for (const char *at = start; *at && !m->st;) {
        const char before = at > start ? at[-1] : ' ';
        const size_t n = strspn(at, "0123456789");
        const char *next = at + n + strspn(at + n, " ");
        const char *end = n > 0 && (next > at + n || *next == '\\') ? fraction_end(next) : NULL;
        if (n == 0 || !end || is_digit(before) || strchr(".^_}{/", before) || is_letter(before)) {
            put(m, at, n > 0 ? n : 1);
            at += n > 0 ? n : 1;
            continue;
        }
        put(m, "(", 1);
        put(m, at, n);
        put(m, "+", 1);
        put(m, next, (size_t)(end - next));
        put(m, ")", 1);
        at = end;
    }
    turn(m);
}

/* Removes blanks, except one where two names or numbers would join, and braces around one
 * character. */
static void blanks(struct math_text *m)
{
    for (const char *at = m->now.data; *at && !m->st; at++) {
        const char before = m->next.size > 0 ? m->next.data[m->next.size - 1] : 0;
        const bool index = before == '_' || before == '^';
        if (*at == ' ') {
            const char *next = at + strspn(at, " ");
            size_t i = m->next.size;
            while (i > 0 && is_letter(m->next.data[i - 1]))
                i--;
            const bool command = i < m->next.size && i > 0 && m->next.data[i - 1] == '\\';
            const bool base = m->next.size > 1 && m->next.data[m->next.size - 2] == '_';
            if ((command && is_letter(*next)) || (base && is_digit(*next)))
                put(m, " ", 1); /* \cot x, \log_2 8 */
            at = next - 1;
        } else if (index && *at == '{' && at[1] && at[1] != '\\' && at[2] == '}') {
            put(m, at + 1, 1);
            at += 2;
        } else {
            put(m, at, 1);
        }
    }
    turn(m);
}

/* Removes a box around the whole, a full stop at the end, brackets around one letter. */
static void ends(struct math_text *m)
{
    const char *at = m->now.data + strspn(m->now.data, " ");
    size_t n = strlen(at);

    while (n > 0 && strchr(" .,;", at[n - 1]) && !(n > 1 && at[n - 2] == '\\'))
        n--;
    if (starts(at, "\\boxed{") && braces_end(at + 6) == at + n) {
        at += 7;
        n -= 8;
    }
    if (n == 3 && at[0] == '(' && is_letter(at[1]) && at[2] == ')') {
        at++;
        n = 1;
    }
    put(m, at, n);
    turn(m);
}

const char *math_normal(struct arena *arena, const char *answer)
{
    static void (*const passes[])(struct math_text *) = {ends,  spell, texts,  thousands,
                                                         units, mixed, blanks, ends};
    struct math_text m = {.st = STATUS_OK};
    const char *normal = NULL;

    m.st = text_add(&m.now, answer, strlen(answer));
    for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]) && !m.st; i++)
        passes[i](&m);
    if (!m.st)
        normal = arena_text(arena, m.now.data, m.now.size);
    text_finish(&m.now);
    text_finish(&m.next);
    return normal;
}
