/* SPDX-License-Identifier: MIT */
/* Joined shards are what one process would have written; disagreements are refused by name. */
#include "store_testing.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "inject/store/store_export.h"
#include "inject/store/store_merge.h"

#define SHARDS 3
#define PIECE 50 /* rows of a batch */

struct paths {
    const struct store_testing *t;
    char shard[SHARDS][96], out[96];
    const char *all[SHARDS];
};

static void name_paths(struct paths *out, const struct store_testing *t)
{
    out->t = t;
    for (uint32_t i = 0; i < SHARDS; i++) {
        snprintf(out->shard[i], sizeof(out->shard[i]), "%s/out.%u.db", t->folder, i);
        out->all[i] = out->shard[i];
    }
    snprintf(out->out, sizeof(out->out), "%s/merged.db", t->folder);
}

/* A shard that met the devices in the other order, and one of them lost twice. */
static void fill_with_devices_swapped(struct store *store, uint32_t shard, uint32_t count)
{
    const struct store_incident lost = {7, 0, "device lost"};
    uint32_t id;

    assert_int_equal(store_device(store, &STORE_TESTING_DEVICES[1], &id), STATUS_OK);
    assert_int_equal(store_device(store, &STORE_TESTING_DEVICES[0], &id), STATUS_OK);
    store_testing_fill_plan(store);
    for (uint32_t i = 0; i < count; i += PIECE) {
        struct trial_row rows[PIECE];
        struct store_fault faults[2 * PIECE];
        char json[2 * PIECE][STORE_TESTING_TEXT];
        struct store_batch batch = {.rows = rows, .faults = faults};
        for (; batch.n_rows < PIECE && i + batch.n_rows < count; batch.n_rows++) {
            const int64_t trial = shard + (int64_t)(i + batch.n_rows) * SHARDS;
            store_testing_row(&rows[batch.n_rows], trial);
            rows[batch.n_rows].device_id = 1 - rows[batch.n_rows].device_id;
            batch.n_faults +=
                store_testing_faults(&faults[batch.n_faults], &json[batch.n_faults], trial);
        }
        assert_int_equal(store_put(store, &batch), STATUS_OK);
    }
    assert_int_equal(store_put_incident(store, &lost), STATUS_OK);
    assert_int_equal(store_put_incident(store, &lost), STATUS_OK);
}

static void make_shard(const char *path, uint32_t shard, uint32_t count)
{
    struct store_identity identity = STORE_TESTING_IDENTITY;
    struct store *store;

    identity.shard = shard;
    identity.shards = SHARDS;
    assert_int_equal(store_create(&store, path, &identity), STATUS_OK);
    if (shard == 1) {
        fill_with_devices_swapped(store, shard, count);
    } else {
        store_testing_fill_tables(store);
        assert_int_equal(store_testing_put(store, shard, SHARDS, count), STATUS_OK);
    }
    store_destroy(&store);
}

static void make_shards(const struct paths *paths)
{
    for (uint32_t i = 0; i < SHARDS; i++)
        make_shard(paths->shard[i], i, i == 0 ? 334 : 333);
}

static enum status merge(const struct paths *paths, uint32_t n, bool complete,
                         struct store_merge_result *out)
{
    const struct store_merge_params params = {
        .paths = paths->all, .n_paths = n, .out = paths->out, .complete = complete};

    return store_merge(&params, out);
}

static void export(const char *path, struct text *out)
{
    struct store *store;
    char *data = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&data, &size);

    assert_non_null(file);
    assert_int_equal(store_open(&store, path), STATUS_OK);
    assert_int_equal(store_export(store, STORE_EXPORT_CSV, file), STATUS_OK);
    fclose(file);
    for (int64_t trial = 0; trial < 1000; trial++) {
        struct arena arena = {0};
        struct store_fault *faults;
        uint32_t count;
        assert_int_equal(store_read_faults(store, (uint64_t)trial, &arena, &faults, &count),
                         STATUS_OK);
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(text_addf(out, "%u %s\n", faults[i].number, faults[i].json),
                             STATUS_OK);
        arena_finish(&arena);
    }
    assert_int_equal(text_add(out, data, size), STATUS_OK);
    free(data);
    store_destroy(&store);
}

