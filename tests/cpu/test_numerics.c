/* SPDX-License-Identifier: MIT */
/* shared/numerics.h on the CPU: errors in ULP against double, conversions, keys, special values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/fpenv.h"
#include "base/rng.h"
#include "shared/numerics.h"
#include "shared/order.h"

enum { SAMPLES = 2000000 };

/* Distance of a result from the true value in units of the last place of float32 at that value. */
static double ulp(float found, double expected)
{
    int exponent;
    frexp(expected, &exponent);
    if (exponent < -125)
        exponent = -125;
    return fabs((double)found - expected) / ldexp(1, exponent - 24);
}

struct worst {
    double ulp;
    float at;
};

static void note(struct worst *w, float x, float found, double expected)
{
    const double e = ulp(found, expected);
    if (!(e <= w->ulp)) {
        w->ulp = e;
        w->at = x;
    }
}

static void report(const char *name, const struct worst *w, double limit)
{
    print_message("%s: at most %.3f ULP (at %a), stated %g\n", name, w->ulp, (double)w->at, limit);
    assert_true(w->ulp <= limit);
}

/* Any float whose exponent is in [low, high]. */
static float draw(struct rng *rng, uint32_t low, uint32_t high)
{
    const uint32_t bits = rng_u32(rng);
    return lang_float((bits & 0x807fffffu) | (low + rng_u32(rng) % (high - low + 1)) << 23);
}

static void test_rcp(void **state)
{
    (void)state;
    struct worst w = {0};
    struct rng rng;

    rng_init(&rng, 1, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const float x = draw(&rng, 1, 252);
        note(&w, x, nm_rcp(x), 1 / (double)x);
    }
    report("nm_rcp", &w, 2);
    assert_int_equal(lang_bits(nm_rcp(lang_float(0))), NM_INF);
    assert_int_equal(lang_bits(nm_rcp(lang_float(NM_SIGN))), NM_INF | NM_SIGN);
    assert_int_equal(lang_bits(nm_rcp(lang_float(0x80000001u))), NM_INF | NM_SIGN);
    assert_int_equal(lang_bits(nm_rcp(lang_float(NM_INF))), 0);
    assert_int_equal(lang_bits(nm_rcp(lang_float(NM_INF | NM_SIGN))), NM_SIGN);
    assert_int_equal(lang_bits(nm_rcp(lang_float(0x7f7fffffu))), 0); /* denormal: flushed */
    assert_true(nm_is_nan(lang_bits(nm_rcp(lang_float(0xffc00000u)))));
    assert_int_equal(lang_bits(nm_rcp(1.0f)), 0x3f800000);
}

static void test_rsqrt(void **state)
{
    (void)state;
    struct worst w = {0};
    struct rng rng;

    rng_init(&rng, 2, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const float x = lang_float(lang_bits(draw(&rng, 1, 254)) & ~NM_SIGN);
        note(&w, x, nm_rsqrt(x), 1 / sqrt((double)x));
    }
    report("nm_rsqrt", &w, 3);
    assert_int_equal(lang_bits(nm_rsqrt(lang_float(0))), NM_INF);
    assert_int_equal(lang_bits(nm_rsqrt(lang_float(NM_SIGN))), NM_INF);
    assert_int_equal(lang_bits(nm_rsqrt(lang_float(5))), NM_INF); /* a denormal is zero */
    assert_int_equal(lang_bits(nm_rsqrt(lang_float(NM_INF))), 0);
    assert_true(nm_is_nan(lang_bits(nm_rsqrt(lang_float(0xbf800000u)))));
    assert_true(nm_is_nan(lang_bits(nm_rsqrt(lang_float(0xff800000u)))));
    assert_true(nm_is_nan(lang_bits(nm_rsqrt(lang_float(0x7fc00000u)))));
}

/* x over a range, and near zero. */
static float draw_range(struct rng *rng, double low, double high, int i)
{
    return i % 4 ? (float)(low + (high - low) * rng_unit(rng)) : draw(rng, 1, 126);
}

