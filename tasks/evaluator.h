/* SPDX-License-Identifier: MIT */
/* Values of expressions, by muparser; its only includer is evaluator.c. */
#ifndef VKFI_TASKS_EVALUATOR_H
#define VKFI_TASKS_EVALUATOR_H

#include "base/status.h"
#include "tasks/expr.h"

struct evaluator;

/* `pool` is the expression's and outlives the evaluator, which may also be used by one thread only.
 * STATUS_INTERNAL where muparser refuses what was made for it, logged. */
enum status evaluator_create(struct evaluator **out, struct expr_pool *pool,
                             const struct expr *e) STATUS_MUST_USE;
void evaluator_destroy(struct evaluator **evaluator);

/* `value` has the pool's variables in their order. NaN where the expression is not real, where a
 * function has no series here (elliptic and Fresnel integrals) and on overflow of one to NaN. */
double evaluator_at(struct evaluator *evaluator, const double value[EXPR_VARIABLES]);

#endif
