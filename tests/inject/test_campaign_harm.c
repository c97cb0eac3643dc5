/* SPDX-License-Identifier: MIT */
/* Campaigns whose devices crash, hang, vanish, lie, or are killed. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "campaign_bench.h"

#define PLAN                                                                                       \
    ",\"sampling\":{\"trials\":60},\"seed\":5,\"controls\":{\"dry\":0.05,\"sentinel\":0,"          \
    "\"naive\":0.05,\"cpu\":0.05}"

/* CPU reruns are the only controls. */
#define PLAN_CPU                                                                                   \
    ",\"sampling\":{\"trials\":60},\"seed\":5,\"controls\":{\"dry\":0,\"sentinel\":0,"             \
    "\"naive\":0,\"cpu\":0.2}"

/* The CPU, then a second form of it that does the harm: `times` of them, or always (-1). */
static struct bench *begin_plan(const char *plan, enum bench_harm harm, long after, long times)
{
    struct bench *b = bench_begin(plan);
    bench_add_device(b, "cpu:scalar", CPU_SCALAR, false);
    b->scene->harm = harm;
    b->scene->device = 1;
    b->scene->after = after;
    b->scene->times = times;
    return b;
}

static struct bench *begin(enum bench_harm harm, long after, long times)
{
    return begin_plan(PLAN, harm, after, times);
}

/* Harm done once leaves the rows unchanged, and an incident. */
static void test_once(void **state)
{
    const enum bench_harm harms[] = {BENCH_ABORT, BENCH_LOST, BENCH_HANG};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct bench *b = begin(harms[i], 22, 1);
        b->device[0].reference_only = true; /* so that the second one has all the work */
        b->params.setup.watchdog.base = 2;  /* a busy machine is no hang */
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        bench_expect_rows(b, &reference);
        assert_int_equal(b->failed, 1);
        assert_int_equal(b->incidents, 1);
        assert_int_equal(b->due + b->aside, 0);
        bench_end(b);
    }
}

/* Workers are killed at random moments, for as long as the campaign runs. */
static void test_killed_workers(void **state)
{
    struct bench *b = begin(BENCH_NONE, 0, 0);
    (void)state;
    b->kill_seed = 4711;
    b->scene->slow_ms = 3;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    print_message("%u killed, %u failures seen, %u incidents, %u due\n", b->killed, b->failed,
                  b->incidents, b->due);
    assert_true(b->failed >= 3);
    assert_int_equal(b->due, 0);
    bench_end(b);
}

/* A device that always fails is set aside, the other does all; alone, the campaign ends with
 * earlier rows, and goes on once the device works. */
static void test_set_aside(void **state)
{
    (void)state;
    struct bench *b = begin(BENCH_ABORT, 15, -1);
    b->scene->slow_ms = 10;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    assert_int_equal(b->aside, 1);
    assert_int_equal(b->due, 0);
    bench_end(b);

    b = begin(BENCH_ABORT, 30, -1);
    b->device[0].reference_only = true;
    assert_int_equal(campaign_run(&b->params), STATUS_DEVICE);
    assert_int_equal(b->aside, 1);
    assert_true(b->end.done > 0 && b->end.done < b->end.planned);
    b->scene->harm = BENCH_NONE;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_expect_rows(b, &reference);
    bench_end(b);
}

/* A device that cannot be opened is told before the golden runs are paid for. */
static void test_not_open(void **state)
{
    struct bench *b = begin(BENCH_NOT_OPEN, 0, -1);
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_DEVICE);
    assert_int_equal(access(b->path, F_OK), 0); /* as mkstemp made it: */
    FILE *file = fopen(b->path, "rb");
    assert_non_null(file);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    bench_end(b);
}

/* Golden runs are compared with the CPU's. */
static void test_wrong_golden(void **state)
{
    struct bench *b = begin(BENCH_WRONG, 0, -1);
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_DEVICE);
    assert_int_equal(b->aside, 0);
    bench_end(b);
}

