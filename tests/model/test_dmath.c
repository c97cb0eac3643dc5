/* SPDX-License-Identifier: MIT */
/* Double elementary functions against long double ones of the C library, and their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "model/dmath.h"

#define DRAWS 300000

/* Distance from the exact value in units of the last place of that value as a double. */
static double ulps(double got, long double want)
{
    int exponent;

    frexpl(want, &exponent);
    return (double)(fabsl((long double)got - want) / ldexpl(1, exponent - 53));
}

static double between(struct rng *rng, double low, double high)
{
    return low + (high - low) * rng_unit(rng);
}

static void keep_max(double *max, double value)
{
    if (!(value <= *max)) /* a NaN is kept too */
        *max = value;
}

static void test_exp(void **state)
{
    struct rng rng;
    double worst = 0;

    (void)state;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < DRAWS; i++) {
        double wide = between(&rng, -708.39, 709.78), small = between(&rng, -1, 1);
        keep_max(&worst, ulps(dmath_exp(wide), expl(wide)));
        keep_max(&worst, ulps(dmath_exp(small), expl(small)));
    }
    printf("exp: %.3f ULP\n", worst);
    assert_true(worst < 1);
    assert_true(dmath_exp(0) == 1 && dmath_exp(-0.0) == 1);
    assert_true(dmath_exp(710) == INFINITY && dmath_exp(INFINITY) == INFINITY);
    assert_true(dmath_exp(-709) == 0 && dmath_exp(-INFINITY) == 0);
    assert_true(dmath_exp(709.782712893384) < INFINITY && dmath_exp(-708.396) > 0);
    assert_true(isnan(dmath_exp(NAN)));
}

static void test_log(void **state)
{
    struct rng rng;
    double worst = 0;

    (void)state;
    rng_init(&rng, 2, 0);
    for (int i = 0; i < DRAWS; i++) {
        double wide = ldexp(between(&rng, 1, 2), (int)rng_below(&rng, 2044) - 1021);
        double near = between(&rng, 0.5, 2), tight = 1 + between(&rng, -1e-6, 1e-6);
        keep_max(&worst, ulps(dmath_log(wide), logl(wide)));
        keep_max(&worst, ulps(dmath_log(near), logl(near)));
        if (tight != 1)
            keep_max(&worst, ulps(dmath_log(tight), logl(tight)));
    }
    printf("log: %.3f ULP\n", worst);
    assert_true(worst < 1);
    assert_true(dmath_log(1) == 0);
    assert_true(dmath_log(0) == -INFINITY && dmath_log(-0.0) == -INFINITY);
    assert_true(dmath_log(0x1p-1023) == -INFINITY); /* denormals count as zero */
    assert_true(dmath_log(INFINITY) == INFINITY);
    assert_true(isnan(dmath_log(-1)) && isnan(dmath_log(NAN)) && isnan(dmath_log(-INFINITY)));
}

static void test_pow(void **state)
{
    struct rng rng;
    double worst = 0;

    (void)state;
    rng_init(&rng, 3, 0);
    for (int i = 0; i < DRAWS; i++) {
        double base = dmath_exp(between(&rng, 0, 17)), y = rng_unit(&rng);
        double wide = dmath_exp(between(&rng, -50, 50)), power = between(&rng, -14, 14);
        keep_max(&worst, ulps(dmath_pow(base, y), powl(base, y)));
        keep_max(&worst, ulps(dmath_pow(wide, power), powl(wide, power)));
    }
    printf("pow: %.3f ULP\n", worst);
    assert_true(worst < 2);
    assert_true(dmath_pow(10000, 0) == 1 && dmath_pow(1, 123) == 1);
    assert_true(dmath_pow(10000, 0.5) == 100 && dmath_pow(2, 10) == 1024);
    assert_true(dmath_pow(10, 400) == INFINITY && dmath_pow(10, -400) == 0);
    assert_true(isnan(dmath_pow(-1, 2)) && isnan(dmath_pow(0, 1)) && isnan(dmath_pow(2, NAN)));
}

/* The larger of the error in ULP and, scaled so that 1 is the limit, that in 1e-16. */
static double wave_error(double got, long double want)
{
    double absolute = (double)(fabsl((long double)got - want) / 1e-16L), relative = ulps(got, want);

    return absolute < relative ? absolute : relative;
}

static void test_sin_cos(void **state)
{
    struct rng rng;
    double worst = 0, s, c;

    (void)state;
    rng_init(&rng, 4, 0);
    for (int i = 0; i < DRAWS; i++) {
        static const double ends[] = {1, 100, 1e4, 1048576};
        double x = between(&rng, -1, 1) * ends[i % 4];
        if (i % 5 == 0) /* next to a multiple of pi / 2, where digits cancel */
            x = (double)rng_below(&rng, 600000) * 1.5707963267948966;
        dmath_sin_cos(x, &s, &c);
        keep_max(&worst, wave_error(s, sinl(x)));
        keep_max(&worst, wave_error(c, cosl(x)));
    }
    for (uint32_t position = 0; position < 1u << 20; position += 7) {
        dmath_sin_cos(position, &s, &c);
        keep_max(&worst, wave_error(s, sinl(position)));
        keep_max(&worst, wave_error(c, cosl(position)));
    }
    printf("sin, cos: %.3f of the limit\n", worst);
    assert_true(worst < 1);
    dmath_sin_cos(0, &s, &c);
    assert_true(s == 0 && c == 1);
    dmath_sin_cos(1048577, &s, &c);
    assert_true(isnan(s) && isnan(c));
    dmath_sin_cos(NAN, &s, &c);
    assert_true(isnan(s) && isnan(c));
}

/* Bits of a few results, so that a compiler or machine that gives others is found out. */
static void test_pinned(void **state)
{
    double s, c;

    (void)state;
    dmath_sin_cos(12345.678, &s, &c);
    assert_true(dmath_exp(-3.25) == 0x1.3da368521902dp-5);
    assert_true(dmath_log(151936) == 0x1.7dcc82aefe0dp+3);
    assert_true(dmath_pow(1e6, 0.375) == 0x1.63a7e7e21d783p+7);
    assert_true(s == -0x1.687d5890974a5p-1 && c == 0x1.6b94c3bbe24b8p-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp),     cmocka_unit_test(test_log),    cmocka_unit_test(test_pow),
        cmocka_unit_test(test_sin_cos), cmocka_unit_test(test_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
