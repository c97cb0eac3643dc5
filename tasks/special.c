/* SPDX-License-Identifier: MIT */
/* Power series of special functions (DLMF 5, 6, 7.6, 25.12). */
#include "tasks/special.h"

#include <float.h>
#include <math.h>

#define EULER_GAMMA 0.57721566490153286061
#define TERMS 400

double special_erfi(double x)
{
    double term = x, sum = x;

    if (!(fabs(x) <= 5))
        return NAN;
    for (int n = 1; n < TERMS && fabs(term) > DBL_EPSILON * fabs(sum); n++) {
        term *= x * x / n;
        sum += term / (2 * n + 1);
    }
    return M_2_SQRTPI * sum;
}

double special_ei(double x)
{
    double term = 1, sum = 0;

    if (!(fabs(x) <= 30) || x == 0)
        return NAN;
    for (int n = 1; n < TERMS; n++) {
        term *= x / n;
        sum += term / n;
        if (fabs(term) < DBL_EPSILON * fabs(sum) && n > fabs(x))
            break;
    }
    return EULER_GAMMA + log(fabs(x)) + sum;
}

double special_si(double x)
{
    double term = x, sum = x;

    if (!(fabs(x) <= 15))
        return NAN;
    for (int n = 1; n < TERMS; n++) {
        term *= -x * x / ((2.0 * n) * (2.0 * n + 1));
        sum += term / (2 * n + 1);
    }
    return sum;
}

double special_ci(double x)
{
    double term = 1, sum = 0;

    if (!(x > 0 && x <= 15))
        return NAN;
    for (int n = 1; n < TERMS; n++) {
        term *= -x * x / ((2.0 * n - 1) * (2.0 * n));
        sum += term / (2 * n);
    }
    return EULER_GAMMA + log(x) + sum;
}

/* Sum of x^n / n^s. */
static double series(double s, double x)
{
    double power = x, sum = x;

    for (int n = 2; n < TERMS && fabs(power) > DBL_EPSILON * 1e-2; n++) {
        power *= x;
        sum += power / pow(n, s);
    }
    return sum;
}

double special_polylog(double s, double x)
{
    if (!(s >= 1) || s != floor(s) || isnan(x))
        return NAN;
    if (s == 1)
        return -log1p(-x);
    if (fabs(x) <= 0.9)
        return series(s, x);
    if (s != 2 || x > 1)
        return NAN;
    if (x > 0.9) /* DLMF 25.12.6 */
        return M_PI * M_PI / 6 - (x < 1 ? log(x) * log1p(-x) + series(2, 1 - x) : 0);
    /* Landen: 25.12.3 */
    const double l = log1p(-x);
    return -0.5 * l * l - (x < -9 ? M_PI * M_PI / 6 - log(x / (x - 1)) * log1p(-x / (x - 1)) -
                                        series(2, 1 / (1 - x))
                                  : series(2, x / (x - 1)));
}

double special_unknown1(double a)
{
    (void)a;
    return NAN;
}

double special_unknown2(double a, double b)
{
    (void)a;
    (void)b;
    return NAN;
}

double special_unknown3(double a, double b, double c)
{
    (void)a;
    (void)b;
    (void)c;
    return NAN;
}
