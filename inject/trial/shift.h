/* SPDX-License-Identifier: MIT */
/* Distance of faulty distributions over the vocabulary from golden's, with golden's tokens fed. */
#ifndef VKFI_INJECT_SHIFT_H
#define VKFI_INJECT_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

/* Sums over the steps so far; all zeros: none. */
struct shift {
    uint32_t steps;
    double logp_sum, logp_worst; /* log p_faulty - log p_golden of golden's token, nats */
    double kl_sum;               /* KL(golden || faulty), nats */
};

/* One step. Rows are (n); numbers are computed from their bits in double, in index order, with the
 * functions of model/dmath.h (NUMERICS.md 6). NaN where a logit is. */
struct shift_step {
    const float *golden, *faulty;
    double golden_logsumexp;
    uint32_t n, token; /* golden's token */
    bool kl;           /* else it counts as NaN */
};
void shift_add(struct shift *shift, const struct shift_step *step);

/* A step whose rows have equal bits: no shift. */
void shift_add_equal(struct shift *shift);

#endif
