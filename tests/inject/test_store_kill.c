/* SPDX-License-Identifier: MIT */
/* A writer that dies at any moment, a second writer, readers beside it: nothing committed is lost,
 * nothing is done twice. */
#include "store_testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define TRIALS 1000
#define KILLS 100

static const struct store_identity *identity(void)
{
    static struct store_identity out;

    out = STORE_TESTING_IDENTITY;
    out.trials = TRIALS;
    return &out;
}

/* Batch b begins at begin_of(b): sizes 1 to 40, the same in every process. */
static int64_t begin_of(int64_t batch)
{
    int64_t begin = 0;

    for (int64_t b = 0; b < batch; b++)
        begin += 1 + (b * 37 + 11) % 40;
    return begin < TRIALS ? begin : TRIALS;
}

/* Does the rest, as `vkfi campaign run` does; STATUS_OK if all is done. */
static enum status go_on(const char *path)
{
    uint8_t done[(TRIALS + 7) / 8] = {0};
    struct store *store;
    enum status st = store_create(&store, path, identity());

    if (st)
        return st;
    store_testing_fill_tables(store);
    st = store_done(store, done, TRIALS);
    for (int64_t b = 0; begin_of(b) < TRIALS && !st; b++) {
        const int64_t begin = begin_of(b), end = begin_of(b + 1);
        if ((done[begin / 8] >> begin % 8 & 1) == 0)
            st = store_testing_put(store, begin, 1, (uint32_t)(end - begin));
    }
    store_destroy(&store);
    return st;
}

/* In a child process, whose exit status is that of go_on. */
static pid_t start(const char *path)
{
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit((int)go_on(path));
    return child;
}

static void nap(double seconds)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)},
              NULL);
}

