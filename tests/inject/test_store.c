/* SPDX-License-Identifier: MIT */
/* A database gives back what was put into it, value for value; what does not belong is refused. */
#include "store_testing.h"

#include "base/fpenv.h"
#include "base/log.h"

static struct store *make(const struct store_testing *t)
{
    struct store *store;

    assert_int_equal(store_create(&store, t->path, &STORE_TESTING_IDENTITY), STATUS_OK);
    return store;
}

static enum status expect_next_row(void *user, const struct trial_row *row)
{
    int64_t *next = user;
    struct trial_row expected;

    store_testing_row(&expected, *next);
    assert_true(store_testing_same(&expected, row));
    ++*next;
    return STATUS_OK;
}

static void rows_come_back_value_for_value(void **state)
{
    const struct store_testing *t = *state;
    struct store *store = make(t);
    int64_t next = 0;

    store_testing_fill_tables(store);
    /* In another order than that of their ids. */
    assert_int_equal(store_testing_put(store, 500, 1, 500), STATUS_OK);
    assert_int_equal(store_testing_put(store, 0, 1, 500), STATUS_OK);
    assert_int_equal(store_each_row(store, expect_next_row, &next), STATUS_OK);
    assert_int_equal(next, 1000);
    store_destroy(&store);
    assert_null(store);
    assert_int_equal(store_testing_files(t, false), 1); /* the log and the lock are gone */

    assert_int_equal(store_open(&store, t->path), STATUS_OK);
    next = 0;
    assert_int_equal(store_each_row(store, expect_next_row, &next), STATUS_OK);
    assert_int_equal(next, 1000);
    store_destroy(&store);
    assert_int_equal(store_testing_files(t, false), 1);
}

static enum status stop_at_third(void *user, const struct trial_row *row)
{
    (void)user;
    return row->trial == 2 ? STATUS_DEVICE : STATUS_OK;
}

static void a_walk_ends_with_the_status_of_its_visitor(void **state)
{
    struct store *store = make(*state);

    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 0, 1, 10), STATUS_OK);
    assert_int_equal(store_each_row(store, stop_at_third, NULL), STATUS_DEVICE);
    store_destroy(&store);
}

static void one_row_is_found_with_its_further_faults(void **state)
{
    struct store *store = make(*state);
    struct arena arena = {0};
    struct trial_row row, expected;
    struct store_fault *faults;
    uint32_t count;
    bool found;

    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 0, 1, 10), STATUS_OK);
    assert_int_equal(store_find_row(store, 4, &arena, &row, &found), STATUS_OK);
    assert_true(found);
    store_testing_row(&expected, 4);
    assert_true(store_testing_same(&expected, &row));
    assert_int_equal(store_read_faults(store, 4, &arena, &faults, &count), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(faults[1].number, 2);
    assert_string_equal(faults[1].json, "{\"site\": \"blk.1.attn_q\", \"row\": 4}");
    assert_int_equal(store_read_faults(store, 3, &arena, &faults, &count), STATUS_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_find_row(store, 10, &arena, &row, &found), STATUS_OK);
    assert_false(found);
    arena_finish(&arena);
    store_destroy(&store);
}

