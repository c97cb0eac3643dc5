/* SPDX-License-Identifier: MIT */
/* The tokens of a template, and which white space around its marks is text. */
#define _GNU_SOURCE /* memmem, memrchr */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/template_node.h"
#include "model/template_text.h"
#include "model/utf8.h"

struct lexer {
    struct arena *arena;
    struct template_problem *problem;
    const char *at, *end;
    uint32_t line;
    const struct template_token **link; /* where the next token goes */
    struct template_token *last;
    bool line_starting; /* the text goes on at the start of a line */
    enum template_space space;
    char open[TEMPLATE_MAX_DEPTH];
    size_t depth; /* of `open` */
};

enum status template_lex_fail_with(struct template_problem *problem, uint32_t line, const char *fmt,
                                   va_list args)
{
    problem->line = line;
    vsnprintf(problem->text, sizeof(problem->text), fmt, args);
    return STATUS_INPUT;
}

enum status template_lex_fail(struct template_problem *problem, uint32_t line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const enum status st = template_lex_fail_with(problem, line, fmt, args);
    va_end(args);
    return st;
}

bool template_text_is(struct template_text text, const char *word)
{
    return strlen(word) == text.size && memcmp(text.data, word, text.size) == 0;
}

static enum status add(struct lexer *l, enum template_token_kind kind, struct template_text text)
{
    struct template_token *token = arena_alloc(l->arena, sizeof(*token));
    if (!token)
        return STATUS_MEMORY;
    *token = (struct template_token){.kind = kind, .line = l->line, .text = text};
    *l->link = token;
    l->link = &token->next;
    l->last = token;
    return STATUS_OK;
}

static void advance(struct lexer *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        l->line += l->at[i] == '\n';
    l->at += n;
}

static bool starts(const struct lexer *l, const char *what)
{
    const size_t n = strlen(what);
    return (size_t)(l->end - l->at) >= n && memcmp(l->at, what, n) == 0;
}

static void skip_space(struct lexer *l)
{
    const struct template_text rest = {l->at, (size_t)(l->end - l->at)};
    advance(l, template_text_space(rest));
}

/* A copy with plain line feeds at line ends, in a chat template without the last of them. */
static enum status normalize(struct lexer *l, struct template_text source)
{
    char *copy = arena_text(l->arena, source.data, source.size);
    size_t n = 0;
    if (!copy)
        return STATUS_MEMORY;
    for (size_t i = 0; i < source.size; i++) {
        if (source.data[i] == '\r') {
            copy[n++] = '\n';
            i += i + 1 < source.size && source.data[i + 1] == '\n';
        } else {
            copy[n++] = source.data[i];
        }
    }
    n -= l->space == TEMPLATE_SPACE_CHAT && n > 0 && copy[n - 1] == '\n';
    l->at = copy;
    l->end = copy + n;
    return STATUS_OK;
}

/* The text before a mark: `sign` follows the mark's first two characters. */
static struct template_text before_mark(const struct lexer *l, size_t size, char mark, char sign)
{
    struct template_text text = {l->at, size};
    if (sign == '-')
        return template_text_strip_end(text);
    if (sign == '+' || mark == '{' || l->space == TEMPLATE_SPACE_KEPT)
        return text;
    const char *feed = size > 0 ? memrchr(text.data, '\n', size) : NULL;
    const size_t start = feed ? (size_t)(feed - text.data) + 1 : 0;
    const struct template_text tail = {text.data + start, size - start};
    if ((start > 0 || l->line_starting) && tail.size > 0 && template_text_space(tail) == tail.size)
        text.size = start;
    return text;
}

/* After "%}" or "#}": '-' drops all white space, no sign one line feed. */
static void after_mark(struct lexer *l, char sign)
{
    if (sign == '-')
        skip_space(l);
    else if (sign != '+' && l->space == TEMPLATE_SPACE_CHAT && l->at < l->end && *l->at == '\n')
        advance(l, 1);
    l->line_starting = l->at[-1] == '\n';
}

/* From after "{#" to after "#}". */
static enum status skip_comment(struct lexer *l)
{
    const char *close = memmem(l->at, (size_t)(l->end - l->at), "#}", 2);
    if (!close)
        return template_lex_fail(l->problem, l->line, "found a comment without #}");
    const char sign = close > l->at ? close[-1] : '\0';
    advance(l, (size_t)(close - l->at) + 2);
    after_mark(l, sign);
    return STATUS_OK;
}

static const char *find_mark(const struct lexer *l)
{
    for (const char *at = l->at; at + 1 < l->end; at++) {
        if (*at == '{' && (at[1] == '{' || at[1] == '%' || at[1] == '#'))
            return at;
    }
    return NULL;
}

