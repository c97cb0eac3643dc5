/* SPDX-License-Identifier: MIT */
/* Exit codes and names of every status, and what the log keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

static void exit_codes_follow_the_contract(void **state)
{
    (void)state;
    static const int expected[STATUS_COUNT] = {0, 2, 2, 2, 3, 3, 3, 4, 4, 1};

    for (int i = 0; i < STATUS_COUNT; i++) {
        assert_int_equal(status_exit_code((enum status)i), expected[i]);
        assert_true(strlen(status_name((enum status)i)) > 0);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(status_name((enum status)i), status_name((enum status)j));
        }
    }
    assert_int_equal(status_exit_code(STATUS_COUNT), 4);
    assert_string_equal(status_name(STATUS_COUNT), "unknown");
}

/* What log calls between begin and end wrote on standard error. */
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
        cmocka_unit_test(levels_drop_what_is_above_them),
        cmocka_unit_test(long_messages_are_cut_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
