/* SPDX-License-Identifier: MIT */
/* Golden runs kept beside a database are a cache: those of an older program, damaged or half
 * written are made again, with one line, and never change a row. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "campaign_bench.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/rng.h"

#define PLAN                                                                                       \
    ",\"sampling\":{\"trials\":4},\"controls\":{\"dry\":0,\"sentinel\":0,\"naive\":0,\"cpu\":0}"
#define GOLDENS 3u    /* bench_prompts */
#define VERSION_AT 60 /* of a SQLite file: user_version, big-endian */
#define PROGRAM_AT 68 /* application_id */

/* A file with golden runs, as an interrupted campaign leaves it. */
static struct arena arena;
static char *file;
static size_t size;
static uint32_t kept;
enum { VALUES = 3 };
static const char *value[VALUES]; /* of its first row */

static const char *beside(const struct bench *b, const char *end)
{
    static char path[192];
    snprintf(path, sizeof(path), "%s-golden%s", b->path, end);
    return path;
}

static bool is_beside(const struct bench *b)
{
    return access(beside(b, ""), F_OK) == 0;
}

/* Runs the campaign with standard error in `out`. */
static enum status run(struct bench *b, char **out)
{
    size_t n;
    const char *path = beside(b, "-errors");
    const int own = dup(STDERR_FILENO), to = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    assert_true(own >= 0 && dup2(to, STDERR_FILENO) >= 0);
    const enum status st = campaign_run(&b->params);
    fflush(stderr);
    assert_true(dup2(own, STDERR_FILENO) >= 0);
    close(own);
    close(to);
    assert_int_equal(file_read(&arena, path, out, &n), STATUS_OK);
    unlink(path);
    return st;
}

static int make_file(void **state)
{
    bench_plan = PLAN;
    bench_setup(state);
    struct bench *b = bench_begin(PLAN);
    b->stop_after_goldens = 2;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(file_read(&arena, beside(b, ""), &file, &size), STATUS_OK);
    kept = b->goldens;
    assert_true(kept >= 2);
    struct store *store;
    struct store_item *item;
    uint32_t n;
    assert_int_equal(store_open(&store, beside(b, "")), STATUS_OK);
    assert_int_equal(store_read_items(store, &arena, &item, &n), STATUS_OK);
    assert_int_equal(n, kept);
    value[0] = item[0].tokens;
    value[1] = item[0].hash;
    value[2] = item[0].prompt_ids;
    store_destroy(&store);
    bench_end(b);
    return 0;
}

static int drop_file(void **state)
{
    arena_finish(&arena);
    return bench_teardown(state);
}

/* A campaign that finds these bytes: it ends with the right rows and nothing beside it. Returns
 * whether it told that it does not use them; golden runs are then all made again. */
static bool is_refused(const void *bytes, size_t n)
{
    struct bench *b = bench_begin(PLAN);
    char *told;
    assert_int_equal(file_write(beside(b, ""), bytes, n), STATUS_OK);
    const enum status st = run(b, &told);
    if (st)
        fail_msg("%s", told);
    const bool refused = told[0] != '\0';
    assert_int_equal(b->goldens, refused ? GOLDENS : GOLDENS - kept);
    if (refused && (!strstr(told, "warning: ") || !strstr(told, "-golden") ||
                    !strstr(told, "made again") || strchr(told, '\n')[1] != '\0'))
        fail_msg("found '%s', expected one line that the golden runs are made again", told);
    assert_false(is_beside(b));
    bench_expect_rows(b, &reference);
    bench_end(b);
    return refused;
}

static void test_whole(void **state)
{
    (void)state;
    assert_false(is_refused(file, size));
}

static void test_older(void **state)
{
    char *other = arena_alloc(&arena, size);
    (void)state;
    for (int at = VERSION_AT; at <= PROGRAM_AT; at += PROGRAM_AT - VERSION_AT) {
        memcpy(other, file, size);
        other[at + 3]--;
        assert_true(is_refused(other, size));
    }
    assert_true(is_refused("text\n", 5));
}

