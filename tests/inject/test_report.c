/* SPDX-License-Identifier: MIT */
/* Reports: what counts, rates against plain arithmetic, notations, texts side by side, pictures. */
#include "report_bench.h"

#include "inject/report/report_examples.h"
#include "inject/report/report_hypotheses.h"
#include "inject/report/report_label.h"
#include "inject/report/report_plot.h"

static char path[64];

static void test_only_trials_count(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    (void)state;
    f.suspect = true;
    open_fixture(&source, &f);
    const struct report_data *data = &source.data;
    const uint64_t trials = 6 * 3 * 60, controls = 4 * (trials / 100 + 1);
    assert_int_equal(data->n_rows, trials + controls);
    assert_int_equal(data->expected, trials + controls);
    assert_true(report_data_is_complete(data));
    assert_int_equal(data->suspect, trials / 2);
    assert_int_equal(data->n + data->suspect, trials);
    assert_int_equal(data->role[ROLE_TRIAL], data->n);
    assert_int_equal(data->n_items, 10);
    assert_int_equal(data->n_strata, 18);
    assert_int_equal(data->n_incidents, 1);
    for (size_t i = 1; i < data->n; i++)
        assert_true(data->trial[i - 1].stratum <= data->trial[i].stratum);
    close_source(&source);
}

static void test_a_growing_database_says_so(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    (void)state;
    f.missing = 0.5;
    open_fixture(&source, &f);
    assert_false(report_data_is_complete(&source.data));
    close_source(&source);
}

/* sum W_h events_h / counted_h by hand: in the fixture every stratum has as many trials. */
static double total_by_hand(const struct report_data *data, report_events events, bool changed)
{
    double numerator = 0, denominator = 0;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        double n = 0, y = 0, d = 0;
        for (size_t i = 0; i < data->n; i++) {
            const struct report_trial *t = &data->trial[i];
            if (t->stratum != h)
                continue;
            const bool counted =
                !changed || (t->outcome != OUTCOME_INERT && t->outcome != OUTCOME_NOT_REACHED);
            n++;
            d += counted;
            y += counted && (events >> t->outcome & 1);
        }
        numerator += data->stratum[h].weight * y / n;
        denominator += data->stratum[h].weight * d / n;
    }
    return numerator / denominator;
}

static void test_totals_are_weighted_over_strata(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    (void)state;
    f.per_stratum = 200;
    open_page(&source, &page, &f);
    const struct report_data *data = &source.data;
    assert_near(page.totals.sdc.estimate.rate, total_by_hand(data, REPORT_SDC, false), 1e-12);
    assert_near(page.totals.sdc_changed.estimate.rate, total_by_hand(data, REPORT_SDC, true),
                1e-12);
    assert_near(page.totals.due.estimate.rate, total_by_hand(data, REPORT_DUE, false), 1e-12);
    assert_near(page.totals.sdc.weight, 1, 1e-12);
    /* P(SDC) = P(changed) P(SDC | changed) */
    assert_near(page.totals.sdc.estimate.rate,
                page.totals.changed.estimate.rate * page.totals.sdc_changed.estimate.rate, 1e-12);
    close_page(&source, &page);
}

static void test_the_true_rate_is_covered(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    double truth = 0;
    int covered = 0;
    (void)state;
    f.per_stratum = 100;
    for (uint32_t l = 0; l < f.layers; l++) {
        for (uint32_t k = 0; k < 3; k++) {
            const double share[] = {1 / 32., 8 / 32., 23 / 32.};
            for (uint32_t i = 0; i < f.items; i++) {
                /* one fault in twenty is inert: one in ten is stuck-at, every second of them */
                truth += share[k] / f.layers * report_fixture_rate(&f, l, k, i) / f.items * 0.95;
            }
        }
    }
    for (f.seed = 1; f.seed <= 20; f.seed++) {
        struct report_source source;
        struct report_page page;
        open_page(&source, &page, &f);
        const struct stats_interval bounds = page.totals.sdc.interval.bounds;
        covered += bounds.low <= truth && truth <= bounds.high;
        close_page(&source, &page);
    }
    assert_in_range(covered, 17, 20);
}

static void test_equal_strata_have_no_total(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    (void)state;
    f.equal = true;
    open_page(&source, &page, &f);
    assert_true(page.totals.sdc.refused);
    assert_true(isnan(page.totals.sdc.estimate.rate));
    assert_int_equal(page.totals.sdc.interval.method, STATS_CLUSTER_UNKNOWN);
    /* a stratum's own rate is there, a layer's (three strata) is not */
    assert_null(page.figure[0].absent);
    assert_false(isnan(report_table_at(&page.figure[0].table, 0, "rate")->number));
    assert_non_null(find_figure(&page, "layers")->absent);
    assert_non_null(find_figure(&page, "sites")->absent);
    close_page(&source, &page);
}

