/* SPDX-License-Identifier: MIT */
/* The floating-point mode really flushes, in this thread and in threads made after it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void widening_keeps_denormals(void **state)
{
    (void)state;
    fpenv_set();
    assert_true(fpenv_widen(from_bits(0x00000001)) == 0x1p-149);
    assert_true(fpenv_widen(from_bits(0x807fffff)) == -0x1.fffffcp-127);
    assert_true(fpenv_widen(from_bits(0x00800000)) == 0x1p-126);
    assert_true(fpenv_widen(1.5f) == 1.5);
    assert_true(signbit(fpenv_widen(-0.0f)));
}

static void narrowing_gives_back_each_float(void **state)
{
    (void)state;
    fpenv_set();
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += bits < 0x01000000 ? 4099 : 65537) {
        const float value = from_bits((uint32_t)bits);
        if (!isnan(value))
            assert_int_equal(bits_of(fpenv_narrow(fpenv_widen(value))), bits);
    }
    assert_int_equal(bits_of(fpenv_narrow(0x1p-149)), 1);
    assert_int_equal(bits_of(fpenv_narrow(-0x1.fffffcp-127)), 0x807fffff);
    assert_int_equal(bits_of(fpenv_narrow(0x1.8p-149)), 1);
    assert_true(isnan(fpenv_narrow(NAN)));
    assert_true(isinf(fpenv_narrow(1e300)));
}

static void denormals_are_flushed_both_ways(void **state)
{
    (void)state;
    volatile float denormal = from_bits(0x00000001), big = 0x1p100f, tiny = 0x1p-126f, half = 0.5f;

    assert_int_equal(bits_of(denormal * big), 0);
    assert_int_equal(bits_of(tiny * half), 0);
    assert_int_equal(bits_of(-tiny * half), 0x80000000);
    /* NUMERICS.md 5, tininess on x86: a result that rounds to a normal number stays, others are
     * flushed. */
    volatile float below26 = from_bits(0x3f7fffff), one_bit = 0x1.fffffep-1f;
    assert_int_equal(bits_of(below26 * tiny), 0);
    assert_int_equal(bits_of(one_bit), 0x3f7fffff);
}

static void a_flush_is_noted(void **state)
{
    (void)state;
    volatile float tiny = 0x1p-126f, half = 0.5f, result;

    fpenv_clear_underflow();
    result = half * half;
    assert_false(fpenv_underflow());
    result = tiny * half;
    assert_true(fpenv_underflow());
    fpenv_clear_underflow();
    assert_false(fpenv_underflow());
    (void)result;
}

static void *thread_main(void *arg)
{
    *(bool *)arg = fpenv_is_set();
    return NULL;
}

static void threads_inherit_the_mode(void **state)
{
    (void)state;
    pthread_t thread;
    bool is_set = false;

    assert_int_equal(pthread_create(&thread, NULL, thread_main, &is_set), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(is_set);
}

static void other_rounding_is_seen_and_put_right(void **state)
{
    (void)state;
    assert_int_equal(fesetround(FE_UPWARD), 0);
    assert_false(fpenv_is_set());
    fpenv_set();
    assert_true(fpenv_is_set());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denormals_are_flushed_both_ways),
        cmocka_unit_test(widening_keeps_denormals),
        cmocka_unit_test(narrowing_gives_back_each_float),
        cmocka_unit_test(a_flush_is_noted),
        cmocka_unit_test(threads_inherit_the_mode),
        cmocka_unit_test(other_rounding_is_seen_and_put_right),
    };

    if (fpenv_is_set()) {
        fprintf(stderr, "the mode is set before fpenv_set\n");
        return 1;
    }
    fpenv_set();
    if (!fpenv_is_set()) {
        fprintf(stderr, "skipped: no floating-point mode is known for this processor\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
