/* SPDX-License-Identifier: MIT */
/* Campaigns that stop themselves: once the question of their plan is answered, not before, and with
 * the same answer however often they were killed. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "campaign_bench.h"

#include <math.h>

#include "inject/report/report_watch.h"

#define PROMPTS 12
#define TRIALS 240
#define LOOKS "\"rule\":\"spending\",\"looks\":[0.25,0.5,1]"
#define ANY_TIME "\"rule\":\"time_uniform\""

static double whole_rate; /* SDC share of all trials, as a gate sees it */
static struct text whole; /* rows of a campaign that asks nothing */

/* What campaign_params.look is given, beside the events of the bench. */
static struct report_watch watch;
static uint32_t asked;

static enum status look(void *user, const struct campaign_look *now, bool *out_stop)
{
    const struct report_watch_progress progress = {now->leading, now->done, now->trials};
    enum status st = STATUS_OK;
    (void)user;
    asked++;
    watch.next_time = 0; /* the time of looks is not tested */
    if (report_watch_is_due(&watch, &progress))
        st = report_watch_look(&watch, &progress);
    *out_stop = watch.decided;
    return st;
}

static struct bench *begin_sure(const char *stop, double max, double confidence)
{
    char text[4096];
    int n = snprintf(text, sizeof(text),
                     "{\"model\":\"tiny\",\"decoding\":{\"n\":6,\"stop\":\"none\"},\"population\":"
                     "\"ops\",\"seed\":5,\"what\":{\"bits\":[30]},\"sampling\":{\"trials\":%d},"
                     "\"controls\":{\"dry\":0.02,"
                     "\"sentinel\":0,\"naive\":0.02,\"cpu\":0.02},",
                     TRIALS);
    if (stop)
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "\"stop\":{%s,\"gate\":{\"max\":%.17g,\"confidence\":%g}},", stop, max,
                      confidence);
    n += snprintf(text + n, sizeof(text) - (size_t)n, "\"prompts\":[{\"ids\":[");
    for (int i = 0; i < PROMPTS; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s[%d,%d,%d]", i ? "," : "", 7 + 5 * i,
                      200 - i, 31 + 3 * i);
    snprintf(text + n, sizeof(text) - (size_t)n, "]}]}");
    struct bench *b = bench_begin_plan(text);
    b->params.look = look;
    asked = 0;
    report_watch_init(&watch, b->path, &b->plan);
    return b;
}

static struct bench *begin(const char *stop, double max)
{
    return begin_sure(stop, max, 0.95);
}

/* The same database gives the same answer again, and nothing is run for it. */
static void expect_decided(struct bench *b)
{
    const struct report_gate before = watch.gate;
    const uint32_t opened = b->scene->opened;
    struct text rows = {0};
    bench_rows(&rows, b->path);
    report_watch_init(&watch, b->path, &b->plan);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_true(watch.decided);
    assert_int_equal(watch.looks, 1);
    assert_int_equal(watch.gate.result.verdict, before.result.verdict);
    assert_int_equal(watch.gate.look, before.look);
    assert_int_equal(watch.gate.items, before.items);
    assert_true(watch.gate.rate == before.rate);
    assert_int_equal(b->scene->opened, opened);
    bench_expect_rows(b, &rows);
    text_finish(&rows);
}

static void expect_stop(const char *stop, double max, enum stats_gate_verdict verdict)
{
    struct bench *b = begin(stop, max);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_true(watch.decided);
    assert_int_equal(watch.gate.result.verdict, verdict);
    print_message("%s: %llu of %llu trials, look %u, %u prompts, %u looks\n", stop,
                  (unsigned long long)b->end.done, (unsigned long long)b->end.planned,
                  watch.gate.look, watch.gate.items, watch.looks);
    assert_true(b->end.done < b->end.planned * 3 / 4);
    expect_decided(b);
    bench_end(b);
}

static void test_passes_early(void **state)
{
    (void)state;
    expect_stop(LOOKS, 0.97, STATS_GATE_PASS);
    assert_int_equal(watch.gate.look, 1);
    expect_stop(ANY_TIME, 0.97, STATS_GATE_PASS);
    assert_true(watch.gate.items >= 1 && watch.gate.items < PROMPTS);
}

static void test_fails_early(void **state)
{
    (void)state;
    expect_stop(LOOKS, 0.001, STATS_GATE_FAIL);
    expect_stop(ANY_TIME, 0.001, STATS_GATE_FAIL);
}