static void test_exp(void **state)
{
    (void)state;
    struct worst w = {0};
    struct rng rng;

    rng_init(&rng, 3, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const float x = draw_range(&rng, -60, 88, i);
        note(&w, x, nm_exp(x), exp((double)x));
    }
    report("nm_exp", &w, 2);
    assert_int_equal(lang_bits(nm_exp(-60.0001f)), 0);
    assert_true(nm_exp(-60.0f) > 0);
    assert_int_equal(lang_bits(nm_exp(lang_float(NM_INF | NM_SIGN))), 0);
    assert_int_equal(lang_bits(nm_exp(lang_float(NM_INF))), NM_INF);
    assert_int_equal(lang_bits(nm_exp(88.001f)), NM_INF);
    assert_true(nm_is_nan(lang_bits(nm_exp(lang_float(0xffc00001u)))));
    assert_int_equal(lang_bits(nm_exp(lang_float(0))), 0x3f800000);
    assert_int_equal(lang_bits(nm_exp(lang_float(NM_SIGN))), 0x3f800000);
    assert_int_equal(lang_bits(nm_exp(lang_float(1))), 0x3f800000);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void test_activations(void **state)
{
    (void)state;
    struct worst s = {0}, silu = {0};
    double gelu = 0;
    struct rng rng;

    rng_init(&rng, 4, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const float x = draw_range(&rng, -59.9, 80, i);
        const double d = (double)x;
        note(&s, x, nm_sigmoid(x), sigmoid(d));
        if (fabs(d * sigmoid(d)) >= 0x1p-126) /* below, results are flushed */
            note(&silu, x, nm_silu(x), d * sigmoid(d));
        /* 1 - tanh cancels for negative x: an error relative to x, not to the result */
        const double u2 = 2 * sqrt(2 / acos(-1.0)) * (d + 0.044715 * d * d * d);
        const double error = fabs((double)nm_gelu(x) - d * sigmoid(u2));
        gelu = fmax(gelu, error / fmax(fabs(d), 1e-30));
    }
    report("nm_sigmoid", &s, 5);
    report("nm_silu", &silu, 6);
    print_message("nm_gelu: at most %.3g of |x|, stated 4e-7\n", gelu);
    assert_true(gelu <= 4e-7);
    assert_int_equal(lang_bits(nm_sigmoid(-61.0f)), 0);
    assert_int_equal(lang_bits(nm_sigmoid(lang_float(NM_INF))), 0x3f800000);
    assert_int_equal(lang_bits(nm_sigmoid(lang_float(NM_INF | NM_SIGN))), 0);
    assert_true(nm_is_nan(lang_bits(nm_sigmoid(lang_float(0x7fc00000u)))));
    assert_true(nm_is_nan(lang_bits(nm_silu(lang_float(NM_INF | NM_SIGN))))); /* -Inf * 0 */
}

static void test_gelu_erf(void **state)
{
    (void)state;
    struct worst tail = {0}, gelu = {0};
    struct rng rng;

    rng_init(&rng, 9, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const float x = i % 4 == 0 ? draw(&rng, 60, 129) : draw_range(&rng, -10.95, 12, i);
        const double d = (double)x;
        if (fabs(d) < 10.95)
            note(&tail, x, nm_normal_tail(fabsf(x)), 0.5 * erfc(fabs(d) * sqrt(0.5)));
        if (d > -10.95)
            note(&gelu, x, nm_gelu_erf(x), d * 0.5 * erfc(-d * sqrt(0.5)));
    }
    report("nm_normal_tail", &tail, 12);
    report("nm_gelu_erf", &gelu, 14);
    assert_int_equal(lang_bits(nm_gelu_erf(0.0f)), 0);
    assert_int_equal(lang_bits(nm_gelu_erf(-0.0f)), NM_SIGN);
    assert_int_equal(lang_bits(nm_gelu_erf(-11.0f)), NM_SIGN);
    assert_int_equal(lang_bits(nm_gelu_erf(1e30f)), lang_bits(1e30f));
    assert_int_equal(lang_bits(nm_gelu_erf(-1e30f)), NM_SIGN);
    assert_int_equal(lang_bits(nm_gelu_erf(lang_float(NM_INF))), NM_INF);
    assert_int_equal(lang_bits(nm_gelu_erf(lang_float(NM_INF | NM_SIGN))), NM_SIGN);
    assert_true(nm_is_nan(lang_bits(nm_gelu_erf(lang_float(0x7fc00000u)))));
}

static void test_tanh(void **state)
{
    (void)state;
    struct worst w = {0};
    struct rng rng;

    rng_init(&rng, 10, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const float x = i % 8 == 0   ? draw(&rng, 20, 129)
                        : i % 8 == 1 ? draw_range(&rng, 0.59, 0.61, i)
                                     : draw_range(&rng, -12, 12, i);
        if (fabsf(x) < INFINITY)
            note(&w, x, nm_tanh(x), tanh((double)x));
        assert_int_equal(lang_bits(nm_tanh(-x)), lang_bits(nm_tanh(x)) ^ NM_SIGN);
        assert_true(fabsf(nm_tanh(x)) <= 1);
    }
    report("nm_tanh", &w, 3);
    assert_int_equal(lang_bits(nm_tanh(0.0f)), 0);
    assert_int_equal(lang_bits(nm_tanh(-0.0f)), NM_SIGN);
    assert_int_equal(lang_bits(nm_tanh(10.0f)), 0x3f800000);
    assert_int_equal(lang_bits(nm_tanh(lang_float(NM_INF))), 0x3f800000);
    assert_int_equal(lang_bits(nm_tanh(lang_float(NM_INF | NM_SIGN))), 0x3f800000 | NM_SIGN);
    assert_true(nm_is_nan(lang_bits(nm_tanh(lang_float(0xffc00001u)))));
    assert_int_equal(lang_bits(nm_cap(1e30f, 50, 1 / 50.0f)), lang_bits(50.0f));
    assert_true(fabsf(nm_cap(-30, 30, 1 / 30.0f) + 30 * 0.761594156f) < 1e-5f);
}

/* The value of f16 bits by the definition of the format. */
static double half_value(uint32_t h)
{
    const double sign = h & 0x8000u ? -1 : 1;
    const int exponent = (int)(h >> 10 & 31u);
    const double mantissa = h & 0x3ffu;

    if (exponent == 31)
        return mantissa > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25));
}

