/* SPDX-License-Identifier: MIT */
/* Tables of tasks and areas against plain arithmetic; what is not identifiable. */
#include "report_bench.h"

#include "inject/report/report_tasks.h"

static char path[64];

#define ITEMS 120

/* Two areas: 100 items of one task, 10 of each of two others. */
static struct report_fixture scored(void)
{
    struct report_fixture f = report_fixture_default(path);
    f.scored = true;
    f.items = ITEMS;
    return f;
}

static void open_tasks(struct report_source *source, struct report_page *page)
{
    struct report_fixture f = scored();
    f.per_stratum = 480;
    open_page(source, page, &f);
}

static const struct report_task *find(const struct report_page *page, const char *name)
{
    for (uint32_t i = 0; i < page->tasks.count; i++) {
        const struct report_task *t = &page->tasks.task[i];
        if (strcmp(t->name ? t->name : t->area, name) == 0)
            return t;
    }
    fail_msg("found no row %s", name);
    return NULL;
}

/* Items of a row by their number alone. */
static bool is_of(const char *name, uint32_t item)
{
    if (strcmp(name, "pick") == 0)
        return item < 100;
    if (strcmp(name, "mathematical") == 0)
        return item >= 100;
    return item >= 100 && item % 2 == (strcmp(name, "pose") == 0);
}

static bool is_right(uint32_t item)
{
    return item % 3 != 0;
}

typedef bool counts(const struct report_trial *trial);
typedef double worth(const struct report_trial *trial);

static bool all(const struct report_trial *t)
{
    (void)t;
    return true;
}

static bool golden_right(const struct report_trial *t)
{
    return is_right(t->item);
}

static bool golden_wrong(const struct report_trial *t)
{
    return !is_right(t->item);
}

static bool has_logp(const struct report_trial *t)
{
    return !isnan(t->logp_sum);
}

static double changed(const struct report_trial *t)
{
    return (t->outcome == OUTCOME_SDC_IMPROVED) - (t->outcome == OUTCOME_SDC_CRITICAL);
}

static double turned(const struct report_trial *t)
{
    return fabs(changed(t));
}

static double logp(const struct report_trial *t)
{
    return t->logp_sum;
}

/* sum W_h y_h / sum W_h d_h over the strata of a row's trials; all strata have as many trials. */
static double mean_by_hand(const struct report_data *data, const char *name, counts *has, worth *of)
{
    double numerator = 0, denominator = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        const double weight = data->stratum[t->stratum].weight;
        if (!is_of(name, t->item) || !has(t))
            continue;
        numerator += weight * of(t);
        denominator += weight;
    }
    return numerator / denominator;
}

static void test_rows_are_areas_and_tasks(void **state)
{
    struct report_source source;
    struct report_page page;
    (void)state;
    open_tasks(&source, &page);
    assert_int_equal(page.tasks.count, 4);
    const struct report_task *t = page.tasks.task;
    assert_string_equal(t[0].name, "pick"); /* its area has no other task */
    assert_string_equal(t[0].area, "reasoning");
    assert_null(t[1].name);
    assert_string_equal(t[1].area, "mathematical");
    assert_string_equal(t[2].name, "say");
    assert_string_equal(t[3].name, "pose");
    assert_int_equal(t[0].items, 100);
    assert_int_equal(t[0].right_items, 66); /* 34 of 0 to 99 are multiples of 3 */
    assert_int_equal(t[1].items, 20);
    assert_int_equal(t[2].items + t[3].items, 20);
    assert_int_equal(t[1].right_items, 14); /* not 102, 105, ..., 117 */
    assert_int_equal(t[0].trials + t[1].trials, source.data.n);
    assert_int_equal(t[2].trials + t[3].trials, t[1].trials);
    const struct report_table *scores = &page.table[REPORT_TABLE_TASKS];
    assert_int_equal(scores->n_rows, 4);
    assert_int_equal(page.table[REPORT_TABLE_ANSWERS].n_rows, 4);
    close_page(&source, &page);
}

