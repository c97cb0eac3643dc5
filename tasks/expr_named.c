/* SPDX-License-Identifier: MIT */
/* Names of functions in mathematics, LaTeX, Python and Mathematica, and their making. */
#include <math.h>
#include <string.h>

#include "tasks/expr.h"

/* How a named function is made of `op`. */
enum expr_make {
    MAKE_PLAIN,      /* op(u)   */
    MAKE_RECIPROCAL, /* 1/op(u) */
    MAKE_OF_INVERSE, /* op(1/u) */
    MAKE_SPECIAL
};

struct expr_name {
    const char *name; /* lower case */
    enum expr_op op;
    enum expr_make make;
    uint32_t arguments;
    bool cased; /* short names that also occur as factors: only as written in `exact` */
    const char *exact;
};

#define PLAIN(name, op)                                                                            \
    {                                                                                              \
        name, EXPR_##op, MAKE_PLAIN, 1, false, NULL                                                \
    }
#define INVERSE(word, op)                                                                          \
    {"arc" word, EXPR_##op, MAKE_PLAIN, 1, false, NULL},                                           \
        {"a" word, EXPR_##op, MAKE_PLAIN, 1, false, NULL},                                         \
    {                                                                                              \
        "ar" word, EXPR_##op, MAKE_PLAIN, 1, false, NULL                                           \
    }
#define OF_INVERSE(word, op)                                                                       \
    {"arc" word, EXPR_##op, MAKE_OF_INVERSE, 1, false, NULL},                                      \
        {"a" word, EXPR_##op, MAKE_OF_INVERSE, 1, false, NULL},                                    \
    {                                                                                              \
        "ar" word, EXPR_##op, MAKE_OF_INVERSE, 1, false, NULL                                      \
    }
#define CASED(exact, op, n)                                                                        \
    {                                                                                              \
        exact, EXPR_##op, MAKE_PLAIN, n, true, exact                                               \
    }

static const struct expr_name NAMES[] = {
    PLAIN("exp", EXP),
    PLAIN("ln", LOG),
    PLAIN("log", LOG),
    PLAIN("sqrt", SQRT),
    PLAIN("sin", SIN),
    PLAIN("cos", COS),
    PLAIN("tan", TAN),
    PLAIN("tg", TAN),
    PLAIN("sinh", SINH),
    PLAIN("cosh", COSH),
    PLAIN("tanh", TANH),
    PLAIN("abs", ABS),
    PLAIN("sign", SIGN),
    PLAIN("sgn", SIGN),
    PLAIN("erf", ERF),
    PLAIN("erfi", ERFI),
    {"csc", EXPR_SIN, MAKE_RECIPROCAL, 1, false, NULL},
    {"cosec", EXPR_SIN, MAKE_RECIPROCAL, 1, false, NULL},
    {"sec", EXPR_COS, MAKE_RECIPROCAL, 1, false, NULL},
    {"cot", EXPR_TAN, MAKE_RECIPROCAL, 1, false, NULL},
    {"csch", EXPR_SINH, MAKE_RECIPROCAL, 1, false, NULL},
    {"sech", EXPR_COSH, MAKE_RECIPROCAL, 1, false, NULL},
    {"coth", EXPR_TANH, MAKE_RECIPROCAL, 1, false, NULL},
    INVERSE("sin", ASIN),
    INVERSE("cos", ACOS),
    INVERSE("tan", ATAN),
    INVERSE("sinh", ASINH),
    INVERSE("cosh", ACOSH),
    INVERSE("tanh", ATANH),
    OF_INVERSE("csc", ASIN),
    OF_INVERSE("sec", ACOS),
    OF_INVERSE("cot", ATAN),
    OF_INVERSE("csch", ASINH),
    OF_INVERSE("sech", ACOSH),
    OF_INVERSE("coth", ATANH),
    {"log", EXPR_LOG, MAKE_SPECIAL, 2, false, NULL},
    {"cbrt", EXPR_POWER, MAKE_SPECIAL, 1, false, NULL},
    {"log10", EXPR_LOG, MAKE_SPECIAL, 1, false, NULL},
    {"log2", EXPR_LOG, MAKE_SPECIAL, 1, false, NULL},
    {"pow", EXPR_POWER, MAKE_SPECIAL, 2, false, NULL},
    {"power", EXPR_POWER, MAKE_SPECIAL, 2, false, NULL},
    {"logintegral", EXPR_EI, MAKE_SPECIAL, 1, false, NULL},
    {"li", EXPR_EI, MAKE_SPECIAL, 1, true, "li"},
    {"Li", EXPR_EI, MAKE_SPECIAL, 1, true, "Li"},
    PLAIN("expintegralei", EI),
    PLAIN("sinintegral", SI),
    PLAIN("cosintegral", CI),
    CASED("Ei", EI, 1),
    CASED("Si", SI, 1),
    CASED("Ci", CI, 1),
    {"polylog", EXPR_POLYLOG, MAKE_PLAIN, 2, false, NULL},
    {"gamma", EXPR_GAMMA, MAKE_PLAIN, 1, false, NULL},
    {"gamma", EXPR_GAMMA_UPPER, MAKE_PLAIN, 2, false, NULL},
    {"ellipticf", EXPR_ELLIPTIC_F, MAKE_PLAIN, 2, false, NULL},
    {"elliptice", EXPR_ELLIPTIC_E, MAKE_PLAIN, 2, false, NULL},
    {"ellipticpi", EXPR_ELLIPTIC_PI, MAKE_PLAIN, 3, false, NULL},
    PLAIN("fresnels", FRESNEL_S),
    PLAIN("fresnelc", FRESNEL_C),
};

static bool same(const struct expr_name *n, const char *text, size_t size)
{
    if (n->cased)
        return strncmp(text, n->exact, size) == 0;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) != n->name[i])
            return false;
    }
    return true;
}

size_t expr_name_prefix(const char *text, size_t size)
{
    size_t best = 0;

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const size_t n = strlen(NAMES[i].name);
        if (n <= size && n > best && same(&NAMES[i], text, n))
            best = n;
    }
    return best;
}

