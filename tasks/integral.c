/* SPDX-License-Identifier: MIT */
/* Antiderivatives: derivative and integrand at seeded points of the real domain. */
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
#define DRAW_POINTS 10 /* that count, then the next draw of parameters */
#define DRAW_TRIES 150 /* points looked at for one draw */
#define POINTS_ENOUGH 8
#define TOLERANCE 1e-6 /* relative */
#define ILL 1e-7       /* relative change by a few units in the last place */
#define SMALLEST 1e-6  /* a smaller integrand has lost digits to terms that cancel */
#define LARGEST 1e8
#define SEED 1948 /* any: verdicts must not change from run to run */

/* One check. */
struct integral_work {
    struct expr_pool pool;
    uint32_t x;       /* the variable of integration */
    uint32_t n_names; /* of the integrand: later ones are constants of the answer */
    struct evaluator *integrand, *derivative; /* owned */
    struct rng rng;
    double value[EXPR_VARIABLES];
    uint32_t real, counted, different;
};

const char *integral_verdict_name(enum integral_verdict verdict)
{
    static const char *const names[] = {"right", "wrong", "not parsed", "undecided", "no problem"};

    return names[verdict];
}

/* Value and how far it moves with its point; NaN where it is not real or ill-conditioned. */
static double integral_value(struct integral_work *w, struct evaluator *e, double *noise)
{
    const double x = w->value[w->x];
    double low, high;

    const double middle = evaluator_at(e, w->value);
    low = high = middle;
    for (int i = -2; i <= 2 && isfinite(middle); i += 1 + (i == -1)) {
        w->value[w->x] = x * (1 + i * 8 * 2.220446049250313e-16);
        const double near = evaluator_at(e, w->value);
        if (!isfinite(near))
            low = -INFINITY;
        low = near < low ? near : low;
        high = near > high ? near : high;
    }
    w->value[w->x] = x;
    *noise = high - low;
    return isfinite(middle) && *noise <= ILL * fabs(middle) ? middle : NAN;
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
    if (!w->derivative)
        return;
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
    for (int i = 0; i < DRAW_TRIES && w->counted < before + DRAW_POINTS && !w->different; i++)
        integral_try(w);
}

static enum integral_verdict integral_compare(struct integral_work *w)
{
    rng_init(&w->rng, SEED, 0);
    for (int sign = 0; sign < 2 && w->counted < POINTS_ENOUGH; sign++)
        for (int draw = 0; draw < DRAWS; draw++)
            integral_draw(w, sign);
    if (w->different)
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

/* The answer's derivative; null where the answer cannot be one. */
static const struct expr *integral_derivative(struct integral_work *w, const char *answer,
                                              enum expr_form form)
{
    const size_t size = strlen(answer);

    if (size > ANSWER_BYTES)
        return NULL;
    w->pool.limit = w->pool.count + ANSWER_NODES;
    const struct expr *e = expr_parse(&w->pool, answer, size, form);
    for (uint32_t i = w->n_names; e && i < w->pool.n_names; i++)
        if (form == EXPR_FORM_INPUT || !is_constant(w->pool.name[i]))
            return NULL;
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
