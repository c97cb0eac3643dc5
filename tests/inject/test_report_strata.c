/* SPDX-License-Identifier: MIT */
/* Reports of strata: maps without a total, worst lists and their fresh estimates, bit error rates.
 */
#include "report_bench.h"

#include "base/log.h"
#include "inject/report/report_gate.h"
#include "inject/report/report_worst.h"

static char path[2][64];

/* The row of a table whose column "stratum" is that label. */
static uint32_t row_of(struct report_table *table, const char *label)
{
    for (uint32_t r = 0; r < table->n_rows; r++) {
        if (strcmp(report_table_at(table, r, "stratum")->text, label) == 0)
            return r;
    }
    fail_msg("found no row %s", label);
    return 0;
}

/* Pictures that need a total are omitted; the rest is there. */
static void test_a_sweep_is_a_map(void **state)
{
    static const char *const drawn[] = {"strata", "cells", "deviation", "survival"};
    static const char *const needs_total[] = {"layers", "bits",   "sites",  "stages",
                                              "change", "margin", "protect"};
    struct report_fixture f = report_fixture_default(path[0]);
    struct report_source source;
    struct report_page page;
    (void)state;
    f.sweep = true;
    open_page(&source, &page, &f);
    for (size_t i = 0; i < sizeof(drawn) / sizeof(*drawn); i++)
        assert_null(find_figure(&page, drawn[i])->absent);
    for (size_t i = 0; i < sizeof(needs_total) / sizeof(*needs_total); i++)
        assert_string_equal(find_figure(&page, needs_total[i])->absent, REPORT_NO_TOTAL);
    assert_string_equal(find_figure(&page, "width")->absent, "all strata have one n");
    struct report_figure *map = find_figure(&page, "cells");
    struct report_table *strata = &find_figure(&page, "strata")->table;
    assert_string_equal(map->title, "Strata: op by bit and point");
    assert_int_equal(map->table.n_rows, 3 * 2 * 32);
    for (uint32_t r = 0; r < map->table.n_rows; r++) {
        char label[96];
        snprintf(label, sizeof(label), "op=%s point=%s bit=%s",
                 report_table_at(&map->table, r, "op")->text,
                 report_table_at(&map->table, r, "point")->text,
                 report_table_at(&map->table, r, "bit")->text);
        const uint32_t row = row_of(strata, label);
        static const char *const same[] = {"trials", "events", "rate", "rate_low", "rate_high"};
        for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
            assert_true(report_table_number(&map->table, r, same[i]) ==
                        report_table_number(strata, row, same[i]));
        assert_true(report_table_number(&map->table, r, "trials") == 60);
    }
    /* a panel a point in the order of kinds.h, ops in theirs, bits falling from the left */
    const char *script = text_of(&map->script);
    const char *operand = strstr(script, "set label \"point: operand\" at 0.1,0.45");
    const char *out = strstr(script, "set label \"point: out\" at 0.1,4.45");
    assert_true(operand && out);
    assert_non_null(strstr(script, "(\"norm\" 1.5, \"linear\" 2.5, \"softmax\" 3.5, \"norm\" 5.5"));
    assert_non_null(strstr(script, "\"28\" 3.5"));
    assert_null(strstr(script, "fillstyle empty")); /* no cell has few trials */
    close_page(&source, &page);
    f.per_stratum = 10;
    open_page(&source, &page, &f);
    assert_non_null(strstr(text_of(&find_figure(&page, "cells")->script),
                           "from 0.08,1.1 to 0.92,1.9 fillstyle empty border"));
    close_page(&source, &page);
}

static void test_two_dimensions_are_one_map(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]);
    struct report_source source;
    struct report_page page;
    (void)state;
    open_page(&source, &page, &f);
    const struct report_figure *map = find_figure(&page, "cells");
    assert_null(map->absent);
    assert_string_equal(map->title, "Strata: layer by bit_field");
    assert_int_equal(map->table.n_rows, 18);
    assert_null(strstr(text_of(&map->script), "set label \"bit_field:"));
    close_page(&source, &page);
    f.heads = true;
    open_page(&source, &page, &f);
    assert_non_null(strstr(find_figure(&page, "cells")->absent, "Layer by head"));
    close_page(&source, &page);
}

