/* SPDX-License-Identifier: MIT */
/* inject/schema.sql says of a trial what trial_row.h and kinds.h say; `test_schema --update` writes
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "inject/space/kinds.h"
#include "inject/store/trial_row.h"

#define SCHEMA VKFI_SOURCE "/inject/schema.sql"
#define SECTION_BEGIN "CREATE TABLE trial (\n"
#define SECTION_END ") STRICT, WITHOUT ROWID;\n"
#define WIDTH 100

#define TEXTS(name, text, ...) text,
static const char *const KIND_TEXTS[] = {KINDS(TEXTS) NULL};
static const char *const POINT_TEXTS[] = {POINTS(TEXTS) NULL};
static const char *const PLACE_TEXTS[] = {PLACES(TEXTS) NULL};
static const char *const GRANULARITY_TEXTS[] = {GRANULARITIES(TEXTS) NULL};
static const char *const READERS_TEXTS[] = {READERS(TEXTS) NULL};
static const char *const DURATION_TEXTS[] = {DURATIONS(TEXTS) NULL};
static const char *const STAGE_TEXTS[] = {STAGES(TEXTS) NULL};
static const char *const OUTCOME_TEXTS[] = {OUTCOMES(TEXTS) NULL};
static const char *const DUE_TEXTS[] = {DUE_REASONS(TEXTS) NULL};
static const char *const MC_TEXTS[] = {MC_TARGETS(TEXTS) NULL};
static const char *const ROLE_TEXTS[] = {TRIAL_ROLES(TEXTS) NULL};
static const char *const PROTECTED_TEXTS[] = {PROTECTED(TEXTS) NULL};
static const char *const VERDICT_TEXTS[] = {VERDICTS(TEXTS) NULL};
static const char *const DIR_TEXTS[] = {"0>1", "1>0", "mixed", NULL};
static const char *const PATH_TEXTS[] = {"fast", "naive", NULL};

/* Columns that take the words of a table only, or NULL; the empty word is written as NULL. */
static const struct {
    const char *column;
    const char *const *words;
} ENUMERATIONS[] = {
    {"control", ROLE_TEXTS},
    {"mc_target", MC_TEXTS},
    {"place", PLACE_TEXTS},
    {"point", POINT_TEXTS},
    {"readers", READERS_TEXTS},
    {"kind", KIND_TEXTS},
    {"granularity", GRANULARITY_TEXTS},
    {"stage", STAGE_TEXTS},
    {"duration", DURATION_TEXTS},
    {"outcome", OUTCOME_TEXTS},
    {"due_reason", DUE_TEXTS},
    {"dir", DIR_TEXTS},
    {"path", PATH_TEXTS},
    {"protection", PROTECTED_TEXTS},
    {"verdict", VERDICT_TEXTS},
};

/* Other constraints of a column. */
static const struct {
    const char *column, *constraint;
} CONSTRAINTS[] = {
    {"trial", " NOT NULL"},
    {"arm", " NOT NULL"},
    {"item", " REFERENCES item (id)"},
    {"stratum", " REFERENCES stratum (id)"},
    {"place", " NOT NULL"},
    {"site", " NOT NULL"},
    {"kind", " NOT NULL"},
    {"outcome", " NOT NULL"},
    {"device_id", " REFERENCES device (id)"},
};

static void add(struct text *out, const char *text)
{
    assert_int_equal(text_add(out, text, strlen(text)), STATUS_OK);
}

static void add_column(struct text *out, const struct field *field)
{
    static const char *const types[] = {
        [FIELD_KIND_NUMBER] = "INTEGER", [FIELD_KIND_REAL] = "ANY", [FIELD_KIND_TEXT] = "TEXT"};
    const char *constraint = "";

    for (size_t i = 0; i < sizeof(CONSTRAINTS) / sizeof(*CONSTRAINTS); i++) {
        if (strcmp(CONSTRAINTS[i].column, field->name) == 0)
            constraint = CONSTRAINTS[i].constraint;
    }
    const bool unit = strcmp(field->unit, "none") != 0;
    assert_int_equal(text_addf(out, "    %s %s%s, -- %s%s%s%s%s\n", field->name,
                               types[field_kind(field)], constraint,
                               field->level < FIELD_RUN ? "" : "free: ", field->what,
                               unit ? " [" : "", unit ? field->unit : "", unit ? "]" : ""),
                     STATUS_OK);
}