static const struct expr *make_special(struct expr_pool *pool, const struct expr_name *n,
                                       const struct expr *const *arg)
{
    const struct expr *log = expr_call(pool, EXPR_LOG, arg[0]);

    if (n->op == EXPR_EI)
        return expr_call(pool, EXPR_EI, log);
    if (n->op == EXPR_POWER)
        return expr_power(pool, arg[0], n->arguments == 2 ? arg[1] : expr_number(pool, 1.0 / 3.0));
    if (n->arguments == 2) /* as in Mathematica: the base is first */
        return expr_divide(pool, expr_call(pool, EXPR_LOG, arg[1]), log);
    return expr_divide(pool, log, expr_number(pool, strcmp(n->name, "log2") == 0 ? M_LN2 : M_LN10));
}

const struct expr *expr_named(struct expr_pool *pool, const char *name, size_t size,
                              const struct expr *const *arg, size_t n)
{
    const struct expr_name *found = NULL;
    const struct expr *one = expr_number(pool, 1);

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]) && !found; i++) {
        if (strlen(NAMES[i].name) == size && NAMES[i].arguments == n && same(&NAMES[i], name, size))
            found = &NAMES[i];
    }
    if (!found || !arg[0])
        return NULL;
    switch (found->make) {
    case MAKE_RECIPROCAL:
        return expr_divide(pool, one, expr_call(pool, found->op, arg[0]));
    case MAKE_OF_INVERSE:
        return expr_call(pool, found->op, expr_divide(pool, one, arg[0]));
    case MAKE_SPECIAL:
        return make_special(pool, found, arg);
    default:
        break;
    }
    const struct expr *e = expr_call(pool, found->op, arg[0]);
    for (size_t i = 1; e && i < n; i++)
        ((struct expr *)e)->arg[i] = arg[i];
    return e;
}