static void small_tables_come_back(void **state)
{
    const struct store_testing *t = *state;
    struct store *store = make(t);
    struct arena arena = {0};
    struct store_stratum *strata;
    struct store_item *items;
    struct store_device *devices;
    struct store_incident *incidents;
    const struct store_incident incident = {.trial = 7, .device = 1, .what = "device lost"};
    uint32_t n;

    store_testing_fill_tables(store);
    store_testing_fill_tables(store); /* the same again changes nothing */
    assert_int_equal(store_put_incident(store, &incident), STATUS_OK);
    assert_int_equal(store_put_incident(store, &incident), STATUS_OK); /* it can happen twice */
    store_destroy(&store);

    assert_int_equal(store_open(&store, t->path), STATUS_OK);
    assert_string_equal(store_identity(store)->plan, STORE_TESTING_IDENTITY.plan);
    assert_string_equal(store_identity(store)->tool, "vkfi 0.1.0");
    assert_int_equal(store_identity(store)->trials, 1000);
    assert_int_equal(store_read_strata(store, &arena, &strata, &n), STATUS_OK);
    assert_int_equal(n, STORE_TESTING_STRATA);
    assert_string_equal(strata[1].label, "layer=1");
    assert_true(strata[1].weight == 0.75 && isnan(strata[2].weight) && strata[0].size == 1e12);
    assert_int_equal(strata[1].planned, 500);
    assert_true(strata[0].distinct_faults && !strata[1].distinct_faults);
    assert_true(strata[0].no_fault == 0 && strata[1].no_fault == 0.625);
    assert_int_equal(store_read_items(store, &arena, &items, &n), STATUS_OK);
    assert_int_equal(n, STORE_TESTING_ITEMS);
    assert_string_equal(items[3].prompt, "prompt 3");
    assert_int_equal(items[3].n_prompt, 8);
    assert_true(items[2].underflow && !items[3].underflow);
    assert_int_equal(store_read_devices(store, &arena, &devices, &n), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(devices[1].driver, "lavapipe");
    assert_null(devices[0].uuid);
    assert_int_equal(devices[0].threads, 2);
    assert_int_equal(store_read_incidents(store, &arena, &incidents, &n), STATUS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(incidents[1].trial, 7);
    assert_string_equal(incidents[1].what, "device lost");
    arena_finish(&arena);
    store_destroy(&store);
}

static void another_golden_run_or_draw_is_refused(void **state)
{
    struct store *store = make(*state);
    const struct store_stratum strata[] = {{1, "layer=1", 0.5, 3e12, 500, false, 0.625},
                                           {1, "layer=1", 0.75, 3e12, 500, true, 0.625},
                                           {1, "layer=1", 0.75, 3e12, 500, false, 0.5}};
    static const char *const differs[] = {"weight", "distinct_faults", "no_fault"};
    const struct store_item item = {.id = 1, .prompt = "prompt 1", .text = "other"};

    store_testing_fill_tables(store);
    for (size_t i = 0; i < sizeof(strata) / sizeof(*strata); i++) {
        char words[64];
        snprintf(words, sizeof(words), "stratum 1: found another %s", differs[i]);
        assert_int_equal(store_put_strata(store, &strata[i], 1), STATUS_INTERNAL);
        assert_non_null(strstr(log_last_error(), words));
    }
    assert_int_equal(store_put_item(store, &item), STATUS_INTERNAL);
    assert_non_null(strstr(log_last_error(), "item 1: found another text"));
    store_destroy(&store);
}

static void the_same_campaign_goes_on_where_it_was(void **state)
{
    const struct store_testing *t = *state;
    struct store_identity identity = STORE_TESTING_IDENTITY;
    struct store *store = make(t);
    uint8_t done[125] = {0};
    int64_t next = 0;

    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 0, 2, 500), STATUS_OK); /* the even ones */
    store_destroy(&store);

    identity.tool = "vkfi 0.1.1"; /* may differ, and is that which began */
    assert_int_equal(store_create(&store, t->path, &identity), STATUS_OK);
    assert_string_equal(store_identity(store)->tool, "vkfi 0.1.0");
    assert_int_equal(store_done(store, done, 1000), STATUS_OK);
    for (size_t i = 0; i < sizeof(done); i++)
        assert_int_equal(done[i], 0x55);
    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 1, 2, 500), STATUS_OK);
    assert_int_equal(store_each_row(store, expect_next_row, &next), STATUS_OK);
    assert_int_equal(next, 1000);
    store_destroy(&store);
}

