/* SPDX-License-Identifier: MIT */
/* Looks at an extended campaign: how often a rate at the limit passes at any of them, simulated
 * with waves of the size that the look before named. */
#include "stats_bench.h"

#include "base/rng.h"
#include "inject/plan/plan_waves.h"
#include "inject/stats/stats_gate.h"

#define RUNS 3000
#define COVERED 800 /* runs of each habit, whose intervals are more to work out */
#define LOOKS 5
#define FIRST 400
#define LIMIT 0.1
#define ALPHA 0.05

static double uniform(uint32_t run, uint32_t index)
{
    uint32_t out[4];
    const uint32_t counter[4] = {run, index, 0, 0}, key[2] = {77, 5};
    rng_philox(out, counter, key);
    return (double)out[0] * 0x1p-32;
}

/* A look at trials of a prompt each; `tail` of the error. */
static struct stats_gate_result look_at(uint32_t n, uint32_t events, double tail)
{
    struct stats_cluster_data data = grid(n, 1, events);
    struct stats_cluster_estimate e;
    struct stats_gate_result result;
    stats_cluster_rate(&e, &data);
    stats_gate_decide(&result, &e, &(struct stats_gate_request){LIMIT, 1 - tail, 1});
    return result;
}

/* Whether some look of a run passes; without a plan each look spends all of the error. */
static bool passes(const struct plan *plan, uint32_t run)
{
    uint32_t n = 0, events = 0, size = FIRST;
    for (uint32_t k = 0; k < LOOKS && n + size <= MOST; k++) {
        for (uint32_t i = 0; i < size; i++, n++)
            events += uniform(run, n) < LIMIT;
        const struct stats_gate_result now =
            look_at(n, events, plan ? plan_waves_tail(plan, ALPHA, k) : ALPHA);
        if (now.verdict != STATS_GATE_UNDECIDED)
            return now.verdict == STATS_GATE_PASS;
        size = now.more < 100 ? 100 : now.more > 1000 ? 1000 : (uint32_t)now.more;
    }
    return false;
}

static double share_that_passes(const struct plan *plan)
{
    uint32_t passed = 0;
    for (uint32_t run = 0; run < RUNS; run++)
        passed += passes(plan, run);
    return (double)passed / RUNS;
}

static void test_spending(void **state)
{
    const struct plan waves = {.stop = PLAN_STOP_WAVES}, fixed = {.stop = PLAN_STOP_FIXED};
    (void)state;
    const double of_waves = share_that_passes(&waves), of_fixed = share_that_passes(&fixed);
    const double careless = share_that_passes(NULL);
    print_message(
        "a rate at the limit passes: rule waves %.4f, fixed and extended %.4f, all of the "
        "error at each look %.4f\n",
        of_waves, of_fixed, careless);
    /* three standard errors of the simulation */
    const double noise = 3 * sqrt(ALPHA * (1 - ALPHA) / RUNS);
    assert_true(of_waves <= plan_waves_spent(&waves, ALPHA, LOOKS - 1) + noise);
    assert_true(of_fixed <= plan_waves_spent(&fixed, ALPHA, LOOKS - 1) + noise);
    assert_true(of_waves < of_fixed);
    assert_true(careless > 1.5 * ALPHA); /* the mistake that the plan avoids */
}

/* When a run goes on to its next wave: never; while its gate is open; until its interval excludes
 * the true rate, which nobody can and the worst habit does. */
enum habit { ONCE, GATE, WORST };

/* Whether the interval that a run ends with covers the true rate; without a plan it is that of a
 * single look. */
static bool covers(const struct plan *rule, enum habit habit, uint32_t run)
{
    uint32_t n = 0, events = 0, size = FIRST;
    bool covered = false;
    for (uint32_t k = 0; k < LOOKS && n + size <= MOST; k++) {
        struct stats_cluster_estimate e;
        struct stats_cluster_interval interval;
        for (uint32_t i = 0; i < size; i++, n++)
            events += uniform(run + RUNS, n) < LIMIT;
        struct stats_cluster_data data = grid(n, 1, events);
        const struct plan now = {.stop = rule ? rule->stop : PLAN_STOP_FIXED, .n_waves = k};
        const double error = ALPHA * (rule ? plan_waves_share(&now, NULL) : 1);
        stats_cluster_rate(&e, &data);
        stats_cluster_interval(
            &interval, &e, &(struct stats_cluster_request){{1 - error, STATS_INTERVAL_BOTH}, 1});
        covered = interval.bounds.low <= LIMIT && LIMIT <= interval.bounds.high;
        const double tail = rule ? plan_waves_tail(rule, ALPHA, k) : ALPHA;
        const struct stats_gate_result gate = look_at(n, events, tail);
        if (habit == ONCE || (habit == GATE && gate.verdict != STATS_GATE_UNDECIDED) ||
            (habit == WORST && !covered))
            break;
        size = habit == WORST     ? 300
               : gate.more < 100  ? 100
               : gate.more > 1000 ? 1000
                                  : (uint32_t)gate.more;
    }
    return covered;
}

static double share_missed(const struct plan *rule, enum habit habit)
{
    uint32_t missed = 0;
    for (uint32_t run = 0; run < COVERED; run++)
        missed += !covers(rule, habit, run);
    return (double)missed / COVERED;
}

/* Intervals of a campaign that was extended after a look: those of one look cover too rarely, those
 * that pay miss no more often than the looks may spend. */
static void test_coverage(void **state)
{
    static const char *const name[] = {"no extension", "while the gate is open",
                                       "until the truth is excluded"};
    const struct plan waves = {.stop = PLAN_STOP_WAVES}, fixed = {.stop = PLAN_STOP_FIXED};
    const double noise = 3 * sqrt(ALPHA * (1 - ALPHA) / COVERED);
    (void)state;
    for (enum habit h = ONCE; h <= WORST; h++) {
        const double careless = share_missed(NULL, h), of_fixed = share_missed(&fixed, h);
        const double of_waves = share_missed(&waves, h);
        print_message("%s: 95 %% intervals miss %.4f; those that pay %.4f (fixed), %.4f (waves)\n",
                      name[h], careless, of_fixed, of_waves);
        assert_true(of_fixed <= plan_waves_spent(&fixed, ALPHA, LOOKS - 1) + noise);
        assert_true(of_waves <= plan_waves_spent(&waves, ALPHA, LOOKS - 1) + noise);
        assert_true(h == ONCE ? careless <= ALPHA + noise : careless > 1.4 * ALPHA);
    }
}

static void test_sums(void **state)
{
    const struct plan waves = {.stop = PLAN_STOP_WAVES}, fixed = {.stop = PLAN_STOP_FIXED};
    (void)state;
    assert_true(plan_waves_tail(&fixed, ALPHA, 0) == ALPHA);
    assert_true(plan_waves_tail(&waves, ALPHA, 0) == ALPHA / 2);
    assert_true(plan_waves_tail(&fixed, ALPHA, 2) == ALPHA / 8);
    for (uint32_t k = 0; k <= PLAN_WAVES_MAX; k++) {
        assert_true(plan_waves_tail(&waves, ALPHA, k) > 0);
        assert_true(plan_waves_spent(&waves, ALPHA, k) < ALPHA);
        assert_true(plan_waves_spent(&fixed, ALPHA, k) < 1.5 * ALPHA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_spending),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
