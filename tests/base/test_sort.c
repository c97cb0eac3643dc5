/* SPDX-License-Identifier: MIT */
/* Sorted lists rise and hold the given elements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/sort.h"

#define MOST 40u

static void numbers_rise(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 2);
    for (uint32_t n = 0; n <= MOST; n++) {
        double value[MOST], sum = 0, sorted = 0;
        for (uint32_t i = 0; i < n; i++) {
            value[i] = i % 7 == 6 ? INFINITY : (double)rng_below(&rng, 20) - 10; /* some twice */
            sum += isinf(value[i]) ? 1000 : value[i];
        }
        sort_doubles(value, n);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(i == 0 || value[i - 1] <= value[i]);
            sorted += isinf(value[i]) ? 1000 : value[i];
        }
        assert_true(sum == sorted);
    }
}

static void texts_rise_by_their_bytes(void **state)
{
    const char *text[] = {"b", "", "ab", "\xc3\xa4", "B", "a", "ab"};
    static const char *const sorted[] = {"", "B", "a", "ab", "ab", "b", "\xc3\xa4"};
    (void)state;
    sort_texts(text, sizeof(text) / sizeof(*text));
    for (size_t i = 0; i < sizeof(sorted) / sizeof(*sorted); i++)
        assert_string_equal(text[i], sorted[i]);
    assert_true(sort_has_text(sorted, 7, "\xc3\xa4") && sort_has_text(sorted, 7, ""));
    assert_false(sort_has_text(sorted, 7, "A") || sort_has_text(NULL, 0, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise),
        cmocka_unit_test(texts_rise_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
