/* SPDX-License-Identifier: MIT */
/* The ladder of outcomes, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inject/trial/outcome.h"

#define SAME(what) .same_##what = true

static void test_first_match_wins(void **state)
{
    static const struct {
        struct outcome_facts facts;
        enum outcome expected;
    } rows[] = {
        {{.reached = false, .bits_changed = true, .abnormal = true}, OUTCOME_NOT_REACHED},
        {{.reached = true, .abnormal = true}, OUTCOME_INERT},
        {{.reached = true, .dry = true, SAME(bits), SAME(tokens), SAME(text)},
         OUTCOME_MASKED_BITEXACT},
        {{.reached = true, .dry = true, .same_text = true}, OUTCOME_MASKED_TOKENS},
        {{.reached = true, .bits_changed = true, .abnormal = true, .same_bits = true}, OUTCOME_DUE},
        {{.reached = true, .bits_changed = true, SAME(bits), SAME(tokens), SAME(text)},
         OUTCOME_MASKED_BITEXACT},
        {{.reached = true, .bits_changed = true, SAME(bits), SAME(text)}, OUTCOME_MASKED_TOKENS},
        {{.reached = true, .bits_changed = true, SAME(bits)}, OUTCOME_SDC_UNSCORED},
        {{.reached = true, .bits_changed = true, SAME(tokens), SAME(text)}, OUTCOME_MASKED_TOKENS},
        {{.reached = true, .bits_changed = true, .same_text = true}, OUTCOME_MASKED_TOKENS},
        {{.reached = true, .bits_changed = true}, OUTCOME_SDC_UNSCORED},
        {{.reached = true, .bits_changed = true, .scored = true, .score_change = 0.5},
         OUTCOME_SDC_IMPROVED},
        {{.reached = true, .bits_changed = true, .scored = true}, OUTCOME_SDC_BENIGN},
        {{.reached = true, .bits_changed = true, .scored = true, .score_change = 5, .eps = 5},
         OUTCOME_SDC_BENIGN},
        {{.reached = true, .bits_changed = true, .scored = true, .score_change = -5, .eps = 5},
         OUTCOME_SDC_BENIGN},
        {{.reached = true, .bits_changed = true, .scored = true, .score_change = -5.1, .eps = 5},
         OUTCOME_SDC_CRITICAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(outcome_of(&rows[i].facts), rows[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_match_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
