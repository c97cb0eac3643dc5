/* SPDX-License-Identifier: MIT */
/* Antiderivatives: compares derivative and integrand at seeded points of the real domain. */
#include "tasks/integral.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/evaluator.h"

#define ANSWER_BYTES 20000
#define ANSWER_NODES 6000
#define INTEGRAND_NODES 2000
#define DERIVATIVE_NODES 120000

#define DRAWS 3
#define DRAWS_MOST 12 /* if few points of the first draws count */
#define NODE_VALUES                                                                                \
    20000000           /* of the derivative at all points together; larger ones get fewer points */
#define DRAW_POINTS 10 /* counting ones before the next draw of parameters */
#define DRAW_TRIES 150 /* points tried per draw */
#define POINTS_ENOUGH 8
#define DIFFERENT_MOST 10 /* one of this many points may differ: digits lost unseen */
#define TOLERANCE 1e-6    /* relative */
#define STEP 3e-6         /* relative, between neighbours of a point */
#define ILL 3e-7          /* largest noise, relative */
#define SMALLEST 1e-6     /* a smaller integrand has lost digits to cancellation */
#define LARGEST 1e8
#define SEED 1948 /* arbitrary: verdicts must not change between runs */

/* One check. */
struct integral_work {
    struct expr_pool pool;
    uint32_t x;       /* the variable of integration */
    uint32_t n_names; /* of the integrand: later names are constants of the answer */
    struct evaluator *integrand, *derivative; /* owned */
    struct rng rng;
    double value[EXPR_VARIABLES];
    uint32_t real, counted, different;
    uint32_t derived, derived_most; /* values of the derivative, and their limit */
};

const char *integral_verdict_name(enum integral_verdict verdict)
{
    static const char *const names[] = {"right", "wrong", "not parsed", "undecided", "no problem"};

    return names[verdict];
}

/* The value; *noise is its neighbours' distance from a straight line through it: below 1e-9 of it
 * for smooth functions, more for lost digits and jumps. NaN if not real or ill-conditioned. */
static double integral_value(struct integral_work *w, struct evaluator *e, double *noise)
{
    const double x = w->value[w->x];
    double near[5];

    for (int i = 0; i < 5; i++) {
        w->value[w->x] = x * (1 + (i - 2) * STEP);
        near[i] = evaluator_at(e, w->value);
    }
    w->value[w->x] = x;
    *noise = fmax(fabs(near[0] - 2 * near[2] + near[4]), fabs(near[1] - 2 * near[2] + near[3]));
    return isfinite(near[2]) && *noise <= ILL * fabs(near[2]) ? near[2] : NAN;
}

/* Points of several scales: most integrands are real near 0, some only far from it. */
static double integral_point(struct rng *rng)
{
    const double u = rng_unit(rng);

    switch (rng_below(rng, 5)) {
    case 0:
        return u;
    case 1:
        return 2 * u - 1;
    case 2:
        return 6 * u - 3;
    case 3:
        return 3 * u;
    default:
        return (rng_below(rng, 2) ? 1 : -1) * exp(6 * u - 3);
    }
}

static void integral_try(struct integral_work *w)
{
    double noise, slack;

    w->value[w->x] = integral_point(&w->rng);
    const double f = integral_value(w, w->integrand, &noise);
    if (!(fabs(f) >= SMALLEST && fabs(f) <= LARGEST))
        return;
    w->real++;
    w->derived++;
    const double d = integral_value(w, w->derivative, &slack);
    if (!isfinite(d))
        return;
    w->counted++;
    w->different += fabs(d - f) > TOLERANCE * fmax(fabs(d), fabs(f)) + 20 * (noise + slack);
}

static void integral_draw(struct integral_work *w, bool any_sign)
{
    const uint32_t before = w->counted;

    for (uint32_t i = 0; i < EXPR_VARIABLES; i++) {
        const double size = 0.3 + 2.7 * rng_unit(&w->rng);
        w->value[i] = any_sign && rng_below(&w->rng, 2) ? -size : size;
    }
    for (int i = 0;
         i < DRAW_TRIES && w->counted < before + DRAW_POINTS && w->derived < w->derived_most; i++)
        integral_try(w);
}

