/* SPDX-License-Identifier: MIT */
/* Real expressions: trees, read from texts of models and integral tables, and their derivatives. */
#ifndef VKFI_TASKS_EXPR_H
#define VKFI_TASKS_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Functions in trees; others (sec, arccot, log to a base, cbrt, ...) are made of them. */
#define EXPR_FUNCTIONS(X)                                                                          \
    X(EXP, "exp")                                                                                  \
    X(LOG, "ln")                                                                                   \
    X(SQRT, "sqrt")                                                                                \
    X(SIN, "sin")                                                                                  \
    X(COS, "cos")                                                                                  \
    X(TAN, "tan")                                                                                  \
    X(ASIN, "asin")                                                                                \
    X(ACOS, "acos")                                                                                \
    X(ATAN, "atan")                                                                                \
    X(SINH, "sinh")                                                                                \
    X(COSH, "cosh")                                                                                \
    X(TANH, "tanh")                                                                                \
    X(ASINH, "asinh")                                                                              \
    X(ACOSH, "acosh")                                                                              \
    X(ATANH, "atanh")                                                                              \
    X(ABS, "abs")                                                                                  \
    X(SIGN, "sign")                                                                                \
    X(GAMMA, "gamma") /* one argument */                                                           \
    X(ERF, "erf")                                                                                  \
    X(ERFI, "erfi")                                                                                \
    X(EI, "ei") /* exponential integral */                                                         \
    X(SI, "si") /* sine integral */                                                                \
    X(CI, "ci")                                                                                    \
    X(POLYLOG, "polylog")        /* order, argument */                                             \
    X(GAMMA_UPPER, "gammaupper") /* Gamma[s, x] */                                                 \
    X(ELLIPTIC_F, "ellipticf")   /* F[phi, m] */                                                   \
    X(ELLIPTIC_E, "elliptice")                                                                     \
    X(ELLIPTIC_PI, "ellipticpi") /* Pi[n, phi, m] */                                               \
    X(FRESNEL_S, "fresnels")                                                                       \
    X(FRESNEL_C, "fresnelc")

enum expr_op {
    EXPR_NUMBER,
    EXPR_VARIABLE,
    EXPR_ADD,
    EXPR_NEGATE,
    EXPR_MULTIPLY,
    EXPR_DIVIDE,
    EXPR_POWER,
#define X(name, text) EXPR_##name,
    EXPR_FUNCTIONS(X)
#undef X
        EXPR_OPS
};

#define EXPR_ARGUMENTS 3
#define EXPR_VARIABLES 24
#define EXPR_NAME 16

struct expr {
    enum expr_op op;
    uint32_t id;       /* in its pool, from 0 */
    uint32_t variable; /* EXPR_VARIABLE: index in the pool's names */
    double number;     /* EXPR_NUMBER: finite */
    const struct expr *arg[EXPR_ARGUMENTS];
};

/* Makes nodes in an arena, up to `limit`; texts read into one pool share its variables. A pool out
 * of nodes, names or memory gives null from then on, and every constructor passes null on, so one
 * check at the end suffices. */
struct expr_pool {
    struct arena *arena;
    uint32_t limit;
    uint32_t count; /* nodes made */
    char name[EXPR_VARIABLES][EXPR_NAME];
    uint32_t n_names;
    bool out_of_memory;
};

const struct expr *expr_number(struct expr_pool *pool, double value);
const struct expr *expr_variable(struct expr_pool *pool, const char *name, size_t size);
const struct expr *expr_add(struct expr_pool *pool, const struct expr *a, const struct expr *b);
const struct expr *expr_subtract(struct expr_pool *pool, const struct expr *a,
                                 const struct expr *b);
const struct expr *expr_negate(struct expr_pool *pool, const struct expr *a);
const struct expr *expr_multiply(struct expr_pool *pool, const struct expr *a,
                                 const struct expr *b);
const struct expr *expr_divide(struct expr_pool *pool, const struct expr *a, const struct expr *b);
const struct expr *expr_power(struct expr_pool *pool, const struct expr *a, const struct expr *b);
const struct expr *expr_call(struct expr_pool *pool, enum expr_op op, const struct expr *a);

/* A function by its name in mathematics, LaTeX, Python or Mathematica ("arctan", "ArcTan", "atan"),
 * of `n` arguments; null if there is none. */
const struct expr *expr_named(struct expr_pool *pool, const char *name, size_t size,
                              const struct expr *const *arg, size_t n);
/* Bytes of the longest known function name that the text starts with; 0 if none. */
size_t expr_name_prefix(const char *text, size_t size);

/* Name in formulas for the evaluator: "sin". */
const char *expr_function(enum expr_op op);

enum expr_form {
    EXPR_FORM_ANSWER, /* plain mathematics, LaTeX, Python; letters in a row are factors */
    EXPR_FORM_INPUT   /* Mathematica's InputForm: a row of letters is one name */
};

/* Null if the whole text is not an expression of known functions (or exceeds the pool's bounds):
 * time and depth are bounded for any text. Natural logarithms: log, ln. In answers sin^2 x is
 * sin(x)^2, sin^{-1} the inverse; a function without brackets takes the factors up to a sign, a
 * bracket or another function; 1/2x is x/2; a b is a times b; |x| is abs. Names of several letters,
 * and e as a variable, are those that the pool has from an earlier text. */
const struct expr *expr_parse(struct expr_pool *pool, const char *text, size_t size,
                              enum expr_form form);

/* The derivative by variable `by`; null if a function's parameter depends on it. Common nodes are
 * shared. */
const struct expr *expr_derivative(struct expr_pool *pool, const struct expr *e, uint32_t by);

/* Index of a variable; EXPR_VARIABLES if none has the name yet. */
uint32_t expr_variable_of(const struct expr_pool *pool, const char *name, size_t size);

#endif