static void ask(sqlite3 *db, const char *question, char out[64])
{
    sqlite3_stmt *stmt;

    assert_int_equal(sqlite3_prepare_v2(db, question, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(out, 64, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
}

/* Checks by SQLite alone that the file is whole; false if it holds no database yet. */
static bool check_whole(const char *path)
{
    char answer[64];
    sqlite3 *db;

    if (access(path, F_OK) != 0)
        return false;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ask(db, "PRAGMA integrity_check", answer);
    assert_string_equal(answer, "ok");
    ask(db, "SELECT count(*) FROM sqlite_schema", answer);
    const bool filled = strcmp(answer, "0") != 0;
    if (filled) {
        ask(db, "SELECT count(*) FROM campaign", answer);
        assert_string_equal(answer, "1");
    }
    sqlite3_close(db);
    return filled;
}

static enum status expect_row(void *user, const struct trial_row *row)
{
    uint8_t *seen = user;
    struct trial_row expected;

    store_testing_row(&expected, row->trial);
    assert_true(store_testing_same(&expected, row));
    assert_int_equal(seen[row->trial], 0);
    seen[row->trial] = 1;
    return STATUS_OK;
}

/* Checks that every batch is whole or absent, with its further faults; returns the number of
 * trials. */
static int64_t check_batches(const char *path)
{
    static uint8_t seen[TRIALS];
    struct arena arena = {0};
    struct store *store;
    int64_t total = 0;

    memset(seen, 0, sizeof(seen));
    assert_int_equal(store_open(&store, path), STATUS_OK);
    assert_int_equal(store_each_row(store, expect_row, seen), STATUS_OK);
    for (int64_t b = 0; begin_of(b) < TRIALS; b++) {
        for (int64_t i = begin_of(b); i < begin_of(b + 1); i++) {
            struct store_fault *faults;
            uint32_t count;
            assert_int_equal(seen[i], seen[begin_of(b)]);
            total += seen[i];
            assert_int_equal(store_read_faults(store, (uint64_t)i, &arena, &faults, &count),
                             STATUS_OK);
            assert_int_equal(count, seen[i] && i % 5 == 4 ? 2 : 0);
        }
    }
    store_destroy(&store);
    arena_finish(&arena);
    return total;
}

/* Seconds of a whole campaign on this machine, now. */
static double measure(const struct store_testing *t)
{
    const double begin = clock_seconds();
    int how;

    assert_int_equal(waitpid(start(t->path), &how, 0) > 0 && WIFEXITED(how), 1);
    assert_int_equal(WEXITSTATUS(how), STATUS_OK);
    store_testing_files(t, true);
    return clock_seconds() - begin;
}

static void a_killed_writer_loses_nothing_that_was_committed(void **state)
{
    const struct store_testing *t = *state;
    const double whole = measure(t);
    struct rng rng;
    int64_t done = 0, died = 0, unborn = 0, campaigns = 1;

    rng_init(&rng, 20, 26);
    for (int kills = 0; kills < KILLS; kills++) {
        int how;
        const pid_t child = start(t->path);
        /* Some within the first moments, where the file is made or continued. */
        nap(rng_unit(&rng) * whole * (rng_below(&rng, 3) ? 0.5 : 0.03));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &how, 0), child);
        died += WIFSIGNALED(how);
        if (!WIFSIGNALED(how))
            assert_int_equal(WEXITSTATUS(how), STATUS_OK);
        if (!check_whole(t->path)) {
            unborn++;
            continue;
        }
        const int64_t now = check_batches(t->path);
        assert_true(now >= done);
        done = now;
        if (done == TRIALS || rng_below(&rng, 4) == 0) {
            store_testing_files(t, true);
            done = 0;
            campaigns++;
        }
    }
    print_message("%d kills in %lld campaigns, %lld of a running writer, %lld before there was a "
                  "database\n",
                  KILLS, (long long)campaigns, (long long)died, (long long)unborn);
    assert_true(died >= KILLS / 2);
    assert_int_equal(go_on(t->path), STATUS_OK);
    assert_int_equal(check_batches(t->path), TRIALS);
    assert_int_equal(store_testing_files(t, false), 1);
}

static void a_second_writer_is_refused_by_name(void **state)
{
    const struct store_testing *t = *state;
    int ready[2], how;
    char byte;
    struct store *store;

    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        enum status st = store_create(&store, t->path, identity());
        store_testing_fill_tables(store);
        st = st ? st : store_testing_put(store, 0, 1, 10);
        assert_int_equal(write(ready[1], "r", 1), 1);
        pause();
        _exit((int)st);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    const double begin = clock_seconds();
    assert_int_equal(store_create(&store, t->path, identity()), STATUS_IO);
    assert_true(clock_seconds() - begin < 10);
    assert_null(store);
    char expected[64];
    snprintf(expected, sizeof(expected), "being written by process %ld of host", (long)child);
    assert_non_null(strstr(log_last_error(), expected));
    /* Readers see what was committed, before and after its death. */
    for (int i = 0; i < 2; i++) {
        uint8_t done[(TRIALS + 7) / 8] = {0};
        assert_int_equal(store_open(&store, t->path), STATUS_OK);
        assert_int_equal(store_done(store, done, TRIALS), STATUS_OK);
        assert_int_equal(done[0], 0xff);
        assert_int_equal(done[1], 0x03);
        store_destroy(&store);
        kill(child, SIGKILL);
        waitpid(child, &how, 0);
    }
    assert_int_equal(store_create(&store, t->path, identity()), STATUS_OK);
    store_destroy(&store);
    close(ready[0]);
    close(ready[1]);
}

static void a_child_that_outlives_the_writer_does_not_hold_the_database(void **state)
{
    const struct store_testing *t = *state;
    struct store *store;
    int how;

    const pid_t writer = fork();
    if (writer == 0) {
        if (store_create(&store, t->path, identity()) != STATUS_OK)
            _exit(1);
        const pid_t worker = fork();
        if (worker == 0) {
            store_leave(store);
            nap(30);
            _exit(0);
        }
        /* Its id, for the test to end it. */
        char name[128];
        snprintf(name, sizeof(name), "%s/worker", t->folder);
        FILE *file = fopen(name, "w");
        fprintf(file, "%ld", (long)worker);
        fclose(file);
        nap(0.2); /* the worker has left */
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(writer, &how, 0), writer);
    assert_true(WIFSIGNALED(how));
    const double begin = clock_seconds();
    assert_int_equal(store_create(&store, t->path, identity()), STATUS_OK);
    assert_true(clock_seconds() - begin < 2);
    store_destroy(&store);
    char name[128];
    long worker = 0;
    snprintf(name, sizeof(name), "%s/worker", t->folder);
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &worker), 1);
    fclose(file);
    kill((pid_t)worker, SIGKILL);
}

