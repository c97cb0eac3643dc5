/* SPDX-License-Identifier: MIT */
/* Texts from outside: what is accepted, what is refused and where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/outside.h"
#include "base/rng.h"

static void good_texts_stay(void **state)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "two\r\nlines\n",
                                        "\x01\x1b\x7f",
                                        "\xc2\x80 \xe2\x82\xac \xef\xbf\xbd \xf4\x8f\xbf\xbf",
                                        "a\xef\xbb\xbf inside"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct outside_text t = {"t", texts[i], strlen(texts[i])};
        assert_int_equal(outside_take(&t), STATUS_OK);
        assert_ptr_equal(t.bytes, texts[i]);
        assert_int_equal(t.size, strlen(texts[i]));
    }
}

static void a_mark_at_the_begin_is_left_out(void **state)
{
    static const char text[] = "\xef\xbb\xbf\xef\xbb\xbfx";
    struct outside_text t = {"t", text, sizeof(text) - 1};
    (void)state;
    assert_int_equal(outside_take(&t), STATUS_OK);
    assert_ptr_equal(t.bytes, text + 3); /* the second is a character */
    assert_int_equal(t.size, 4);
    t = (struct outside_text){"t", text, 3};
    assert_int_equal(outside_take(&t), STATUS_OK);
    assert_int_equal(t.size, 0);
}

/* After a random well-formed text, each ill-formed one is reported with its place. */
static void bad_bytes_are_told_with_their_place(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {{"\0", 1},
               {"\x80", 1},
               {"\xe9 ", 2},
               {"\xc3", 1},
               {"\xc0\x80", 2},
               {"\xe0\x80\x80", 3},
               {"\xed\xa0\x80", 3},
               {"\xff", 1},
               {"\xe2\x82", 2},
               {"\xc1\xbf", 2},
               {"\xf4\x90\x80\x80", 4},
               {"\xfe", 1}};
    static const char *const good[] = {"a", "\n", "\xc3\xa9", "\xf0\x9f\x98\x80", "\r\n"};
    struct rng rng;
    (void)state;
    rng_init(&rng, 4, 4);
    for (int round = 0; round < 600; round++) {
        char text[256], expected[64];
        size_t n = 0, line = 1, start = 0;
        for (uint64_t k = rng_below(&rng, 20); k > 0; k--) {
            const char *piece = good[rng_below(&rng, sizeof(good) / sizeof(*good))];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
            if (strchr(piece, '\n')) {
                line++;
                start = n;
            }
        }
        const size_t which = rng_below(&rng, sizeof(bad) / sizeof(*bad));
        memcpy(text + n, bad[which].bytes, bad[which].size);
        struct outside_text t = {"file.txt", text, n + bad[which].size};
        assert_int_equal(outside_take(&t), STATUS_INPUT);
        snprintf(expected, sizeof(expected), "file.txt:%zu:%zu: found byte 0x%02x at offset %zu,",
                 line, n - start + 1, (unsigned char)bad[which].bytes[0], n);
        if (strncmp(log_last_error(), expected, strlen(expected)) != 0)
            fail_msg("%s; expected %s", log_last_error(), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_stay),
        cmocka_unit_test(a_mark_at_the_begin_is_left_out),
        cmocka_unit_test(bad_bytes_are_told_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
