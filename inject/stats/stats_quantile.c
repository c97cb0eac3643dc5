/* SPDX-License-Identifier: MIT */
/* Order statistics. */
#include "inject/stats/stats_quantile.h"

#include <math.h>

#include "inject/stats/stats_special.h"

struct stats_quantile stats_quantile_of(const double *value, uint32_t n, double share,
                                        double confidence)
{
    const double tail = (1 - confidence) / 2;
    uint32_t low = 0, high = 1; /* order statistics, from 1 */
    if (n == 0)
        return (struct stats_quantile){NAN, -INFINITY, INFINITY};
    /* fewer than i values lie below the quantile with the probability of at most i - 1 */
    while (low < n && stats_special_binomial_at_most(low, n, share) <= tail)
        low++;
    while (high <= n && stats_special_binomial_at_most(high - 1, n, share) < 1 - tail)
        high++;
    const double rank = ceil(n * share);
    return (struct stats_quantile){value[rank > 1 ? (uint32_t)rank - 1 : 0],
                                   low > 0 ? value[low - 1] : -INFINITY,
                                   high <= n ? value[high - 1] : INFINITY};
}