static enum integral_verdict integral_compare(struct integral_work *w)
{
    rng_init(&w->rng, SEED, 0);
    for (int sign = 0; sign < 2 && w->counted < POINTS_ENOUGH; sign++) {
        for (int i = 0; i < DRAWS || (i < DRAWS_MOST && w->counted < POINTS_ENOUGH); i++)
            integral_draw(w, sign);
    }
    if (w->different * DIFFERENT_MOST > w->counted)
        return INTEGRAL_WRONG;
    if (w->counted >= POINTS_ENOUGH)
        return INTEGRAL_RIGHT;
    return w->real < POINTS_ENOUGH ? INTEGRAL_NO_PROBLEM : INTEGRAL_UNDECIDED;
}

/* C, C_1, K, c, k: any constant of integration. */
static bool is_constant(const char *name)
{
    return strchr("CKck", name[0]) && strspn(name + 1, "0123456789") == strlen(name + 1);
}

/* The answer's derivative; null if it cannot be an answer. */
static const struct expr *integral_derivative(struct integral_work *w, const char *answer,
                                              enum expr_form form)
{
    const size_t size = strlen(answer);

    if (size > ANSWER_BYTES)
        return NULL;
    w->pool.limit = w->pool.count + ANSWER_NODES;
    const struct expr *e = expr_parse(&w->pool, answer, size, form);
    for (uint32_t i = w->n_names; e && i < w->pool.n_names; i++) {
        if (form == EXPR_FORM_INPUT || !is_constant(w->pool.name[i]))
            return NULL;
    }
    w->pool.limit = w->pool.count + DERIVATIVE_NODES;
    return e ? expr_derivative(&w->pool, e, w->x) : NULL;
}

static enum status integral_run(enum integral_verdict *out, struct integral_work *w,
                                const struct integral_problem *problem, const char *answer,
                                enum expr_form form)
{
    w->pool.limit = INTEGRAND_NODES;
    const struct expr *f =
        expr_parse(&w->pool, problem->integrand, strlen(problem->integrand), EXPR_FORM_INPUT);
    if (f && expr_variable(&w->pool, problem->variable, strlen(problem->variable)))
        w->x = expr_variable_of(&w->pool, problem->variable, strlen(problem->variable));
    else
        f = NULL;
    w->n_names = w->pool.n_names;
    const struct expr *d = f ? integral_derivative(w, answer, form) : NULL;
    *out = f ? INTEGRAL_NOT_PARSED : INTEGRAL_NO_PROBLEM;
    if (!f || !d)
        return w->pool.out_of_memory ? STATUS_MEMORY : STATUS_OK;
    w->derived_most = 50 + NODE_VALUES / 5 / w->pool.count;
    enum status st = evaluator_create(&w->integrand, &w->pool, f);
    if (!st)
        st = evaluator_create(&w->derivative, &w->pool, d);
    if (!st)
        *out = integral_compare(w);
    return st;
}

static enum status integral_verify(enum integral_verdict *out,
                                   const struct integral_problem *problem, const char *answer,
                                   enum expr_form form)
{
    struct arena arena = {0};
    struct integral_work w = {.pool = {.arena = &arena}};

    const enum status st = integral_run(out, &w, problem, answer, form);
    evaluator_destroy(&w.integrand);
    evaluator_destroy(&w.derivative);
    arena_finish(&arena);
    return st;
}

enum status integral_check(enum integral_verdict *out, const struct integral_problem *problem,
                           const char *answer)
{
    return integral_verify(out, problem, answer, EXPR_FORM_ANSWER);
}

enum status integral_usable(enum integral_verdict *out, const struct integral_problem *problem,
                            const char *antiderivative)
{
    return integral_verify(out, problem, antiderivative, EXPR_FORM_INPUT);
}