static void test_f16_widens_exactly(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        const float found = nm_f16_to_f32(h);
        const double expected = half_value(h);
        if (isnan(expected)) {
            assert_true(nm_is_nan(lang_bits(found)));
            assert_int_equal(nm_f32_to_f16(lang_bits(found)), 0x7e00);
            continue;
        }
        assert_true((double)found == expected);
        assert_int_equal(lang_bits(found) >> 31, h >> 15);
        assert_int_equal(nm_f32_to_f16(lang_bits(found)), h); /* and back */
    }
}

/* Nearest of the two neighbours `low` and `low + 1` (magnitudes) by value; ties to even. */
static uint32_t nearest(double magnitude, uint32_t low, double (*value)(uint32_t), uint32_t top)
{
    const double a = value(low),
                 b = low + 1 == top ? 2 * value(top - 1) - value(top - 2) : value(low + 1);
    if (magnitude - a != b - magnitude)
        return magnitude - a < b - magnitude ? low : low + 1;
    return low % 2 ? low + 1 : low;
}

static double bf16_value(uint32_t b)
{
    return (double)lang_float(b << 16);
}

/* Largest code whose value is at most the magnitude. */
static uint32_t below(double magnitude, double (*value)(uint32_t), uint32_t top)
{
    uint32_t low = 0, high = top;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (value(middle) <= magnitude)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void check_narrowing(uint32_t bits)
{
    const uint32_t sign = bits >> 31 << 15, magnitude = bits & 0x7fffffffu;
    const double value = (double)lang_float(nm_flush(magnitude));
    const uint32_t half =
        nearest(value, below(value, half_value, 0x7c00), half_value, 0x7c00) | sign;

    assert_int_equal(nm_f32_to_f16(bits), half);
    if (magnitude >= 0x00800000u) { /* bf16 has denormals of its own, but f32's are flushed */
        const uint32_t brain =
            nearest(value, below(value, bf16_value, 0x7f80), bf16_value, 0x7f80) | sign;
        assert_int_equal(nm_f32_to_bf16(bits), brain);
    } else {
        assert_int_equal(nm_f32_to_bf16(bits), sign);
    }
}

static void test_narrowing_rounds_to_even(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 5, 0);
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = rng_u32(&rng) & 0xbfffffffu;
        if (i % 2) /* the range of f16, and bits that make ties */
            bits = (bits & 0x807fffffu) | (100 + rng_u32(&rng) % 45) << 23;
        if (i % 3 == 0)
            bits &= i % 9 == 0 ? 0xffff8000u : 0xfffff000u;
        if ((bits & 0x7fffffffu) < NM_INF)
            check_narrowing(bits);
    }
    assert_int_equal(nm_f32_to_f16(0x477fefff), 0x7bff); /* 65519.996 */
    assert_int_equal(nm_f32_to_f16(0x477ff000), 0x7c00); /* 65520 */
    assert_int_equal(nm_f32_to_f16(0x33000000), 0x0000); /* 2^-25: tie to even */
    assert_int_equal(nm_f32_to_f16(0x33000001), 0x0001);
    assert_int_equal(nm_f32_to_f16(0x80000001), 0x8000);
    assert_int_equal(nm_f32_to_f16(0xff800000), 0xfc00);
    assert_int_equal(nm_f32_to_bf16(0x7f7fffff), 0x7f80);
    assert_int_equal(nm_f32_to_bf16(0xffc12345), 0x7fc0);
    assert_int_equal(nm_store(0xffc12345, NM_F32), NM_NAN);
    assert_int_equal(nm_store(0x80000001, NM_F32), NM_SIGN);
    for (uint32_t b = 0; b < 65536; b++)
        assert_int_equal(lang_bits(nm_bf16_to_f32(b)), b << 16);
}

