/* SPDX-License-Identifier: MIT */
/* Everything on the score of the paired difference, so that test and interval never disagree. */
#include "inject/stats/stats_paired.h"

#include <math.h>
#include <stdbool.h>

#include "inject/stats/stats_special.h"

#define PAIRED_STEPS 100

static double pairs(const struct stats_paired_table *t)
{
    return t->both + t->first_only + t->second_only + t->neither;
}

static bool is_table(const struct stats_paired_table *t)
{
    return t->both >= 0 && t->first_only >= 0 && t->second_only >= 0 && t->neither >= 0 &&
           pairs(t) > 0;
}

struct stats_paired_table stats_paired_scale(const struct stats_paired_table *table,
                                             double design_effect)
{
    const double by = fmax(design_effect, 1);
    return (struct stats_paired_table){table->both / by, table->first_only / by,
                                       table->second_only / by, table->neither / by};
}

double stats_paired_mcnemar_exact(const struct stats_paired_table *table)
{
    const double rarer = fmin(table->first_only, table->second_only);
    const double n = table->first_only + table->second_only;
    if (!is_table(table))
        return NAN;
    return fmin(2 * stats_special_binomial_at_most(rarer, n, 0.5), 1);
}

double stats_paired_mcnemar_mid(const struct stats_paired_table *table)
{
    const double rarer = fmin(table->first_only, table->second_only);
    const double n = table->first_only + table->second_only;
    if (!is_table(table))
        return NAN;
    const double observed = stats_special_binomial(rarer, n, 0.5);
    if (table->first_only == table->second_only)
        return n == 0 ? 1 : 1 - 0.5 * observed;
    return 2 * stats_special_binomial_at_most(rarer, n, 0.5) - observed;
}

double stats_paired_score(const struct stats_paired_table *table, double difference)
{
    if (!is_table(table) || !(difference >= -1 && difference <= 1))
        return NAN;
    const double n = pairs(table), b = table->first_only, c = table->second_only;
    /* the likeliest share of second_only under the difference: root of 2n q^2 + B q + C */
    const double linear = -b - c + (2 * n - b + c) * difference;
    const double constant = -c * difference * (1 - difference);
    const double root = sqrt(fmax(linear * linear - 8 * n * constant, 0));
    /* of the root's two forms, the one without cancellation */
    const double q = linear > 0 ? -2 * constant / (linear + root) : (root - linear) / (4 * n);
    const double variance = n * (2 * q + difference * (1 - difference));
    const double distance = b - c - n * difference;
    if (variance <= 0)
        return distance == 0 ? 0 : copysign(INFINITY, distance);
    return distance / sqrt(variance);
}

/* The difference at which the score falls to z. */
static double difference_at(const struct stats_paired_table *table, double z)
{
    double low = -1, high = 1;
    for (int step = 0; step < PAIRED_STEPS; step++) {
        const double mid = (low + high) / 2;
        if (stats_paired_score(table, mid) > z)
            low = mid;
        else
            high = mid;
    }
    return stats_interval_end((low + high) / 2);
}

struct stats_interval stats_paired_interval(const struct stats_paired_table *table,
                                            struct stats_interval_level level)
{
    const double tail = stats_interval_tail(level);
    if (!is_table(table) || !(tail > 0 && tail < 1))
        return (struct stats_interval){-1, 1};
    const double z = -stats_special_normal_quantile(tail);
    return (struct stats_interval){
        level.side == STATS_INTERVAL_UPPER ? -1 : difference_at(table, z),
        level.side == STATS_INTERVAL_LOWER ? 1 : difference_at(table, -z),
    };
}

double stats_paired_non_inferiority(const struct stats_paired_table *table, double margin)
{
    return stats_special_normal(stats_paired_score(table, margin));
}

double stats_paired_equivalence(const struct stats_paired_table *table, double margin)
{
    const double above = stats_special_normal(-stats_paired_score(table, -margin));
    const double below = stats_paired_non_inferiority(table, margin);
    return isnan(above) || isnan(below) ? NAN : fmax(above, below);
}
