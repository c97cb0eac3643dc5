/* SPDX-License-Identifier: MIT */
/* Reports of an extended campaign: everything printed pays for the earlier look. */
#include "report_bench.h"

#include "base/fpenv.h"
#include "inject/report/report_hypotheses.h"

static const char *const RULES[] = {NULL, "{\"rule\": \"waves\"}"};

/* The same rows, as one campaign (confidence as given) and as one of two waves. */
static void expect_pays(const char *stop, uint32_t wave, double spends)
{
    struct report_fixture extended = report_fixture_default("looks.db");
    struct report_fixture plain = report_fixture_default("plain.db");
    struct report_source source[2] = {{0}, {0}};
    struct report_page page[2];
    extended.stop = stop;
    extended.wave = wave;
    open_page(&source[0], &page[0], &extended);
    open_fixture(&source[1], &plain);
    const struct report_params params = {.data = &source[1].data, .confidence = 1 - 0.05 * spends};
    assert_int_equal(report_page_init(&page[1], &params, false), STATUS_OK);
    assert_near(page[0].context.confidence, 1 - 0.05 * spends, 1e-12);
    assert_near(page[0].totals.sdc.interval.bounds.low, page[1].totals.sdc.interval.bounds.low,
                1e-9);
    /* every number of every table and picture, but the verdicts */
    for (int t = 0; t < REPORT_TABLES + REPORT_PICTURES; t++) {
        struct report_table *table[2];
        for (int p = 0; p < 2; p++)
            table[p] =
                t < REPORT_TABLES ? &page[p].table[t] : &page[p].figure[t - REPORT_TABLES].table;
        if (t == REPORT_TABLE_HYPOTHESES || t == REPORT_TABLE_KEPT)
            continue;
        assert_int_equal(table[0]->n_rows, table[1]->n_rows);
        for (size_t c = 0; c < (size_t)table[0]->n_rows * table[0]->n_columns; c++) {
            const double found = table[0]->cell[c].number, wanted = table[1]->cell[c].number;
            if (isfinite(wanted) || isfinite(found))
                assert_near(found, wanted, 1e-9);
        }
    }
    close_page(&source[0], &page[0]);
    close_page(&source[1], &page[1]);
}

static void test_intervals_pay(void **state)
{
    (void)state;
    expect_pays(RULES[0], 0, 1);
    expect_pays(RULES[1], 0, 0.5);
    expect_pays(RULES[0], 300, 0.25);
    expect_pays(RULES[1], 300, 0.25);
}

/* p-values and one-sided bounds, of all hypotheses. */
static void test_hypotheses_pay(void **state)
{
    (void)state;
    for (uint32_t wave = 0; wave <= 300; wave += 300) {
        struct report_fixture fixture = report_fixture_default("looks.db");
        struct report_source source = {0};
        struct report_page page;
        struct report_hypothesis *h = NULL;
        struct text methods = {0}, verdict = {0};
        fixture.wave = wave;
        open_page(&source, &page, &fixture);
        assert_int_equal(report_hypotheses_test(&h, &page.context), STATUS_OK);
        for (uint32_t i = 0; i < 4; i++) {
            assert_near(h[i].alpha, wave ? 0.0125 : 0.05, 1e-12);
            assert_true(h[i].adjusted >= fmin(1, (wave ? 4 : 1) * h[i].p) - 1e-15);
            assert_int_equal(h[i].holds, h[i].adjusted <= 0.05);
        }
        assert_int_equal(report_methods_paragraph(&methods, &page.context), STATUS_OK);
        assert_int_equal(report_methods_verdict(&verdict, &page.context, &page.totals), STATUS_OK);
        const char *const texts[] = {text_of(&methods), text_of(&verdict),
                                     page.table[REPORT_TABLE_OUTCOMES].caption,
                                     page.table[REPORT_TABLE_HYPOTHESES].caption};
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
            assert_int_equal(strstr(texts[i], "Look 2, one a wave: intervals are those of 98.75 % "
                                              "instead of 95 %") != NULL,
                             wave > 0);
        text_finish(&methods);
        text_finish(&verdict);
        close_page(&source, &page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals_pay),
        cmocka_unit_test(test_hypotheses_pay),
    };
    fpenv_set();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
