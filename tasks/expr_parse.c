/* SPDX-License-Identifier: MIT */
/* Sums, products and powers of expressions, by recursive descent with a bound on its depth. */
#include <string.h>

#include "tasks/expr_reader.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool expr_next(struct expr_reader *r, const char *token)
{
    const size_t n = strlen(token);

    expr_skip(r);
    if ((size_t)(r->end - r->at) < n || strncmp(r->at, token, n) != 0)
        return false;
    return token[0] != '\\' || !is_letter(token[n - 1]) || r->at + n >= r->end ||
           !is_letter(r->at[n]);
}

bool expr_take(struct expr_reader *r, const char *token)
{
    if (!expr_next(r, token))
        return false;
    r->at += strlen(token);
    return true;
}

void expr_skip(struct expr_reader *r)
{
    static const char *const blank[] = {
        " ",      "\t",       "\n",       "\r",           "~",
        "\\,",    "\\;",      "\\:",      "\\!",          "\\ ",
        "\\left", "\\right",  "\\quad",   "\\qquad",      "\\displaystyle",
        "\\bigl", "\\bigr",   "\\Bigl",   "\\Bigr",       "\\big",
        "\\Big",  "\\limits", "\xC2\xA0", "\xE2\x81\xA1", "\xE2\x80\x89"};
    bool any = true;

    while (any && r->at < r->end) {
        any = false;
        for (size_t i = 0; i < sizeof(blank) / sizeof(blank[0]) && !any; i++) {
            const size_t n = strlen(blank[i]);
            if (blank[i][0] != r->at[0] || (size_t)(r->end - r->at) < n ||
                strncmp(r->at, blank[i], n) != 0)
                continue;
            if (n > 2 && blank[i][0] == '\\' && r->at + n < r->end && is_letter(r->at[n]))
                continue; /* \leftarrow */
            r->at += n;
            any = true;
        }
    }
}

bool expr_times(struct expr_reader *r)
{
    static const char *const signs[] = {"\\cdot",   "\\times",      "\xC2\xB7",
                                        "\xC3\x97", "\xE2\x8B\x85", "\xE2\x88\x97"};

    if (expr_next(r, "*") && !expr_next(r, "**"))
        return expr_take(r, "*");
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (expr_take(r, signs[i]))
            return true;
    }
    return false;
}

static bool expr_over(struct expr_reader *r)
{
    return expr_take(r, "/") || expr_take(r, "\\div") || expr_take(r, "\xC3\xB7");
}

static bool expr_minus(struct expr_reader *r)
{
    return expr_take(r, "-") || expr_take(r, "\xE2\x88\x92");
}

bool expr_factor_next(struct expr_reader *r)
{
    static const char *const stops[] = {"\\cdot",  "\\times", "\\div", "\\pm",  "\\mp",
                                        "\\right", "\\rvert", "\\end", "\\\\",  "\\}",
                                        "\\text",  "\\le",    "\\ge",  "\\leq", "\\geq"};

    expr_skip(r);
    if (r->at >= r->end)
        return false;
    const unsigned char c = (unsigned char)*r->at;
    if (c == '|' || expr_next(r, "\\vert"))
        return r->bars == 0;
    if (c == '\\') {
        for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
            if (expr_next(r, stops[i]))
                return false;
        }
        return true;
    }
    if (c >= 0x80) /* Greek letters and the root: other signs fail as atoms */
        return (c == 0xCF || c == 0xCE) || expr_next(r, "\xE2\x88\x9A");
    return is_letter((char)c) || (c >= '0' && c <= '9') || c == '(' || c == '{' || c == '.' ||
           (c == '[' && r->form == EXPR_FORM_ANSWER);
}

static const struct expr *expr_product(struct expr_reader *r)
{
    const struct expr *e = expr_signed(r);

    while (e) {
        if (expr_times(r))
            e = expr_multiply(r->pool, e, expr_signed(r));
        else if (expr_over(r))
            e = expr_divide(r->pool, e, expr_signed(r));
        else if (expr_factor_next(r))
            e = expr_multiply(r->pool, e, expr_raised(r));
        else
            break;
    }
    return e;
}

const struct expr *expr_sum(struct expr_reader *r)
{
    const struct expr *e = NULL;

    if (r->depth >= EXPR_DEPTH)
        return NULL;
    r->depth++;
    e = expr_product(r);
    while (e) {
        if (expr_take(r, "+"))
            e = expr_add(r->pool, e, expr_product(r));
        else if (expr_minus(r))
            e = expr_subtract(r->pool, e, expr_product(r));
        else
            break;
    }
    r->depth--;
    return e;
}

const struct expr *expr_signed(struct expr_reader *r)
{
    bool negative = false, any = true;

    while (any) {
        const bool minus = expr_minus(r);
        negative = minus ? !negative : negative;
        any = minus || expr_take(r, "+");
    }
    const struct expr *e = expr_raised(r);
    return negative ? expr_negate(r->pool, e) : e;
}

const struct expr *expr_exponent(struct expr_reader *r)
{
    const struct expr *e = NULL;

    if (r->depth >= EXPR_DEPTH)
        return NULL;
    r->depth++;
    if (expr_take(r, "{")) {
        e = expr_sum(r);
        if (!expr_take(r, "}"))
            e = NULL;
    } else {
        e = expr_signed(r); /* takes the exponent's own exponents first */
    }
    r->depth--;
    return e;
}

/* Exponents that are characters: x², x³. */
static const struct expr *expr_superscript(struct expr_reader *r)
{
    static const char *const digit[] = {
        "\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",     "\xE2\x81\xB4",
        "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7", "\xE2\x81\xB8", "\xE2\x81\xB9"};
    double value = 0;
    const bool negative = expr_take(r, "\xE2\x81\xBB");
    bool any = true;
    uint32_t n = 0;

    while (any && n < 6) {
        any = false;
        for (int i = 0; i < 10 && !any; i++) {
            any = expr_take(r, digit[i]);
            if (any) {
                value = 10 * value + i;
                n++;
            }
        }
    }
    return n > 0 ? expr_number(r->pool, negative ? -value : value) : NULL;
}

const struct expr *expr_raised(struct expr_reader *r)
{
    const struct expr *e = expr_atom(r);

    for (bool more = e != NULL; more && e;) {
        if (expr_take(r, "^") || expr_take(r, "**")) {
            e = expr_power(r->pool, e, expr_exponent(r));
        } else if (expr_take(r, "!")) {
            e = expr_call(r->pool, EXPR_GAMMA, expr_add(r->pool, e, expr_number(r->pool, 1)));
        } else {
            const struct expr *raised = expr_superscript(r);
            more = raised != NULL;
            if (raised)
                e = expr_power(r->pool, e, raised);
        }
    }
    return e;
}

const struct expr *expr_parse(struct expr_pool *pool, const char *text, size_t size,
                              enum expr_form form)
{
    struct expr_reader r = {.pool = pool, .at = text, .end = text + size, .form = form};
    const struct expr *e = expr_sum(&r);

    expr_skip(&r);
    return r.at == r.end ? e : NULL;
}
