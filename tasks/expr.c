/* SPDX-License-Identifier: MIT */
/* Nodes of expressions, with simplifications that keep derivatives small. */
#include "tasks/expr.h"

#include <math.h>
#include <string.h>

static struct expr *expr_node(struct expr_pool *pool, enum expr_op op)
{
    if (pool->count >= pool->limit)
        return NULL;
    struct expr *e = arena_alloc(pool->arena, sizeof(*e));
    if (!e) {
        pool->out_of_memory = true;
        return NULL;
    }
    e->op = op;
    e->id = pool->count++;
    return e;
}

const struct expr *expr_number(struct expr_pool *pool, double value)
{
    struct expr *e = isfinite(value) ? expr_node(pool, EXPR_NUMBER) : NULL;

    if (e)
        e->number = value;
    return e;
}

uint32_t expr_variable_of(const struct expr_pool *pool, const char *name, size_t size)
{
    for (uint32_t i = 0; i < pool->n_names; i++) {
        if (strlen(pool->name[i]) == size && strncmp(pool->name[i], name, size) == 0)
            return i;
    }
    return EXPR_VARIABLES;
}

const struct expr *expr_variable(struct expr_pool *pool, const char *name, size_t size)
{
    uint32_t i = expr_variable_of(pool, name, size);

    if (i == EXPR_VARIABLES) {
        if (pool->n_names == EXPR_VARIABLES || size >= EXPR_NAME)
            return NULL;
        i = pool->n_names++;
        memcpy(pool->name[i], name, size);
    }
    struct expr *e = expr_node(pool, EXPR_VARIABLE);
    if (e)
        e->variable = i;
    return e;
}

static bool is_number(const struct expr *e, double value)
{
    return e->op == EXPR_NUMBER && e->number == value;
}

static const struct expr *expr_binary(struct expr_pool *pool, enum expr_op op, const struct expr *a,
                                      const struct expr *b)
{
    struct expr *e = a && b ? expr_node(pool, op) : NULL;

    if (e) {
        e->arg[0] = a;
        e->arg[1] = b;
    }
    return e;
}

const struct expr *expr_add(struct expr_pool *pool, const struct expr *a, const struct expr *b)
{
    if (a && b && is_number(a, 0))
        return b;
    if (a && b && is_number(b, 0))
        return a;
    return expr_binary(pool, EXPR_ADD, a, b);
}

const struct expr *expr_negate(struct expr_pool *pool, const struct expr *a)
{
    if (a && a->op == EXPR_NUMBER)
        return expr_number(pool, -a->number);
    if (a && a->op == EXPR_NEGATE)
        return a->arg[0];
    return expr_call(pool, EXPR_NEGATE, a);
}

const struct expr *expr_subtract(struct expr_pool *pool, const struct expr *a, const struct expr *b)
{
    return expr_add(pool, a, expr_negate(pool, b));
}

const struct expr *expr_multiply(struct expr_pool *pool, const struct expr *a, const struct expr *b)
{
    if (a && b && (is_number(a, 0) || is_number(b, 1)))
        return a;
    if (a && b && (is_number(b, 0) || is_number(a, 1)))
        return b;
    return expr_binary(pool, EXPR_MULTIPLY, a, b);
}

const struct expr *expr_divide(struct expr_pool *pool, const struct expr *a, const struct expr *b)
{
    if (a && b && (is_number(b, 1) || (is_number(a, 0) && !is_number(b, 0))))
        return a;
    return expr_binary(pool, EXPR_DIVIDE, a, b);
}

const struct expr *expr_power(struct expr_pool *pool, const struct expr *a, const struct expr *b)
{
    if (a && b && is_number(b, 1))
        return a;
    if (a && b && is_number(a, M_E))
        return expr_call(pool, EXPR_EXP, b);
    return expr_binary(pool, EXPR_POWER, a, b);
}

const struct expr *expr_call(struct expr_pool *pool, enum expr_op op, const struct expr *a)
{
    struct expr *e = a ? expr_node(pool, op) : NULL;

    if (e)
        e->arg[0] = a;
    return e;
}

const char *expr_function(enum expr_op op)
{
    static const char *const names[EXPR_OPS] = {
#define X(name, text) [EXPR_##name] = text,
        EXPR_FUNCTIONS(X)
#undef X
    };
    return names[op];
}