/* What one process writes. */
static void expect_equals_whole(const struct paths *paths)
{
    struct store *store;
    struct text whole = {0}, merged = {0};

    assert_int_equal(store_create(&store, paths->t->path, &STORE_TESTING_IDENTITY), STATUS_OK);
    store_testing_fill_tables(store);
    for (int64_t i = 0; i < 1000; i += 50)
        assert_int_equal(store_testing_put(store, i, 1, 50), STATUS_OK);
    store_destroy(&store);
    export(paths->t->path, &whole);
    export(paths->out, &merged);
    assert_int_equal(whole.size, merged.size);
    assert_memory_equal(whole.data, merged.data, whole.size);
    text_finish(&whole);
    text_finish(&merged);
}

static void shards_give_what_one_process_writes(void **state)
{
    struct paths paths;
    struct store_merge_result result;
    struct store *store;

    name_paths(&paths, *state);
    make_shards(&paths);
    assert_int_equal(merge(&paths, SHARDS, true, &result), STATUS_OK);
    assert_int_equal(result.trials, 1000);
    assert_int_equal(result.here, 1000);
    assert_int_equal(result.added, 1000);
    assert_int_equal(result.overlap, 0);
    expect_equals_whole(&paths);
    assert_int_equal(store_testing_files(paths.t, false), SHARDS + 2);
    assert_int_equal(store_open(&store, paths.out), STATUS_OK);
    assert_int_equal(store_identity(store)->shards, 1);
    assert_string_equal(store_identity(store)->plan, STORE_TESTING_IDENTITY.plan);
    assert_string_equal(store_identity(store)->model, STORE_TESTING_IDENTITY.model);
    store_destroy(&store);
}

/* More shards than devices, items or strata, in any order. */
static void seven_shards_give_the_same(void **state)
{
    enum { MANY = 7 };
    static const uint32_t order[MANY] = {4, 0, 6, 2, 5, 1, 3};
    struct paths paths;
    struct store_merge_result result;
    char shard[MANY][96];
    const char *all[MANY];

    name_paths(&paths, *state);
    for (uint32_t i = 0; i < MANY; i++) {
        struct store_identity identity = STORE_TESTING_IDENTITY;
        struct store *store;
        identity.shard = order[i];
        identity.shards = MANY;
        snprintf(shard[i], sizeof(shard[i]), "%s/many.%u.db", paths.t->folder, order[i]);
        all[i] = shard[i];
        assert_int_equal(store_create(&store, shard[i], &identity), STATUS_OK);
        store_testing_fill_tables(store);
        assert_int_equal(
            store_testing_put(store, order[i], MANY, (1000 - order[i] + MANY - 1) / MANY),
            STATUS_OK);
        store_destroy(&store);
    }
    const struct store_merge_params params = {
        .paths = all, .n_paths = MANY, .out = paths.out, .complete = true};
    assert_int_equal(store_merge(&params, &result), STATUS_OK);
    assert_int_equal(result.added, 1000);
    expect_equals_whole(&paths);
}

static void a_second_merge_adds_nothing(void **state)
{
    struct paths paths;
    struct store_merge_result result;
    struct store *store;
    struct arena arena = {0};
    struct store_incident *incidents;
    struct store_device *devices;
    uint32_t n;

    name_paths(&paths, *state);
    make_shards(&paths);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(merge(&paths, SHARDS, true, &result), STATUS_OK);
        assert_int_equal(result.added, i == 0 ? 1000 : 0);
        assert_int_equal(store_open(&store, paths.out), STATUS_OK);
        assert_int_equal(store_read_incidents(store, &arena, &incidents, &n), STATUS_OK);
        assert_int_equal(n, 2); /* it happened twice, in one shard */
        assert_int_equal(incidents[1].device, 1);
        assert_int_equal(store_read_devices(store, &arena, &devices, &n), STATUS_OK);
        assert_int_equal(n, 2);
        store_destroy(&store);
    }
    expect_equals_whole(&paths);
    arena_finish(&arena);
}

