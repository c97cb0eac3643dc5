/* SPDX-License-Identifier: MIT */
/* Exports have the fields of trial_row.h and, read by pandas, the values of the database. */
#include "store_testing.h"

#include <sys/wait.h>

#include "base/file.h"
#include "base/fpenv.h"
#include "base/log.h"
#include "inject/store/store_export.h"

#define SKIPPED 77

static void fill(const struct store_testing *t)
{
    struct store *store;
    uint64_t rows;

    assert_int_equal(store_create(&store, t->path, &STORE_TESTING_IDENTITY), STATUS_OK);
    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 0, 1, 600), STATUS_OK);
    assert_int_equal(store_testing_put(store, 600, 1, 400), STATUS_OK);
    const struct store_doubt doubt = {.device = 0, .from = 2, .but = TRIAL_ROW_NULL};
    const struct store_doubt_reason reason = {&doubt, 1, "control 7, differs"};
    assert_int_equal(store_doubt_mark(store, &reason, &rows), STATUS_OK);
    store_destroy(&store);
}

/* The export as a text, and as a file beside the database. */
static char *export(const struct store_testing *t, enum store_export_format format,
                    struct arena *arena)
{
    char path[128], *text;
    size_t size;
    struct store *store;

    snprintf(path, sizeof(path), "%s/%s", t->folder,
             format == STORE_EXPORT_CSV ? "out.csv" : "out.jsonl");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(store_open(&store, t->path), STATUS_OK);
    assert_int_equal(store_export(store, format, file), STATUS_OK);
    store_destroy(&store);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(file_read(arena, path, &text, &size), STATUS_OK);
    return text;
}

static void fields_stand_in_the_order_of_the_table(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    struct text names = {0};

    fill(t);
    for (size_t i = 0; i < trial_row_table.count + trial_row_joined_table.count; i++) {
        const struct field *field = i < trial_row_table.count
                                        ? &trial_row_table.field[i]
                                        : &trial_row_joined_table.field[i - trial_row_table.count];
        assert_int_equal(text_addf(&names, "%s%s", i ? "," : "", field->name), STATUS_OK);
    }
    assert_int_equal(text_addf(&names, "\r\n0,none,"), STATUS_OK);
    const char *csv = export(t, STORE_EXPORT_CSV, &arena);
    assert_int_equal(strncmp(csv, names.data, names.size), 0);
    const char *jsonl = export(t, STORE_EXPORT_JSONL, &arena);
    assert_int_equal(strncmp(jsonl, "{\"trial\":0,\"arm\":\"none\",", 24), 0);
    text_finish(&names);
    arena_finish(&arena);
}

/* What null, an empty text and the like must look like, to the byte. */
static void values_are_written_as_agreed(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    struct store *store;
    struct trial_row row;
    const struct store_batch batch = {.rows = &row, .n_rows = 1};

    assert_int_equal(store_create(&store, t->path, &STORE_TESTING_IDENTITY), STATUS_OK);
    trial_row_init(&row);
    row.trial = 3;
    row.arm = "none";
    row.place = "kv";
    row.site = "a \"b\", c";
    row.kind = "flip";
    row.outcome = "due";
    row.weight = 0.1;
    row.draw_prob = -INFINITY;
    row.before_value = -0.0;
    row.after = 0;
    row.faulty_text = "";
    row.hash = "x\r\ny";
    row.mask = INT64_MAX;
    row.before = 0x1f;
    row.width = 13;
    row.after_value = (double)0.1F;
    row.flags = "digit_changed+repetition";
    row.deviation = "[[0,1e-3,12]]";
    row.fault = "{\"site\":\"kv\",\"seed\":9007199254740993}";
    assert_int_equal(store_put(store, &batch), STATUS_OK);
    store_destroy(&store);
    const char *csv = strchr(export(t, STORE_EXPORT_CSV, &arena), '\n') + 1;
    assert_string_equal(
        csv,
        "3,none,,,,0.1,-Infinity,,,,kv,\"a \"\"b\"\", c\",,,,,,flip,,,,,,,,,,,,"
        "0x7fffffffffffffff,,13,\"{\"\"site\"\":\"\"kv\"\",\"\"seed\"\":9007199254740993}\",,"
        "0x001f,0x0000,-0.0,0.1,,,,due,,\"[\"\"digit_changed\"\",\"\"repetition\"\"]\",,,,,,,,,,"
        "\"[{\"\"layer\"\":0,\"\"max_abs\"\":0,\"\"rel_l2\"\":0.001,\"\"bits\"\":12}]\",,,,,,,,,"
        "\"\",\"x\r\ny\",,,,,,,,,,,,,,,,,,\r\n");
    const char *jsonl = export(t, STORE_EXPORT_JSONL, &arena);
    assert_non_null(strstr(
        jsonl,
        "\"control\":null,\"item\":null,\"stratum\":null,\"weight\":0.1,"
        "\"draw_prob\":\"-Infinity\",\"choice\":null,\"mc_target\":null,\"n_faults\":null,"));
    assert_non_null(strstr(jsonl, "\"site\":\"a \\\"b\\\", c\""));
    assert_non_null(strstr(jsonl, "\"before\":\"0x001f\",\"after\":\"0x0000\","
                                  "\"before_value\":-0.0,\"after_value\":0.1,"));
    assert_non_null(strstr(jsonl, "\"width\":13,\"fault\":{\"site\":\"kv\",\"seed\":"
                                  "9007199254740993},"));
    assert_non_null(strstr(jsonl, "\"flags\":[\"digit_changed\",\"repetition\"]"));
    assert_non_null(strstr(jsonl, "\"deviation\":[{\"layer\":0,\"max_abs\":0,\"rel_l2\":0.001,"
                                  "\"bits\":12}]"));
    assert_non_null(strstr(jsonl, "\"faulty_text\":\"\",\"hash\":\"x\\r\\ny\""));
    arena_finish(&arena);
}

static void pandas_reads_the_values_of_the_database(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    char command[512];

    if (!getenv("VKFI_PYTHON")) {
        print_message("VKFI_PYTHON names no interpreter with pandas\n");
        skip();
    }
    fill(t);
    export(t, STORE_EXPORT_CSV, &arena);
    export(t, STORE_EXPORT_JSONL, &arena);
    snprintf(command, sizeof(command),
             "%s %s/tests/inject/store_export.py %s %s/out.csv "
             "%s/out.jsonl",
             getenv("VKFI_PYTHON"), VKFI_SOURCE, t->path, t->folder, t->folder);
    const int how = system(command);
    arena_finish(&arena);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void a_full_disk_is_told(void **state)
{
    const struct store_testing *t = *state;
    struct store *store;
    FILE *full = fopen("/dev/full", "w");

    fill(t);
    assert_non_null(full);
    assert_int_equal(store_open(&store, t->path), STATUS_OK);
    assert_int_equal(store_export(store, STORE_EXPORT_CSV, full), STATUS_IO);
    assert_non_null(strstr(log_last_error(), "No space left on device"));
    store_destroy(&store);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(fields_stand_in_the_order_of_the_table),
        CASE(values_are_written_as_agreed),
        CASE(pandas_reads_the_values_of_the_database),
        CASE(a_full_disk_is_told),
    };

    fpenv_set(); /* as in the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