/* Text up to the next mark, and the mark. */
static enum status read_data(struct lexer *l)
{
    const char *mark = find_mark(l);
    const size_t size = (size_t)((mark ? mark : l->end) - l->at);
    const char sign = mark && mark + 2 < l->end ? mark[2] : '\0';
    const bool is_signed = sign == '-' || sign == '+';
    const struct template_text text =
        mark ? before_mark(l, size, mark[1], sign) : (struct template_text){l->at, size};
    enum status st = text.size > 0 ? add(l, TEMPLATE_TOKEN_DATA, text) : STATUS_OK;
    advance(l, size);
    if (st || !mark)
        return st;
    advance(l, 2 + is_signed);
    if (mark[1] == '#')
        return skip_comment(l);
    return add(l, mark[1] == '{' ? TEMPLATE_TOKEN_PRINT : TEMPLATE_TOKEN_TAG,
               (struct template_text){mark, 2});
}

static int hex_digits(const char *at, const char *end, int n, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *digit = at + i < end && at[i] ? strchr(digits, at[i]) : NULL;
        if (!digit)
            return 0;
        const uint32_t value = (uint32_t)(digit - digits);
        *out = *out * 16 + (value > 15 ? value - 6 : value);
    }
    return 1;
}

/* One escape of a string literal as Python reads it, `at` after the backslash. Bytes used, 0 if
 * there is no such character. */
static size_t escape(const char *at, const char *end, char out[UTF8_LONGEST], size_t *out_size)
{
    static const char from[] = "nrt\\'\"abfv", to[] = "\n\r\t\\'\"\a\b\f\v";
    const char *plain = memchr(from, *at, sizeof(from) - 1);
    uint32_t code = 0;
    if (plain) {
        out[0] = to[plain - from];
        *out_size = 1;
        return 1;
    }
    *out_size = 0;
    if (*at == '\n')
        return 1;
    if (*at == 'x' || *at == 'u' || *at == 'U') {
        const int n = *at == 'x' ? 2 : *at == 'u' ? 4 : 8;
        if (!hex_digits(at + 1, end, n, &code) || code > 0x10FFFF ||
            (code >= 0xD800 && code < 0xE000))
            return 0;
        *out_size = utf8_put(out, code);
        return 1 + (size_t)n;
    }
    size_t n = 0;
    for (; n < 3 && at + n < end && at[n] >= '0' && at[n] <= '7'; n++)
        code = code * 8 + (uint32_t)(at[n] - '0');
    if (n > 0) {
        *out_size = utf8_put(out, code);
        return n;
    }
    out[0] = '\\'; /* stays, and so does the character after it */
    *out_size = 1;
    return *at == 'N' ? 0 : SIZE_MAX;
}

