/* SPDX-License-Identifier: MIT */
/* Tests over many strata: Holm's adjustment, goodness of fit, trend. */
#ifndef VKFI_INJECT_STATS_TEST_H
#define VKFI_INJECT_STATS_TEST_H

#include <stddef.h>
#include <stdint.h>

/* adjusted[i]: p[i] adjusted so that rejecting adjusted <= alpha keeps the chance of any false
 * rejection at alpha (Holm 1979). order: count indices, filled in by rising p. A NaN is an
 * untestable hypothesis: it counts as one and stays NaN. adjusted may be p. */
void stats_test_holm(double *adjusted, const double *p, uint32_t *order, size_t count);

/* P of a chi-square at least as large, `count` cells with expected shares proportional to weight
 * (Pearson 1900). Cells without weight must be empty (else 0). NaN with fewer than two cells or no
 * observation. */
double stats_test_fit(const uint64_t *observed, const double *weight, size_t count);

/* Groups in order: events[i] of trials[i] at position[i]. */
struct stats_test_groups {
    const uint64_t *events, *trials;
    const double *position;
    size_t count;
};

/* z of a linear trend of the rate over positions, positive if it rises (Cochran 1954; Armitage
 * 1955). For independent trials; if they share items or faults use stats_cluster_contrast with the
 * coefficients of stats_test_trend_coefficients. NaN with one position, or no or only events. */
double stats_test_trend(const struct stats_test_groups *groups);

/* c_h = (x_h - mean x) / sum (x - mean x)^2: sum c_h p_h is the slope by least squares. */
void stats_test_trend_coefficients(double *out, const double *position, size_t count);

#endif
