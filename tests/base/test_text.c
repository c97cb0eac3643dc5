/* SPDX-License-Identifier: MIT */
/* Byte strings: the nulls of a text are marked for readers that end at a null, and unmarked again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"

static void nulls_come_back(void **state)
{
    static const char few[] = {0, 'a', 0, 0x1b, '\n', (char)0xc3, (char)0xa9};
    struct rng rng;
    (void)state;
    rng_init(&rng, 8, 8);
    for (int i = 0; i < 3000; i++) {
        char bytes[24];
        const size_t n = rng_below(&rng, sizeof(bytes) + 1);
        size_t nulls = 0;
        struct text marked = {0}, back = {0};
        for (size_t k = 0; k < n; k++) {
            bytes[k] = few[rng_below(&rng, sizeof(few))];
            nulls += bytes[k] == 0;
        }
        assert_int_equal(text_add_marked(&marked, bytes, n), STATUS_OK);
        assert_int_equal(marked.size, n + nulls);
        assert_int_equal(strlen(marked.data), marked.size);
        assert_int_equal(text_add_unmarked(&back, marked.data), STATUS_OK);
        assert_int_equal(back.size, n);
        assert_memory_equal(back.data, bytes, n);
        text_finish(&marked);
        text_finish(&back);
    }
}

/* A failure stays and later additions are dropped, so one check at the end is enough. */
static void the_first_failure_stays(void **state)
{
    struct text text = {0};
    (void)state;
    assert_string_equal(text_of(&text), "");
    text_put(&text, "a");
    text_take(&text, STATUS_OK);
    text_addf(&text, "%d", 7);
    assert_int_equal(text.st, STATUS_OK);
    assert_string_equal(text_of(&text), "a7");
    assert_int_equal(text_take(&text, STATUS_INPUT), STATUS_INPUT);
    assert_int_equal(text_take(&text, STATUS_IO), STATUS_INPUT);
    assert_int_equal(text_put(&text, "b"), STATUS_INPUT);
    assert_int_equal(text_addf(&text, "%s", "b"), STATUS_INPUT);
    assert_int_equal(text_add_marked(&text, "b\0b", 3), STATUS_INPUT);
    assert_int_equal(text_add_unmarked(&text, "b"), STATUS_INPUT);
    assert_string_equal(text_of(&text), "a7");
    text_finish(&text);
    assert_int_equal(text.st, STATUS_OK);
    /* more than there is */
    assert_int_equal(text_add(&text, "c", SIZE_MAX), STATUS_MEMORY);
    text_put(&text, "d");
    assert_int_equal(text.st, STATUS_MEMORY);
    assert_null(text.data);
    text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_come_back),
        cmocka_unit_test(the_first_failure_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