/* A limit equal to the rate is not decided, except by chance at an early look: all trials are run,
 * the same as without a question. */
static void test_undecided_runs_to_the_end(void **state)
{
    static const char *const stops[] = {LOOKS, ANY_TIME};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench *b = begin_sure(stops[i], whole_rate, 0.9999);
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_false(watch.decided);
        assert_int_equal(watch.gate.result.verdict, STATS_GATE_UNDECIDED);
        assert_true(watch.gate.complete);
        assert_int_equal(watch.gate.look, i == 0 ? 3 : 0);
        assert_int_equal(watch.gate.items, i == 0 ? 0 : PROMPTS);
        assert_true(watch.looks >= (i == 0 ? 4 : 2));
        assert_int_equal(b->end.done, b->end.planned);
        bench_expect_rows(b, &whole);
        bench_end(b);
    }
}

/* The answer of a campaign that one device runs without a break. */
static struct report_gate straight_answer(const char *stop)
{
    struct bench *b = begin(stop, 0.97);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    const struct report_gate answer = watch.gate;
    bench_end(b);
    return answer;
}

/* The whole process is killed at random moments until it ends by itself. */
static void test_killed_and_resumed(void **state)
{
    static const char *const stops[] = {LOOKS, ANY_TIME};
    unsigned seed = 9;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct report_gate straight = straight_answer(stops[i]);
        struct bench *b = begin(stops[i], 0.97);
        b->scene->slow_ms = 15;
        assert_true(bench_kill(b, &seed, (struct bench_patience){60, 100, 100}) >= 2);
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_true(watch.decided && b->end.done < b->end.planned);
        assert_int_equal(watch.gate.look, straight.look);
        assert_int_equal(watch.gate.items, straight.items);
        assert_true(watch.gate.rate == straight.rate);
        assert_true(watch.gate.result.upper == straight.result.upper);
        expect_decided(b);
        bench_end(b);
    }
}

/* Two devices share the work, one of them slow: the same items decide, with the same rate. */
static void test_several_devices(void **state)
{
    static const char *const stops[] = {LOOKS, ANY_TIME};
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct report_gate straight = straight_answer(stops[i]);
        struct bench *b = begin(stops[i], 0.97);
        bench_add_device(b, "cpu:scalar", CPU_SCALAR, false);
        b->scene->slow_ms = 2;
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_true(watch.decided);
        assert_int_equal(watch.gate.look, straight.look);
        assert_int_equal(watch.gate.items, straight.items);
        assert_int_equal(watch.gate.counted, straight.counted);
        assert_true(watch.gate.rate == straight.rate);
        bench_end(b);
    }
}

/* A part is never asked, whatever it holds. */
static void test_a_part_does_not_stop(void **state)
{
    struct bench *b = begin(LOOKS, 0.97);
    (void)state;
    b->params.shard = (struct campaign_shard){0, 2, "--shard"};
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(asked, 0);
    assert_int_equal(b->end.done, b->end.planned);
    bench_end(b);
}

/* A stratum that the sample does not have is found before any trial runs. */
static void test_unknown_stratum(void **state)
{
    struct bench *b = begin(LOOKS, 0.5);
    (void)state;
    b->plan.gate.stratum = "layer=99";
    assert_int_equal(campaign_run(&b->params), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "found no stratum \"layer=99\""));
    assert_int_equal(b->batches, 0);
    bench_end(b);
}

static int setup(void **state)
{
    (void)state;
    fpenv_set();
    struct bench *b = begin("\"rule\":\"spending\",\"looks\":[1]", 0.5);
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    whole_rate = watch.gate.rate;
    bench_end(b);
    b = begin(NULL, 0);
    b->params.look = NULL;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    bench_rows(&whole, b->path);
    bench_end(b);
    print_message("rate %.4f\n", whole_rate);
    return whole_rate > 0.05 && whole_rate < 0.9 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    text_finish(&whole);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_early),
        cmocka_unit_test(test_fails_early),
        cmocka_unit_test(test_undecided_runs_to_the_end),
        cmocka_unit_test(test_killed_and_resumed),
        cmocka_unit_test(test_several_devices),
        cmocka_unit_test(test_a_part_does_not_stop),
        cmocka_unit_test(test_unknown_stratum),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
