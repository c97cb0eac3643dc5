/* SPDX-License-Identifier: MIT */
/* Suspect rows in databases that are merged: refused, or kept with their mark, and a trusted row of
 * the same trial is taken instead of a suspect one, whatever order the databases come in. */
#include "store_testing.h"

#include "base/log.h"
#include "inject/store/store_merge.h"

enum { ROWS = 10, FIRST_DOUBTED = 4 };

static void path_of(char out[96], const struct store_testing *t, const char *name)
{
    snprintf(out, 96, "%s/%s.db", t->folder, name);
}

/* Trials 0 to 9 on device 0. With `lie` trials from 4 on have another first_diff, with `doubt` a
 * mark too. */
static void make(const char *path, int64_t lie, bool doubt)
{
    struct store *store;
    uint64_t rows;

    assert_int_equal(store_create(&store, path, &STORE_TESTING_IDENTITY), STATUS_OK);
    store_testing_fill_tables(store);
    for (int64_t trial = 0; trial < ROWS; trial++) {
        struct trial_row row;
        store_testing_row(&row, trial);
        row.n_faults = 1;
        row.device_id = 0;
        row.first_diff = trial < FIRST_DOUBTED ? row.first_diff : lie;
        assert_int_equal(store_put(store, &(struct store_batch){.rows = &row, .n_rows = 1}),
                         STATUS_OK);
    }
    const struct store_doubt since = {0, FIRST_DOUBTED + 1, TRIAL_ROW_NULL};
    const struct store_doubt_reason reason = {&since, 1, "the device lied"};
    if (doubt) {
        assert_int_equal(store_doubt_mark(store, &reason, &rows), STATUS_OK);
        assert_int_equal(rows, ROWS - FIRST_DOUBTED);
    }
    store_destroy(&store);
}

struct found {
    int64_t lie;
    uint32_t suspect, as_told; /* rows */
};

static enum status look(void *user, const struct trial_row *row)
{
    struct found *found = user;

    found->suspect += row->suspect != NULL;
    found->as_told += row->trial >= FIRST_DOUBTED && row->first_diff == found->lie;
    return STATUS_OK;
}

static struct found read_found(const char *path, int64_t lie)
{
    struct found found = {.lie = lie};
    struct store *store;

    assert_int_equal(store_open(&store, path), STATUS_OK);
    assert_int_equal(store_each_row(store, look, &found), STATUS_OK);
    store_destroy(&store);
    return found;
}

static void a_trusted_row_is_taken(void **state)
{
    char good[96], bad[96], out[2][96], other[96];
    struct store_merge_result result;
    const char *paths[2] = {good, bad};

    path_of(good, *state, "good");
    path_of(bad, *state, "bad");
    make(good, 7, false);
    make(bad, 99, true);
    for (int order = 0; order < 2; order++) {
        path_of(out[order], *state, order ? "out1" : "out0");
        paths[order] = good;
        paths[1 - order] = bad;
        struct store_merge_params params = {.paths = paths, .n_paths = 2, .out = out[order]};
        assert_int_equal(store_merge(&params, &result), STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), "found 6 suspect rows"));
        assert_int_equal(access(out[order], F_OK), -1);
        params.allow_suspect = true;
        log_set_level(LOG_ERROR);
        assert_int_equal(store_merge(&params, &result), STATUS_OK);
        assert_int_equal(store_merge(&params, &result), STATUS_OK); /* adds nothing */
        log_set_level(LOG_WARN);
        assert_int_equal(result.suspect + result.added, 0);
        const struct found found = read_found(out[order], 7);
        assert_int_equal(found.as_told, ROWS - FIRST_DOUBTED);
        assert_int_equal(found.suspect, 0);
    }
    /* two that lie differently agree in nothing */
    path_of(other, *state, "other");
    make(other, 98, true);
    paths[0] = other;
    paths[1] = bad;
    path_of(out[0], *state, "out2");
    const struct store_merge_params params = {
        .paths = paths, .n_paths = 2, .out = out[0], .allow_suspect = true};
    assert_int_equal(store_merge(&params, &result), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "first_diff"));
}

static void marks_are_kept(void **state)
{
    char bad[96], out[96];
    struct store_merge_result result;
    const char *const paths[1] = {bad};

    path_of(bad, *state, "bad");
    path_of(out, *state, "out");
    make(bad, 99, true);
    log_set_level(LOG_ERROR);
    assert_int_equal(store_merge(
                         &(struct store_merge_params){
                             .paths = paths, .n_paths = 1, .out = out, .allow_suspect = true},
                         &result),
                     STATUS_OK);
    log_set_level(LOG_WARN);
    assert_int_equal(result.suspect, ROWS - FIRST_DOUBTED);
    assert_int_equal(read_found(out, 99).suspect, ROWS - FIRST_DOUBTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(a_trusted_row_is_taken),
        CASE(marks_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
