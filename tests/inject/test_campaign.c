/* SPDX-License-Identifier: MIT */
/* Whole campaigns: the same rows however the trials are spread, split into calls, or
 * interrupted. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "campaign_same.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define PLAN ",\"sampling\":{\"trials\":60},\"seed\":5,\"controls\":" SHARES
#define SHARES "{\"dry\":0.05,\"sentinel\":0,\"naive\":0.05,\"cpu\":0.05}"

static uint32_t count_lines(const struct text *rows, const char *piece)
{
    uint32_t count = 0;
    for (const char *at = rows->data; (at = strstr(at, piece)); at++)
        count++;
    return count;
}

static void test_one_device(void **state)
{
    struct bench *b = bench_begin(PLAN);
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    assert_int_equal(b->goldens, 3);
    assert_int_equal(b->end.done, b->end.planned);
    assert_int_equal(b->end.planned, count_lines(&reference, "\n"));
    assert_int_equal(b->end.counted, 60);
    assert_int_equal(count_lines(&reference, "control=naive"), 3);
    assert_int_equal(count_lines(&reference, "control=cpu"), 3);
    assert_int_equal(count_lines(&reference, "control=dry"), 3);
    assert_int_equal(b->scene->opened, 2); /* for the golden runs, and for the trials */
    /* Once more: nothing is left to do, and nothing is opened for it. */
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    assert_int_equal(b->scene->opened, 2);
    bench_end(b);
}

/* The reference runs no trials: CPU reruns are compared with another form's rows. */
static void test_reference_apart(void **state)
{
    struct bench *b = bench_begin(PLAN);
    (void)state;
    b->device[0].reference_only = true;
    bench_add_device(b, "cpu:scalar", CPU_SCALAR, false);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

static int by_line(const void *a, const void *b)
{
    const long x = atol(*(const char *const *)a + strlen("trial="));
    const long y = atol(*(const char *const *)b + strlen("trial="));
    return (x > y) - (x < y);
}

/* Three shards, each in its own database, have the rows of the whole. */
static void test_shards(void **state)
{
    struct text all = {0};
    char *line[256];
    uint32_t n = 0;
    (void)state;
    for (uint32_t shard = 0; shard < 3; shard++) {
        struct bench *b = bench_begin(PLAN);
        b->params.shard = (struct campaign_shard){shard, 3, "--shard"};
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        bench_rows(&all, b->path);
        bench_end(b);
    }
    for (char *at = strtok(all.data, "\n"); at && n < 256; at = strtok(NULL, "\n"))
        line[n++] = at;
    qsort(line, n, sizeof(*line), by_line);
    const char *at = reference.data;
    for (uint32_t i = 0; i < n; i++) {
        assert_memory_equal(line[i], at, strlen(line[i]));
        at += strlen(line[i]) + 1;
    }
    assert_int_equal(*at, '\0');
    text_finish(&all);
}

/* The first signal lets the batches end, the second does not; the same call goes on. */
static void test_stop(void **state)
{
    struct bench *b = bench_begin(PLAN);
    (void)state;
    b->stop_after = 2;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_true(b->end.done > 0 && b->end.done < b->end.planned);
    const uint64_t done = b->end.done;
    b->stop = 2;
    b->stop_after = 0;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(b->end.done, done);
    b->stop = 0;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

/* The disk is full after some batches: the campaign ends with a clear line, and written rows stay.
 */
static void test_full_disk(void **state)
{
    struct bench *b = bench_begin(PLAN);
    int how = 0;
    (void)state;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {160 * 1024, 160 * 1024};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(99);
        _exit(campaign_run(&b->params));
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), STATUS_IO);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

/* A database of another plan, model or build is refused before anything runs. */
static void test_other_campaign(void **state)
{
    struct bench *b = bench_begin(PLAN);
    (void)state;
    b->params.limit = 5;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    const uint32_t opened = b->scene->opened;
    const struct store_identity good = b->params.identity;
    b->params.identity.plan_hash =
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    assert_int_equal(campaign_run(&b->params), STATUS_INPUT);
    b->params.identity = good;
    b->params.identity.model_hash =
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    assert_int_equal(campaign_run(&b->params), STATUS_INPUT);
    b->params.identity = good;
    b->params.identity.shaders = "other";
    assert_int_equal(campaign_run(&b->params), STATUS_INPUT);
    b->params.identity = good;
    b->params.shard = (struct campaign_shard){1, 2, "--shard"};
    assert_int_equal(campaign_run(&b->params), STATUS_INPUT);
    assert_int_equal(b->scene->opened, opened);
    bench_end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_device),
        cmocka_unit_test(same_on_several_devices),
        cmocka_unit_test(test_reference_apart),
        cmocka_unit_test(same_without_forking),
        cmocka_unit_test(same_in_calls),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(same_when_killed),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_other_campaign),
    };
    return bench_run_tests(tests, sizeof(tests) / sizeof(*tests), PLAN);
}
