/* SPDX-License-Identifier: MIT */
/* Files that are no database, locked, read-only, or on a full disk: one line, and nothing that was
 * committed is lost. */
#include "store_testing.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"

#define TRIALS STORE_TESTING_WHOLE

static void expect_refused(const char *path, enum status expected, const char *words)
{
    struct store *store;

    assert_int_equal(store_open(&store, path), expected);
    assert_non_null(strstr(log_last_error(), words));
    assert_null(store);
    assert_int_equal(store_create(&store, path, store_testing_whole_identity()), expected);
    assert_non_null(strstr(log_last_error(), words));
    assert_null(store);
}

static void what_is_no_database_of_this_version_is_refused_untouched(void **state)
{
    const struct store_testing *t = *state;
    struct arena arena = {0};
    char other[128], *text;
    size_t size;
    struct store *store;

    expect_refused(t->folder, STATUS_INPUT, "found a directory, expected a database");
    expect_refused("/dev/null", STATUS_INPUT, "found something else than a file");
    assert_int_equal(store_open(&store, t->path), STATUS_IO);
    assert_non_null(strstr(log_last_error(), "No such file"));
    snprintf(other, sizeof(other), "%s/no/out.db", t->folder);
    assert_int_equal(store_create(&store, other, store_testing_whole_identity()), STATUS_IO);
    assert_non_null(strstr(log_last_error(), "No such file"));

    snprintf(other, sizeof(other), "%s/notes.txt", t->folder);
    assert_int_equal(file_write(other,
                                "a text that is long enough for a header of 100 bytes ....."
                                "..........................................",
                                100),
                     STATUS_OK);
    expect_refused(other, STATUS_INPUT, "found no database");
    assert_int_equal(file_read(&arena, other, &text, &size), STATUS_OK);
    assert_int_equal(size, 100);

    snprintf(other, sizeof(other), "%s/other.db", t->folder);
    store_testing_sql(other, "CREATE TABLE music (title TEXT)");
    expect_refused(other, STATUS_INPUT, "database of another program");

    store_testing_make_whole(t->path);
    store_testing_sql(t->path, "PRAGMA user_version = 4");
    expect_refused(t->path, STATUS_INPUT, "found version 4 of the schema, expected 9");
    store_testing_sql(t->path, "PRAGMA user_version = 9; DROP TABLE incident");
    expect_refused(t->path, STATUS_INPUT, "found no incident");
    store_testing_sql(t->path, "CREATE TABLE incident (id INTEGER)");
    expect_refused(t->path, STATUS_INPUT, "found another incident");
    arena_finish(&arena);
}

static void an_empty_file_is_begun_and_not_read(void **state)
{
    const struct store_testing *t = *state;
    struct store *store;

    assert_int_equal(file_write(t->path, "", 0), STATUS_OK);
    assert_int_equal(store_open(&store, t->path), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found an empty file"));
    assert_int_equal(store_create(&store, t->path, store_testing_whole_identity()), STATUS_OK);
    store_destroy(&store);
    assert_int_equal(store_open(&store, t->path), STATUS_OK);
    store_destroy(&store);
}

/* A name that SQLite would take for something else. */
static void names_mean_files(void **state)
{
    const struct store_testing *t = *state;
    static const char *const names[] = {":memory:", "file:x.db?mode=memory", "-x%20y"};
    char before[512];
    struct store *store;

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(t->folder), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(store_create(&store, names[i], store_testing_whole_identity()), STATUS_OK);
        store_destroy(&store);
        assert_int_equal(access(names[i], F_OK), 0);
    }
    assert_int_equal(store_testing_files(t, false), 3);
    assert_int_equal(chdir(before), 0);
}

/* Runs `check` in a child process, as user nobody if the test is root's; false: that is not
 * permitted. */
static void in_child(const struct store_testing *t, bool as_nobody,
                     int (*check)(const struct store_testing *t))
{
    int how;
    const pid_t child = fork();

    if (child == 0) {
        if (as_nobody && geteuid() == 0 && setuid(65534) != 0)
            _exit(100);
        _exit(check(t));
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static int check_read_only(const struct store_testing *t)
{
    uint8_t done[TRIALS / 8] = {0};
    struct store *store;
    char other[128];

    /* The database can be read, and nothing is written for that. */
    if (store_open(&store, t->path) != STATUS_OK || store_done(store, done, TRIALS) != STATUS_OK ||
        done[TRIALS / 8 - 1] != 0xff)
        return 1;
    store_destroy(&store);
    if (store_create(&store, t->path, store_testing_whole_identity()) != STATUS_IO ||
        !strstr(log_last_error(), "Permission denied"))
        return 2;
    snprintf(other, sizeof(other), "%s/new.db", t->folder);
    if (store_create(&store, other, store_testing_whole_identity()) != STATUS_IO ||
        !strstr(log_last_error(), "Permission denied"))
        return 3;
    return store_testing_files(t, false) == 1 ? 0 : 4;
}

static int check_read_only_file(const struct store_testing *t)
{
    struct store *store;

    return store_create(&store, t->path, store_testing_whole_identity()) == STATUS_IO &&
                   strstr(log_last_error(), "cannot write: attempt to write a readonly database")
               ? 0
               : 1;
}

static int check_unreadable(const struct store_testing *t)
{
    struct store *store;

    return store_open(&store, t->path) == STATUS_IO && strstr(log_last_error(), "Permission denied")
               ? 0
               : 1;
}

static void read_only_places_can_be_read_only(void **state)
{
    const struct store_testing *t = *state;

    store_testing_make_whole(t->path);
    assert_int_equal(chmod(t->path, 0444), 0);
    assert_int_equal(chmod(t->folder, 0555), 0);
    in_child(t, true, check_read_only);
    assert_int_equal(chmod(t->folder, 0777), 0);
    in_child(t, true, check_read_only_file);
    assert_int_equal(chmod(t->path, 0), 0);
    in_child(t, true, check_unreadable);
    assert_int_equal(chmod(t->folder, 0700), 0);
}

static int hold_lock(const char *path, int ready)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
        write(ready, "r", 1) != 1)
        return 1;
    pause();
    return 0;
}