static void test_the_worst_are_listed(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]);
    struct report_source source;
    struct report_page page;
    (void)state;
    open_page(&source, &page, &f);
    struct report_table *worst = &page.table[REPORT_TABLE_WORST];
    struct report_table *strata = &find_figure(&page, "strata")->table;
    assert_int_equal(worst->n_rows, REPORT_WORST);
    double last = 1, least = 1;
    for (uint32_t r = 0; r < worst->n_rows; r++) {
        const double rate = report_table_number(worst, r, "rate");
        const uint32_t row = row_of(strata, report_table_at(worst, r, "stratum")->text);
        assert_true(rate == report_table_number(strata, row, "rate"));
        assert_true(rate <= last && report_table_number(worst, r, "events") > 0);
        last = rate;
        least = rate;
    }
    uint32_t above = 0;
    for (uint32_t h = 0; h < strata->n_rows; h++)
        above += report_table_number(strata, h, "rate") > least;
    assert_true(above < REPORT_WORST);
    for (uint32_t c = 0; c < worst->n_columns; c++)
        assert_null(strstr(worst->column[c].name, "fresh"));
    assert_non_null(find_figure(&page, "anew")->absent);
    close_page(&source, &page);
    f.layers = 3; /* nine strata: the forest shows them */
    open_page(&source, &page, &f);
    assert_int_equal(page.table[REPORT_TABLE_WORST].n_rows, 0);
    close_page(&source, &page);
}

/* The plan's field that confirms the worst `count` strata of `source`, of another plan if asked. */
static const char *confirm_text(struct report_source *source, uint32_t count, bool other,
                                struct arena *arena)
{
    struct report_work work;
    struct report_context context = {.data = &source->data, .arena = arena, .confidence = 0.95};
    struct report_worst *worst;
    const char *text = "{\"strata\": [";
    assert_int_equal(report_context_init(&context, &work), STATUS_OK);
    assert_int_equal(report_worst_rank(&worst, &count, &context, count), STATUS_OK);
    for (uint32_t i = 0; i < count; i++)
        text = arena_printf(arena, "%s%s\"%s\"", text, i ? ", " : "",
                            source->data.stratum[worst[i].stratum].label);
    return arena_printf(arena, "%s], \"of\": \"%.63s%c\"}", text, source->plan.hash,
                        other ? "0123456789abcdef"[source->plan.hash[63] == '0']
                              : source->plan.hash[63]);
}

static void open_anew(struct report_page *page, struct report_source *source,
                      struct report_source *anew)
{
    assert_int_equal(report_worst_check_anew(source, anew), STATUS_OK);
    assert_int_equal(
        report_page_init(
            page,
            &(struct report_params){.data = &source->data, .anew = &anew->data, .confidence = 0.95},
            false),
        STATUS_OK);
}

/* Truth of a stratum of the fixture; one fault in twenty is inert. */
static double truth_of(const struct report_fixture *f, const char *label)
{
    static const char *const fields[] = {"sign", "exponent", "mantissa"};
    char layer[8], field[16];
    uint32_t k = 0;
    double sum = 0;
    assert_true(report_data_dimension(label, "layer", layer, sizeof(layer)));
    assert_true(report_data_dimension(label, "bit_field", field, sizeof(field)));
    while (strcmp(field, fields[k]) != 0)
        k++;
    for (uint32_t i = 0; i < f->items; i++)
        sum += report_fixture_rate(f, (uint32_t)atoi(layer), k, i) / f->items;
    return 0.95 * sum;
}

