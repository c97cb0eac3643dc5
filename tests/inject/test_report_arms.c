/* SPDX-License-Identifier: MIT */
/* The report of a campaign with arms against plain arithmetic over its rows. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "campaign_bench.h"

#include <math.h>

#include "inject/report/report_gate.h"
#include "inject/report/report_page.h"
#include "inject/report/report_source.h"

#define PLAN                                                                                       \
    ",\"sampling\":{\"trials\":240},\"seed\":11,\"what\":{\"kind\":\"flip\",\"bits\":[30,29]},"    \
    "\"when\":{\"duration\":[\"transient\",\"permanent\"]},\"strata\":[\"duration\"],\"arms\":"    \
    "[{\"name\":\"trap\",\"policy\":\"nan_trap\"}]"

/* Sums over the rows, each trial of arm none remembered by its id. */
struct sums {
    const struct store_stratum *stratum;
    uint64_t n[8];         /* counted trials of a stratum */
    uint8_t changed[512];  /* in arm none the text changed */
    uint8_t unmasked[512]; /* in arm none the text changed, or the trial was due */
    int64_t of[512];       /* stratum */
    double without, with;  /* losses */
    double transient[2], permanent[2];
    double seen; /* of `without`, with an alarm */
    uint64_t runs, lossy, found, corrected, clean, tokens, harm, masked;
};

static bool another(const struct trial_row *row)
{
    return strncmp(row->outcome, "sdc", 3) == 0;
}

static enum status take_none(void *user, const struct trial_row *row)
{
    struct sums *s = user;
    if (row->control)
        return STATUS_OK;
    s->n[row->stratum]++;
    s->of[row->trial] = row->stratum;
    s->changed[row->trial] = another(row);
    s->unmasked[row->trial] = another(row) || strcmp(row->outcome, "due") == 0;
    return STATUS_OK;
}

static enum status take_armed(void *user, const struct trial_row *row)
{
    struct sums *s = user;
    if (row->trial < 0) {
        s->clean++;
        s->tokens += (uint64_t)row->faulty_len;
        return STATUS_OK;
    }
    const int64_t h = s->of[row->trial];
    const double w = s->stratum[h].weight / (double)s->n[h] * row->arm_weight;
    double *own = strcmp(row->duration, "transient") == 0 ? s->transient : s->permanent;
    s->runs++;
    s->lossy += s->changed[row->trial];
    s->found += s->changed[row->trial] && row->alarms > 0;
    s->seen += row->alarms > 0 ? w * s->changed[row->trial] : 0;
    s->masked += !s->unmasked[row->trial];
    s->harm += !s->unmasked[row->trial] && another(row);
    s->corrected += strcmp(row->protection, "corrected") == 0;
    s->without += w * s->changed[row->trial];
    s->with += w * another(row);
    own[0] += w * s->changed[row->trial];
    own[1] += w * another(row);
    return STATUS_OK;
}

static void expect(double found, double wanted)
{
    if (!(fabs(found - wanted) <= 1e-12))
        fail_msg("found %.17g, expected %.17g", found, wanted);
}

static void check_recovery(const struct report_cover *cover, const double sums[2])
{
    expect(cover->recovery.recovery, 1 - sums[1] / sums[0]);
    assert_true(cover->recovery.bounds.low <= cover->recovery.recovery);
    assert_true(cover->recovery.bounds.high >= cover->recovery.recovery);
    assert_true(cover->recovery.bounds.high <= 1);
}