static void test_keys_order(void **state)
{
    (void)state;
    struct rng rng;

    rng_init(&rng, 6, 0);
    for (int i = 0; i < SAMPLES; i++) {
        const uint32_t a = rng_u32(&rng), b = rng_u32(&rng);
        if (nm_is_nan(a)) {
            assert_int_equal(nm_key(a), 0);
            continue;
        }
        if (!nm_is_nan(b) && (a & NM_INF) && (b & NM_INF))
            assert_int_equal(nm_key(a) < nm_key(b), lang_float(a) < lang_float(b));
        assert_true(nm_key(a) > 0);
        assert_int_equal(nm_unkey(nm_key(a)), a == NM_SIGN ? 0 : a);
    }
    assert_int_equal(nm_key(0), nm_key(NM_SIGN));
    assert_int_equal(nm_unkey(0), NM_NAN);
}

static void test_partial_order(void **state)
{
    (void)state;
    static const uint32_t expected[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};
    for (uint32_t i = 0; i < 16; i++)
        assert_int_equal(order_partial(i), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rcp),
        cmocka_unit_test(test_rsqrt),
        cmocka_unit_test(test_exp),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_gelu_erf),
        cmocka_unit_test(test_tanh),
        cmocka_unit_test(test_f16_widens_exactly),
        cmocka_unit_test(test_narrowing_rounds_to_even),
        cmocka_unit_test(test_keys_order),
        cmocka_unit_test(test_partial_order),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
