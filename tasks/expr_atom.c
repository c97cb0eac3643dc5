/* SPDX-License-Identifier: MIT */
/* Numbers, names, brackets, fractions, roots and calls of expressions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/expr_reader.h"

#define NAME_BYTES 32
#define DIGITS 300

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const struct expr *atom_number(struct expr_reader *r)
{
    char digits[DIGITS];
    size_t n = 0;
    bool point = false;

    while (r->at < r->end && n + 1 < sizeof(digits) &&
           (is_digit(*r->at) || (*r->at == '.' && !point))) {
        point = point || *r->at == '.';
        digits[n++] = *r->at++;
    }
    digits[n] = 0;
    if (n + 1 >= sizeof(digits) || (point && n == 1))
        return NULL;
    return expr_number(r->pool, strtod(digits, NULL));
}

/* The argument of \frac and \sqrt: one digit, one letter or a group. */
static const struct expr *latex_argument(struct expr_reader *r)
{
    const struct expr *e;

    if (expr_take(r, "{")) {
        e = expr_sum(r);
        return expr_take(r, "}") ? e : NULL;
    }
    if (r->at < r->end && is_digit(*r->at))
        return expr_number(r->pool, *r->at++ - '0');
    if (r->at < r->end && is_letter(*r->at)) {
        const char letter = *r->at++;
        return letter == 'e' ? expr_number(r->pool, M_E) : expr_variable(r->pool, &letter, 1);
    }
    return r->at < r->end && *r->at == '\\' ? expr_atom(r) : NULL;
}

static const struct expr *atom_fraction(struct expr_reader *r)
{
    const struct expr *over = latex_argument(r);

    return over ? expr_divide(r->pool, over, latex_argument(r)) : NULL;
}

static const struct expr *atom_root(struct expr_reader *r)
{
    const struct expr *order = NULL;

    if (expr_take(r, "[")) {
        order = expr_sum(r);
        if (!order || !expr_take(r, "]"))
            return NULL;
    }
    const struct expr *under = expr_next(r, "(") ? expr_atom(r) : latex_argument(r);
    if (!order)
        return expr_call(r->pool, EXPR_SQRT, under);
    return expr_power(r->pool, under, expr_divide(r->pool, expr_number(r->pool, 1), order));
}

/* After the opening bracket, up to the closing one. */
static const struct expr *atom_group(struct expr_reader *r, const char *close)
{
    const uint32_t bars = r->bars;

    r->bars = 0;
    const struct expr *e = expr_sum(r);
    r->bars = bars;
    return expr_take(r, close) ? e : NULL;
}

static const struct expr *atom_bars(struct expr_reader *r, const char *close)
{
    r->bars++;
    const struct expr *e = expr_sum(r);
    r->bars--;
    return expr_take(r, close) ? expr_call(r->pool, EXPR_ABS, e) : NULL;
}

/* A group by its opening bracket, or bars. */
static const struct expr *atom_bracket(struct expr_reader *r, bool *found)
{
    static const char *const groups[][2] = {{"(", ")"}, {"{", "}"}, {"[", "]"}, {"\\{", "\\}"}};
    static const char *const bars[][2] = {
        {"|", "|"}, {"\\lvert", "\\rvert"}, {"\\vert", "\\vert"}, {"\\|", "\\|"}};

    *found = true;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if ((r->form == EXPR_FORM_ANSWER || i == 0) && expr_take(r, groups[i][0]))
            return atom_group(r, groups[i][1]);
    }
    for (size_t i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
        if (expr_take(r, bars[i][0]))
            return atom_bars(r, bars[i][1]);
    }
    *found = false;
    return NULL;
}

/* A function's argument without brackets: factors up to a sign, a bracket or a function. */
static const struct expr *bare_argument(struct expr_reader *r)
{
    const struct expr *e = NULL;
    bool more = true;

    while (more) {
        expr_skip(r);
        const char c = r->at < r->end ? *r->at : 0;
        const size_t left = (size_t)(r->end - r->at);
        const bool name = is_letter(c) && expr_name_prefix(r->at, left) > 0;
        const bool command = c == '\\' && left > 1 && expr_name_prefix(r->at + 1, left - 1) > 0 &&
                             !expr_next(r, "\\sqrt");
        const bool bars = c == '|' || expr_next(r, "\\lvert") || expr_next(r, "\\vert");
        if (!expr_factor_next(r) || (e && (name || command || c == '(' || c == '[' || bars)))
            break;
        const struct expr *factor = expr_raised(r);
        e = e ? expr_multiply(r->pool, e, factor) : factor;
        more = e && !bars && !name && !command;
    }
    return e;
}

