/* SPDX-License-Identifier: MIT */
/* Exponential, logarithm, power, sine and cosine from sums, products and quotients alone. */
#include "model/dmath.h"

#include <math.h> /* INFINITY, NAN */
#include <stdint.h>
#include <string.h>

/* ln 2 in three parts: the first has 42 fraction bits, so that a product with an exponent is exact.
 */
#define DMATH_LN2_A 0x1.62e42fefa3800p-1
#define DMATH_LN2_B 0x1.ef35793c76730p-45
#define DMATH_LN2_C 0x1.f97b57a079a19p-103
#define DMATH_LN2_INVERSE 0x1.71547652b82fep+0

/* pi / 2 in three parts: two of 33 bits, exact in a product with an integer below 2^20, and a rest.
 */
#define DMATH_HALF_PI_A 0x1.921fb54400000p+0
#define DMATH_HALF_PI_B 0x1.0b4611a600000p-34
#define DMATH_HALF_PI_C 0x1.3198a2e037073p-69
#define DMATH_HALF_PI_INVERSE 0x1.45f306dc9c883p-1

#define DMATH_EXP_MAX 709.782712893384     /* ln of the largest double */
#define DMATH_EXP_MIN (-708.3964185322641) /* ln 2^-1022 */
#define DMATH_ANGLE_MAX 1048576.0

/* An unevaluated sum hi + lo, |lo| at most half an ULP of hi. */
struct pair {
    double hi, lo;
};

static uint64_t to_bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof(u));
    return u;
}

static double from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof(x));
    return x;
}

/* 2^k for a normal result. */
static double power_of_two(int k)
{
    return from_bits((uint64_t)(k + 1023) << 52);
}

static int round_to_int(double x)
{
    return (int)(x < 0 ? x - 0.5 : x + 0.5);
}

/* a + b exactly (Knuth, The Art of Computer Programming 2, 4.2.2). */
static struct pair two_sum(double a, double b)
{
    double s = a + b, bb = s - a;
    return (struct pair){s, (a - (s - bb)) + (b - bb)};
}

/* a * b exactly (Dekker, Numerische Mathematik 18, 1971): halves of 26 bits. */
static struct pair two_product(double a, double b)
{
    const double splitter = 134217729.0; /* 2^27 + 1 */
    double p = a * b, ca = splitter * a, cb = splitter * b;
    double ah = ca - (ca - a), al = a - ah, bh = cb - (cb - b), bl = b - bh;

    return (struct pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

static double horner(const double *c, int count, double x)
{
    double sum = c[count - 1];

    for (int i = count - 2; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* e^(x.hi + x.lo): reduction by k ln 2 to |r| <= 0.35, then the Taylor series. */
static double exp_pair(struct pair x)
{
    /* (e^r - 1 - r) / r^2 */
    static const double series[] = {
        1.0 / 2,         1.0 / 6,          1.0 / 24,          1.0 / 120,     1.0 / 720,
        1.0 / 5040,      1.0 / 40320,      1.0 / 362880,      1.0 / 3628800, 1.0 / 39916800,
        1.0 / 479001600, 1.0 / 6227020800, 1.0 / 87178291200,
    };
    int k;
    double y;
    struct pair r;

    if (x.hi != x.hi)
        return NAN;
    if (x.hi > DMATH_EXP_MAX)
        return INFINITY;
    if (x.hi < DMATH_EXP_MIN)
        return 0;
    k = round_to_int(x.hi * DMATH_LN2_INVERSE);
    r = two_sum(x.hi - k * DMATH_LN2_A, x.lo - k * DMATH_LN2_B);
    y = r.lo + r.hi * r.hi * horner(series, sizeof(series) / sizeof(series[0]), r.hi);
    y = 1 + (r.hi + y);
    /* Two factors: 2^1024 is no double. */
    return y * power_of_two(k / 2) * power_of_two(k - k / 2);
}

/* ln x for a normal x: x = 2^e m with m in [sqrt 1/2, sqrt 2), ln m = 2 atanh s. */
static struct pair log_pair(double x)
{
    /* (2 atanh s - 2 s) / s^3 in powers of s^2 */
    static const double series[] = {
        2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
        2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25,
    };
    uint64_t bits = to_bits(x);
    int e = (int)(bits >> 52) - 1023;
    double m = from_bits((bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff) << 52);
    double f, s, s_low, tail;
    struct pair d, p, sum;

    if (m > 1.4142135623730951) {
        m = m * 0.5;
        e = e + 1;
    }
    f = m - 1; /* exact */
    d = two_sum(2, f);
    s = f / d.hi;
    p = two_product(s, d.hi);
    s_low = ((f - p.hi) - p.lo - s * d.lo) / d.hi;
    tail = s * s * s * horner(series, sizeof(series) / sizeof(series[0]), s * s);
    sum = two_sum(e * DMATH_LN2_A, 2 * s);
    tail = sum.lo + (tail + (2 * s_low + (e * DMATH_LN2_B + e * DMATH_LN2_C)));
    return two_sum(sum.hi, tail);
}

double dmath_exp(double x)
{
    return exp_pair((struct pair){x, 0});
}

double dmath_log(double x)
{
    if (x != x || x < 0)
        return NAN;
    if (to_bits(x) << 1 < UINT64_C(1) << 53) /* zero and denormals */
        return -INFINITY;
    if (x == INFINITY)
        return INFINITY;
    return log_pair(x).hi;
}

double dmath_pow(double x, double y)
{
    struct pair l, p;

    if (!(x >= 0x1p-1022 && x < INFINITY && y > -INFINITY && y < INFINITY))
        return NAN;
    l = log_pair(x);
    if (y * l.hi > 1000)
        return INFINITY;
    if (y * l.hi < -1000)
        return 0;
    p = two_product(y, l.hi);
    return exp_pair(two_sum(p.hi, p.lo + y * l.lo));
}

void dmath_sin_cos(double x, double *out_sin, double *out_cos)
{
    /* (sin r - r) / r^3 and (cos r - 1 + r^2 / 2) / r^4 in powers of r^2 */
    static const double sines[] = {
        -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
        -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000,
    };
    static const double cosines[] = {
        1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
        1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000,
    };
    double n, z, half, w, s, c;
    struct pair r;
    int k;

    if (!(x >= -DMATH_ANGLE_MAX && x <= DMATH_ANGLE_MAX)) {
        *out_sin = *out_cos = NAN;
        return;
    }
    k = round_to_int(x * DMATH_HALF_PI_INVERSE);
    n = k;
    r = two_sum(x - n * DMATH_HALF_PI_A, -(n * DMATH_HALF_PI_B));
    r = two_sum(r.hi, r.lo - n * DMATH_HALF_PI_C);
    z = r.hi * r.hi;
    half = z * 0.5;
    s = r.hi + (r.hi * z * horner(sines, 8, z) + r.lo * (1 - half));
    w = 1 - half;
    c = w + (((1 - w) - half) + (z * z * horner(cosines, 8, z) - r.hi * r.lo));
    *out_sin = k & 1 ? c : s;
    *out_cos = k & 1 ? s : c;
    if (k & 2)
        *out_sin = -*out_sin;
    if ((k + 1) & 2)
        *out_cos = -*out_cos;
}
