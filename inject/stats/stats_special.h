/* SPDX-License-Identifier: MIT */
/* Distribution functions in double: beta, normal, Student's t, chi-square, binomial. */
#ifndef VKFI_INJECT_STATS_SPECIAL_H
#define VKFI_INJECT_STATS_SPECIAL_H

/* All stats_* files: pure functions of their arguments, any thread. A NaN or an argument outside
 * its domain gives NaN here, and an unknown rate (NaN with bounds 0 and 1) in the other files, so
 * that no comparison "bound <= limit" is true by accident. */

/* Regularised incomplete beta function I_x(a, b), a, b > 0 (DLMF 8.17.22; the factor before the
 * fraction by the saddle-point form of Loader 2000, which keeps 12 digits up to a + b = 1e7). */
double stats_special_beta(double x, double a, double b);

/* x with I_x(a, b) = p. */
double stats_special_beta_quantile(double p, double a, double b);

/* Standard normal distribution function and its inverse (DLMF 7.2.2; Halley steps from Abramowitz
 * and Stegun 26.2.23). */
double stats_special_normal(double x);
double stats_special_normal_quantile(double p);

/* Student's t with real df > 0; df = INFINITY is the normal (DLMF 8.17; Abramowitz and Stegun
 * 26.7.1). */
double stats_special_t(double x, double df);
double stats_special_t_quantile(double p, double df);

/* P(X >= x), X chi-square with df degrees of freedom (DLMF 8.7.1 and 8.9.2). */
double stats_special_chi2_upper(double x, double df);

/* Binomial: P(X = k) and P(X <= k) (DLMF 8.17.5); k and n are integers in doubles. */
double stats_special_binomial(double k, double n, double p);
double stats_special_binomial_at_most(double k, double n, double p);

#endif