static void test_numbers_by_hand(void **state)
{
    static const char *const names[] = {"pick", "mathematical", "say", "pose"};
    struct report_source source;
    struct report_page page;
    (void)state;
    open_tasks(&source, &page);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct report_data *data = &source.data;
        const struct report_task *t = find(&page, names[i]);
        const double golden = (double)t->right_items / t->items;
        const double change = mean_by_hand(data, names[i], all, changed);
        const double fell = mean_by_hand(data, names[i], golden_right, turned);
        const double rose = mean_by_hand(data, names[i], golden_wrong, turned);
        uint64_t due = 0;
        for (size_t k = 0; k < data->n; k++)
            due += is_of(names[i], data->trial[k].item) && data->trial[k].outcome == OUTCOME_DUE;
        assert_near(t->golden.rate, golden, 1e-12);
        assert_near(t->chance, i == 0 ? 0.25 : 0, 1e-12);
        assert_near(t->change, change, 1e-9);
        assert_near(t->faulty, golden + change, 1e-9);
        assert_near(t->right_to_wrong.estimate.rate, fell, 1e-9);
        assert_near(t->wrong_to_right.estimate.rate, rose, 1e-9);
        assert_near(t->answer.estimate.rate, mean_by_hand(data, names[i], all, turned), 1e-9);
        assert_near(t->logp, mean_by_hand(data, names[i], has_logp, logp), 1e-9);
        assert_int_equal(t->due, due);
        assert_int_equal(t->right_to_wrong.estimate.counted + t->wrong_to_right.estimate.counted,
                         t->trials);
        assert_true(t->of_change.low < change && change < t->of_change.high);
        assert_true(t->of_logp.low < t->logp && t->logp < t->of_logp.high);
    }
    close_page(&source, &page);
}

/* The picture of flows has the same trials as the tables, a part a task. */
static void test_flows_are_by_task(void **state)
{
    static const char *const names[] = {"pick", "say", "pose"};
    struct report_source source;
    struct report_page page;
    (void)state;
    open_tasks(&source, &page);
    struct report_figure *flow = find_figure(&page, "flow");
    assert_null(flow->absent);
    assert_int_equal(flow->table.n_rows, 3 * 6);
    for (uint32_t i = 0; i < 3; i++) {
        const struct report_task *t = find(&page, names[i]);
        double trials[6], sum = 0;
        for (uint32_t k = 0; k < 6; k++) {
            assert_string_equal(report_table_at(&flow->table, 6 * i + k, "task")->text, names[i]);
            trials[k] = report_table_number(&flow->table, 6 * i + k, "trials");
            sum += trials[k];
        }
        assert_true(sum == (double)t->trials);
        assert_true(trials[1] == (double)t->right_to_wrong.estimate.events);
        assert_true(trials[3] == (double)t->wrong_to_right.estimate.events);
        assert_true(trials[2] + trials[5] == (double)t->due);
    }
    close_page(&source, &page);
}

/* The variance of the change over whole items, by linearisation. */
static double variance_by_hand(const struct report_data *data, const char *name, double mean)
{
    double item[ITEMS] = {0}, weights = 0, squares = 0, n = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        const double weight = data->stratum[t->stratum].weight;
        if (!is_of(name, t->item))
            continue;
        item[t->item] += weight * (changed(t) - mean);
        weights += weight;
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
        squares += item[i] * item[i];
        n += is_of(name, i);
    }
    return n / (n - 1) * squares / (weights * weights);
}

static void test_normalised(void **state)
{
    struct report_source source;
    struct report_page page;
    (void)state;
    open_tasks(&source, &page);
    const struct report_task *t = find(&page, "pick");
    assert_null(t->reason);
    assert_near(t->normalised, (t->faulty - 0.25) / (t->golden.rate - 0.25), 1e-12);
    const double above = t->golden.rate - 0.25;
    const double of_change = sqrt(variance_by_hand(&source.data, "pick", t->change)) / above;
    const double of_golden =
        sqrt(t->golden.rate * (1 - t->golden.rate) / 100) * fabs(1 - t->normalised) / above;
    const double half = 1.96 * hypot(of_change, of_golden);
    assert_near((t->of_normalised.high - t->of_normalised.low) / 2, half, 0.15);
    assert_true(t->of_normalised.low < t->normalised && t->normalised < t->of_normalised.high);
    const char *const few[] = {"mathematical", "say", "pose"};
    for (size_t i = 0; i < 3; i++) {
        t = find(&page, few[i]);
        assert_string_equal(t->reason, "fewer than 50 golden-right items");
        assert_true(isnan(t->normalised) && isnan(t->of_normalised.low));
    }
    close_page(&source, &page);
}

