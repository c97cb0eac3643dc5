/* SPDX-License-Identifier: MIT */
/* Values of expressions, by muparser; its only includer is evaluator.c. */
#ifndef VKFI_TASKS_EVALUATOR_H
#define VKFI_TASKS_EVALUATOR_H

#include "base/status.h"
#include "tasks/expr.h"

struct evaluator;

/* `pool` is the expression's and outlives the evaluator; only one thread may use the evaluator.
 * STATUS_INTERNAL, logged, if muparser refuses its formula. */
enum status evaluator_create(struct evaluator **out, struct expr_pool *pool,
                             const struct expr *e) STATUS_MUST_USE;
void evaluator_destroy(struct evaluator **evaluator);

/* `value` holds the pool's variables in order. NaN if the expression is not real, if a function has
 * no series here (elliptic and Fresnel integrals) or overflows to NaN. */
double evaluator_at(struct evaluator *evaluator, const double value[EXPR_VARIABLES]);

#endif
