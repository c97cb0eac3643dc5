/* SPDX-License-Identifier: MIT */
/* Arena alignment, zeroing and limits; growth of byte strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 16384, 16385, 70000, 1 << 20, 5};
    struct arena arena = {0};
    unsigned char *piece[11 * 20];
    size_t count = 0;

    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 11; i++) {
            unsigned char *p = arena_alloc(&arena, sizes[i]);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 64, 0);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(p[k], 0);
            memset(p, (int)(count % 255) + 1, sizes[i]);
            piece[count++] = p;
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizes[i % 11]; k++)
            assert_int_equal(piece[i][k], i % 255 + 1);
    }
    arena_finish(&arena);
    assert_null(arena.head);
    arena_finish(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};

    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 64));
    assert_null(arena_array(&arena, SIZE_MAX / 4, 8));
    assert_null(arena_text(&arena, "", SIZE_MAX));
    assert_non_null(arena_array(&arena, 3, 8));
    arena_finish(&arena);
}

static void texts_are_copied_and_printed(void **state)
{
    (void)state;
    struct arena arena = {0};

    assert_string_equal(arena_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_text(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "blk.%d.%s", 3, "attn_q"), "blk.3.attn_q");
    arena_finish(&arena);
}

static void byte_strings_grow_and_stay_terminated(void **state)
{
    (void)state;
    struct text text = {0};
    char expected[5000] = "";

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(text_addf(&text, "%d,", i), STATUS_OK);
        sprintf(expected + strlen(expected), "%d,", i);
    }
    assert_int_equal(text.size, strlen(expected));
    assert_string_equal(text.data, expected);
    assert_int_equal(text_add(&text, "a\0b", 3), STATUS_OK);
    assert_int_equal(text.size, strlen(expected) + 3);
    assert_memory_equal(text.data + text.size - 3, "a\0b", 4);
    assert_int_equal(text_add(&text, "x", SIZE_MAX - 8), STATUS_MEMORY);
    assert_int_equal(text.size, strlen(expected) + 3);
    text_finish(&text);
    assert_null(text.data);
    text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(texts_are_copied_and_printed),
        cmocka_unit_test(byte_strings_grow_and_stay_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