static void a_locked_file_is_waited_for_and_then_named(void **state)
{
    const struct store_testing *t = *state;
    struct store *store;
    int ready[2], how;
    char byte;

    store_testing_make_whole(t->path);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0)
        _exit(hold_lock(t->path, ready[1]));
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(store_create(&store, t->path, store_testing_whole_identity()), STATUS_IO);
    assert_non_null(strstr(log_last_error(), "locked by another process for 10 s"));
    kill(child, SIGKILL);
    waitpid(child, &how, 0);
    assert_int_equal(store_create(&store, t->path, store_testing_whole_identity()), STATUS_OK);
    store_destroy(&store);
    close(ready[0]);
    close(ready[1]);
}

/* Writes batches of 10 until one is refused; returns 0 if that was told and nothing was lost. */
static int fill_up(const char *path)
{
    struct store *store;
    uint8_t done[TRIALS / 8] = {0};
    int64_t put = 0, found = 0;
    enum status st = store_create(&store, path, store_testing_whole_identity());

    if (st) {
        /* A disk too full for a new database leaves nothing. */
        return st == STATUS_IO && access(path, F_OK) != 0 ? 1 : 20;
    }
    store_testing_fill_tables(store);
    while (!st && put < TRIALS) {
        st = store_testing_put(store, put, 1, 10);
        put += !st ? 10 : 0;
    }
    if (st != STATUS_IO || !strstr(log_last_error(), path))
        return 21;
    store_destroy(&store);
    if (store_open(&store, path) != STATUS_OK || store_done(store, done, TRIALS) != STATUS_OK)
        return 22;
    store_destroy(&store);
    for (int64_t i = 0; i < TRIALS; i++)
        found += done[i / 8] >> i % 8 & 1;
    return put > 0 && found == put ? 0 : 23;
}

static int check_file_limit(const struct store_testing *t)
{
    const struct rlimit tight = {96 << 10, 96 << 10};

    signal(SIGXFSZ, SIG_IGN);
    return setrlimit(RLIMIT_FSIZE, &tight) == 0 ? fill_up(t->path) : 30;
}

static int check_no_room(const struct store_testing *t)
{
    const struct rlimit tight = {8 << 10, 8 << 10};

    signal(SIGXFSZ, SIG_IGN);
    return setrlimit(RLIMIT_FSIZE, &tight) == 0 && fill_up(t->path) == 1 ? 0 : 1;
}

static void a_file_that_may_not_grow_keeps_what_was_committed(void **state)
{
    const struct store_testing *t = *state;

    in_child(t, false, check_no_room);
    assert_int_equal(store_testing_files(t, false), 0);
    in_child(t, false, check_file_limit);
}

static void a_full_disk_keeps_what_was_committed(void **state)
{
    const struct store_testing *t = *state;
    char path[128];
    struct store *store;

    if (mount("none", t->folder, "tmpfs", 0, "size=192k") != 0) {
        print_message("no tmpfs: %s\n", strerror(errno));
        skip();
    }
    snprintf(path, sizeof(path), "%s/full.db", t->folder);
    const int result = fill_up(path);
    /* With room again, the same call goes on. */
    const int grown = mount("none", t->folder, "tmpfs", MS_REMOUNT, "size=4m");
    const enum status st = store_create(&store, path, store_testing_whole_identity());
    store_destroy(&store);
    assert_int_equal(umount(t->folder), 0);
    assert_int_equal(result, 0);
    assert_int_equal(grown, 0);
    assert_int_equal(st, STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, store_testing_begin, store_testing_end)
        CASE(what_is_no_database_of_this_version_is_refused_untouched),
        CASE(an_empty_file_is_begun_and_not_read),
        CASE(names_mean_files),
        CASE(read_only_places_can_be_read_only),
        CASE(a_locked_file_is_waited_for_and_then_named),
        CASE(a_file_that_may_not_grow_keeps_what_was_committed),
        CASE(a_full_disk_keeps_what_was_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
