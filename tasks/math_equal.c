/* SPDX-License-Identifier: MIT */
/* Equality of normal forms: exact numbers, words, parts in order, values of expressions. */
#include "tasks/math_equal.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/evaluator.h"
#include "tasks/number.h"

#define ANSWER_BYTES 2000
#define NODES 2000
#define PARTS 64
#define DEPTH 8
#define POINTS 8
#define POINTS_ENOUGH 3
#define TOLERANCE 1e-9
#define SEED 2021

struct math_work {
    struct arena *arena;
    enum status st;
    uint32_t depth;
};

static bool equal(struct math_work *w, const char *a, const char *b);

/* A copy; "" if out of memory. */
static const char *piece(struct math_work *w, const char *at, size_t n)
{
    const char *copy = arena_text(w->arena, at, n);

    if (!copy)
        w->st = STATUS_MEMORY;
    return copy ? copy : "";
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Only letters: a word, the letter of a choice. */
static bool is_word(const char *text)
{
    const char *at = text;

    while (is_letter(*at))
        at++;
    return at > text && *at == 0;
}

static bool same_word(const char *a, const char *b)
{
    if (!a[1] || !b[1]) /* letters of choices and variables */
        return strcmp(a, b) == 0;
    for (; *a && *b; a++, b++) {
        if ((*a | 0x20) != (*b | 0x20))
            return false;
    }
    return *a == *b;
}

/* Parts between `separator` outside brackets; their count, 0 if too many or brackets do not
 * match. */
static size_t split(struct math_work *w, const char *part[PARTS], const char *text,
                    const char *separator)
{
    const size_t n = strlen(separator);
    const char *from = text;
    size_t count = 0;
    int depth = 0;

    for (const char *at = text;; at++) {
        const bool command = at[0] == '\\' && (at[1] == '{' || at[1] == '}');
        const bool here = depth == 0 && strncmp(at, separator, n) == 0 &&
                          !(is_letter(separator[n - 1]) && is_letter(at[n]));
        if (!*at || here) {
            if (count == PARTS)
                return 0;
            part[count++] = piece(w, from, (size_t)(at - from));
            from = at + n;
            if (!*at)
                break;
            at += n - 1;
            continue;
        }
        at += command;
        depth += strchr("([{", *at) != NULL;
        depth -= strchr(")]}", *at) != NULL;
    }
    return depth == 0 || count == 1 ? count : 0;
}

/* One sign for \pm, the other for \mp. */
static const char *signed_form(struct math_work *w, const char *text, bool plus)
{
    char *copy = arena_text(w->arena, text, strlen(text));
    char *to = copy;

    if (!copy) {
        w->st = STATUS_MEMORY;
        return "";
    }
    for (const char *at = text; *at;) {
        const bool pm = strncmp(at, "\\pm", 3) == 0, mp = strncmp(at, "\\mp", 3) == 0;
        *to++ = pm || mp ? (plus == pm ? '+' : '-') : *at;
        at += pm || mp ? 3 : 1;
    }
    *to = 0;
    return copy;
}

/* Whether one pair of brackets of a tuple, interval or set encloses the text; *open and *close are
 * their sizes. */
static bool bracketed(const char *text, size_t *open, size_t *close)
{
    const size_t n = strlen(text);
    int depth = 0;

    *open = strncmp(text, "\\{", 2) == 0 ? 2 : 1;
    *close = n >= 2 && strcmp(text + n - 2, "\\}") == 0 ? 2 : 1;
    if (n < *open + *close || (*open == 1 && !strchr("([", text[0])) ||
        (*close == 1 && !strchr(")]", text[n - 1])))
        return false;
    for (size_t i = *open - 1; i < n; i++) {
        depth += strchr("([{", text[i]) != NULL;
        depth -= strchr(")]}", text[i]) != NULL;
        if (depth == 0 && i + 1 < n)
            return false;
    }
    return depth == 0;
}

/* Parts of a list; \pm gives two. */
static size_t list_of(struct math_work *w, const char *part[2 * PARTS], const char *text)
{
    const char *plain[PARTS];
    const size_t n = split(w, plain, text, ",");
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        size_t open, close;
        const bool both = strstr(plain[i], "\\pm") && !bracketed(plain[i], &open, &close);
        if (both) {
            part[count++] = signed_form(w, plain[i], true);
            part[count++] = signed_form(w, plain[i], false);
        } else {
            part[count++] = plain[i];
        }
    }
    return count;
}

