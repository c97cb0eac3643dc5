/* SPDX-License-Identifier: MIT */
/* Scores of corpora under faults: rows, sentences, and when there is no interval. Their numbers by
 * sacrebleu: cli_campaign_corpus.sh; coverage: test_stats_corpus.c. */
#include "report_bench.h"

static char path[64];

static struct report_fixture fixture(uint32_t items)
{
    struct report_fixture f = report_fixture_default(path);
    f.corpus = true;
    f.items = items;
    f.per_stratum = 2 * items;
    f.layers = 3;
    return f;
}

static const struct report_corpus *find(const struct report_page *page, const char *group,
                                        enum task_metric metric)
{
    for (uint32_t i = 0; i < page->corpora.count; i++) {
        const struct report_corpus *c = &page->corpora.row[i];
        const bool same = group && c->group ? strcmp(group, c->group) == 0 : !group && !c->group;
        if (same && c->metric == metric)
            return c;
    }
    fail_msg("found no row of %s", group ? group : "all");
    return NULL;
}

static void test_rows(void **state)
{
    struct report_fixture f = fixture(60);
    struct report_source source;
    struct report_page page;
    (void)state;
    open_page(&source, &page, &f);
    assert_int_equal(page.corpora.count, 6);
    assert_int_equal(page.table[REPORT_TABLE_CORPORA].n_rows, 6);
    for (int m = 0; m < 2; m++) {
        const enum task_metric metric = m ? TASK_CHRF : TASK_BLEU;
        const struct report_corpus *all = find(&page, NULL, metric);
        const struct report_corpus *one = find(&page, "deu_Latn-eng_Latn", metric);
        const struct report_corpus *two = find(&page, "eng_Latn-deu_Latn", metric);
        assert_int_equal(all->sentences, 60);
        assert_int_equal(one->sentences, 30);
        assert_int_equal(one->trials + two->trials, source.data.n);
        assert_int_equal(one->changed + two->changed, all->changed);
        assert_near(all->golden, (one->golden + two->golden) / 2, 1e-12);
        assert_near(all->chance, (one->chance + two->chance) / 2, 1e-12);
        assert_near(all->faulty, (one->faulty + two->faulty) / 2, 0.01);
        assert_near(all->change, all->faulty - all->golden, 1e-12);
        assert_near(all->normalised, (all->faulty - all->chance) / (all->golden - all->chance),
                    1e-12);
        assert_null(all->reason);
        assert_string_equal(one->reason, "fewer than 50 sentences");
        assert_true(isnan(one->normalised) && !one->no_interval);
        assert_true(all->of_change.low < all->change && all->change < all->of_change.high);
        assert_true(all->of_change.high < 0 && all->of_golden.low < all->golden);
        assert_true(all->of_normalised.low < all->normalised && all->of_normalised.high < 1);
        assert_true(!all->signature && strstr(one->signature, "bs:1000|seed:"));
        assert_true(m == 0 ? all->chance < 5 : all->chance > 10); /* chrF has a high floor */
    }
    close_page(&source, &page);
}

/* What is too little for an interval says so, and has none. */
static void test_reasons(void **state)
{
    struct report_fixture few = fixture(20), still = fixture(60), equal = fixture(60);
    struct report_fixture pair = fixture(2);
    const struct {
        const struct report_fixture *fixture;
        const char *no_interval, *reason;
    } rows[] = {
        {&few, NULL, "fewer than 50 sentences"},
        {&still, "fewer than 10 sentences with another text", NULL},
        {&equal, "no total over the strata", NULL},
        {&pair, "a group of one sentence", NULL},
    };
    (void)state;
    still.scale = 0;
    equal.equal = true;
    pair.per_stratum = 20;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct report_source source;
        struct report_page page;
        open_page(&source, &page, rows[i].fixture);
        const struct report_corpus *c = find(&page, NULL, TASK_BLEU);
        const char *reason = rows[i].reason ? rows[i].reason : rows[i].no_interval;
        assert_string_equal(c->reason, reason);
        assert_true(isnan(c->normalised) && isnan(c->of_normalised.low));
        assert_true(isnan(c->of_change.low) == (rows[i].no_interval != NULL));
        assert_true(isnan(c->change) == rows[i].fixture->equal);
        assert_true(c->golden > 0);
        if (rows[i].no_interval)
            assert_string_equal(c->no_interval, rows[i].no_interval);
        close_page(&source, &page);
    }
}

