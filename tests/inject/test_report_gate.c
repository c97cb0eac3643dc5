/* SPDX-License-Identifier: MIT */
/* Gates and comparisons: verdicts, refusals, looks, pairs, records that differ. */
#include "report_bench.h"

#include "base/log.h"
#include "inject/report/report_conform.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_pairs.h"
#include "inject/report/report_watch.h"
#include "inject/stats/stats_sequence.h"
#include "inject/stats/stats_spending.h"

static char path[2][64];

static struct report_fixture fixture(int which)
{
    return report_fixture_default(path[which]);
}

static struct report_gate_request request_of(double limit)
{
    return (struct report_gate_request){.limit = limit, .confidence = 0.95, .events = REPORT_SDC};
}

static void assert_refused(struct report_source *source, struct report_gate_request request,
                           const char *word)
{
    struct report_gate gate;
    assert_int_equal(report_gate_decide(&gate, source, &request), STATUS_INPUT);
    if (!strstr(log_last_error(), word))
        fail_msg("found the message '%s', expected '%s' in it", log_last_error(), word);
}

static struct report_gate decide(struct report_source *source,
                                 const struct report_gate_request *request)
{
    struct report_gate gate;
    assert_int_equal(report_gate_decide(&gate, source, request), STATUS_OK);
    return gate;
}

static void assert_verdict(struct report_source *source, const struct report_gate_request *request,
                           enum stats_gate_verdict verdict)
{
    assert_int_equal(decide(source, request).result.verdict, verdict);
}

static void test_only_the_bound_passes(void **state)
{
    struct report_source source;
    struct report_gate gate;
    struct report_fixture f = fixture(0);
    (void)state;
    open_fixture(&source, &f);
    struct report_gate_request request = request_of(0.5);
    gate = decide(&source, &request);
    assert_int_equal(gate.result.verdict, STATS_GATE_PASS);
    const double rate = gate.rate, upper = gate.result.upper, lower = gate.result.lower;
    assert_true(lower < rate && rate < upper);
    request.limit = upper + 1e-9;
    assert_verdict(&source, &request, STATS_GATE_PASS);
    request.limit = upper - 1e-9; /* the estimate is below it, the bound is not */
    gate = decide(&source, &request);
    assert_int_equal(gate.result.verdict, STATS_GATE_UNDECIDED);
    /* just below it: the next look is a wave later and has a quarter of the error */
    assert_true(gate.result.would_pass && gate.result.more > gate.trials / 2 &&
                gate.result.more < 3 * gate.trials / 2);
    request.limit = (rate + upper) / 2;
    gate = decide(&source, &request);
    assert_true(gate.result.more > 1000 && gate.result.more < 20000);
    request.limit = lower - 1e-9;
    assert_verdict(&source, &request, STATS_GATE_FAIL);
    close_source(&source);
}

/* No gate over a campaign of that fixture, and the message says why. */
static void refuse(const struct report_fixture *f, struct report_gate_request request,
                   const char *word)
{
    struct report_source source;
    open_fixture(&source, f);
    assert_refused(&source, request, word);
    close_source(&source);
}

static void test_what_no_gate_can_be_made_of(void **state)
{
    struct report_fixture f = fixture(0);
    struct report_gate_request request = request_of(0.5);
    (void)state;
    request.stratum = "layer=99";
    refuse(&f, request, "found no stratum \"layer=99\"");
    request = request_of(0.5);
    request.given = REPORT_GOLDEN_RIGHT;
    refuse(&f, request, "no scores");
    request = request_of(0.5);
    request.events = REPORT_CRITICAL;
    refuse(&f, request, "no scores");
    f.missing = 0.01;
    refuse(&f, request_of(0.5), "no stopping rule");
    f = fixture(0);
    f.suspect = true;
    refuse(&f, request_of(0.5), "suspect rows before a control that failed");
    f = fixture(0);
    f.equal = true;
    refuse(&f, request_of(0.5), "population equal");
    f = fixture(0);
    f.crossed = true;
    f.per_stratum = 8;
    f.stop = "{\"rule\": \"time_uniform\"}";
    refuse(&f, request_of(0.5), "design nested");
}

static void test_a_stratum_alone(void **state)
{
    struct report_source source;
    struct report_gate gate;
    struct report_fixture f = fixture(0);
    struct report_gate_request request = request_of(0.9);
    double events = 0, n = 0;
    (void)state;
    f.equal = true;
    open_fixture(&source, &f);
    request.stratum = "layer=2 bit_field=exponent";
    gate = decide(&source, &request);
    const uint32_t stratum = report_data_stratum(&source.data, request.stratum);
    assert_int_equal(stratum, 7);
    for (size_t i = 0; i < source.data.n; i++) {
        n += source.data.trial[i].stratum == stratum;
        events += source.data.trial[i].stratum == stratum &&
                  source.data.trial[i].outcome == OUTCOME_SDC_UNSCORED;
    }
    assert_near(gate.rate, events / n, 1e-12);
    assert_int_equal(gate.counted, 60);
    assert_int_equal(gate.result.verdict, STATS_GATE_PASS);
    close_source(&source);
}

