/* SPDX-License-Identifier: MIT */
/* Holm, Pearson, Cochran and Armitage. */
#include "inject/stats/stats_test.h"

#include <math.h>

#include "inject/stats/stats_special.h"

void stats_test_holm(double *adjusted, const double *p, uint32_t *order, size_t count)
{
    /* insertion by rising p, NaN last: plans hold few hypotheses */
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        while (at > 0 && (p[i] < p[order[at - 1]] || (isnan(p[order[at - 1]]) && !isnan(p[i])))) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (uint32_t)i;
    }
    double least = 0;
    for (size_t rank = 0; rank < count; rank++) {
        const double own = p[order[rank]];
        least = fmax(least, fmin((double)(count - rank) * own, 1));
        adjusted[order[rank]] = isnan(own) ? NAN : least;
    }
}

double stats_test_fit(const uint64_t *observed, const double *weight, size_t count)
{
    double n = 0, weights = 0, sum = 0, cells = 0;
    for (size_t i = 0; i < count; i++) {
        n += (double)observed[i];
        weights += weight[i];
        cells += weight[i] > 0;
    }
    for (size_t i = 0; i < count; i++) {
        const double expected = n * weight[i] / weights, o = (double)observed[i];
        if (expected > 0)
            sum += (o - expected) * (o - expected) / expected;
        else if (o > 0)
            return 0;
    }
    return cells < 2 || n == 0 ? NAN : stats_special_chi2_upper(sum, cells - 1);
}

double stats_test_trend(const struct stats_test_groups *groups)
{
    double n = 0, events = 0, centre = 0, sum = 0, spread = 0;
    for (size_t i = 0; i < groups->count; i++) {
        n += (double)groups->trials[i];
        events += (double)groups->events[i];
        centre += (double)groups->trials[i] * groups->position[i];
    }
    centre /= n;
    for (size_t i = 0; i < groups->count; i++) {
        const double x = groups->position[i] - centre;
        sum += (double)groups->events[i] * x;
        spread += (double)groups->trials[i] * x * x;
    }
    const double variance = events / n * (1 - events / n) * spread;
    return variance > 0 ? sum / sqrt(variance) : NAN;
}

void stats_test_trend_coefficients(double *out, const double *position, size_t count)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += position[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (position[i] - mean) * (position[i] - mean);
    for (size_t i = 0; i < count; i++)
        out[i] = (position[i] - mean) / squares;
}
