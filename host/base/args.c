/* SPDX-License-Identifier: MIT */
/* Parsing and checking of command lines; args_help.c prints the page. */
#include "base/args.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

#define ARGS_WORD_MAX 64 /* longest word that is compared for "did you mean" */

struct parse {
    const struct args_spec *spec;
    struct text problems; /* joined by "; " */
    bool unknown;         /* an unknown option was seen: what follows may be its value */
    bool help;
    bool given[ARGS_OPTIONS_MAX]; /* by index in spec->options */
};

__attribute__((format(printf, 2, 3))) static void add_problem(struct parse *p, const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    const bool first = p->problems.size == 0;
    if (text_addf(&p->problems, "%s%s", first ? "" : "; ", line) != STATUS_OK)
        p->unknown = true; /* the cause is logged; parsing still fails by `problems` or memory */
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance where swapped neighbours count once (optimal string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    size_t rows[3][ARGS_WORD_MAX + 1];

    if (n > ARGS_WORD_MAX || m > ARGS_WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] =
                smaller(last[j - 1] + (a[i - 1] != b[j - 1]), 1 + smaller(last[j], row[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *args_nearest(const char *text, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t best = 3;

    for (size_t i = 0; i < count; i++) {
        const size_t distance = edit_distance(text, words[i]);
        /* A word with every letter changed is no suggestion. */
        if (distance < best && distance < strlen(words[i])) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

const char *args_suggest(char out[ARGS_SUGGESTION], const char *text, const char *const *words,
                         size_t count)
{
    const char *nearest = args_nearest(text, words, count);

    out[0] = '\0';
    if (nearest)
        snprintf(out, ARGS_SUGGESTION, "; did you mean '%s'?", nearest);
    return out;
}

static const struct args_option *find_long(const struct args_spec *spec, const char *name, size_t n)
{
    for (const struct args_option *o = spec->options; o->name; o++) {
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
    }
    return NULL;
}

static const struct args_option *find_letter(const struct args_spec *spec, char letter)
{
    for (const struct args_option *o = spec->options; o->name; o++) {
        if (o->letter && o->letter == letter)
            return o;
    }
    return NULL;
}

static void unknown_option(struct parse *p, const char *name, size_t n)
{
    const char *words[ARGS_OPTIONS_MAX] = {"help"};
    char word[ARGS_WORD_MAX + 1];
    size_t count = 1;

    snprintf(word, sizeof(word), "%.*s", (int)smaller(n, ARGS_WORD_MAX), name);
    for (const struct args_option *o = p->spec->options; o->name && count < ARGS_OPTIONS_MAX; o++)
        words[count++] = o->name;
    const char *nearest = args_nearest(word, words, count);
    if (nearest)
        add_problem(p, "found unknown option --%s, did you mean --%s?", word, nearest);
    else
        add_problem(p, "found unknown option --%s, expected one of those that %s --help lists",
                    word, p->spec->command);
    p->unknown = true;
}

/* " from 1 to 8", " of at least 1", or "" for any number */
static const char *describe_range(const struct args_option *o, char *out, size_t size)
{
    if (o->max != 0)
        snprintf(out, size, " from %g to %g", o->min, o->max);
    else if (o->min != 0)
        snprintf(out, size, " of at least %g", o->min);
    else if (o->type == ARGS_UINT)
        snprintf(out, size, " from 0 to %llu", (unsigned long long)UINT64_MAX);
    else
        out[0] = '\0';
    return out;
}

static bool in_range(const struct args_option *o, double value)
{
    return o->max != 0 ? value >= o->min && value <= o->max : o->min == 0 || value >= o->min;
}

static void set_uint(struct parse *p, const struct args_option *o, const char *value)
{
    const bool hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
    char *end = NULL;
    char range[64];

    errno = 0;
    const unsigned long long number = strtoull(value, &end, hex ? 16 : 10);
    if (!isdigit((unsigned char)value[0]) || *end || errno || !in_range(o, (double)number)) {
        add_problem(p, "found \"%s\" for --%s, expected a whole number%s", value, o->name,
                    describe_range(o, range, sizeof(range)));
        return;
    }
    *(uint64_t *)o->target = number;
}

static void set_real(struct parse *p, const struct args_option *o, const char *value)
{
    char *end = NULL;
    char range[64];
    const double number = strtod(value, &end);

    if (end == value || *end || isspace((unsigned char)value[0]) || !isfinite(number) ||
        !in_range(o, number)) {
        add_problem(p, "found \"%s\" for --%s, expected a number%s", value, o->name,
                    describe_range(o, range, sizeof(range)));
        return;
    }
    *(double *)o->target = number;
}

/* The nearest of the words "a|b|c". */
static const char *suggest_choice(char out[ARGS_SUGGESTION], const char *value, const char *choices)
{
    char words[256];
    const char *word[32];
    size_t count = 0;

    snprintf(words, sizeof(words), "%s", choices);
    for (char *rest = words; rest && count < sizeof(word) / sizeof(word[0]); count++) {
        word[count] = rest;
        rest = strchr(rest, '|');
        if (rest)
            *rest++ = '\0';
    }
    return args_suggest(out, value, word, count);
}

static void set_choice(struct parse *p, const struct args_option *o, const char *value)
{
    const char *word = o->metavar;
    char suggestion[ARGS_SUGGESTION];

    for (int index = 0;; index++) {
        const size_t len = strcspn(word, "|");
        if (strlen(value) == len && memcmp(word, value, len) == 0) {
            *(int *)o->target = index;
            return;
        }
        if (word[len] == '\0')
            break;
        word += len + 1;
    }
    add_problem(p, "found \"%s\" for --%s, expected one of %s%s", value, o->name, o->metavar,
                suggest_choice(suggestion, value, o->metavar));
}

static void add_item(struct parse *p, struct args_list *list, const char *value, const char *what)
{
    if (list->count == ARGS_LIST_MAX) {
        add_problem(p, "found more than %d %s, expected at most that", ARGS_LIST_MAX, what);
        return;
    }
    list->item[list->count++] = value;
}

static void set_value(struct parse *p, const struct args_option *o, const char *value)
{
    const size_t place = (size_t)(o - p->spec->options);
    assert(place < ARGS_OPTIONS_MAX);
    bool *given = &p->given[place];

    if (*given && o->type != ARGS_LIST && o->type != ARGS_FLAG) {
        add_problem(p, "found --%s twice, expected it once", o->name);
        return;
    }
    *given = true;
    switch (o->type) {
    case ARGS_FLAG:
        *(bool *)o->target = true;
        return;
    case ARGS_TEXT:
        *(const char **)o->target = value;
        return;
    case ARGS_UINT:
        set_uint(p, o, value);
        return;
    case ARGS_REAL:
        set_real(p, o, value);
        return;
    case ARGS_CHOICE:
        set_choice(p, o, value);
        return;
    case ARGS_LIST:
        add_item(p, o->target, value, "values of one option");
        return;
    }
}

/* The value in the next word, or null (and a problem) if there is none. A known long option is not
 * taken for a value: the value was forgotten. */
static const char *next_value(struct parse *p, const struct args_option *o, char **word)
{
    const char *value = word[1];

    if (!value) {
        add_problem(p, "found --%s without a value, expected %s", o->name, o->metavar);
    } else if (strncmp(value, "--", 2) == 0 &&
               find_long(p->spec, value + 2, strcspn(value + 2, "="))) {
        add_problem(p, "found option %s after --%s, expected %s", value, o->name, o->metavar);
        value = NULL;
    }
    return value;
}

/* `--name`, `--name=value`, `--name value`: how many words it took. */
static int parse_long(struct parse *p, char **word)
{
    const char *name = word[0] + 2;
    const size_t n = strcspn(name, "=");
    const struct args_option *o = find_long(p->spec, name, n);

    if (strcmp(name, "help") == 0) {
        p->help = true;
        return 1;
    }
    if (!o) {
        unknown_option(p, name, n);
        return 1;
    }
    if (name[n] == '=') {
        if (o->type == ARGS_FLAG)
            add_problem(p, "found a value for --%s, expected none", o->name);
        else
            set_value(p, o, name + n + 1);
        return 1;
    }
    const char *value = o->type == ARGS_FLAG ? "" : next_value(p, o, word);
    if (value)
        set_value(p, o, value);
    return o->type == ARGS_FLAG || !value ? 1 : 2;
}

/* `-a`, `-ab` (flags), `-n8`, `-n 8`: how many words it took. */
static int parse_short(struct parse *p, char **word)
{
    for (const char *c = word[0] + 1; *c; c++) {
        const struct args_option *o = find_letter(p->spec, *c);
        if (!o && *c == 'h') {
            p->help = true;
            continue;
        }
        if (!o) {
            add_problem(p, "found unknown option -%c, expected one of those that %s --help lists",
                        *c, p->spec->command);
            p->unknown = true;
            return 1;
        }
        if (o->type == ARGS_FLAG) {
            set_value(p, o, "");
            continue;
        }
        const char *value = c[1] ? c + 1 : next_value(p, o, word);
        if (value)
            set_value(p, o, value);
        return c[1] || !value ? 1 : 2;
    }
    return 1;
}

static void parse_operand(struct parse *p, const char *word)
{
    if (p->spec->operands)
        add_item(p, p->spec->operands, word, "operands");
    else if (!p->unknown)
        add_problem(p, "found \"%s\", expected only options", word);
}

enum status args_parse(const struct args_spec *spec, int argc, char **argv, bool *out_done)
{
    struct parse p = {.spec = spec};
    enum status st = STATUS_OK;
    bool options = true;

    *out_done = false;
    for (int i = 1; i < argc;) {
        char *word = argv[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
            i++;
        } else if (!options || word[0] != '-' || word[1] == '\0') {
            parse_operand(&p, word);
            i++;
        } else {
            i += word[1] == '-' ? parse_long(&p, argv + i) : parse_short(&p, argv + i);
        }
    }
    if (p.help) {
        args_help_print(spec, stdout);
        *out_done = true;
    } else if (p.problems.size > 0 || p.unknown) {
        const char *command = spec->command; /* the log names the program already */
        command += strncmp(command, "vkfi ", 5) == 0 ? 5 : 0;
        log_error("%s: %s", command, p.problems.data ? p.problems.data : "out of memory");
        st = STATUS_USAGE;
    }
    if (spec->given)
        memcpy(spec->given, p.given, sizeof(p.given));
    text_finish(&p.problems);
    return st;
}
