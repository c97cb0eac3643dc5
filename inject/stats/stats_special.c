/* SPDX-License-Identifier: MIT */
/* Distribution functions by continued fractions, series and safeguarded Newton steps. */
#include "inject/stats/stats_special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define SPECIAL_ITERATIONS 200000
#define SPECIAL_STEPS 300
#define SPECIAL_TINY 1e-300
#define SPECIAL_LOG_2PI 1.8378770664093454836
#define SPECIAL_DF_NORMAL 1e10 /* from here t and normal agree to 1e-10 */

/* ln(n!) - (n + 1/2) ln n + n - ln(2 pi) / 2: the error of Stirling's formula (DLMF 5.11.1). */
static double stirling_rest(double n)
{
    if (n < 16) {
        int sign;
        return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - 0.5 * SPECIAL_LOG_2PI;
    }
    const double s = 1 / (n * n);
    return (1. / 12 - s * (1. / 360 - s * (1. / 1260 - s * (1. / 1680 - s / 1188)))) / n;
}

/* x ln(x / m) + m - x, without cancellation near x = m (Loader 2000). */
static double deviance(double x, double m)
{
    const double e = (x - m) / m;
    if (fabs(e) > 0.1)
        return x * log(x / m) + m - x;
    double power = e, sum = 0;
    for (int k = 2; k < 20; k++) {
        power *= -e;
        sum -= power / (k * (k - 1));
    }
    return m * sum;
}

/* (n choose a) x^a y^(n-a) for real a in (0, n), y = 1 - x. */
static double binomial_point(double a, double b, double x, double y)
{
    const double n = a + b;
    const double log_rest = stirling_rest(n) - stirling_rest(a) - stirling_rest(b) -
                            deviance(a, n * x) - deviance(b, n * y);
    return exp(log_rest) * sqrt(n / a / b) * exp(-0.5 * SPECIAL_LOG_2PI);
}

/* Lentz's method for the fraction of DLMF 8.17.22, which converges for x < (a + 1)/(a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < SPECIAL_TINY ? SPECIAL_TINY : d);
    double value = d;
    for (int m = 1; m < SPECIAL_ITERATIONS; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < SPECIAL_TINY ? SPECIAL_TINY : d);
        c = fabs(c) < SPECIAL_TINY ? SPECIAL_TINY : c;
        value *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < SPECIAL_TINY ? SPECIAL_TINY : d);
        c = fabs(c) < SPECIAL_TINY ? SPECIAL_TINY : c;
        value *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON)
            return value;
    }
    return NAN;
}

/* I_x(a, b) with y = 1 - x given too, so that neither loses digits. */
static double beta_both(double x, double y, double a, double b)
{
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    const double n = a + b;
    if (x < (a + 1) / (n + 2))
        return b / n * binomial_point(a, b, x, y) * beta_fraction(x, a, b);
    return 1 - a / n * binomial_point(b, a, y, x) * beta_fraction(y, b, a);
}

double stats_special_beta(double x, double a, double b)
{
    if (!(x >= 0 && x <= 1 && a > 0 && b > 0))
        return NAN;
    return beta_both(x, 1 - x, a, b);
}

/* The lower half of the quantile function: p <= I at the answer's own side, x may be tiny. */
static double beta_quantile_low(double p, double a, double b)
{
    double low = 0, high = 1, x = a / (a + b);
    for (int step = 0; step < SPECIAL_STEPS; step++) {
        const double error = beta_both(x, 1 - x, a, b) - p;
        if (error == 0)
            return x;
        if (error > 0)
            high = x;
        else
            low = x;
        const double slope = a / (a + b) * b * binomial_point(a, b, x, 1 - x) / (x * (1 - x));
        double next = x - error / slope;
        if (!(next > low && next < high)) {
            /* far from the answer halve the exponent, near it the distance */
            next = low > 0 && high > 4 * low ? sqrt(low) * sqrt(high)
                   : low > 0                 ? low + (high - low) / 2
                                             : high / 64;
        }
        if (fabs(next - x) <= 2 * DBL_EPSILON * x || high - low <= 2 * DBL_EPSILON * high)
            return next;
        x = next;
    }
    return x;
}

double stats_special_beta_quantile(double p, double a, double b)
{
    if (!(p >= 0 && p <= 1 && a > 0 && b > 0))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    if (p > 0.5 && a > b)
        return 1 - beta_quantile_low(1 - p, b, a);
    return beta_quantile_low(p, a, b);
}

