/* SPDX-License-Identifier: MIT */
/* Symbolic derivatives: each node once, so the result is linear in the nodes. */
#include <math.h>
#include <string.h>

#include "tasks/expr.h"

/* Derivatives of the expression's nodes, in tables by id; `known`: made already. */
struct expr_derive {
    struct expr_pool *pool;
    uint32_t by;
    uint32_t count; /* nodes of the expression: smaller ids */
    const struct expr **made;
    bool *known;
};

static const struct expr *derive(struct expr_derive *d, const struct expr *e);

static bool is_zero(const struct expr *e)
{
    return e && e->op == EXPR_NUMBER && e->number == 0;
}

/* u^2 */
static const struct expr *square(struct expr_pool *p, const struct expr *u)
{
    return expr_multiply(p, u, u);
}

static const struct expr *sqrt_of(struct expr_pool *p, const struct expr *u)
{
    return expr_call(p, EXPR_SQRT, u);
}

static const struct expr *derive_power(struct expr_derive *d, const struct expr *e)
{
    struct expr_pool *p = d->pool;
    const struct expr *u = e->arg[0], *v = e->arg[1], *du = derive(d, u), *dv = derive(d, v);

    if (is_zero(dv)) /* v u^(v-1) u': no logarithm of a negative base */
        return expr_multiply(
            p, expr_multiply(p, v, expr_power(p, u, expr_subtract(p, v, expr_number(p, 1)))), du);
    return expr_multiply(p, e,
                         expr_add(p, expr_multiply(p, dv, expr_call(p, EXPR_LOG, u)),
                                  expr_divide(p, expr_multiply(p, v, du), u)));
}

/* The outer derivative of the inverse functions; null for others. */
static const struct expr *inverse_slope(struct expr_pool *p, const struct expr *e)
{
    const struct expr *u = e->arg[0], *one = expr_number(p, 1), *uu = square(p, u);

    switch (e->op) {
    case EXPR_ASIN:
        return expr_divide(p, one, sqrt_of(p, expr_subtract(p, one, uu)));
    case EXPR_ACOS:
        return expr_divide(p, expr_number(p, -1), sqrt_of(p, expr_subtract(p, one, uu)));
    case EXPR_ATAN:
        return expr_divide(p, one, expr_add(p, one, uu));
    case EXPR_ASINH:
        return expr_divide(p, one, sqrt_of(p, expr_add(p, one, uu)));
    case EXPR_ACOSH:
        return expr_divide(p, one,
                           expr_multiply(p, sqrt_of(p, expr_subtract(p, u, one)),
                                         sqrt_of(p, expr_add(p, u, one))));
    case EXPR_ATANH:
        return expr_divide(p, one, expr_subtract(p, one, uu));
    default:
        return NULL;
    }
}

/* The outer derivative of special functions of one argument; null for others. */
static const struct expr *special_slope(struct expr_pool *p, const struct expr *e)
{
    const struct expr *u = e->arg[0], *uu = square(p, u);
    const struct expr *half_pi_uu = expr_multiply(p, expr_number(p, M_PI_2), uu);

    switch (e->op) {
    case EXPR_ERF:
        return expr_multiply(p, expr_number(p, M_2_SQRTPI),
                             expr_call(p, EXPR_EXP, expr_negate(p, uu)));
    case EXPR_ERFI:
        return expr_multiply(p, expr_number(p, M_2_SQRTPI), expr_call(p, EXPR_EXP, uu));
    case EXPR_EI:
        /* of a logarithm, exp undone: li' = 1/log */
        if (u->op == EXPR_LOG)
            return expr_divide(p, u->arg[0], u);
        return expr_divide(p, expr_call(p, EXPR_EXP, u), u);
    case EXPR_SI:
        return expr_divide(p, expr_call(p, EXPR_SIN, u), u);
    case EXPR_CI:
        return expr_divide(p, expr_call(p, EXPR_COS, u), u);
    case EXPR_FRESNEL_S:
        return expr_call(p, EXPR_SIN, half_pi_uu);
    case EXPR_FRESNEL_C:
        return expr_call(p, EXPR_COS, half_pi_uu);
    default:
        return NULL;
    }
}

static const struct expr *slope(struct expr_pool *p, const struct expr *e)
{
    const struct expr *u = e->arg[0], *one = expr_number(p, 1);
    const struct expr *found = inverse_slope(p, e);

    if (!found)
        found = special_slope(p, e);
    if (found)
        return found;
    switch (e->op) {
    case EXPR_EXP:
        return e;
    case EXPR_LOG:
        return expr_divide(p, one, u);
    case EXPR_SQRT:
        return expr_divide(p, expr_number(p, 0.5), e);
    case EXPR_SIN:
        return expr_call(p, EXPR_COS, u);
    case EXPR_COS:
        return expr_negate(p, expr_call(p, EXPR_SIN, u));
    case EXPR_TAN:
        return expr_divide(p, one, square(p, expr_call(p, EXPR_COS, u)));
    case EXPR_SINH:
        return expr_call(p, EXPR_COSH, u);
    case EXPR_COSH:
        return expr_call(p, EXPR_SINH, u);
    case EXPR_TANH:
        return expr_divide(p, one, square(p, expr_call(p, EXPR_COSH, u)));
    case EXPR_ABS:
        return expr_call(p, EXPR_SIGN, u);
    case EXPR_SIGN: /* except at its step */
        return expr_number(p, 0);
    default:
        return NULL;
    }
}