static void test_cut(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 31, 0);
    for (int i = 0; i < 6; i++)
        assert_true(is_refused(file, 1 + rng_below(&rng, size - 1)));
}

/* A byte of a row's value is refused, any other byte never used wrongly. */
static void test_flipped(void **state)
{
    char *other = arena_alloc(&arena, size);
    struct rng rng;
    uint32_t refused = 0;
    (void)state;
    rng_init(&rng, 32, 0);
    for (int i = 0; i < 16; i++) {
        memcpy(other, file, size);
        other[rng_below(&rng, size)] ^= (char)(1u << rng_below(&rng, 8));
        refused += is_refused(other, size);
    }
    print_message("%u of 16 flips refused\n", refused);
    for (uint32_t v = 0; v < VALUES; v++) {
        const char *at = memmem(file, size, value[v], strlen(value[v]));
        assert_non_null(at);
        memcpy(other, file, size);
        other[at - file + 1] ^= 1;
        assert_true(is_refused(other, size));
    }
}

/* Of other prompts: another plan's are no use. */
static void test_another_plan(void **state)
{
    struct bench *b = bench_begin(",\"sampling\":{\"trials\":7}");
    char *told;
    (void)state;
    assert_int_equal(file_write(beside(b, ""), file, size), STATUS_OK);
    assert_int_equal(run(b, &told), STATUS_OK);
    assert_non_null(strstr(told, "plan hash"));
    assert_int_equal(b->goldens, GOLDENS);
    assert_false(is_beside(b));
    bench_end(b);
}

/* What is no file is not this program's to delete. */
static void test_folder(void **state)
{
    struct bench *b = bench_begin(PLAN);
    char *told;
    (void)state;
    assert_int_equal(mkdir(beside(b, ""), 0700), 0);
    assert_int_equal(run(b, &told), STATUS_INPUT);
    assert_non_null(strstr(told, "found a directory"));
    assert_int_equal(rmdir(beside(b, "")), 0);
    bench_end(b);
}

/* Starts a process that makes the first golden runs, in files of at most so many bytes. */
static pid_t start(struct bench *b, rlim_t most)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    const struct rlimit limit = {most, most};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(99);
    b->stop_after_goldens = 1;
    _exit(campaign_run(&b->params));
}

/* Killed within a few milliseconds of the file's creation, again and again, and damaged at times.
 */
static void test_killed(void **state)
{
    unsigned seed = 9;
    uint32_t killed = 0;
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct bench *b = bench_begin(PLAN);
        for (int kill_at = 0; kill_at < 2; kill_at++) {
            int how = 0;
            const pid_t child = start(b, RLIM_INFINITY);
            while (!is_beside(b) && waitpid(child, &how, WNOHANG) == 0)
                bench_pause(1);
            usleep((unsigned)rand_r(&seed) % 4000);
            if (kill(child, SIGKILL) == 0 && waitpid(child, &how, 0) == child)
                killed += WIFSIGNALED(how);
        }
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_false(is_beside(b));
        bench_expect_rows(b, &reference);
        bench_end(b);
    }
    print_message("killed %u times\n", killed);
    assert_true(killed > 0);
}

/* The disk is full at some byte of the file: a clear end, and the next call goes on. */
static void test_full_disk(void **state)
{
    uint32_t full = 0;
    (void)state;
    for (rlim_t most = 512; most < 400000; most = most * 5 / 2) {
        struct bench *b = bench_begin(PLAN);
        int how = 0;
        assert_int_equal(waitpid(start(b, most), &how, 0) > 0, 1);
        assert_true(WIFEXITED(how));
        assert_true(WEXITSTATUS(how) == STATUS_OK || WEXITSTATUS(how) == STATUS_IO);
        full += WEXITSTATUS(how) == STATUS_IO;
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_false(is_beside(b));
        bench_expect_rows(b, &reference);
        bench_end(b);
    }
    assert_true(full > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_older),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_another_plan), cmocka_unit_test(test_folder),
        cmocka_unit_test(test_killed),       cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