/* "CONSTRAINT column CHECK (column IN ('a', 'b')),", broken after a comma where the line gets too
 * long. */
static void add_enumeration(struct text *out, const char *column, const char *const *words)
{
    size_t line = out->size;
    const char *separator = "";

    assert_int_equal(text_addf(out, "    CONSTRAINT %s CHECK (%s IN (", column, column), STATUS_OK);
    for (; *words; words++) {
        if (!**words)
            continue;
        add(out, separator);
        if (out->size - line + strlen(*words) + 8 > WIDTH) {
            out->data[--out->size] = '\0'; /* the space */
            line = out->size + 1;
            add(out, "\n        ");
        }
        assert_int_equal(text_addf(out, "'%s'", *words), STATUS_OK);
        separator = ", ";
    }
    add(out, ")),\n");
}

/* The body of CREATE TABLE trial. */
static void make_section(struct text *out)
{
    for (size_t i = 0; i < trial_row_table.count; i++)
        add_column(out, &trial_row_table.field[i]);
    add(out, "    batch INTEGER NOT NULL, -- number of the transaction that wrote the row, from 1\n"
             "    digest INTEGER NOT NULL,\n");
    for (size_t i = 0; i < sizeof(ENUMERATIONS) / sizeof(*ENUMERATIONS); i++)
        add_enumeration(out, ENUMERATIONS[i].column, ENUMERATIONS[i].words);
    add(out, "    CONSTRAINT due CHECK (due_reason IS NULL OR outcome = 'due'),\n"
             "    CONSTRAINT clean CHECK (trial >= 0 OR control = 'clean'),\n"
             "    CONSTRAINT armed CHECK ((arm = 'none') = (arm_weight IS NULL)),\n"
             "    PRIMARY KEY (trial, arm)\n");
}

static void read_schema(struct arena *arena, char **out, char **begin, char **end)
{
    size_t size;

    assert_int_equal(file_read(arena, SCHEMA, out, &size), STATUS_OK);
    *begin = strstr(*out, SECTION_BEGIN);
    assert_non_null(*begin);
    *begin += strlen(SECTION_BEGIN);
    *end = strstr(*begin, SECTION_END);
    assert_non_null(*end);
}

static void the_trial_table_is_that_of_row_and_kinds(void **state)
{
    struct arena arena = {0};
    struct text section = {0};
    char *schema, *begin, *end;

    (void)state;
    read_schema(&arena, &schema, &begin, &end);
    make_section(&section);
    *end = '\0';
    if (strcmp(begin, section.data) != 0)
        print_error("expected of table trial (test_schema --update writes it):\n%s", section.data);
    assert_string_equal(begin, section.data);
    text_finish(&section);
    arena_finish(&arena);
}

static void every_enumeration_and_constraint_is_of_a_column(void **state)
{
    const size_t n = sizeof(ENUMERATIONS) / sizeof(*ENUMERATIONS);

    (void)state;
    for (size_t i = 0; i < n + sizeof(CONSTRAINTS) / sizeof(*CONSTRAINTS); i++) {
        const char *name = i < n ? ENUMERATIONS[i].column : CONSTRAINTS[i - n].column;
        bool found = false;
        for (size_t f = 0; f < trial_row_table.count; f++)
            found |= strcmp(trial_row_table.field[f].name, name) == 0;
        assert_true(found);
    }
}

static void write_section(void **state)
{
    struct arena arena = {0};
    struct text out = {0};
    char *schema, *begin, *end;

    (void)state;
    read_schema(&arena, &schema, &begin, &end);
    assert_int_equal(text_add(&out, schema, (size_t)(begin - schema)), STATUS_OK);
    make_section(&out);
    add(&out, end);
    assert_int_equal(file_write(SCHEMA, out.data, out.size), STATUS_OK);
    text_finish(&out);
    arena_finish(&arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trial_table_is_that_of_row_and_kinds),
        cmocka_unit_test(every_enumeration_and_constraint_is_of_a_column),
    };
    const struct CMUnitTest update[] = {cmocka_unit_test(write_section)};

    if (argc == 2 && strcmp(argv[1], "--update") == 0)
        return cmocka_run_group_tests(update, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