static void test_strata_without_trials_leave_no_total(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    (void)state;
    f.missing = 0.995; /* five ids: five of 18 strata */
    open_page(&source, &page, &f);
    assert_int_equal(page.totals.sdc.missing, 18 - source.data.n);
    assert_true(isnan(page.totals.sdc.estimate.rate));
    close_page(&source, &page);
}

/* A layer's rate over its three strata, by hand. */
static void test_groups_are_domains_of_strata(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    (void)state;
    open_page(&source, &page, &f);
    const struct report_data *data = &source.data;
    struct report_table *table = &find_figure(&page, "layers")->table;
    for (uint32_t l = 0; l < 6; l++) {
        double rate = 0, weight = 0;
        for (uint32_t h = 3 * l; h < 3 * l + 3; h++) {
            double y = 0, n = 0;
            for (size_t i = 0; i < data->n; i++) {
                n += data->trial[i].stratum == h;
                y += data->trial[i].stratum == h && data->trial[i].outcome == OUTCOME_SDC_UNSCORED;
            }
            rate += data->stratum[h].weight * y / n;
            weight += data->stratum[h].weight;
        }
        assert_near(report_table_at(table, l, "sdc")->number, rate / weight, 1e-12);
        assert_int_equal(report_table_at(table, l, "trials")->number, 180);
        assert_true(report_table_at(table, l, "sdc_low")->number < rate / weight);
        assert_true(report_table_at(table, l, "sdc_high")->number > rate / weight);
    }
    close_page(&source, &page);
}

/* Holm 1979 on four: the k-th smallest p times 4 - k + 1, never below the previous one. */
static void assert_holm(const struct report_hypothesis h[4])
{
    double last = 0;
    for (int k = 0; k < 4; k++) {
        int at = -1; /* the k-th in order of p */
        for (int i = 0; i < 4; i++) {
            int before = 0;
            for (int j = 0; j < 4; j++)
                before += h[j].p < h[i].p || (h[j].p == h[i].p && j < i);
            at = before == k ? i : at;
        }
        last = fmax(last, fmin((4 - k) * h[at].p, 1));
        assert_near(h[at].adjusted, last, 1e-12);
    }
}

static void test_hypotheses_are_contrasts(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    struct report_hypothesis *h = NULL;
    (void)state;
    f.per_stratum = 300;
    open_page(&source, &page, &f);
    assert_int_equal(report_hypotheses_test(&h, &page.context), STATUS_OK);
    double difference = 0;
    struct report_table *strata = &page.figure[0].table;
    for (uint32_t s = 0; s < 18; s++) { /* layers weigh alike */
        if (s % 3 != 0)
            difference += (s % 3 == 1 ? 1 : -1) * report_table_at(strata, s, "rate")->number / 6;
    }
    assert_near(h[0].estimate.rate, difference, 1e-10);
    assert_true(h[0].holds && h[0].p < 1e-4 && h[1].holds && !h[2].holds && !h[3].holds);
    assert_true(h[1].estimate.rate < 0);
    assert_holm(h);
    assert_int_equal(h[0].trials, 12 * 300);
    close_page(&source, &page);
}

static void expect_label(const char *text, double width, const char *quoted, uint32_t lines)
{
    struct text out = {0};
    const struct report_label label = report_label_put(&out, text, width, 10);
    assert_string_equal(text_of(&out), quoted);
    assert_int_equal(label.lines, lines);
    assert_true(label.width <= width);
    text_finish(&out);
}

static void test_labels_are_broken_into_lines(void **state)
{
    (void)state;
    expect_label("layer 3, sign", 200, "\"layer 3, sign\" ", 1);
    expect_label("blk.0.attn_output, weight, transient, column", 200,
                 "\"blk.0.attn_output,\\nweight, transient, column\" ", 2);
    expect_label("a_word_that_is_wider, b", 70, "\"a_word_that\\n_is_wider, b\" ", 2);
    expect_label("say \"so\"", 200, "\"say \\\"so\\\"\" ", 1);
    expect_label("", 200, "\"\" ", 1);
    /* two letters of two bytes each are never cut in half */
    expect_label("\xc3\xa4\xc3\xb6", 11, "\"\xc3\xa4\\n\xc3\xb6\" ", 2);
    assert_true(report_label_width("mm", 2, 10) > report_label_width("ll", 2, 10));
}