/* Arguments in brackets; `n` is 0 if one is wrong. */
static void call_arguments(struct expr_reader *r, const char *close, const struct expr **arg,
                           size_t *n)
{
    const uint32_t bars = r->bars;

    *n = 0;
    r->bars = 0;
    do {
        arg[*n] = expr_sum(r);
        if (!arg[(*n)++])
            break;
    } while (*n < EXPR_ARGUMENTS && expr_take(r, ","));
    r->bars = bars;
    if (!arg[*n - 1] || !expr_take(r, close))
        *n = 0;
}

/* log_b: division by the logarithm of the base. */
static const struct expr *call_base(struct expr_reader *r)
{
    const struct expr *base =
        is_digit(r->at < r->end ? *r->at : 0) ? atom_number(r) : latex_argument(r);

    return expr_call(r->pool, EXPR_LOG, base);
}

/* After the name of a function: its exponent, base and arguments. */
static const struct expr *atom_call(struct expr_reader *r, const char *name, size_t size)
{
    static const char *const brackets[][2] = {{"(", ")"}, {"[", "]"}, {"{", "}"}};
    const struct expr *arg[EXPR_ARGUMENTS] = {NULL}, *power = NULL, *base = NULL, *e;
    char inverse[NAME_BYTES];
    size_t n = 0;
    bool bracketed = false;

    if (r->form == EXPR_FORM_ANSWER) {
        if (expr_take(r, "_"))
            base = call_base(r);
        if (expr_take(r, "^") || expr_take(r, "**"))
            power = expr_exponent(r);
        if (!base && expr_take(r, "_"))
            base = call_base(r);
    }
    for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]) && !bracketed; i++) {
        bracketed = (r->form == EXPR_FORM_ANSWER || i == 1) && expr_take(r, brackets[i][0]);
        if (bracketed)
            call_arguments(r, brackets[i][1], arg, &n);
    }
    if (!bracketed && r->form == EXPR_FORM_ANSWER) {
        arg[0] = expr_next(r, "-") ? expr_signed(r) : bare_argument(r);
        n = 1;
    }
    if (n == 0 || !arg[0])
        return NULL;
    if (power && power->op == EXPR_NUMBER && power->number == -1 && size + 4 < sizeof(inverse)) {
        memcpy(inverse, "arc", 3);
        memcpy(inverse + 3, name, size);
        e = expr_named(r->pool, inverse, size + 3, arg, n);
        if (e)
            return e;
    }
    e = expr_named(r->pool, name, size, arg, n);
    if (base)
        e = size == 3 && strncmp(name, "log", 3) == 0 ? expr_divide(r->pool, e, base) : NULL;
    return power ? expr_power(r->pool, e, power) : e;
}

/* Size of a name in braces after \operatorname, \mathrm, \text; 0 if there is none. */
static size_t braced_name(struct expr_reader *r, const char **name)
{
    static const char *const commands[] = {"\\operatorname*", "\\operatorname", "\\mathrm",
                                           "\\text",          "\\mathop",       "\\textrm"};
    const char *const start = r->at;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!expr_take(r, commands[i]))
            continue;
        if (expr_take(r, "{")) {
            expr_skip(r);
            *name = r->at;
            while (r->at < r->end && is_letter(*r->at))
                r->at++;
            const size_t n = (size_t)(r->at - *name);
            if (n > 0 && expr_take(r, "}"))
                return n;
        }
        r->at = start;
        return 0;
    }
    return 0;
}

/* A whole name: a constant, a function or, in InputForm, a variable. */
static const struct expr *atom_name(struct expr_reader *r, const char *name, size_t size)
{
    if (size == 2 && (strncmp(name, "pi", 2) == 0 || strncmp(name, "Pi", 2) == 0))
        return expr_number(r->pool, M_PI);
    if (size == 1 && (*name == 'E' || (*name == 'e' && r->form == EXPR_FORM_ANSWER)))
        return expr_number(r->pool, M_E);
    if (expr_name_prefix(name, size) == size)
        return atom_call(r, name, size);
    if (size == 1 && *name == 'I' && r->form == EXPR_FORM_INPUT)
        return NULL; /* the imaginary unit */
    return size == 1 || r->form == EXPR_FORM_INPUT ? expr_variable(r->pool, name, size) : NULL;
}

