/* SPDX-License-Identifier: MIT */
/* The density of a Brownian path that has not yet crossed a boundary, on Simpson's nodes. */
#include "inject/stats/stats_spending.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "inject/stats/stats_special.h"

#define SPENDING_NODES 601 /* odd: Simpson */
#define SPENDING_REACH 8   /* standard deviations beyond which a density counts as 0 */
#define SPENDING_STEPS 60

struct paths {
    double at[SPENDING_NODES];   /* values of the path             */
    double mass[SPENDING_NODES]; /* density x Simpson's weight     */
    double t;
};

double stats_spending_spent(enum stats_spending_kind kind, double alpha, double t)
{
    if (!(alpha > 0 && alpha < 1 && t >= 0))
        return NAN;
    if (t == 0)
        return 0;
    const double share = fmin(t, 1);
    if (kind == STATS_SPENDING_POCOCK)
        return alpha * log1p((M_E - 1) * share);
    const double z = stats_special_normal_quantile(alpha / 2);
    return 2 * stats_special_normal(z / sqrt(share));
}

static double normal_density(double x, double variance)
{
    return exp(-x * x / (2 * variance)) / sqrt(2 * M_PI * variance);
}

/* Probability that a path from `before` is at or above b at time t. */
static double crossing(const struct paths *before, double t, double b)
{
    if (before->t == 0)
        return stats_special_normal(-b / sqrt(t));
    const double deviation = sqrt(t - before->t);
    double sum = 0;
    for (int i = 0; i < SPENDING_NODES; i++)
        sum += before->mass[i] * stats_special_normal((before->at[i] - b) / deviation);
    return sum;
}

static void go_on(struct paths *after, const struct paths *before, double t, double b)
{
    const double bottom = -SPENDING_REACH * sqrt(t);
    const double top = fmin(b, SPENDING_REACH * sqrt(t));
    const double step = (top - bottom) / (SPENDING_NODES - 1);
    after->t = t;
    for (int i = 0; i < SPENDING_NODES; i++) {
        const double x = bottom + i * step;
        const bool end = i == 0 || i == SPENDING_NODES - 1;
        const double weight = step / 3 * (end ? 1 : i % 2 ? 4 : 2);
        double density = 0;
        if (before->t == 0) {
            density = normal_density(x, t);
        } else {
            for (int j = 0; j < SPENDING_NODES; j++)
                density += before->mass[j] * normal_density(x - before->at[j], t - before->t);
        }
        after->at[i] = x;
        after->mass[i] = density * weight;
    }
}

static bool are_looks(const struct stats_spending_looks *looks)
{
    double last = 0;
    for (uint32_t k = 0; k < looks->count; k++) {
        if (!(looks->t[k] > last && looks->t[k] <= 1))
            return false;
        last = looks->t[k];
    }
    return looks->count > 0 && looks->count <= STATS_SPENDING_LOOKS && looks->alpha > 0 &&
           looks->alpha < 1;
}

void stats_spending_boundaries(double *boundary, double *level,
                               const struct stats_spending_looks *looks)
{
    const bool good = are_looks(looks);
    struct paths before = {.t = 0}, after;
    double spent = 0;
    for (uint32_t k = 0; k < looks->count; k++) {
        boundary[k] = level[k] = NAN;
        if (!good)
            continue;
        const double t = looks->t[k], total = stats_spending_spent(looks->kind, looks->alpha, t);
        double low = -SPENDING_REACH * sqrt(t), high = 40 * sqrt(t);
        for (int step = 0; step < SPENDING_STEPS; step++) {
            const double mid = (low + high) / 2;
            if (crossing(&before, t, mid) > total - spent)
                low = mid;
            else
                high = mid;
        }
        boundary[k] = high / sqrt(t);
        level[k] = stats_special_normal(-boundary[k]);
        spent = total;
        if (k + 1 < looks->count) {
            go_on(&after, &before, t, high);
            memcpy(&before, &after, sizeof(before));
        }
    }
}