/* Strata chosen by their estimates look worse than they are; estimated anew they do not. */
static void test_fresh_trials_take_the_bias_away(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]);
    double first = 0, fresh = 0, truth = 0;
    uint32_t rows = 0;
    (void)state;
    f.per_stratum = 20;
    f.layers = 20; /* so many alike that the worst are those with luck against them */
    for (f.seed = 1; f.seed <= 12; f.seed++) {
        struct report_fixture g = f;
        struct report_source source, anew;
        struct report_page page;
        struct arena arena = {0};
        open_fixture(&source, &f);
        g.path = path[1];
        g.seed = 1000 + f.seed;
        g.confirm = confirm_text(&source, 4, false, &arena);
        open_fixture(&anew, &g);
        open_anew(&page, &source, &anew);
        struct report_table *table = &page.table[REPORT_TABLE_WORST];
        assert_int_equal(table->n_rows, 4);
        for (uint32_t r = 0; r < table->n_rows; r++, rows++) {
            const char *label = report_table_at(table, r, "stratum")->text;
            const double a = report_table_number(table, r, "rate");
            const double b = report_table_number(table, r, "fresh");
            first += a;
            fresh += b;
            truth += truth_of(&f, label);
            assert_near(report_table_number(table, r, "shrinkage"), a - b, 1e-12);
            assert_true(report_table_number(table, r, "fresh_low") <= b &&
                        b <= report_table_number(table, r, "fresh_high"));
        }
        close_page(&source, &page);
        close_source(&anew);
        arena_finish(&arena);
    }
    print_message("truth %.3f, first %.3f, fresh %.3f\n", truth / rows, first / rows, fresh / rows);
    assert_true(first / rows > truth / rows + 0.08);
    assert_true(fabs(fresh - truth) / rows < 0.04); /* 48 strata of 20 trials: 2.5 sd */
}

/* A stratum's interval holds its true rate as often as it says; where it has few events, the design
 * effect of the campaign stands in as far as its trials share items. */
static void test_intervals_of_strata_cover(void **state)
{
    (void)state;
    for (int crossed = 0; crossed < 2; crossed++) {
        struct report_fixture f = report_fixture_default(path[0]);
        uint32_t covered = 0, intervals = 0;
        double width = 0, floor = 0, effect = 0;
        f.crossed = crossed;
        f.per_stratum = crossed ? 6 : 60;
        for (f.seed = 1; f.seed <= 12; f.seed++) {
            struct report_source source;
            struct report_page page;
            open_page(&source, &page, &f);
            struct report_table *table = &find_figure(&page, "strata")->table;
            struct report_groups groups;
            assert_int_equal(report_groups_strata(&groups, &page.arena, &source.data), STATUS_OK);
            for (uint32_t h = 0; h < table->n_rows; h++, intervals++) {
                struct report_rate rate;
                const double truth = truth_of(&f, source.data.stratum[h].label);
                report_figure_group(&rate, &page.context, &groups, h,
                                    (struct report_query){.events = REPORT_SDC});
                const struct stats_interval bounds = rate.interval.bounds;
                assert_true(bounds.low == report_table_number(table, h, "rate_low"));
                covered += bounds.low <= truth && truth <= bounds.high;
                width += bounds.high - bounds.low;
                floor += rate.floor;
                assert_true(rate.floor >= 1 && rate.floor <= source.data.design_effect);
            }
            effect += source.data.design_effect;
            close_page(&source, &page);
        }
        print_message("%s: %u of %u cover, width %.3f, design effect %.2f, of a stratum %.2f\n",
                      crossed ? "crossed" : "nested", covered, intervals, width / intervals,
                      effect / 12, floor / intervals);
        assert_true(covered >= 0.94 * intervals);
        assert_true(crossed || floor / intervals < 1 + 0.5 * (effect / 12 - 1));
    }
}

static void test_both_estimates_are_told(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]), g = report_fixture_default(path[1]);
    struct report_source source, anew;
    struct report_page page;
    struct arena arena = {0};
    struct text html = {0};
    (void)state;
    open_fixture(&source, &f);
    g.seed = 8;
    g.confirm = confirm_text(&source, 4, false, &arena);
    open_fixture(&anew, &g);
    open_anew(&page, &source, &anew);
    assert_int_equal(report_page_html(&html, &page), STATUS_OK);
    const char *text = text_of(&html);
    assert_non_null(strstr(text, "Over the 4 strata chosen as the worst, the mean SDC was "));
    assert_non_null(strstr(text, "The fresh estimate is the unbiased one"));
    assert_non_null(strstr(text, "fresh estimate (unbiased), %"));
    struct report_figure *figure = find_figure(&page, "anew");
    assert_null(figure->absent);
    assert_int_equal(figure->table.n_rows, 4);
    text_finish(&html);
    close_page(&source, &page);
    close_source(&anew);
    arena_finish(&arena);
}

static void expect_no_list(const struct report_fixture *f, const char *words)
{
    struct report_source source;
    open_fixture(&source, f);
    assert_int_equal(report_worst_check_first(&source), STATUS_INPUT);
    assert_non_null(strstr(log_last_error(), words));
    close_source(&source);
}