/* The rate of the whole fixture, which is a limit that no look decides. */
static double undecided_limit(void)
{
    struct report_source source;
    struct report_gate gate;
    struct report_fixture f = fixture(0);
    const struct report_gate_request request = request_of(0.9);
    open_fixture(&source, &f);
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    close_source(&source);
    return gate.rate;
}

static void test_looks_of_the_plan(void **state)
{
    static const double shares[] = {0.25, 0.5, 1};
    static const struct {
        double missing;
        uint32_t look;
    } cases[] = {{0.8, 0}, {0.7, 1}, {0.51, 1}, {0.4, 2}, {0, 3}};
    const double limit = undecided_limit();
    double boundary[3], level[3];
    (void)state;
    stats_spending_boundaries(
        boundary, level,
        &(struct stats_spending_looks){STATS_SPENDING_OBRIEN_FLEMING, 0.05, shares, 3});
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct report_source source;
        struct report_gate gate;
        struct report_fixture f = fixture(0);
        struct report_gate_request request = request_of(limit);
        f.missing = cases[i].missing;
        f.stop = "{\"rule\": \"spending\", \"looks\": [0.25, 0.5, 1]}";
        open_fixture(&source, &f);
        const uint64_t ids = store_identity(source.store)->trials;
        gate = decide(&source, &request);
        assert_int_equal(gate.look, cases[i].look);
        assert_int_equal(gate.result.verdict, STATS_GATE_UNDECIDED);
        if (gate.look == 0) {
            assert_int_equal(gate.result.more,
                             (ids + 3) / 4 - (ids - (uint64_t)(0.8 * (double)ids)));
        } else {
            const uint64_t seen = (uint64_t)ceil(shares[gate.look - 1] * (double)ids);
            assert_near(gate.tail, level[gate.look - 1], 1e-12);
            assert_int_equal(gate.trials, seen < 1080 ? seen : 1080); /* controls come last */
        }
        /* one that the first look decides stays decided, whatever came since */
        request = request_of(0.9);
        assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
        assert_int_equal(gate.look, cases[i].look > 0);
        if (gate.look > 0) {
            assert_int_equal(gate.result.verdict, STATS_GATE_PASS);
            assert_int_equal(gate.trials, (ids + 3) / 4);
        }
        close_source(&source);
    }
}

/* Items' weighed shares of SDC and of changed trials, in the order of the plan's looks. */
static void item_shares(const struct report_source *source, double *x, double *changed)
{
    double sum[60] = {0}, held[60] = {0};
    for (size_t i = 0; i < source->data.n; i++) {
        const struct report_trial *t = &source->data.trial[i];
        const double weight = source->data.stratum[t->stratum].weight / 2; /* two trials each */
        sum[t->item] += weight * (t->outcome == OUTCOME_SDC_UNSCORED);
        held[t->item] += weight * t->changed;
    }
    for (uint32_t place = 0; place < 60; place++) {
        x[place] = sum[plan_stop_item(&source->plan, place)];
        changed[place] = held[plan_stop_item(&source->plan, place)];
    }
}

static double mean_of(const double *x)
{
    double sum = 0;
    for (int i = 0; i < 60; i++)
        sum += x[i];
    return sum / 60;
}