static bool equal_parts(struct math_work *w, const char *const *a, const char *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!equal(w, a[i], b[i]))
            return false;
    }
    return true;
}

/* Both in the same brackets, with more than one part, or sets. */
static bool equal_tuples(struct math_work *w, const char *a, const char *b, bool *decided)
{
    const char *x[2 * PARTS], *y[2 * PARTS];
    size_t open[2], close[2];

    *decided = bracketed(a, &open[0], &close[0]) && bracketed(b, &open[1], &close[1]);
    if (!*decided)
        return false;
    const size_t size = strlen(a) - open[0] - close[0], other = strlen(b) - open[1] - close[1];
    const size_t n = list_of(w, x, piece(w, a + open[0], size));
    const size_t k = list_of(w, y, piece(w, b + open[1], other));
    if (n < 2 && k < 2 && open[0] == 1 && open[1] == 1 && a[0] == '(' && b[0] == '(') {
        *decided = false; /* a bracket of an expression */
        return false;
    }
    return open[0] == open[1] && close[0] == close[1] && a[0] == b[0] &&
           a[strlen(a) - 1] == b[strlen(b) - 1] && n == k && equal_parts(w, x, y, n);
}

/* The inside if the text is one matrix; else null. */
static const char *matrix_of(struct math_work *w, const char *text)
{
    static const char begin[] = "\\begin{pmatrix}", end[] = "\\end{pmatrix}";
    const char *stop = strstr(text, end);

    if (strncmp(text, begin, strlen(begin)) != 0 || !stop || stop[strlen(end)])
        return NULL;
    const char *from = text + strlen(begin);
    size_t n = (size_t)(stop - from);
    if (n >= 2 && strncmp(stop - 2, "\\\\", 2) == 0)
        n -= 2;
    return piece(w, from, n);
}

static bool equal_matrices(struct math_work *w, const char *a, const char *b)
{
    const char *x[PARTS], *y[PARTS], *u[PARTS], *v[PARTS];
    const size_t n = split(w, x, a, "\\\\"), k = split(w, y, b, "\\\\");

    if (n != k || n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        const size_t p = split(w, u, x[i], "&"), q = split(w, v, y[i], "&");
        if (p != q || p == 0 || !equal_parts(w, u, v, p))
            return false;
    }
    return true;
}

/* x, f(x), x_1, \theta: possible names before the value of an answer. */
static bool is_name(const char *text)
{
    const size_t n = strlen(text);
    const bool call = n == 4 && is_letter(text[0]) && text[1] == '(' && text[3] == ')';
    const bool greek = text[0] == '\\' && is_word(text + 1) && n <= 8;
    const bool indexed = n == 3 && is_letter(text[0]) && text[1] == '_';

    return (n == 1 && is_letter(text[0])) || call || greek || indexed;
}

/* The value in "x = 5", "f(x) = 5", "x \in S"; the name before it goes to *name. Other texts as
 * they are. */
static const char *value_side(struct math_work *w, const char *text, const char **name)
{
    static const char *const relations[] = {"=", "\\in"};
    const char *part[PARTS];

    *name = "";
    for (size_t i = 0; i < 2; i++) {
        if (split(w, part, text, relations[i]) != 2 || !part[1][0])
            continue;
        if (is_name(part[0])) {
            *name = part[0];
            return part[1];
        }
    }
    return text;
}

/* The text after the last "=" if all before it are words, names or equal to it ("A = 48/2 = 24"
 * gives 24); else the whole text. */
static const char *last_side(struct math_work *w, const char *text)
{
    const char *part[PARTS];
    const size_t n = split(w, part, text, "=");

    for (size_t i = 0; i + 1 < n; i++) {
        if (!is_word(part[i]) && !is_name(part[i]) && !equal(w, part[i], part[n - 1]))
            return text;
    }
    return n > 1 ? part[n - 1] : text;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= TOLERANCE * fmax(fabs(a), fabs(b)) ||
           (fabs(a) < 1e-12 && fabs(b) < 1e-12);
}