double stats_special_normal(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

double stats_special_normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    const double tail = p < 0.5 ? p : 1 - p;
    const double t = sqrt(-2 * log(tail));
    double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                         (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for (int step = 0; step < 4; step++) {
        const double density = exp(-0.5 * (x * x + SPECIAL_LOG_2PI));
        const double e = (stats_special_normal(x) - tail) / density;
        x -= e / (1 + 0.5 * x * e);
    }
    return p < 0.5 ? x : -x;
}

double stats_special_t(double x, double df)
{
    if (!(df > 0) || isnan(x))
        return NAN;
    if (df >= SPECIAL_DF_NORMAL || isinf(x))
        return stats_special_normal(x);
    const double square = x * x, sum = df + square;
    /* far out compute the tail itself, near 0 its distance from one half */
    if (square > df)
        return x > 0 ? 1 - 0.5 * beta_both(df / sum, square / sum, 0.5 * df, 0.5)
                     : 0.5 * beta_both(df / sum, square / sum, 0.5 * df, 0.5);
    const double middle = 0.5 * beta_both(square / sum, df / sum, 0.5, 0.5 * df);
    if (x < 0 && middle > 0.25)
        return 0.5 * beta_both(df / sum, square / sum, 0.5 * df, 0.5);
    return x < 0 ? 0.5 - middle : 0.5 + middle;
}

double stats_special_t_quantile(double p, double df)
{
    if (!(p >= 0 && p <= 1 && df > 0))
        return NAN;
    if (df >= SPECIAL_DF_NORMAL || p == 0 || p == 1)
        return stats_special_normal_quantile(p);
    const double tail = p < 0.5 ? p : 1 - p;
    double t;
    if (2 * tail > 0.5 || (df > 30 && tail > 1e-8)) {
        const double y = stats_special_beta_quantile(1 - 2 * tail, 0.5, 0.5 * df);
        t = sqrt(df * y / (1 - y));
    } else {
        const double x = stats_special_beta_quantile(2 * tail, 0.5 * df, 0.5);
        t = sqrt(df * (1 - x) / x);
    }
    return p < 0.5 ? -t : t;
}

/* P(a, x) by its series (DLMF 8.7.1). */
static double gamma_series(double a, double x, double factor)
{
    double term = 1 / a, sum = term;
    for (int n = 1; n < SPECIAL_ITERATIONS && fabs(term) > DBL_EPSILON * sum; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return factor * sum;
}

/* Q(a, x) by Lentz's method for DLMF 8.9.2. */
static double gamma_fraction(double a, double x, double factor)
{
    double b = x + 1 - a, c = 1 / SPECIAL_TINY, d = 1 / b, value = d;
    for (int n = 1; n < SPECIAL_ITERATIONS; n++) {
        const double term = -n * (n - a);
        b += 2;
        d = 1 / (term * d + b);
        c = b + term / c;
        value *= c * d;
        if (fabs(c * d - 1) < DBL_EPSILON)
            break;
    }
    return factor * value;
}

double stats_special_chi2_upper(double x, double df)
{
    if (!(x >= 0 && df > 0))
        return NAN;
    if (x == 0)
        return 1;
    const double a = 0.5 * df, y = 0.5 * x;
    int sign;
    const double log_factor =
        a > 16 ? 0.5 * log(a) - 0.5 * SPECIAL_LOG_2PI - stirling_rest(a) - deviance(a, y)
               : a * log(y) - y - lgamma_r(a, &sign);
    const double factor = exp(log_factor);
    return y < a + 1 ? 1 - gamma_series(a, y, factor) : gamma_fraction(a, y, factor);
}

static bool is_binomial(double k, double n, double p)
{
    return k >= 0 && k <= n && p >= 0 && p <= 1;
}

double stats_special_binomial(double k, double n, double p)
{
    if (!is_binomial(k, n, p))
        return NAN;
    if (p == 0 || p == 1)
        return k == (p == 0 ? 0 : n) ? 1 : 0;
    if (k == 0)
        return exp(n * log1p(-p));
    return k == n ? exp(n * log(p)) : binomial_point(k, n - k, p, 1 - p);
}

double stats_special_binomial_at_most(double k, double n, double p)
{
    if (!is_binomial(k, n, p))
        return NAN;
    return k == n ? 1 : beta_both(1 - p, p, n - k, k + 1);
}