static void expect_not_anew(struct report_source *source, const struct report_fixture *g,
                            const char *words)
{
    struct report_source anew;
    open_fixture(&anew, g);
    assert_int_equal(report_worst_check_anew(source, &anew), STATUS_INPUT);
    if (!strstr(log_last_error(), words))
        fail_msg("found the message '%s', expected '%s' in it", log_last_error(), words);
    close_source(&anew);
}

static void test_what_is_no_list_or_not_about_it(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]), g = report_fixture_default(path[1]);
    struct report_source source;
    struct arena arena = {0};
    (void)state;
    f.missing = 0.01;
    expect_no_list(&f, "expected a finished campaign");
    f = report_fixture_default(path[0]);
    f.suspect = true;
    expect_no_list(&f, "suspect rows before a control that failed");
    f = report_fixture_default(path[0]);
    open_fixture(&source, &f);
    assert_int_equal(report_worst_check_first(&source), STATUS_OK);
    g.seed = 8;
    expect_not_anew(&source, &g, "confirms nothing");
    g.confirm = confirm_text(&source, 3, true, &arena);
    expect_not_anew(&source, &g, "found a confirmation of plan ");
    g.confirm = confirm_text(&source, 3, false, &arena);
    g.seed = f.seed;
    expect_not_anew(&source, &g, "not fresh");
    g.seed = 8;
    g.model_hash = "00000000000000000000000000000000000000000000000000000000000000ff";
    expect_not_anew(&source, &g, "found model 0000");
    g.model_hash = NULL;
    close_source(&source);
    g.path = path[0];
    expect_no_list(&g, "confirms that of plan");
    arena_finish(&arena);
}

/* The gate of all runs: the bounds of trials in the same proportion, with weights W_h (1 - P0_h).
 */
static void expect_gate_of_runs(struct report_source *source, double rate, double hit)
{
    struct report_gate_request request = {
        .limit = 0.99 * hit, .confidence = 0.95, .events = REPORT_SDC, .given = REPORT_RUNS};
    struct report_gate gate, of_trials;
    assert_int_equal(report_gate_decide(&gate, source, &request), STATUS_OK);
    assert_near(gate.rate, rate, 1e-12);
    assert_true(gate.result.lower < rate && rate < gate.result.upper && gate.result.upper < hit);
    assert_int_equal(gate.result.verdict, STATS_GATE_PASS);
    request.limit = hit + 0.01; /* not even all trials could exceed it */
    assert_int_equal(report_gate_decide(&gate, source, &request), STATUS_OK);
    assert_int_equal(gate.result.verdict, STATS_GATE_PASS);
    request.limit = gate.result.upper - 1e-9;
    assert_int_equal(report_gate_decide(&gate, source, &request), STATUS_OK);
    assert_int_equal(gate.result.verdict, STATS_GATE_UNDECIDED);
    /* just below: the next look is a wave later, at a quarter of the error */
    assert_true(gate.result.would_pass && gate.result.more > gate.trials / 2 &&
                gate.result.more < 3 * gate.trials / 2);
    request.limit = gate.result.lower - 1e-9;
    assert_int_equal(report_gate_decide(&gate, source, &request), STATUS_OK);
    assert_int_equal(gate.result.verdict, STATS_GATE_FAIL);

    request.stratum = source->data.stratum[2].label;
    const double share = 1 - source->data.stratum[2].no_fault;
    assert_int_equal(report_gate_decide(&gate, source, &request), STATUS_OK);
    request.given = REPORT_ALL;
    assert_int_equal(report_gate_decide(&of_trials, source, &request), STATUS_OK);
    assert_near(gate.rate, share * of_trials.rate, 1e-12);
    assert_near(gate.result.lower, share * of_trials.result.lower, 1e-12);
    assert_near(gate.result.upper, share * of_trials.result.upper, 1e-12);
}