static bool equal_values(const struct expr_pool *pool, struct evaluator *a, struct evaluator *b)
{
    const int points = pool->n_names > 0 ? POINTS : 1;
    const int enough = pool->n_names > 0 ? POINTS_ENOUGH : 1;
    double value[EXPR_VARIABLES] = {0};
    struct rng rng;
    int counted = 0;

    rng_init(&rng, SEED, 0);
    for (int i = 0; i < points; i++) {
        for (uint32_t k = 0; k < pool->n_names; k++)
            value[k] =
                (i < points / 2 || rng_below(&rng, 2) ? 1 : -1) * (0.3 + 2.7 * rng_unit(&rng));
        const double x = evaluator_at(a, value), y = evaluator_at(b, value);
        if (isfinite(x) != isfinite(y) || (isfinite(x) && !near(x, y)))
            return false;
        counted += isfinite(x);
    }
    return counted >= enough;
}

static bool equal_expressions(struct math_work *w, const char *a, const char *b)
{
    struct arena arena = {0};
    struct expr_pool pool = {.arena = &arena, .limit = NODES};
    struct evaluator *first = NULL, *second = NULL;
    bool same = false;

    const struct expr *x = expr_parse(&pool, a, strlen(a), EXPR_FORM_ANSWER);
    const struct expr *y = x ? expr_parse(&pool, b, strlen(b), EXPR_FORM_ANSWER) : NULL;
    if (pool.out_of_memory)
        w->st = STATUS_MEMORY;
    if (x && y && !w->st) {
        w->st = evaluator_create(&first, &pool, x);
        if (!w->st)
            w->st = evaluator_create(&second, &pool, y);
        if (!w->st)
            same = equal_values(&pool, first, second);
    }
    evaluator_destroy(&first);
    evaluator_destroy(&second);
    arena_finish(&arena);
    return same;
}

/* Texts of several parts: unions, lists, equations. *decided is false for one part. */
static bool equal_joined(struct math_work *w, const char *a, const char *b, bool *decided)
{
    const char *x[2 * PARTS], *y[2 * PARTS];
    size_t n = split(w, x, a, "\\cup"), k = split(w, y, b, "\\cup");

    *decided = true;
    if (n > 1 || k > 1)
        return n == k && equal_parts(w, x, y, n);
    n = list_of(w, x, a);
    k = list_of(w, y, b);
    if (n > 1 || k > 1)
        return n == k && equal_parts(w, x, y, n);
    n = split(w, x, a, "=");
    k = split(w, y, b, "=");
    if (n > 1 || k > 1)
        return n == k && (equal_parts(w, x, y, n) ||
                          (n == 2 && equal(w, x[0], y[1]) && equal(w, x[1], y[0])));
    *decided = false;
    return false;
}

static bool equal_now(struct math_work *w, const char *a, const char *b)
{
    bool decided;

    if (strcmp(a, b) == 0)
        return a[0] != 0;
    if (!strpbrk(a, ",") && !strpbrk(b, ",") && number_is(a) && number_is(b))
        return number_equal(a, b);
    if (is_word(a) || is_word(b))
        return is_word(a) && is_word(b) && same_word(a, b);
    const char *matrix[2] = {matrix_of(w, a), matrix_of(w, b)};
    if (matrix[0] || matrix[1])
        return matrix[0] && matrix[1] && equal_matrices(w, matrix[0], matrix[1]);
    bool same = equal_joined(w, a, b, &decided);
    if (!decided)
        same = equal_tuples(w, a, b, &decided);
    return decided ? same : equal_expressions(w, a, b);
}

static bool equal(struct math_work *w, const char *a, const char *b)
{
    if (w->depth >= DEPTH || w->st)
        return false;
    w->depth++;
    const bool same = equal_now(w, a, b);
    w->depth--;
    return same;
}

enum status math_equal(bool *out, const char *answer, const char *reference)
{
    struct arena arena = {0};
    struct math_work w = {.arena = &arena};
    const char *name[2];

    *out = false;
    if (strlen(answer) > ANSWER_BYTES || strlen(reference) > ANSWER_BYTES) {
        *out = strcmp(answer, reference) == 0;
        return STATUS_OK;
    }
    const char *a = math_normal(&arena, answer), *b = math_normal(&arena, reference);
    if (a && b) {
        const char *x = value_side(&w, a, &name[0]), *y = value_side(&w, b, &name[1]);
        const bool named = name[0][0] && name[1][0];
        if (!strchr(a, '=') != !strchr(b, '=')) {
            x = last_side(&w, x);
            y = last_side(&w, y);
        }
        *out = named ? equal(&w, name[0], name[1]) && equal(&w, x, y) : equal(&w, x, y);
        if (!*out && named)
            *out = equal(&w, a, b);
    } else {
        w.st = STATUS_MEMORY;
    }
    *out = *out && !w.st;
    arena_finish(&arena);
    return w.st;
}
