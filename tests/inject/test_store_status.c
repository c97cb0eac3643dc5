/* SPDX-License-Identifier: MIT */
/* Counts of a campaign's state against counts made from the same rows by hand. */
#include "store_testing.h"

#include "inject/store/store_status.h"

static void an_empty_database_has_nothing_done(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    struct store_status status;
    struct store *store;

    assert_int_equal(store_create(&store, t->path, &STORE_TESTING_IDENTITY), STATUS_OK);
    assert_int_equal(store_status_read(store, &arena, &status), STATUS_OK);
    assert_int_equal(status.planned, 1000);
    assert_int_equal(status.done, 0);
    assert_int_equal(status.n_devices, 0);
    assert_int_equal(status.n_strata, 0);
    store_destroy(&store);
    arena_finish(&arena);
}

static void counts_are_those_of_the_rows(void **state)
{
    const struct store_testing *t = *state;
    struct store_identity identity = STORE_TESTING_IDENTITY;
    struct arena arena = {0};
    struct store_status status;
    struct store *store;
    uint64_t suspects, inert = 0, due = 0, dry = 0, naive = 0, device[2] = {0}, stratum[3] = {0};
    const struct store_incident incident = {8, 1, "hang"};

    identity.shards = 2;
    assert_int_equal(store_create(&store, t->path, &identity), STATUS_OK);
    store_testing_fill_tables(store);
    assert_int_equal(store_testing_put(store, 0, 2, 200), STATUS_OK);
    assert_int_equal(store_put_incident(store, &incident), STATUS_OK);
    for (int64_t trial = 0; trial < 400; trial += 2) {
        struct trial_row row;
        store_testing_row(&row, trial);
        const bool counts = !row.control;
        inert += counts && strcmp(row.outcome, "inert") == 0;
        due += counts && row.due_reason;
        dry += !counts && strcmp(row.control, "dry") == 0;
        naive += !counts && strcmp(row.control, "naive") == 0;
        device[row.device_id]++;
        stratum[row.stratum] += counts;
    }
    assert_true(inert > 0 && due > 0 && dry > 0 && naive > 0);
    assert_int_equal(store_status_read(store, &arena, &status), STATUS_OK);
    assert_int_equal(status.planned, 500);
    assert_int_equal(status.done, 200);
    assert_int_equal(status.counted, 200 - dry - naive);
    assert_int_equal(status.outcome[OUTCOME_INERT], inert);
    assert_int_equal(status.outcome[OUTCOME_DUE], due);
    assert_int_equal(status.due[DUE_NAN_TRAP], due);
    assert_int_equal(status.control[ROLE_DRY], dry);
    assert_int_equal(status.control[ROLE_NAIVE], naive);
    assert_int_equal(status.control[ROLE_TRIAL], status.counted);
    assert_int_equal(status.incidents, 1);
    assert_int_equal(status.suspect, 0);
    assert_int_equal(status.retried, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(status.by_stratum[i].done, stratum[i]);
        assert_true(i == 2 || status.by_device[i].done == device[i]);
    }
    assert_int_equal(status.by_stratum[1].planned, 500);

    /* Suspect rows leave the counts, but are done. */
    assert_int_equal(store_testing_put(store, 400, 2, 50), STATUS_OK);
    const struct store_doubt doubt = {.device = 1, .from = 2, .but = TRIAL_ROW_NULL};
    const struct store_doubt_reason reason = {&doubt, 1, "naive rerun differs"};
    assert_int_equal(store_doubt_mark(store, &reason, &suspects), STATUS_OK);
    const uint64_t counted = status.counted;
    assert_int_equal(store_status_read(store, &arena, &status), STATUS_OK);
    assert_int_equal(status.done, 250);
    assert_int_equal(status.suspect, suspects);
    assert_true(status.counted >= counted);
    store_destroy(&store);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(an_empty_database_has_nothing_done),
        CASE(counts_are_those_of_the_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
