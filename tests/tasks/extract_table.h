/* SPDX-License-Identifier: MIT */
/* A row of the extraction tables, and its check. */
#ifndef VKFI_TESTS_TASKS_EXTRACT_TABLE_H
#define VKFI_TESTS_TASKS_EXTRACT_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tasks/extract.h"

struct extract_row {
    const char *text;
    const char *answer; /* null: none */
};

static inline void extract_table_check(const char *rule, const struct extract_row *rows,
                                       size_t count)
{
    int wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct arena arena = {0};
        const char *answer = NULL;
        assert_int_equal(extract_answer(&answer, &arena, rule, rows[i].text), STATUS_OK);
        if (!answer != !rows[i].answer || (answer && strcmp(answer, rows[i].answer) != 0)) {
            print_error("%s, row %zu: '%s' gives '%s', expected '%s'\n", rule, i, rows[i].text,
                        answer ? answer : "(none)", rows[i].answer ? rows[i].answer : "(none)");
            wrong++;
        }
        arena_finish(&arena);
    }
    assert_int_equal(wrong, 0);
}

#define EXTRACT_TABLE(rule, rows) extract_table_check(rule, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