/* No change in so many trials is no proof that there is none. */
static void test_no_event_is_no_certainty(void **state)
{
    struct report_fixture f = scored();
    struct report_source source;
    struct report_page page;
    (void)state;
    f.scale = 0;
    open_page(&source, &page, &f);
    const struct report_task *t = find(&page, "pick");
    assert_null(t->reason);
    assert_true(t->change == 0 && t->normalised == 1 && t->faulty == t->golden.rate);
    assert_true(t->of_normalised.low < 1 && t->of_normalised.high > 1);
    assert_true(t->of_change.low > -0.1 && t->of_change.low < 0);
    close_page(&source, &page);
}

/* 50 golden-right items are enough, 49 are not. */
static void test_least_items(void **state)
{
    bool few = false, enough = false;
    (void)state;
    for (uint32_t items = 84; items <= 94; items += 2) {
        struct report_fixture f = scored();
        struct report_source source;
        struct report_page page;
        f.items = items;
        f.per_stratum = 2 * items;
        open_page(&source, &page, &f);
        const struct report_task *t = find(&page, "pick");
        if (t->right_items >= 50)
            assert_null(t->reason);
        else
            assert_string_equal(t->reason, "fewer than 50 golden-right items");
        few = few || t->right_items == 49;
        enough = enough || t->right_items == 50;
        close_page(&source, &page);
    }
    assert_true(few && enough);
}

static void test_golden_at_chance(void **state)
{
    struct report_fixture f = scored();
    struct report_source source;
    struct report_page page;
    (void)state;
    f.chance = 0.6; /* golden has 66 of 100 right: not shown to be above it */
    open_page(&source, &page, &f);
    const struct report_task *t = find(&page, "pick");
    assert_true(t->golden.rate > t->chance && t->golden.interval.bounds.low < t->chance);
    assert_string_equal(t->reason, "golden not shown to be above chance");
    assert_true(isnan(t->normalised));
    close_page(&source, &page);
}

static void test_without_scores_there_is_nothing(void **state)
{
    struct report_fixture f = report_fixture_default(path);
    struct report_source source;
    struct report_page page;
    (void)state;
    open_page(&source, &page, &f);
    assert_int_equal(page.tasks.count, 0);
    assert_int_equal(page.table[REPORT_TABLE_TASKS].n_rows, 0);
    assert_int_equal(page.table[REPORT_TABLE_ANSWERS].n_rows, 0);
    close_page(&source, &page);
}

/* Strata without weights: only what is counted by items remains. */
static void test_equal_strata_have_no_faulty_score(void **state)
{
    struct report_fixture f = scored();
    struct report_source source;
    struct report_page page;
    (void)state;
    f.equal = true;
    open_page(&source, &page, &f);
    const struct report_task *t = find(&page, "pick");
    assert_near(t->golden.rate, 0.66, 1e-12);
    assert_true(isnan(t->change) && isnan(t->faulty) && isnan(t->normalised));
    assert_string_equal(t->reason, "no total over the strata");
    close_page(&source, &page);
}

int main(void)
{
    snprintf(path, sizeof(path), "/tmp/vkfi-report-tasks-%d.db", (int)getpid());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_areas_and_tasks),
        cmocka_unit_test(test_numbers_by_hand),
        cmocka_unit_test(test_flows_are_by_task),
        cmocka_unit_test(test_normalised),
        cmocka_unit_test(test_no_event_is_no_certainty),
        cmocka_unit_test(test_least_items),
        cmocka_unit_test(test_golden_at_chance),
        cmocka_unit_test(test_without_scores_there_is_nothing),
        cmocka_unit_test(test_equal_strata_have_no_faulty_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