static void another_campaign_is_refused(void **state)
{
    const struct store_testing *t = *state;
    struct store_identity others[6];
    static const char *const words[6] = {"plan hash", "model hash", "shaders",
                                         "contract",  "trials",     "shard"};
    struct store *store = make(t);

    store_destroy(&store);
    for (size_t i = 0; i < 6; i++)
        others[i] = STORE_TESTING_IDENTITY;
    others[0].plan_hash = others[0].model_hash;
    others[1].model_hash = others[1].plan_hash;
    others[2].shaders = "0";
    others[3].contract = "exact-2";
    others[4].trials = 999;
    others[5].shards = 2;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(store_create(&store, t->path, &others[i]), STATUS_INPUT);
        assert_null(store);
        assert_non_null(strstr(log_last_error(), words[i]));
        assert_non_null(strstr(log_last_error(), t->path));
    }
}

static void a_batch_is_written_whole_or_not_at_all(void **state)
{
    struct store *store = make(*state);
    struct trial_row rows[3];
    const struct store_batch batch = {.rows = rows, .n_rows = 3};
    const struct store_fault fault = {9, 1, "{}"};
    const struct store_batch further = {.rows = rows, .n_rows = 3, .faults = &fault, .n_faults = 1};
    const struct store_batch orphan = {.faults = &fault, .n_faults = 1};
    uint8_t done[125] = {0}, nothing[125] = {0};

    store_testing_fill_tables(store);
    for (int64_t i = 0; i < 3; i++)
        store_testing_row(&rows[i], i);
    rows[2].trial = 0; /* twice */
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    rows[2].trial = 1000; /* not of the campaign */
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    rows[2].trial = -1;
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    rows[2].trial = 2;
    rows[2].outcome = "fine"; /* not of the ladder */
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    assert_non_null(strstr(log_last_error(), "CHECK constraint failed: outcome ("));
    rows[2].outcome = NULL;
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    rows[2].outcome = "inert";
    rows[2].due_reason = NULL;
    rows[2].item = 77; /* no such item */
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    rows[2].item = 0;
    rows[2].faulty_text = "\xff";
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    assert_non_null(strstr(log_last_error(), "byte 0 of field faulty_text"));
    assert_int_equal(store_put(store, &orphan), STATUS_INTERNAL);
    assert_int_equal(store_put(store, &further), STATUS_INTERNAL); /* of no trial */
    rows[0].n_faults = 2;
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL);
    assert_non_null(strstr(log_last_error(), "trial 0: found 0 further faults, expected numbers 1 "
                                             "to 1"));
    rows[0].n_faults = 1;
    assert_int_equal(store_done(store, done, 1000), STATUS_OK);
    assert_memory_equal(done, nothing, sizeof(done));

    rows[2].faulty_text = NULL;
    assert_int_equal(store_put(store, &batch), STATUS_OK);
    assert_int_equal(store_put(store, &batch), STATUS_INTERNAL); /* they are there */
    assert_int_equal(store_done(store, done, 1000), STATUS_OK);
    assert_int_equal(done[0], 7);
    store_destroy(&store);
}

static void a_shard_holds_its_own_trials(void **state)
{
    const struct store_testing *t = *state;
    struct store_identity identity = STORE_TESTING_IDENTITY;
    struct store *store;
    uint64_t total = 0;

    for (identity.shards = 1; identity.shards < 9; identity.shards++) {
        total = 0;
        for (identity.shard = 0; identity.shard < identity.shards; identity.shard++)
            total += store_planned(&identity);
        assert_int_equal(total, 1000);
    }
    identity.shards = 3;
    identity.shard = 0;
    assert_int_equal(store_planned(&identity), 334);
    identity.shard = 1;
    assert_int_equal(store_planned(&identity), 333);
    assert_int_equal(store_create(&store, t->path, &identity), STATUS_OK);
    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 1, 3, 333), STATUS_OK);
    assert_int_equal(store_testing_put(store, 3, 3, 1), STATUS_INTERNAL);
    assert_non_null(strstr(log_last_error(), "shard 1/3"));
    store_destroy(&store);
}