/* A cell of layer x head is a stratum. */
static void test_heads_make_a_map(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    (void)state;
    f.heads = true;
    f.equal = true;     /* each cell is a stratum: no weights are needed */
    f.per_stratum = 25; /* few: none has a colour */
    open_page(&source, &page, &f);
    struct report_figure *map = find_figure(&page, "heads");
    assert_null(map->absent);
    assert_int_equal(map->table.n_rows, 18);
    for (uint32_t r = 0; r < 18; r++) {
        struct report_table *table = &map->table;
        assert_near(report_table_at(table, r, "rate")->number,
                    report_table_at(&page.figure[0].table, r, "rate")->number, 1e-12);
        assert_int_equal(atoi(report_table_at(table, r, "row")->text), r / 3);
        assert_int_equal(atoi(report_table_at(table, r, "column")->text), r % 3);
        assert_true(table->faint[r]);
    }
    assert_non_null(strstr(text_of(&map->script), "fillstyle empty border"));
    assert_non_null(strstr(text_of(&map->script), "set label \"(")); /* in brackets */
    assert_null(strstr(text_of(&map->script), report_heat[REPORT_HEAT - 1]));
    close_page(&source, &page);
}

static void test_tables_in_three_notations(void **state)
{
    static const struct report_column columns[] = {
        {"name", "na&me", REPORT_TEXT, REPORT_ALONE},
        REPORT_RATE_COLUMNS("rate", "rate, %"),
        {"n", "n", REPORT_COUNT, REPORT_ALONE},
    };
    struct report_table t = {.id = "t", .caption = "100 % <of> it"};
    struct arena arena = {0};
    struct text out = {0};
    (void)state;
    assert_int_equal(report_table_init(&t, &arena, 2, columns, 8), STATUS_OK);
    report_table_text(&t, 0, "name", "a_b, \"c\"");
    report_table_set(&t, 0, "rate", 0.05);
    report_table_set(&t, 0, "rate_low", 0.000123);
    report_table_set(&t, 0, "rate_high", 0.25);
    report_table_set(&t, 0, "rate_n", 1234.5);
    report_table_set(&t, 0, "rate_shift", -0.00125);
    report_table_text(&t, 0, "rate_method", "wilson");
    report_table_set(&t, 0, "n", 1234567);
    report_table_csv(&out, &t);
    assert_string_equal(
        text_of(&out), "name,rate,rate_low,rate_high,rate_n,rate_method,rate_shift,n\n"
                       "\"a_b, \"\"c\"\"\",0.050000000000000003,0.00012300000000000001,0.25,1234.5,"
                       "wilson,-0.00125,1234567\n"
                       ",,,,,,,\n");
    text_finish(&out);
    report_table_latex(&out, &t);
    assert_non_null(strstr(text_of(&out),
                           "a\\_\\allowbreak{}b, \"c\" & \\begin{tabular}[t]{@{}r@{}}"
                           "5.0 [0.0, 25.0]\\\\[-2pt]\\scriptsize n 1234, $-$0.125\\end{tabular} & "
                           "1\\,234\\,567 \\\\\n & -- & -- \\\\\n\\bottomrule"));
    text_finish(&out);
    report_table_html(&out, &t);
    assert_non_null(strstr(text_of(&out), "100 % &lt;of&gt; it"));
    assert_non_null(strstr(text_of(&out), "<td>a_b, &quot;c&quot;</td>"));
    assert_non_null(strstr(text_of(&out), "<span class=\"from\">n 1234, -0.125</span>"));
    text_finish(&out);
    arena_finish(&arena);
}

/* No part of a table is wider than the text, whatever its columns; each begins with the first. */
static void test_wide_tables_are_parted(void **state)
{
    struct report_column column[20];
    struct report_table t = {.id = "wide", .caption = "wide"};
    struct arena arena = {0};
    struct text out = {0};
    uint32_t parts = 0;
    (void)state;
    for (uint32_t c = 0; c < 20; c++)
        column[c] =
            (struct report_column){arena_printf(&arena, "c%u", c), "some long heading of a column",
                                   c % 5 ? REPORT_COUNT : REPORT_TEXT, REPORT_ALONE};
    assert_int_equal(report_table_init(&t, &arena, 2, column, 20), STATUS_OK);
    for (uint32_t c = 0; c < 40; c++)
        t.cell[c] = (struct report_cell){
            c % 5 ? NULL
                  : "a_text/without.blanks_that=is_longer-than_any_column_may_become_in_print",
            123456789};
    report_table_latex(&out, &t);
    for (const char *at = text_of(&out); (at = strstr(at, "\\toprule\n\\shortstack[l]{some")); at++)
        parts++;
    assert_in_range(parts, 4, 18);
    text_finish(&out);
    assert_int_equal(report_table_init(&t, &arena, 200, column, 20), STATUS_OK);
    report_table_latex(&out, &t);
    assert_non_null(strstr(text_of(&out), "\\endfirsthead"));
    text_finish(&out);
    arena_finish(&arena);
}