static void shards_may_come_one_after_another(void **state)
{
    struct paths paths;
    struct store_merge_result result;
    const char *again[2];

    name_paths(&paths, *state);
    make_shards(&paths);
    paths.all[0] = paths.shard[2];
    log_set_level(LOG_ERROR);
    assert_int_equal(merge(&paths, 1, false, &result), STATUS_OK);
    assert_int_equal(result.here, 333);
    paths.all[0] = paths.shard[0];
    assert_int_equal(merge(&paths, 1, false, &result), STATUS_OK);
    assert_int_equal(result.here, 667);
    assert_int_equal(result.added, 334);
    log_set_level(LOG_WARN);
    /* A merged database is one like any other. */
    again[0] = paths.out;
    again[1] = paths.shard[1];
    const struct store_merge_params params = {
        .paths = again, .n_paths = 2, .out = paths.out, .complete = true};
    assert_int_equal(store_merge(&params, &result), STATUS_OK);
    assert_int_equal(result.added, 333);
    expect_equals_whole(&paths);
}

static void missing_shards_are_named(void **state)
{
    struct paths paths;
    struct store_merge_result result;

    name_paths(&paths, *state);
    make_shard(paths.shard[0], 0, 334);
    make_shard(paths.shard[1], 1, 300);
    assert_int_equal(merge(&paths, 2, true, &result), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "366 of 1000 trials are missing: 33 of shard 1/3, "
                                             "333 of shard 2/3"));
    assert_int_equal(access(paths.out, F_OK), -1);
    assert_int_equal(merge(&paths, 2, false, &result), STATUS_OK);
    assert_int_equal(result.here, 634);
}

static void expect_refused(const struct paths *paths, uint32_t n, const char *words)
{
    struct store_merge_result result;

    assert_int_equal(merge(paths, n, false, &result), STATUS_INPUT);
    if (!strstr(log_last_error(), words))
        fail_msg("found \"%s\", expected \"%s\"", log_last_error(), words);
    assert_int_equal(access(paths->out, F_OK), -1); /* nothing was begun */
}