static enum status read_string(struct lexer *l)
{
    const char quote = *l->at, *close = l->at + 1;
    while (close < l->end && *close != quote)
        close += *close == '\\' ? 2 : 1;
    if (close >= l->end)
        return template_lex_fail(l->problem, l->line, "found a string without its closing %c",
                                 quote);
    char *text = arena_alloc(l->arena, (size_t)(close - l->at) + UTF8_LONGEST);
    size_t size = 0;
    if (!text)
        return STATUS_MEMORY;
    for (const char *at = l->at + 1; at < close;) {
        size_t n = 0;
        if (*at != '\\') {
            text[size++] = *at++;
            continue;
        }
        const size_t used = escape(at + 1, close, text + size, &n);
        if (used == 0)
            return template_lex_fail(l->problem, l->line,
                                     "found the escape \\%.10s, which is no character", at + 1);
        size += n;
        at += used == SIZE_MAX ? 1 : 1 + used;
    }
    enum status st = add(l, TEMPLATE_TOKEN_STRING, (struct template_text){text, size});
    advance(l, (size_t)(close - l->at) + 1);
    return st;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static enum status read_number(struct lexer *l)
{
    const char *start = l->at, *at = start;
    int64_t value = 0;
    const bool is_index =
        l->last && l->last->kind == TEMPLATE_TOKEN_OP && l->last->text.data[0] == '.';
    for (; at < l->end && (is_digit(*at) || (*at == '_' && at + 1 < l->end && is_digit(at[1])));
         at++) {
        if (*at != '_' && (__builtin_mul_overflow(value, 10, &value) ||
                           __builtin_add_overflow(value, *at - '0', &value)))
            return template_lex_fail(l->problem, l->line, "found a number beyond 64 bits");
    }
    if (!is_index && at + 1 < l->end && *at == '.' && is_digit(at[1]))
        return template_lex_fail(l->problem, l->line,
                                 "found a number with a fraction, which is not run here");
    if ((at < l->end && is_word(*at)) || (*start == '0' && at > start + 1))
        return template_lex_fail(l->problem, l->line,
                                 "found the number %.*s, expected digits without 0 in front",
                                 (int)(at - start < 30 ? at - start + 1 : 30), start);
    const enum status st =
        add(l, TEMPLATE_TOKEN_INT, (struct template_text){start, (size_t)(at - start)});
    if (!st)
        l->last->number = value;
    advance(l, (size_t)(at - start));
    return st;
}

/* Brackets must close in order: "}}" inside a dict ends no expression. */
static enum status balance(struct lexer *l, char c)
{
    static const char opening[] = "([{", closing[] = ")]}";
    const char *at;
    if (strchr(opening, c)) {
        if (l->depth == TEMPLATE_MAX_DEPTH)
            return template_lex_fail(l->problem, l->line, "found brackets nested deeper than %d",
                                     TEMPLATE_MAX_DEPTH);
        l->open[l->depth++] = c;
    } else if ((at = strchr(closing, c)) != NULL) {
        if (l->depth == 0 || l->open[l->depth - 1] != opening[at - closing])
            return template_lex_fail(l->problem, l->line, "found '%c' without its opening", c);
        l->depth--;
    }
    return STATUS_OK;
}

static enum status read_operator(struct lexer *l)
{
    static const char *const operators[] = {"==", "!=", ">=", "<=", "//", "**", "+", "-", "/",
                                            "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                            ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
        if (!starts(l, operators[i]))
            continue;
        enum status st = balance(l, *l->at);
        if (!st)
            st = add(l, TEMPLATE_TOKEN_OP, (struct template_text){l->at, strlen(operators[i])});
        advance(l, strlen(operators[i]));
        return st;
    }
    return template_lex_fail(l->problem, l->line, "found the character '%.*s' in an expression",
                             (int)utf8_next(l->at, (size_t)(l->end - l->at)).size, l->at);
}

/* True if the expression ends here; then takes the mark. */
static bool read_close(struct lexer *l, bool is_tag)
{
    const char *close = is_tag ? "%}" : "}}";
    const bool is_signed = l->at < l->end && (*l->at == '-' || (is_tag && *l->at == '+')) &&
                           l->end - l->at >= 3 && memcmp(l->at + 1, close, 2) == 0;
    if (l->depth > 0 || !(is_signed || starts(l, close)))
        return false;
    const char sign = is_signed ? *l->at : '\0';
    advance(l, 2 + is_signed);
    if (is_tag) {
        after_mark(l, sign);
    } else {
        if (sign == '-')
            skip_space(l);
        l->line_starting = l->at[-1] == '\n';
    }
    return true;
}

/* The tokens between two marks. */
static enum status read_inside(struct lexer *l, bool is_tag)
{
    enum status st = STATUS_OK;
    while (!st) {
        skip_space(l);
        const uint32_t line = l->line;
        if (l->at == l->end)
            return template_lex_fail(l->problem, l->line, "found no %s at the end",
                                     is_tag ? "%}" : "}}");
        if (read_close(l, is_tag)) {
            st = add(l, is_tag ? TEMPLATE_TOKEN_TAG_END : TEMPLATE_TOKEN_PRINT_END,
                     (struct template_text){"", 0});
            if (!st)
                l->last->line = line;
            return st;
        }
        if (is_digit(*l->at)) {
            st = read_number(l);
        } else if (is_word(*l->at)) {
            const char *start = l->at;
            while (l->at < l->end && is_word(*l->at))
                l->at++;
            st =
                add(l, TEMPLATE_TOKEN_NAME, (struct template_text){start, (size_t)(l->at - start)});
        } else if (*l->at == '\'' || *l->at == '"') {
            st = read_string(l);
        } else {
            st = read_operator(l);
        }
    }
    return st;
}

enum status template_lex(const struct template_token **out, struct arena *arena,
                         struct template_text source, enum template_space space,
                         struct template_problem *problem)
{
    struct lexer l = {.arena = arena,
                      .problem = problem,
                      .line = 1,
                      .link = out,
                      .line_starting = true,
                      .space = space};
    *out = NULL;
    if (source.size > TEMPLATE_MAX_SOURCE)
        return template_lex_fail(problem, 1, "found %zu bytes, expected at most %zu", source.size,
                                 TEMPLATE_MAX_SOURCE);
    enum status st = normalize(&l, source);
    while (!st && l.at < l.end) {
        st = read_data(&l);
        if (!st && l.last &&
            (l.last->kind == TEMPLATE_TOKEN_PRINT || l.last->kind == TEMPLATE_TOKEN_TAG))
            st = read_inside(&l, l.last->kind == TEMPLATE_TOKEN_TAG);
    }
    return st ? st : add(&l, TEMPLATE_TOKEN_END, (struct template_text){"", 0});
}