/* Looks at any time bound sum W_h (1 - P0_h) y_h over sum W_h. */
static void test_a_gate_of_runs_at_any_time(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]);
    struct report_source source;
    struct report_gate gate;
    struct report_gate_request request = {
        .confidence = 0.95, .events = REPORT_SDC, .given = REPORT_RUNS};
    double rate = 0;
    (void)state;
    f.ber = 1e-9;
    f.stop = "{\"rule\": \"time_uniform\"}";
    open_fixture(&source, &f);
    for (size_t i = 0; i < source.data.n; i++) {
        const struct report_trial *t = &source.data.trial[i];
        const struct store_stratum *s = &source.data.stratum[t->stratum];
        if (REPORT_SDC >> t->outcome & 1)
            rate += s->weight * (1 - s->no_fault) / (double)s->planned;
    }
    request.limit = rate; /* no item decides, all of them count */
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_near(gate.rate, rate, 1e-12);
    assert_true(gate.result.lower < rate && rate < gate.result.upper);
    const double of_runs = gate.result.upper;
    request.given = REPORT_ALL;
    assert_int_equal(report_gate_decide(&gate, &source, &request), STATUS_OK);
    assert_true(rate < gate.rate && of_runs < gate.result.upper);
    close_source(&source);
}

/* The rate of all runs is (1 - P0) times that of trials, in a stratum and over all of them. */
static void test_runs_of_a_bit_error_rate(void **state)
{
    struct report_fixture f = report_fixture_default(path[0]);
    struct report_source source;
    struct report_page page;
    double hit = 0, runs = 0, none = 0;
    (void)state;
    f.ber = 1e-9;
    f.per_stratum = 100;
    open_page(&source, &page, &f);
    const struct report_data *data = &source.data;
    struct report_table *strata = &find_figure(&page, "strata")->table;
    for (uint32_t h = 0; h < data->n_strata; h++) {
        const double share = 1 - report_fixture_none(h), weight = data->stratum[h].weight;
        assert_true(data->drawn[h] == 0); /* other faults of a trial may come again */
        assert_near(report_table_number(strata, h, "no_fault"), 1 - share, 1e-12);
        static const char *const pairs[][2] = {
            {"runs", "rate"}, {"runs_low", "rate_low"}, {"runs_high", "rate_high"}};
        for (int i = 0; i < 3; i++)
            assert_near(report_table_number(strata, h, pairs[i][0]),
                        share * report_table_number(strata, h, pairs[i][1]), 1e-9);
        runs += weight * share * report_table_number(strata, h, "rate");
        hit += weight * share;
        none += weight * (1 - share);
    }
    assert_near(page.totals.sdc_runs.estimate.rate, runs, 1e-12);
    assert_near(page.totals.no_fault, none, 1e-12);
    assert_true(page.totals.sdc_runs.interval.bounds.low < runs &&
                runs < page.totals.sdc_runs.interval.bounds.high);
    assert_true(page.totals.sdc_runs.interval.bounds.high < hit);
    expect_gate_of_runs(&source, runs, hit);
    struct report_table *outcomes = &page.table[REPORT_TABLE_OUTCOMES];
    for (uint32_t r = 0; r < outcomes->n_rows; r++) {
        if (strcmp(report_table_at(outcomes, r, "outcome")->text, "SDC (all)") == 0)
            assert_near(report_table_number(outcomes, r, "runs"), runs, 1e-12);
    }
    close_page(&source, &page);
    f.ber = 0;
    open_page(&source, &page, &f);
    assert_near(source.data.drawn[0], f.per_stratum / 1e6, 1e-12);
    outcomes = &page.table[REPORT_TABLE_OUTCOMES];
    for (uint32_t c = 0; c < outcomes->n_columns; c++)
        assert_null(strstr(outcomes->column[c].name, "runs"));
    assert_near(page.totals.sdc_runs.estimate.rate, page.totals.sdc.estimate.rate, 1e-12);
    close_page(&source, &page);
}

int main(void)
{
    snprintf(path[0], sizeof(path[0]), "/tmp/vkfi-strata-%d.a.db", (int)getpid());
    snprintf(path[1], sizeof(path[1]), "/tmp/vkfi-strata-%d.b.db", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sweep_is_a_map),
        cmocka_unit_test(test_two_dimensions_are_one_map),
        cmocka_unit_test(test_the_worst_are_listed),
        cmocka_unit_test(test_fresh_trials_take_the_bias_away),
        cmocka_unit_test(test_intervals_of_strata_cover),
        cmocka_unit_test(test_both_estimates_are_told),
        cmocka_unit_test(test_what_is_no_list_or_not_about_it),
        cmocka_unit_test(test_runs_of_a_bit_error_rate),
        cmocka_unit_test(test_a_gate_of_runs_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