static void assert_diff(const char *golden, const char *faulty, const char *left, const char *right)
{
    struct arena arena = {0};
    struct report_diff diff;
    assert_int_equal(report_diff_make(&diff, &arena, golden, faulty), STATUS_OK);
    assert_string_equal(text_of(&diff.golden), left);
    assert_string_equal(text_of(&diff.faulty), right);
    report_diff_finish(&diff);
    arena_finish(&arena);
}

static void test_differing_words_are_marked(void **state)
{
    (void)state;
    assert_diff("a b c", "a b c", "a b c", "a b c");
    assert_diff("one two <three> four", "one 2 <three> four five",
                "one <mark>two </mark>&lt;three&gt; <mark>four</mark>",
                "one <mark>2 </mark>&lt;three&gt; <mark>four five</mark>");
    assert_diff("", "x", "", "<mark>x</mark>");
    assert_diff("gone", "", "<mark>gone</mark>", "");
}

static void test_examples_are_the_worst(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    size_t chosen[REPORT_EXAMPLES];
    (void)state;
    f.scored = true;
    open_page(&source, &page, &f);
    const struct report_data *data = &source.data;
    const uint32_t count = report_examples_choose(chosen, &page.context);
    assert_int_equal(count, REPORT_EXAMPLES);
    double worst = 0;
    for (size_t i = 0; i < data->n; i++) {
        if (data->trial[i].outcome == OUTCOME_SDC_CRITICAL && data->trial[i].logp_sum < worst)
            worst = data->trial[i].logp_sum;
    }
    assert_true(data->trial[chosen[0]].logp_sum == worst);
    for (uint32_t i = 0; i < 4; i++) { /* four kinds of sites are struck */
        assert_int_equal(data->trial[chosen[i]].outcome, OUTCOME_SDC_CRITICAL);
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(data->trial[chosen[i]].site_kind,
                                 data->trial[chosen[j]].site_kind);
    }
    close_page(&source, &page);
}

/* What gnuplot writes, in short. */
static const char SVG[] =
    "<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 9 9\">\n<g id=\"gnuplot_canvas\">\n"
    "<defs>\n<circle id='gpPt5'/>\n<filter id='textbox'></filter></defs>\n"
    "<g fill=\"none\" color=\"black\" stroke=\"currentColor\">\n</g>\n"
    "<g fill=\"none\" color=\"black\"><path stroke='rgb(  0, 114, 178)'/><text fill=\"rgb(0,0,0)\">"
    "a</text></g><pattern id='gpPat1'/><rect fill='url(#gpPat1)'/><g "
    "id=\"f_plot_1\"><title>x</title>"
    "<path stroke='rgb( 10,  20,  30)'/></g>\n</g>\n</svg>\n";

static void test_pictures_follow_the_theme(void **state)
{
    struct report_figure figure = {.id = "f", .title = "T", .width = 9, .height = 9};
    struct text out = {0};
    (void)state;
    text_put(&figure.svg, SVG);
    report_plot_inline(&out, &figure);
    const char *text = text_of(&out);
    assert_string_equal(text, "<svg viewBox=\"0 0 9 9\" role=\"img\" aria-label=\"T\">\n<g>\n"
                              "<g fill=\"none\" color=\"currentColor\"><path stroke='var(--a)'/>"
                              "<text fill=\"currentColor\">a</text></g><pattern id='f-pat1'/>"
                              "<rect fill='url(#f-pat1)'/><g id=\"f_plot_1\">"
                              "<path stroke='rgb( 10,  20,  30)'/></g>\n</g>\n</svg>\n");
    text_finish(&out);
    text_finish(&figure.svg);
}

int main(void)
{
    snprintf(path, sizeof(path), "/tmp/vkfi-report-%d.db", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_trials_count),
        cmocka_unit_test(test_a_growing_database_says_so),
        cmocka_unit_test(test_totals_are_weighted_over_strata),
        cmocka_unit_test(test_the_true_rate_is_covered),
        cmocka_unit_test(test_equal_strata_have_no_total),
        cmocka_unit_test(test_strata_without_trials_leave_no_total),
        cmocka_unit_test(test_groups_are_domains_of_strata),
        cmocka_unit_test(test_hypotheses_are_contrasts),
        cmocka_unit_test(test_labels_are_broken_into_lines),
        cmocka_unit_test(test_heads_make_a_map),
        cmocka_unit_test(test_tables_in_three_notations),
        cmocka_unit_test(test_wide_tables_are_parted),
        cmocka_unit_test(test_differing_words_are_marked),
        cmocka_unit_test(test_examples_are_the_worst),
        cmocka_unit_test(test_pictures_follow_the_theme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
