/* SPDX-License-Identifier: MIT */
/* Tokens without the output matrix: a proof from the change of the last hidden state that the
 * largest logit is among a few that are computed (ENGINE.md 3.5).
 *
 * Let w be a row of the output matrix as real numbers (d q + m of each element), h golden's last
 * hidden state and h' the faulty one, both as they enter the matrix, g and g' the logits that every
 * device computes for them, and e = |h' - h| (2-norms throughout). Then
 *
 *   |g' - g| <= |w (h' - h)| + |g' - w h'| + |g - w h|
 *            <= |w| e + gamma A (|h| + |h'|) + eta,        |h'| <= |h| + e
 *
 * A: norm of the row of |d q| + |m|, since d q x and m x are rounded apart. gamma = n u / (1 - n u)
 * with u = 2^-24 and n the roundings a product passes in contract order (NUMERICS.md 3): 1 for the
 * product, 8 of its chain, 2 joins, 1 for the scale, 1 for adding the min's term (whose own way is
 * shorter: 8 + 2 + 1 + 1), then blocks / 16 rounded up for the partial and 4 of the tree. eta
 * covers results that were flushed to zero: fewer than 2^22 of them, each below 2^-126 and
 * multiplied by a scale below 65504 * 63 at most, twice: below 1e-24. Norms and sums here are in
 * double and rounded up by a factor that exceeds their own error. Where |h|, |h'| <= 1e20 and A <=
 * 1e10 no step overflows. */
#ifndef VKFI_INJECT_CERTIFY_H
#define VKFI_INJECT_CERTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "model/model.h"

/* For a model: bounds of the rows of its output matrix as in the file. */
struct certify;

enum status certify_create(struct certify **out, const struct model *model) STATUS_MUST_USE;
void certify_destroy(struct certify **certify);

/* For one golden step; memory of an arena. */
struct certify_step;

/* hidden: (n_embd) row entering the output matrix; logits: (n_vocab). Null in `out` if the step
 * cannot be certified (Inf, NaN or extreme values). */
enum status certify_golden(struct certify_step **out, struct arena *arena,
                           const struct certify *certify, const float *hidden,
                           const float *logits) STATUS_MUST_USE;

struct certify_verdict {
    bool certified; /* `token` is the one that all logits would give, and all are finite */
    uint32_t token;
    bool same_bits;  /* hidden has golden's bits: so have all logits */
    bool other_bits; /* a computed logit differs from golden's bits */
};

/* `hidden`: (n_embd) of a faulty column of the step. The floating-point mode of fpenv.h is set. */
struct certify_verdict certify_column(const struct certify *certify,
                                      const struct certify_step *step, const float *hidden);

#endif