static void test_arithmetic(void **state)
{
    struct bench *b = bench_begin(PLAN);
    struct report_source source = {0};
    struct report_page page;
    struct sums s = {0};
    struct text lines = {0};
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(report_source_open(&source, b->path), STATUS_OK);
    assert_int_equal(report_source_load(&source, UINT64_MAX), STATUS_OK);
    s.stratum = source.data.stratum;
    assert_int_equal(store_each_row(source.store, take_none, &s), STATUS_OK);
    assert_int_equal(store_each_armed(source.store, take_armed, &s), STATUS_OK);
    const struct report_params params = {.data = &source.data, .confidence = 0.95};
    assert_int_equal(report_page_init(&page, &params, false), STATUS_OK);

    assert_int_equal(page.arms.count, 1);
    const struct report_arm *arm = &page.arms.arm[0];
    assert_string_equal(arm->name, "trap");
    assert_int_equal(arm->runs, s.runs);
    assert_int_equal(arm->masked, s.masked);
    assert_int_equal(arm->missing, 0);
    assert_int_equal(arm->all.lossy, s.lossy);
    assert_int_equal(arm->count[PROTECTED_CORRECTED], s.corrected);
    assert_int_equal(arm->clean, s.clean);
    assert_int_equal(arm->tokens, s.tokens);
    assert_int_equal(arm->harm.events, s.harm);
    assert_int_equal(arm->harm.n, s.masked);
    assert_true(s.corrected > 3 && s.lossy > 20);
    expect(arm->lost, s.without);
    expect(arm->lost_with, s.with);
    expect(arm->all.recovery.net, s.without - s.with);
    assert_true(arm->all.recovery.net_bounds.low <= arm->all.recovery.net);
    assert_true(arm->all.recovery.net_bounds.high >= arm->all.recovery.net);
    assert_int_equal(arm->all.found, s.found);
    expect(arm->all.alarm.recovery, s.seen / s.without);
    assert_int_equal(arm->role, REPORT_ARM_CONTROL);
    assert_true(isnan(arm->work));
    check_recovery(&arm->all, (double[]){s.without, s.with});
    check_recovery(&arm->cover[REPORT_COMPUTATION][DURATION_TRANSIENT], s.transient);
    check_recovery(&arm->cover[REPORT_COMPUTATION][DURATION_PERMANENT], s.permanent);
    assert_int_equal(arm->cover[REPORT_KV][DURATION_TRANSIENT].runs, 0);
    assert_true(arm->by_token.interval.low == 0);
    expect(arm->by_token.interval.high, 1 - pow(0.05, 1.0 / (double)s.tokens));

    assert_int_equal(page.table[REPORT_TABLE_ARMS].n_rows, 1);
    assert_int_equal(page.table[REPORT_TABLE_COVERAGE].n_rows, 2);
    assert_int_equal(page.table[REPORT_TABLE_ALARMS].n_rows, 1);
    report_arms_lines(&lines, &page.arms, 0.95);
    assert_non_null(strstr(text_of(&lines), "arm trap: "));
    text_finish(&lines);
    report_page_finish(&page);
    report_source_finish(&source);
    bench_end(b);
}

/* Sums of an arm's runs: by stratum, of weights and of weights with another text. */
struct under {
    double all[8], changed[8];
};

static enum status take_weights(void *user, const struct trial_row *row)
{
    struct under *u = user;
    if (row->trial < 0)
        return STATUS_OK;
    u->all[row->stratum] += row->arm_weight;
    u->changed[row->stratum] += another(row) ? row->arm_weight : 0;
    return STATUS_OK;
}

/* The gate's rate under an arm is that of its runs by their weights. */
static void test_rate_of_arm(void **state)
{
    struct bench *b = bench_begin(PLAN);
    struct report_source source = {0};
    struct under u = {0};
    double rate = 0;
    (void)state;
    assert_int_equal(campaign_run(&b->params), STATUS_OK);
    assert_int_equal(report_source_open(&source, b->path), STATUS_OK);
    assert_int_equal(report_source_arm(&source, "absent"), STATUS_INPUT);
    assert_int_equal(report_source_arm(&source, "trap"), STATUS_OK);
    assert_int_equal(store_each_armed(source.store, take_weights, &u), STATUS_OK);
    const struct report_gate_request request = {
        .limit = 0.9, .confidence = 0.95, .events = REPORT_SDC, .given = REPORT_ALL};
    struct report_gate gate;
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_true(report_data_is_complete(&source.data));
    for (uint32_t h = 0; h < source.data.n_strata; h++)
        rate += source.data.stratum[h].weight * u.changed[h] / u.all[h];
    expect(gate.rate, rate);
    report_source_finish(&source);
    bench_end(b);
}

/* Trials of an arm reach no rate. */
static void test_rates(void **state)
{
    static const char *const plans[] = {
        ",\"sampling\":{\"trials\":60},\"what\":{\"bits\":[30]}",
        ",\"sampling\":{\"trials\":60},\"what\":{\"bits\":[30]},\"arms\":[{\"name\":\"trap\","
        "\"policy\":\"nan_trap\"}]"};
    uint64_t n[2], rows[2];
    double rate[2];
    (void)state;
    for (int p = 0; p < 2; p++) {
        struct bench *b = bench_begin(plans[p]);
        struct report_source source = {0};
        struct report_page page;
        assert_int_equal(campaign_run(&b->params), STATUS_OK);
        assert_int_equal(report_source_open(&source, b->path), STATUS_OK);
        assert_int_equal(report_source_load(&source, UINT64_MAX), STATUS_OK);
        const struct report_params params = {.data = &source.data, .confidence = 0.95};
        assert_int_equal(report_page_init(&page, &params, false), STATUS_OK);
        n[p] = source.data.n;
        rows[p] = source.data.n_rows;
        rate[p] = page.totals.sdc.estimate.rate;
        assert_int_equal(page.arms.count, p);
        report_page_finish(&page);
        report_source_finish(&source);
        bench_end(b);
    }
    assert_int_equal(n[0], n[1]);
    assert_int_equal(rows[0], rows[1]);
    expect(rate[0], rate[1]);
}

static int setup(void **state)
{
    (void)state;
    fpenv_set();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arithmetic),
                                       cmocka_unit_test(test_rates),
                                       cmocka_unit_test(test_rate_of_arm)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