/* Complete items' weighed rates, as the observations of stats_sequence looked at after each. */
static void test_looks_at_any_time(void **state)
{
    struct report_source source;
    struct report_gate gate;
    struct report_fixture f = fixture(0);
    double x[60], changed[60], high = 1, low = 0;
    size_t first = 0;
    (void)state;
    f.items = 60;
    f.per_stratum = 120;
    f.stop = "{\"rule\": \"time_uniform\"}";
    open_fixture(&source, &f);
    item_shares(&source, x, changed);
    for (size_t n = 1; n <= 60; n++) {
        const struct stats_interval_level up = {0.95, STATS_INTERVAL_UPPER},
                                          down = {0.95, STATS_INTERVAL_LOWER};
        high = fmin(high, stats_sequence_bounded(x, n, up).high);
        low = fmax(low, stats_sequence_bounded(x, n, down).low);
        first = first == 0 && high < 0.3 ? n : first;
    }
    struct report_gate_request request = request_of(mean_of(x));
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_int_equal(gate.result.verdict, STATS_GATE_UNDECIDED);
    assert_int_equal(gate.items, 60);
    assert_int_equal(gate.trials, 2160);
    assert_near(gate.rate, mean_of(x), 1e-9);
    assert_near(gate.result.upper, high, 1e-6);
    assert_near(gate.result.lower, low, 1e-6);
    /* the rate of changed bits is higher, and so is its bound */
    request = request_of(mean_of(x) / mean_of(changed));
    request.given = REPORT_CHANGED;
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_near(gate.rate, request.limit, 1e-9);
    assert_true(gate.result.upper > high && gate.result.upper < 1.2 * high);
    /* undecided: twice the items would do, or not */
    request = request_of((mean_of(x) + high) / 2);
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_int_equal(gate.result.verdict, STATS_GATE_UNDECIDED);
    assert_true(gate.result.would_pass && gate.result.more >= 2160 && gate.result.more % 2160 == 0);
    /* decided by the first item that rules the limit out; later ones do not count */
    request = request_of(0.3);
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_int_equal(gate.result.verdict, STATS_GATE_PASS);
    assert_true(first > 0 && first < 60);
    assert_int_equal(gate.items, first);
    assert_int_equal(gate.trials, 36 * first);
    assert_true(gate.result.upper < 0.3);
    close_source(&source);
}

/* Those before the first that is not complete, in the order of looks. */
static void test_items_count_once_they_are_complete(void **state)
{
    struct report_source source;
    struct report_gate gate;
    struct report_fixture f = fixture(0);
    (void)state;
    f.per_stratum = 10; /* one trial a stratum and item, items one after the other */
    f.missing = 0.2;
    f.stop = "{\"rule\": \"time_uniform\"}";
    open_fixture(&source, &f);
    const struct report_gate_request request = request_of(0.999);
    const uint32_t complete = (uint32_t)(source.data.n / 18);
    uint32_t leading = 0;
    while (leading < f.items && plan_stop_item(&source.plan, leading) < complete)
        leading++;
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_false(gate.complete);
    assert_true(complete < f.items && leading > 0 && leading < complete);
    assert_true(gate.items > 0 && gate.items <= leading);
    assert_int_equal(gate.trials, 18 * gate.items);
    close_source(&source);
}

/* Looks are due as the plan says; suspect rows end them with a warning, not the campaign. */
static void test_watching(void **state)
{
    struct report_source source;
    struct report_watch watch;
    struct report_fixture f = fixture(0);
    struct report_watch_progress now = {0, 0, 1000};
    (void)state;
    f.missing = 0.6;
    f.stop = "{\"rule\": \"spending\", \"looks\": [0.25, 0.5, 1], \"gate\": {\"max\": 0.9}}";
    open_fixture(&source, &f);
    report_watch_init(&watch, f.path, &source.plan);
    assert_true(report_watch_is_due(&watch, &now)); /* the first, whatever is there */
    watch.looks = 1;
    now.leading = 249;
    assert_false(report_watch_is_due(&watch, &now));
    now.leading = 250;
    assert_true(report_watch_is_due(&watch, &now));
    assert_int_equal(report_watch_look(&watch, &now), STATUS_OK);
    assert_true(watch.decided && watch.gate.look == 1);
    assert_int_equal(watch.gate.result.verdict, STATS_GATE_PASS);
    assert_false(report_watch_is_due(&watch, &now)); /* decided once */
    close_source(&source);
    f.missing = 0;
    f.suspect = true;
    f.stop = "{\"rule\": \"time_uniform\", \"gate\": {\"max\": 0.2}}";
    open_fixture(&source, &f);
    report_watch_init(&watch, f.path, &source.plan);
    now.done = 100;
    log_set_level(LOG_ERROR);
    assert_int_equal(report_watch_look(&watch, &now), STATUS_OK);
    log_set_level(LOG_WARN);
    assert_true(watch.off && !watch.decided);
    now.done = 1000;
    assert_false(report_watch_is_due(&watch, &now));
    close_source(&source);
    report_watch_init(&watch, f.path, &source.plan); /* no time has passed, nor have trials grown */
    watch.looks = 1;
    watch.next_done = 106;
    watch.plan = &(struct plan){.stop = PLAN_STOP_TIME_UNIFORM};
    now.done = 105;
    assert_false(report_watch_is_due(&watch, &now));
    now.done = 106;
    assert_true(report_watch_is_due(&watch, &now));
    watch.next_time = HUGE_VAL;
    assert_false(report_watch_is_due(&watch, &now));
    now.done = now.trials; /* at the end whatever it costs */
    assert_true(report_watch_is_due(&watch, &now));
}

/* Two campaigns that are compared. */
struct two {
    struct report_fixture f, g;
    struct report_source a, b;
    struct report_pairs_result r;
    struct report_conform c;
    struct arena arena;
};