/* The longest name of several characters, or e, in the pool: "alpha", "b1". */
static size_t name_of_problem(const struct expr_reader *r)
{
    size_t best = 0;

    for (uint32_t i = 0; i < r->pool->n_names; i++) {
        const size_t n = strlen(r->pool->name[i]);
        if (n > best && (n > 1 || r->pool->name[i][0] == 'e') && n <= (size_t)(r->end - r->at) &&
            strncmp(r->at, r->pool->name[i], n) == 0)
            best = n;
    }
    return best;
}

/* Letters in an answer: the longest function, else pi, else one letter. */
static const struct expr *atom_letters(struct expr_reader *r)
{
    static const char *const modules[] = {"math.", "np.", "numpy.", "sp.", "sympy.", "torch."};
    size_t size = 1;

    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        if (expr_take(r, modules[i]))
            break;
    }
    const char *const name = r->at;
    if (r->at >= r->end || !is_letter(*r->at))
        return NULL;
    if (r->form == EXPR_FORM_INPUT) {
        while (r->at < r->end && (is_letter(*r->at) || (is_digit(*r->at) && r->at > name)))
            r->at++;
        return atom_name(r, name, (size_t)(r->at - name));
    }
    const size_t function = expr_name_prefix(name, (size_t)(r->end - name));
    const size_t own = name_of_problem(r);
    if (own > 0 && own >= function) {
        r->at += own;
        return expr_variable(r->pool, name, own);
    }
    if (function > 0)
        size = function;
    else if (r->end - r->at >= 2 && (strncmp(name, "pi", 2) == 0 || strncmp(name, "Pi", 2) == 0))
        size = 2;
    r->at += size;
    if (size == 1 && expr_take(r, "_")) { /* an index belongs to the name */
        const bool braces = expr_take(r, "{");
        const char *const index = r->at;
        while (r->at < r->end && (is_digit(*r->at) || (braces && is_letter(*r->at))))
            r->at++;
        char indexed[EXPR_NAME] = {name[0]};
        const size_t n = (size_t)(r->at - index);
        if (n == 0 || n + 2 > sizeof(indexed) || (braces && !expr_take(r, "}")))
            return NULL;
        memcpy(indexed + 1, index, n);
        return expr_variable(r->pool, indexed, n + 1);
    }
    return atom_name(r, name, size);
}

static const struct expr *atom_command(struct expr_reader *r)
{
    const char *const name = r->at + 1;
    size_t size = 0;

    if (expr_take(r, "\\frac") || expr_take(r, "\\dfrac") || expr_take(r, "\\tfrac") ||
        expr_take(r, "\\cfrac"))
        return atom_fraction(r);
    if (expr_take(r, "\\sqrt"))
        return atom_root(r);
    const char *braced = NULL;
    const size_t braced_size = braced_name(r, &braced);
    if (braced_size > 0)
        return atom_name(r, braced, braced_size);
    while (name + size < r->end && is_letter(name[size]))
        size++;
    if (size == 0 || size >= EXPR_NAME)
        return NULL;
    static const char *const greek[] = {"alpha", "beta", "gamma", "delta", "theta", "lambda", "mu",
                                        "phi",   "psi",  "omega", "rho",   "sigma", "tau"};
    r->at += size + 1;
    for (size_t i = 0; i < sizeof(greek) / sizeof(greek[0]); i++) {
        if (strlen(greek[i]) == size && strncmp(name, greek[i], size) == 0)
            return expr_variable(r->pool, name, size);
    }
    if (strncmp(name, "Gamma", size) == 0 || size == 2 || expr_name_prefix(name, size) == size)
        return atom_name(r, name, size);
    return NULL;
}

const struct expr *expr_atom(struct expr_reader *r)
{
    const struct expr *e = NULL;
    bool found = false;

    expr_skip(r);
    if (r->at >= r->end || r->depth >= EXPR_DEPTH)
        return NULL;
    r->depth++;
    if (is_digit(*r->at) || *r->at == '.') {
        e = atom_number(r);
    } else if (is_letter(*r->at)) {
        e = atom_letters(r);
    } else if (expr_take(r, "\xCF\x80")) {
        e = expr_number(r->pool, M_PI);
    } else if (expr_take(r, "\xE2\x88\x9A")) {
        e = atom_root(r);
    } else {
        e = atom_bracket(r, &found);
        if (!found && *r->at == '\\')
            e = atom_command(r);
    }
    r->depth--;
    return e;
}