static void what_is_not_of_one_campaign_is_refused(void **state)
{
    struct paths paths;
    struct store_identity identity = STORE_TESTING_IDENTITY;
    struct store *store;
    char other[96];

    name_paths(&paths, *state);
    make_shard(paths.shard[0], 0, 334);
    make_shard(paths.shard[1], 1, 333);
    snprintf(other, sizeof(other), "%s/other.db", paths.t->folder);
    identity.contract = "exact-2";
    assert_int_equal(store_create(&store, other, &identity), STATUS_OK);
    store_destroy(&store);
    paths.all[2] = other;
    expect_refused(&paths, 3, "other.db: found a campaign with contract exact-2, expected exact-1");
    paths.all[2] = paths.shard[1];
    expect_refused(&paths, 3, "found shard 1/3 again, first in");
    paths.all[2] = "/nonexistent.db";
    struct store_merge_result result;
    assert_int_equal(merge(&paths, 3, false, &result), STATUS_IO);
    assert_int_equal(access(paths.out, F_OK), -1);
    /* A shard is not what shards are merged into. */
    memcpy(paths.out, paths.shard[1], sizeof(paths.out));
    assert_int_equal(merge(&paths, 1, false, &result), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found shard 1/3, expected a merged database"));
}

/* The whole campaign, one of whose rows or items is another, beside a shard. */
static void make_other(const char *path, void (*change)(struct trial_row *, struct store_fault *),
                       const char *golden)
{
    struct store_identity identity = STORE_TESTING_IDENTITY;
    struct store *store;
    struct trial_row row;
    struct store_fault faults[2];
    char json[2][STORE_TESTING_TEXT];
    const struct store_item item = {
        .id = 1, .prompt = "prompt 1", .text = golden, .prompt_ids = "[3,1,2]", .n_prompt = 6};

    assert_int_equal(store_create(&store, path, &identity), STATUS_OK);
    if (golden) {
        assert_int_equal(store_put_item(store, &item), STATUS_OK);
        store_destroy(&store);
        return;
    }
    store_testing_fill_tables(store);
    store_testing_row(&row, 9);
    const struct store_batch batch = {.rows = &row, .n_rows = 1, .faults = faults, .n_faults = 2};
    assert_int_equal(store_testing_faults(faults, json, 9), 2);
    change(&row, faults);
    assert_int_equal(store_put(store, &batch), STATUS_OK);
    store_destroy(&store);
}

static void change_nothing(struct trial_row *row, struct store_fault *faults)
{
    (void)row;
    (void)faults;
}

static void change_free(struct trial_row *row, struct store_fault *faults)
{
    (void)faults;
    row->seconds = 77;
    row->attempts = 3;
    row->path = strcmp(row->path, "fast") == 0 ? "naive" : "fast";
}

static void change_layer(struct trial_row *row, struct store_fault *faults)
{
    (void)faults;
    row->layer = 12345;
}

static void change_fault(struct trial_row *row, struct store_fault *faults)
{
    (void)row;
    faults[1].json = "{\"site\": \"output\"}";
}

static void trials_in_two_files_must_be_equal(void **state)
{
    struct paths paths;
    struct store_merge_result result;

    name_paths(&paths, *state);
    make_shards(&paths);
    char *other = paths.shard[1];
    paths.all[1] = other;
    const struct {
        void (*change)(struct trial_row *, struct store_fault *);
        const char *golden, *words;
    } cases[] = {
        {change_layer, NULL, "out.1.db: trial 9 differs from that of"},
        {change_layer, NULL, "layer: 12345 against "},
        {change_fault, NULL, "further faults"},
        {NULL, "other", "out.1.db: item 1 differs from that of the databases before it: text"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(remove(other), 0);
        make_other(other, cases[i].change, cases[i].golden);
        expect_refused(&paths, 2, cases[i].words);
    }
    log_set_level(LOG_ERROR);
    void (*const fine[])(struct trial_row *, struct store_fault *) = {change_nothing, change_free};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(remove(other), 0);
        make_other(other, fine[i], NULL);
        assert_int_equal(merge(&paths, 2, false, &result), STATUS_OK);
        assert_int_equal(result.overlap, 1);
        assert_int_equal(result.here, 334);
    }
    log_set_level(LOG_WARN);
}

static void a_killed_merge_is_finished_by_the_next(void **state)
{
    struct paths paths;
    struct store_merge_result result = {0};
    struct rng rng;
    int partial = 0;

    name_paths(&paths, *state);
    make_shards(&paths);
    rng_init(&rng, 8, 8);
    const double begin = clock_seconds();
    assert_int_equal(merge(&paths, SHARDS, true, &result), STATUS_OK);
    const double whole = clock_seconds() - begin;
    assert_int_equal(remove(paths.out), 0);
    for (int i = 0; i < 20; i++) {
        int how;
        const pid_t child = fork();
        if (child == 0)
            _exit((int)merge(&paths, SHARDS, true, &result));
        nanosleep(&(struct timespec){.tv_nsec = (long)(rng_unit(&rng) * fmin(whole, 0.99) * 1e9)},
                  NULL);
        kill(child, SIGKILL);
        waitpid(child, &how, 0);
        partial += access(paths.out, F_OK) == 0 && WIFSIGNALED(how);
        assert_int_equal(merge(&paths, SHARDS, true, &result), STATUS_OK);
        assert_int_equal(result.here, 1000);
        if (i < 19)
            assert_int_equal(remove(paths.out), 0);
    }
    assert_true(partial > 0);
    print_message("20 kills, %d with a database begun\n", partial);
    expect_equals_whole(&paths);
}

/* `test_store_merge --make FOLDER` leaves the shards there, for script tests. */
static void make_for_scripts(void **state)
{
    struct paths paths;

    name_paths(&paths, *state);
    make_shards(&paths);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(shards_give_what_one_process_writes),
        CASE(seven_shards_give_the_same),
        CASE(a_second_merge_adds_nothing),
        CASE(shards_may_come_one_after_another),
        CASE(missing_shards_are_named),
        CASE(what_is_not_of_one_campaign_is_refused),
        CASE(trials_in_two_files_must_be_equal),
        CASE(a_killed_merge_is_finished_by_the_next),
    };

    if (argc == 3 && strcmp(argv[1], "--make") == 0) {
        struct store_testing t = {0};
        snprintf(t.folder, sizeof(t.folder), "%s", argv[2]);
        const struct CMUnitTest make[] = {cmocka_unit_test_prestate(make_for_scripts, &t)};
        return cmocka_run_group_tests(make, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