/* Strata of unequal weights, and sentences without a trial of one: no score under faults. */
static void test_holes(void **state)
{
    const struct report_fixture f = fixture(60);
    (void)state;
    for (int holes = 0; holes < 2; holes++) {
        struct report_source source;
        struct report_page page;
        open_fixture(&source, &f);
        struct report_trial *last = &source.data.trial[source.data.n - 1];
        for (size_t i = 0; holes && i < source.data.n; i++) {
            struct report_trial *trial = &source.data.trial[i];
            if (trial->stratum == last->stratum && trial->item == 1)
                trial->item = 0;
        }
        assert_int_equal(
            report_page_init(
                &page, &(struct report_params){.data = &source.data, .confidence = 0.95}, false),
            STATUS_OK);
        const struct report_corpus *c = find(&page, NULL, TASK_BLEU);
        assert_true(isnan(c->faulty) == holes && isnan(c->change) == holes);
        assert_true(isnan(c->of_change.low) == holes && c->golden > 0);
        if (holes)
            assert_string_equal(c->no_interval,
                                "unequal weights, and sentences without a trial of a stratum");
        close_page(&source, &page);
    }
}

/* The score under faults is that of strata by their weights: one in which every text is another
 * counts by its weight, also where sentences have few trials of the other. */
static void test_weights(void **state)
{
    struct report_fixture f = fixture(60);
    double golden = 0, all = 0, found[2];
    (void)state;
    f.per_stratum = 8 * f.items;
    for (int round = 0; round < 4; round++) {
        struct report_source source;
        struct report_page page;
        open_fixture(&source, &f);
        struct report_data *data = &source.data;
        size_t n = 0;
        const uint32_t rare = data->trial[0].stratum, other = data->trial[data->n - 1].stratum;
        for (size_t i = 0; i < data->n; i++) {
            struct report_trial trial = data->trial[i];
            const bool keep = trial.stratum == rare || trial.stratum == other;
            /* round 3: half of the sentences have one trial of the other stratum, not eight */
            bool twice = false;
            for (size_t k = 0; k < n && round == 3; k++)
                twice = twice || (data->trial[k].item == trial.item && trial.item % 2 &&
                                  trial.stratum == other && data->trial[k].stratum == other);
            trial.text = round == 1 || (round >= 2 && trial.stratum == rare) ? "nothing" : NULL;
            if (keep && !twice)
                data->trial[n++] = trial;
        }
        data->n = n;
        data->stratum[rare].weight = 0.1;
        data->stratum[other].weight = 0.9;
        assert_int_equal(report_page_init(&page,
                                          &(struct report_params){.data = data, .confidence = 0.95},
                                          false),
                         STATUS_OK);
        const struct report_corpus *c = find(&page, NULL, TASK_CHRF);
        golden = c->golden;
        if (round == 1)
            all = golden - c->faulty;
        if (round >= 2)
            found[round - 2] = (golden - c->faulty) / all;
        close_page(&source, &page);
    }
    assert_true(golden > 0 && all > 0);
    assert_near(found[0], found[1], 0.02); /* draws of texts */
    assert_true(found[0] > 0.05 && found[0] < 0.15);
}

/* Without such a task there is nothing; with shared faults these are drawn too. */
static void test_others(void **state)
{
    struct report_fixture f = report_fixture_default(path), crossed = fixture(60);
    struct report_source source;
    struct report_page page;
    (void)state;
    f.scored = true;
    open_page(&source, &page, &f);
    assert_int_equal(page.corpora.count, 0);
    close_page(&source, &page);
    crossed.crossed = true;
    crossed.per_stratum = 4;
    open_page(&source, &page, &crossed);
    const struct report_corpus *c = find(&page, NULL, TASK_CHRF);
    assert_null(c->reason);
    assert_true(c->of_change.low < c->change && c->change < c->of_change.high);
    close_page(&source, &page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),   cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_holes),  cmocka_unit_test(test_weights),
        cmocka_unit_test(test_others),
    };
    snprintf(path, sizeof(path), "test_report_corpus.%d.db", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