/* A writer on another host that shares the folder. */
static void a_database_written_elsewhere_is_not_read_here(void **state)
{
    const struct store_testing *t = *state;
    char name[128], byte;
    struct store *store;
    int ready[2], how;

    assert_int_equal(store_create(&store, t->path, identity()), STATUS_OK);
    store_destroy(&store);
    snprintf(name, sizeof(name), "%s-lock", t->path);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(name, O_RDWR | O_CREAT, 0666);
        const bool held =
            fd >= 0 && flock(fd, LOCK_EX) == 0 && write(fd, "12 elsewhere\n", 13) == 13;
        assert_int_equal(write(ready[1], held ? "r" : "x", 1), 1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'r');
    assert_int_equal(store_open(&store, t->path), STATUS_IO);
    assert_non_null(strstr(log_last_error(), "being written by process 12 of host elsewhere, "
                                             "expected to be read there"));
    assert_int_equal(store_create(&store, t->path, identity()), STATUS_IO);
    kill(child, SIGKILL);
    waitpid(child, &how, 0);
    /* A dead writer's leftovers do not disturb. */
    assert_int_equal(store_open(&store, t->path), STATUS_OK);
    store_destroy(&store);
    assert_int_equal(store_create(&store, t->path, identity()), STATUS_OK);
    store_destroy(&store);
    close(ready[0]);
    close(ready[1]);
}

static enum status count_row(void *user, const struct trial_row *row)
{
    (void)row;
    ++*(int64_t *)user;
    return STATUS_OK;
}

static void readers_see_whole_batches_while_it_grows(void **state)
{
    const struct store_testing *t = *state;
    int64_t before = 0, looks = 0, growing = 0;
    int how = 0;
    bool running = true;
    struct store *store;

    assert_int_equal(store_create(&store, t->path, identity()), STATUS_OK);
    store_destroy(&store);
    const pid_t child = start(t->path);
    while (running) {
        int64_t now = 0, again = 0;
        running = waitpid(child, &how, WNOHANG) == 0;
        assert_int_equal(store_open(&store, t->path), STATUS_OK);
        assert_int_equal(store_each_row(store, count_row, &now), STATUS_OK);
        nap(0.002);
        assert_int_equal(store_each_row(store, count_row, &again), STATUS_OK);
        store_destroy(&store);
        assert_true(now >= before);
        assert_int_equal(again, now); /* one view, however long it is open */
        growing += now > before;
        before = now;
        looks++;
    }
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), STATUS_OK);
    assert_int_equal(before, TRIALS);
    print_message("%lld looks, %lld saw more than the one before\n", (long long)looks,
                  (long long)growing);
    assert_true(growing > 1);
    assert_int_equal(check_batches(t->path), TRIALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(a_killed_writer_loses_nothing_that_was_committed),
        CASE(a_second_writer_is_refused_by_name),
        CASE(a_child_that_outlives_the_writer_does_not_hold_the_database),
        CASE(a_database_written_elsewhere_is_not_read_here),
        CASE(readers_see_whole_batches_while_it_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
