/* SPDX-License-Identifier: MIT */
/* Shared by the two halves of the expression parser: sums and products, and their atoms. */
#ifndef VKFI_TASKS_EXPR_READER_H
#define VKFI_TASKS_EXPR_READER_H

#include "tasks/expr.h"

#define EXPR_DEPTH 128

struct expr_reader {
    struct expr_pool *pool;
    const char *at, *end;
    enum expr_form form;
    uint32_t depth; /* of open brackets, signs, exponents and arguments */
    uint32_t bars;  /* of open |...| */
};

/* Each reads what it names and leaves `at` after it; null: not found. Blanks before tokens are
 * skipped. */
const struct expr *expr_sum(struct expr_reader *r);
const struct expr *expr_signed(struct expr_reader *r); /* - and + before a power */
const struct expr *expr_raised(struct expr_reader *r); /* an atom with its exponents */
const struct expr *expr_atom(struct expr_reader *r);
/* After ^: a group, a token, or (not in braces) a signed one. */
const struct expr *expr_exponent(struct expr_reader *r);

/* Skips blanks, and LaTeX for looks only. */
void expr_skip(struct expr_reader *r);
/* Skips `token` if it is next, after blanks. A letter must not follow a command. */
bool expr_take(struct expr_reader *r, const char *token);
bool expr_next(struct expr_reader *r, const char *token);
/* A written product sign: one of * · × \cdot \times. */
bool expr_times(struct expr_reader *r);
/* True if a factor can start here without a sign. */
bool expr_factor_next(struct expr_reader *r);

#endif
