/* SPDX-License-Identifier: MIT */
/* Elementary functions in double that give the same bits whatever the C library is.
 *
 * Only + - * / on doubles and integer operations are used, so equal inputs give equal bits on every
 * machine. Results and arguments below 2^-1022 count as zero (NUMERICS.md 5: denormals flush). */
#ifndef VKFI_MODEL_DMATH_H
#define VKFI_MODEL_DMATH_H

/* e^x, error below 1 ULP; Inf above 709.78, 0 below -708.39. */
double dmath_exp(double x);

/* Natural logarithm, error below 1 ULP; 0 gives -Inf, negative x NaN. */
double dmath_log(double x);

/* x^y for finite x > 0 and finite y, error below 2 ULP; else NaN. */
double dmath_pow(double x, double y);

/* Sine and cosine of |x| <= 2^20 radians, error below 1 ULP or 1e-16, whichever is more; NaN
 * beyond. */
void dmath_sin_cos(double x, double *out_sin, double *out_cos);

#endif