static struct two two_fixtures(void)
{
    return (struct two){.f = fixture(0), .g = fixture(1)};
}

static void two_open(struct two *t)
{
    open_fixture(&t->a, &t->f);
    open_fixture(&t->b, &t->g);
}

static void two_close(struct two *t)
{
    arena_finish(&t->arena);
    close_source(&t->a);
    close_source(&t->b);
}

static void compare(struct two *t, double margin)
{
    struct report_pairs pairs;
    assert_int_equal(report_pairs_make(&pairs, &t->arena, &t->a.data, &t->b.data), STATUS_OK);
    report_pairs_compare(&t->r, &pairs,
                         &(struct report_pairs_request){REPORT_SDC, REPORT_ALL, 0.9, margin});
}

static enum status conform(struct two *t)
{
    return report_conform_compare(&t->c, &t->arena, &t->a, &t->b);
}

static void test_equal_campaigns_differ_in_nothing(void **state)
{
    struct two t = two_fixtures();
    (void)state;
    two_open(&t);
    compare(&t, 0.05);
    assert_int_equal(t.r.pairs, 1080);
    assert_true(t.r.difference == 0 && t.r.mcnemar == 1 && t.r.mcnemar_exact == 1);
    assert_true(t.r.non_inferiority < 0.01 && t.r.equivalence < 0.01);
    assert_true(t.r.n_effective <= 1080);
    assert_int_equal(conform(&t), STATUS_OK);
    /* rows that the CPU ran in both say nothing of a device */
    assert_true(t.a.data.role[ROLE_CPU] > 0);
    assert_int_equal(t.c.shared, t.a.data.n_rows - t.a.data.role[ROLE_CPU]);
    assert_int_equal(t.c.differ, 0);
    assert_near(t.c.upper, 1 - pow(0.05, 1. / (double)t.c.shared), 1e-9);
    two_close(&t);
}

static void test_differences_are_found(void **state)
{
    struct two t = two_fixtures();
    uint64_t first_only = 0, second_only = 0, differ = 0;
    (void)state;
    t.g.disagree = 20;
    t.g.other_device = true; /* item 1 has another golden text */
    two_open(&t);
    for (size_t i = 0; i < t.a.data.n; i++) {
        const struct report_trial *x = &t.a.data.trial[i], *y = &t.b.data.trial[i];
        assert_int_equal(x->trial, y->trial);
        differ += x->outcome != y->outcome;
        if (x->item == 1)
            continue;
        first_only += x->outcome == OUTCOME_SDC_UNSCORED && y->outcome != OUTCOME_SDC_UNSCORED;
        second_only += x->outcome != OUTCOME_SDC_UNSCORED && y->outcome == OUTCOME_SDC_UNSCORED;
    }
    compare(&t, 0.001);
    assert_int_equal(t.r.pairs, 1080 - 108);
    assert_true(second_only > first_only && first_only > 0);
    assert_int_equal(t.r.count.first_only, first_only);
    assert_int_equal(t.r.count.second_only, second_only);
    assert_true(t.r.difference < 0 && t.r.bounds.high < 0 && t.r.mcnemar < 0.01);
    assert_true(t.r.equivalence > 0.5 && t.r.non_inferiority < 0.05);
    assert_int_equal(conform(&t), STATUS_OK);
    assert_true(t.c.differ >= differ && t.c.n_examples == REPORT_CONFORM_SHOWN);
    assert_string_equal(t.c.field[0].field, "outcome");
    two_close(&t);
}

static void test_other_plans_share_what_they_share(void **state)
{
    struct two t = two_fixtures();
    (void)state;
    t.g.layers = 5; /* ids mean other faults; layers 0 to 4 and coordinates are drawn from the id */
    two_open(&t);
    assert_int_equal(conform(&t), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), "another plan"));
    compare(&t, 0.05);
    assert_true(t.r.pairs < 300);
    two_close(&t);
}

int main(void)
{
    snprintf(path[0], sizeof(path[0]), "/tmp/vkfi-gate-%d.a.db", (int)getpid());
    snprintf(path[1], sizeof(path[1]), "/tmp/vkfi-gate-%d.b.db", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_bound_passes),
        cmocka_unit_test(test_what_no_gate_can_be_made_of),
        cmocka_unit_test(test_a_stratum_alone),
        cmocka_unit_test(test_looks_of_the_plan),
        cmocka_unit_test(test_looks_at_any_time),
        cmocka_unit_test(test_items_count_once_they_are_complete),
        cmocka_unit_test(test_watching),
        cmocka_unit_test(test_equal_campaigns_differ_in_nothing),
        cmocka_unit_test(test_differences_are_found),
        cmocka_unit_test(test_other_plans_share_what_they_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
