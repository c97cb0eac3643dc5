/* SPDX-License-Identifier: MIT */
/* Log-probability of golden's token and KL divergence of one step. */
#include "inject/trial/shift.h"

#include <math.h>

#include "model/dmath.h"
#include "model/sampler.h"

/* sum p (log p - log q); a token of probability 0 in golden adds nothing. */
static double divergence(const struct shift_step *s, double faulty_logsumexp)
{
    double sum = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const double log_p = (double)s->golden[i] - s->golden_logsumexp;
        const double log_q = (double)s->faulty[i] - faulty_logsumexp;
        const double p = dmath_exp(log_p);
        if (p > 0)
            sum += p * (log_p - log_q);
    }
    return sum;
}

static void take(struct shift *shift, double logp, double kl)
{
    if (shift->steps == 0 || isnan(logp) || logp < shift->logp_worst)
        shift->logp_worst = isnan(shift->logp_worst) ? NAN : logp;
    shift->logp_sum += logp;
    shift->kl_sum += kl;
    shift->steps++;
}

void shift_add(struct shift *shift, const struct shift_step *s)
{
    const double logsumexp = sampler_logsumexp(s->faulty, s->n);
    const double golden = (double)s->golden[s->token] - s->golden_logsumexp;
    const double logp = (double)s->faulty[s->token] - logsumexp - golden;

    take(shift, logp, s->kl ? divergence(s, logsumexp) : NAN);
}

void shift_add_equal(struct shift *shift)
{
    take(shift, 0, 0);
}