static void put_one(struct store *store, int64_t trial, int64_t device, const char *control)
{
    struct trial_row row;
    struct store_fault faults[2];
    char json[2][STORE_TESTING_TEXT];
    const struct store_batch batch = {.rows = &row,
                                      .n_rows = 1,
                                      .faults = faults,
                                      .n_faults = store_testing_faults(faults, json, trial)};

    store_testing_row(&row, trial);
    row.device_id = device;
    row.control = control;
    assert_int_equal(store_put(store, &batch), STATUS_OK);
}

static enum status collect_suspects(void *user, const struct trial_row *row)
{
    char *marks = user;

    marks[row->trial] = '.';
    if (row->suspect) {
        assert_string_equal(row->suspect, "naive rerun differs");
        marks[row->trial] = 'S';
    }
    return STATUS_OK;
}

static uint64_t mark(struct store *store, struct store_doubt doubt)
{
    const struct store_doubt_reason reason = {&doubt, 1, "naive rerun differs"};
    uint64_t rows;

    assert_int_equal(store_doubt_mark(store, &reason, &rows), STATUS_OK);
    return rows;
}

static void doubtful_rows_are_marked_and_refused(void **state)
{
    struct store *store = make(*state);
    struct arena arena = {0};
    struct store_fault *faults;
    struct store_mark *controls, found_mark;
    uint32_t n;
    bool found;
    char marks[11] = "";

    store_testing_fill_tables(store);
    put_one(store, 0, 0, NULL);
    put_one(store, 1, 0, "dry");
    put_one(store, 2, 1, NULL);
    assert_int_equal(store_doubt_only_device(store, &n, &found), STATUS_OK);
    assert_false(found);
    put_one(store, 3, 0, NULL);
    put_one(store, 4, 1, "naive");
    put_one(store, 5, 0, NULL);
    put_one(store, 6, 1, NULL);
    put_one(store, 9, 0, NULL);
    assert_int_equal(store_doubt_check(store, false), STATUS_OK);
    assert_int_equal(mark(store, (struct store_doubt){0, 4, 5}), 2); /* from trial 3 on, not 5 */
    assert_int_equal(store_each_row(store, collect_suspects, marks), STATUS_OK);
    assert_string_equal(marks, "...S..."); /* and trial 9, after a gap */
    assert_int_equal(marks[9], 'S');
    assert_int_equal(store_read_faults(store, 9, &arena, &faults, &n), STATUS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(mark(store, (struct store_doubt){0, 4, 5}), 0);
    assert_int_equal(mark(store, (struct store_doubt){STORE_EVERY_DEVICE, 4, TRIAL_ROW_NULL}), 3);
    assert_int_equal(store_doubt_controls(store, "naive", &arena, &controls, &n), STATUS_OK);
    assert_int_equal(n, 1);
    assert_true(controls[0].trial == 4 && controls[0].suspect && controls[0].device == 1);
    assert_int_equal(store_doubt_find(store, 9, &found_mark, &found), STATUS_OK);
    assert_true(found && found_mark.batch == 8 && found_mark.suspect);
    assert_int_equal(store_doubt_find(store, 8, &found_mark, &found), STATUS_OK);
    assert_false(found);
    assert_int_equal(store_doubt_check(store, true), STATUS_OK);
    assert_int_equal(store_doubt_check(store, false), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found 5 suspect rows"));
    assert_non_null(strstr(log_last_error(), "naive rerun differs"));
    store_destroy(&store);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(rows_come_back_value_for_value),
        CASE(a_walk_ends_with_the_status_of_its_visitor),
        CASE(one_row_is_found_with_its_further_faults),
        CASE(small_tables_come_back),
        CASE(another_golden_run_or_draw_is_refused),
        CASE(the_same_campaign_goes_on_where_it_was),
        CASE(another_campaign_is_refused),
        CASE(a_batch_is_written_whole_or_not_at_all),
        CASE(a_shard_holds_its_own_trials),
        CASE(doubtful_rows_are_marked_and_refused),
    };

    fpenv_set(); /* denormals are flushed in the program, and must still pass */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
