/* SPDX-License-Identifier: MIT */
/* Exit codes and names of every status, and what the log keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

static void exit_codes_follow_the_contract(void **state)
{
    (void)state;
    static const int expected[STATUS_COUNT] = {0, 2, 2, 2, 3, 3, 3, 4, 4, 1, 5};

    for (int i = 0; i < STATUS_COUNT; i++) {
        assert_int_equal(status_exit_code((enum status)i), expected[i]);
        assert_true(strlen(status_name((enum status)i)) > 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(status_name((enum status)i), status_name((enum status)j));
    }
    assert_int_equal(status_exit_code(STATUS_COUNT), 4);
    assert_string_equal(status_name(STATUS_COUNT), "unknown");
}

/* What log calls write to standard error between capture_begin and capture_end. */
struct capture {
    int saved, read_end;
};

static void capture_begin(struct capture *c)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    c->saved = dup(STDERR_FILENO);
    c->read_end = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

static void capture_end(struct capture *c, char *out, size_t size)
{
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    const ssize_t n = read(c->read_end, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    close(c->read_end);
}

static void a_message_is_one_printable_line(void **state)
{
    (void)state;
    struct capture c;
    char text[8192];

    capture_begin(&c);
    log_error("key \"%s\": found %d", "a\nb\x1b[31m", 7);
    capture_end(&c, text, sizeof(text));
    assert_string_equal(text, "vkfi: error: key \"a b?[31m\": found 7\n");
    assert_string_equal(log_last_error(), "key \"a b?[31m\": found 7");
}

static void held_errors_are_only_remembered(void **state)
{
    (void)state;
    struct capture c;
    char text[256];

    capture_begin(&c);
    log_hold_errors(true);
    log_error("may be none");
    log_warn("a warning");
    log_hold_errors(false);
    log_error("%s, but is one", log_last_error());
    capture_end(&c, text, sizeof(text));
    assert_string_equal(text, "vkfi: warning: a warning\nvkfi: error: may be none, but is one\n");
}

/* Invalid UTF-8 (RFC 3629: no surrogates, nothing above U+10FFFF, shortest form only) and C1
 * controls, which some terminals obey, are shown as bytes. */
static void bytes_that_are_no_text_are_shown(void **state)
{
    static const char *const cases[][2] = {
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\xff"
         "b\x80"
         "c",
         "a\\xffb\\x80c"},
        {"\xc3", "\\xc3"},
        {"\xe2\x82"
         "e",
         "\\xe2\\x82e"},
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xe0\x80\x80", "\\xe0\\x80\\x80"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b31m"},
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
    };
    (void)state;
    log_set_level(LOG_ERROR);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct capture c;
        char text[8192], expected[256];

        capture_begin(&c);
        log_error("%s", cases[i][0]);
        capture_end(&c, text, sizeof(text));
        snprintf(expected, sizeof(expected), "vkfi: error: %s\n", cases[i][1]);
        assert_string_equal(text, expected);
        assert_string_equal(log_last_error(), cases[i][1]);
    }
    log_set_level(LOG_WARN);
}

/* Neither a line of bytes that grow nor a character at the cut end leaves the line's bounds. */
static void long_bytes_are_cut_with_dots(void **state)
{
    (void)state;
    for (int lead = 0; lead < 4; lead++) {
        struct capture c;
        char text[8192], bytes[4000];

        memset(bytes, lead ? 'x' : '\xff', sizeof(bytes) - 1);
        for (size_t i = (size_t)lead; lead && i + 3 < sizeof(bytes); i += 3)
            memcpy(bytes + i, "\xe2\x82\xac", 3);
        bytes[sizeof(bytes) - 1] = '\0';
        capture_begin(&c);
        log_error("%s", bytes);
        capture_end(&c, text, sizeof(text));
        const size_t n = strlen(text);
        assert_in_range(n, 1000, 3000);
        assert_string_equal(text + n - 4, "...\n");
        assert_true(lead == 0 || !strstr(text, "\\x"));
        assert_true(lead > 0 || strncmp(text + n - 8, "\\xff...\n", 8) == 0);
    }
}

static void levels_drop_what_is_above_them(void **state)
{
    (void)state;
    struct capture c;
    char text[8192];

    capture_begin(&c);
    log_info("hidden");
    log_warn("shown");
    log_set_level(LOG_INFO);
    log_info("progress");
    log_debug("hidden");
    log_set_level(LOG_WARN);
    capture_end(&c, text, sizeof(text));
    assert_string_equal(text, "vkfi: warning: shown\nvkfi: progress\n");
}

static void long_messages_are_cut_with_dots(void **state)
{
    (void)state;
    struct capture c;
    char text[8192], long_name[4000];

    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    capture_begin(&c);
    log_error("%s", long_name);
    capture_end(&c, text, sizeof(text));
    const size_t n = strlen(text);
    assert_in_range(n, 1000, 3000);
    assert_string_equal(text + n - 5, "x...\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_follow_the_contract),
        cmocka_unit_test(a_message_is_one_printable_line),
        cmocka_unit_test(held_errors_are_only_remembered),
        cmocka_unit_test(bytes_that_are_no_text_are_shown),
        cmocka_unit_test(long_bytes_are_cut_with_dots),
        cmocka_unit_test(levels_drop_what_is_above_them),
        cmocka_unit_test(long_messages_are_cut_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