/* Functions of several arguments, by the last one; the others must not depend on the variable.
 * Slope of elliptic integrals by phi: DLMF 19.2. */
static const struct expr *derive_special(struct expr_derive *d, const struct expr *e)
{
    struct expr_pool *p = d->pool;
    const struct expr *one = expr_number(p, 1), *a = e->arg[0], *b = e->arg[1], *outer = NULL;
    const struct expr *inner =
        derive(d, e->op == EXPR_ELLIPTIC_F || e->op == EXPR_ELLIPTIC_E ? a : b);
    const struct expr *fixed =
        derive(d, e->op == EXPR_ELLIPTIC_F || e->op == EXPR_ELLIPTIC_E ? b : a);
    const struct expr *sine, *root;

    if (!is_zero(fixed) || (e->arg[2] && !is_zero(derive(d, e->arg[2]))))
        return NULL;
    switch (e->op) {
    case EXPR_POLYLOG:
        if (a->op != EXPR_NUMBER)
            return NULL;
        if (a->number == 2)
            outer =
                expr_negate(p, expr_divide(p, expr_call(p, EXPR_LOG, expr_subtract(p, one, b)), b));
        else
            outer = expr_divide(
                p,
                expr_named(p, "polylog", 7,
                           (const struct expr *[]){expr_number(p, a->number - 1), b}, 2),
                b);
        break;
    case EXPR_GAMMA_UPPER:
        outer = expr_negate(p, expr_multiply(p, expr_power(p, b, expr_subtract(p, a, one)),
                                             expr_call(p, EXPR_EXP, expr_negate(p, b))));
        break;
    default:
        sine = square(p, expr_call(p, EXPR_SIN, e->op == EXPR_ELLIPTIC_PI ? b : a));
        root = sqrt_of(
            p, expr_subtract(p, one,
                             expr_multiply(p, e->op == EXPR_ELLIPTIC_PI ? e->arg[2] : b, sine)));
        outer = e->op == EXPR_ELLIPTIC_E ? root : expr_divide(p, one, root);
        if (e->op == EXPR_ELLIPTIC_PI)
            outer = expr_divide(p, outer, expr_subtract(p, one, expr_multiply(p, a, sine)));
        break;
    }
    return expr_multiply(p, outer, inner);
}

static const struct expr *derive_node(struct expr_derive *d, const struct expr *e)
{
    struct expr_pool *p = d->pool;
    const struct expr *a = e->arg[0], *b = e->arg[1];

    switch (e->op) {
    case EXPR_NUMBER:
        return expr_number(p, 0);
    case EXPR_VARIABLE:
        return expr_number(p, e->variable == d->by);
    case EXPR_ADD:
        return expr_add(p, derive(d, a), derive(d, b));
    case EXPR_NEGATE:
        return expr_negate(p, derive(d, a));
    case EXPR_MULTIPLY:
        return expr_add(p, expr_multiply(p, derive(d, a), b), expr_multiply(p, a, derive(d, b)));
    case EXPR_DIVIDE:
        if (is_zero(derive(d, b)))
            return expr_divide(p, derive(d, a), b);
        return expr_divide(
            p,
            expr_subtract(p, expr_multiply(p, derive(d, a), b), expr_multiply(p, a, derive(d, b))),
            square(p, b));
    case EXPR_POWER:
        return derive_power(d, e);
    default:
        break;
    }
    if (b)
        return derive_special(d, e);
    const struct expr *inner = derive(d, a);
    if (is_zero(inner))
        return inner;
    return expr_multiply(p, slope(p, e), inner);
}

static const struct expr *derive(struct expr_derive *d, const struct expr *e)
{
    if (!d->known[e->id]) {
        d->made[e->id] = derive_node(d, e);
        d->known[e->id] = true;
    }
    return d->made[e->id];
}

const struct expr *expr_derivative(struct expr_pool *pool, const struct expr *e, uint32_t by)
{
    struct expr_derive d = {.pool = pool, .by = by, .count = pool->count};

    d.made = arena_array(pool->arena, d.count, sizeof(d.made[0]));
    d.known = arena_array(pool->arena, d.count, sizeof(d.known[0]));
    if (!d.made || !d.known) {
        pool->out_of_memory = true;
        return NULL;
    }
    return derive(&d, e);
}