/* The line of a trial in the reference; null: it has none. */
static const char *reference_line(int64_t trial, size_t *out_size)
{
    char begin[32];
    const int n = snprintf(begin, sizeof(begin), "trial=%lld;", (long long)trial);
    for (const char *at = reference.data; at && *at;) {
        const char *end = strchr(at, '\n');
        *out_size = (size_t)(end - at);
        if (strncmp(at, begin, (size_t)n) == 0)
            return at;
        at = end + 1;
    }
    return NULL;
}

struct lies {
    bool caught; /* the campaign has ended by it: otherwise no control followed the last rows */
    uint32_t rows, wrong, marked;
};

static enum status expect_marked(void *user, const struct trial_row *row)
{
    struct lies *lies = user;
    struct text line = {0};
    size_t size = 0;
    const char *expected = reference_line(row->trial, &size);
    assert_non_null(expected);
    assert_int_equal(bench_put_row(&line, row), STATUS_OK);
    const bool wrong = line.size - 1 != size || memcmp(line.data, expected, size) != 0;
    text_finish(&line);
    lies->rows++;
    lies->wrong += wrong;
    lies->marked += row->suspect != NULL;
    if (wrong && !row->suspect && lies->caught)
        fail_msg("trial %lld is wrong and trusted", (long long)row->trial);
    return STATUS_OK;
}

/* A device lies from some pass on, and whatever finds it (a dry fault, a rerun, a golden run), no
 * wrong row stays unmarked, though controls of other kinds passed after it. */
static void test_no_lie_is_trusted(void **state)
{
    uint32_t stopped = 0, wrong = 0;
    (void)state;
    for (long after = 40; after <= 540; after += 100) {
        struct bench *b = begin(BENCH_WRONG, after, -1);
        struct lies lies = {0};
        struct store *store = NULL;
        b->device[0].reference_only = true;
        b->params.setup.naive = true; /* many passes a trial */
        const enum status st = campaign_run(&b->params);
        lies.caught = st;
        stopped += lies.caught;
        if (store_open(&store, b->path) == STATUS_OK) {
            assert_int_equal(store_each_row(store, expect_marked, &lies), STATUS_OK);
            assert_int_equal(store_doubt_check(store, false),
                             lies.marked ? STATUS_INPUT : STATUS_OK);
        }
        store_destroy(&store);
        wrong += lies.wrong;
        print_message("after %ld passes: %s; %u rows, %u wrong, %u suspect\n", after,
                      status_name(st), lies.rows, lies.wrong, lies.marked);
        bench_end(b);
    }
    assert_true(stopped > 3 && wrong > 0);
}

static enum status count_suspect(void *user, const struct trial_row *row)
{
    uint32_t *count = user;
    count[row->suspect != NULL]++;
    return STATUS_OK;
}

/* A device that lies later: a CPU rerun finds it, the campaign stops, and its rows since its last
 * good control are marked. */
static void test_wrong_later(void **state)
{
    const char *const prompts = bench_prompts;
    uint32_t count[2] = {0};
    struct store *store = NULL;
    (void)state;
    bench_prompts = "[9,41,52]"; /* whose golden run is made once */
    struct bench *b = begin_plan(PLAN_CPU, BENCH_WRONG, 400, -1);
    bench_prompts = prompts;
    b->device[0].reference_only = true;
    b->params.setup.naive = true;
    assert_int_equal(campaign_run(&b->params), STATUS_INTERNAL);
    assert_int_equal(store_open(&store, b->path), STATUS_OK);
    assert_int_equal(store_each_row(store, count_suspect, count), STATUS_OK);
    store_destroy(&store);
    print_message("%u trials trusted, %u suspect\n", count[0], count[1]);
    assert_true(count[1] > 0);
    bench_end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_killed_workers),
        cmocka_unit_test(test_set_aside),
        cmocka_unit_test(test_not_open),
        cmocka_unit_test(test_wrong_golden),
        cmocka_unit_test(test_wrong_later),
        cmocka_unit_test(test_no_lie_is_trusted),
    };
    return bench_run_tests(tests, sizeof(tests) / sizeof(*tests), PLAN);
}
