/* SPDX-License-Identifier: MIT */
/* The statistics against scipy and statsmodels, as stats_reference.py prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "inject/stats/stats_cluster.h"
#include "inject/stats/stats_interval.h"
#include "inject/stats/stats_paired.h"
#include "inject/stats/stats_special.h"
#include "inject/stats/stats_spending.h"
#include "inject/stats/stats_survival.h"
#include "inject/stats/stats_test.h"

#define SKIPPED 77
#define TRIALS 512
#define NUMBERS 24
#define LEAST_CHECKS 3000

/* Data lines of the script gather here. */
static struct {
    struct stats_cluster_trial trial[TRIALS];
    size_t count;
    uint32_t strata;
} data;

static struct stats_interval_level both(double confidence)
{
    return (struct stats_interval_level){confidence, STATS_INTERVAL_BOTH};
}

static double beta(const double *a)
{
    return stats_special_beta(a[0], a[1], a[2]);
}

static double beta_quantile(const double *a)
{
    return stats_special_beta_quantile(a[0], a[1], a[2]);
}

static double t_below(const double *a)
{
    return stats_special_t(a[0], a[1]);
}

static double t_quantile(const double *a)
{
    return stats_special_t_quantile(a[0], a[1]);
}

static double normal(const double *a)
{
    return stats_special_normal(a[0]);
}

static double normal_quantile(const double *a)
{
    return stats_special_normal_quantile(a[0]);
}

static double chi2_upper(const double *a)
{
    return stats_special_chi2_upper(a[0], a[1]);
}

static double binomial(const double *a)
{
    return stats_special_binomial(a[0], a[1], a[2]);
}

static double binomial_at_most(const double *a)
{
    return stats_special_binomial_at_most(a[0], a[1], a[2]);
}

static double wilson_low(const double *a)
{
    return stats_interval_wilson(a[0] / a[1], a[1], both(a[2])).low;
}

static double wilson_high(const double *a)
{
    return stats_interval_wilson(a[0] / a[1], a[1], both(a[2])).high;
}

static double clopper_pearson_low(const double *a)
{
    return stats_interval_clopper_pearson(a[0], a[1], both(a[2])).low;
}

static double clopper_pearson_high(const double *a)
{
    return stats_interval_clopper_pearson(a[0], a[1], both(a[2])).high;
}

static struct stats_interval newcombe(const double *a)
{
    const struct stats_interval_pair pair = {
        .first = a[0] / a[1],
        .second = a[2] / a[3],
        .of_first = stats_interval_wilson(a[0] / a[1], a[1], both(a[4])),
        .of_second = stats_interval_wilson(a[2] / a[3], a[3], both(a[4])),
    };
    return stats_interval_difference(&pair);
}

static double newcombe_low(const double *a)
{
    return newcombe(a).low;
}

static double newcombe_high(const double *a)
{
    return newcombe(a).high;
}

static struct stats_paired_table table(const double *a)
{
    return (struct stats_paired_table){a[0], a[1], a[2], a[3]};
}

static double mcnemar_exact(const double *a)
{
    const struct stats_paired_table t = table(a);
    return stats_paired_mcnemar_exact(&t);
}

static double mcnemar_mid(const double *a)
{
    const struct stats_paired_table t = table(a);
    return stats_paired_mcnemar_mid(&t);
}

static double paired_score(const double *a)
{
    const struct stats_paired_table t = table(a);
    return stats_paired_score(&t, a[4]);
}

static double tango_low(const double *a)
{
    const struct stats_paired_table t = table(a);
    return stats_paired_interval(&t, both(a[4])).low;
}

static double tango_high(const double *a)
{
    const struct stats_paired_table t = table(a);
    return stats_paired_interval(&t, both(a[4])).high;
}

static double equivalence(const double *a)
{
    const struct stats_paired_table t = table(a);
    return stats_paired_equivalence(&t, a[4]);
}

static double holm(const double *a)
{
    double adjusted[5];
    uint32_t order[5];
    stats_test_holm(adjusted, a + 1, order, 5);
    return adjusted[(size_t)a[0]];
}

static double fit(const double *a)
{
    uint64_t observed[6];
    for (int i = 0; i < 6; i++)
        observed[i] = (uint64_t)a[i];
    return stats_test_fit(observed, a + 6, 6);
}

static double trend(const double *a)
{
    uint64_t events[4], trials[4];
    for (int i = 0; i < 4; i++) {
        events[i] = (uint64_t)a[i];
        trials[i] = (uint64_t)a[4 + i];
    }
    const struct stats_test_groups groups = {events, trials, a + 8, 4};
    return stats_test_trend(&groups);
}

static struct stats_survival_point survival_at(const double *a)
{
    double time[8];
    uint64_t events[8], censored[8];
    struct stats_survival_point out[8];
    for (int i = 0; i < 8; i++) {
        time[i] = i + 1;
        events[i] = (uint64_t)a[1 + i];
        censored[i] = (uint64_t)a[9 + i];
    }
    const struct stats_survival_input input = {time, events, censored, 8};
    stats_survival_curve(out, &input, both(0.95));
    return out[(size_t)a[0]];
}

static double survival(const double *a)
{
    return survival_at(a).survival;
}

static double survival_error(const double *a)
{
    return survival_at(a).error;
}

static double survival_low(const double *a)
{
    return survival_at(a).bounds.low;
}

static double survival_high(const double *a)
{
    return survival_at(a).bounds.high;
}

/* Weights 1, 2, ... of the strata, or the script's contrast of them. */
static struct stats_cluster_estimate estimate(int contrast)
{
    struct stats_cluster_stratum stratum[3] = {0};
    double scratch[3 * TRIALS];
    struct stats_cluster_data d = {data.trial, data.count, stratum, data.strata,
                                   TRIALS,     TRIALS,     TRIALS,  scratch};
    struct stats_cluster_estimate e;
    for (uint32_t h = 0; h < data.strata; h++)
        stratum[h].weight = contrast ? h - (data.strata - 1) / 2. : h + 1.;
    if (contrast)
        stats_cluster_contrast(&e, &d);
    else
        stats_cluster_rate(&e, &d);
    return e;
}

static double two_way(const struct stats_cluster_estimate *e)
{
    return e->v_item + e->v_fault - e->v_cell;
}

static double cluster_rate(const double *a)
{
    (void)a;
    return estimate(0).rate;
}

static double cluster_variance(const double *a)
{
    (void)a;
    const struct stats_cluster_estimate e = estimate(0);
    return two_way(&e);
}

static double contrast_rate(const double *a)
{
    (void)a;
    return estimate(1).rate;
}

static double contrast_variance(const double *a)
{
    (void)a;
    const struct stats_cluster_estimate e = estimate(1);
    return two_way(&e);
}

static double look(const double *a)
{
    double boundary[3], level[3];
    const struct stats_spending_looks looks = {STATS_SPENDING_OBRIEN_FLEMING, 0.025, a + 1, 3};
    stats_spending_boundaries(boundary, level, &looks);
    return boundary[(size_t)a[0]];
}

/* Relative tolerances: those above 1e-9 are the reference's own, a numerical search. */
static const struct {
    const char *name;
    double (*value)(const double *arguments);
    double tolerance;
} functions[] = {
    {"beta", beta, 1e-9},
    {"beta_quantile", beta_quantile, 1e-9},
    {"t", t_below, 1e-9},
    {"t_quantile", t_quantile, 1e-9},
    {"normal", normal, 1e-11},
    {"normal_quantile", normal_quantile, 1e-11},
    {"chi2_upper", chi2_upper, 1e-9},
    {"binomial", binomial, 1e-9},
    {"binomial_at_most", binomial_at_most, 1e-9},
    {"wilson_low", wilson_low, 1e-9},
    {"wilson_high", wilson_high, 1e-9},
    {"clopper_pearson_low", clopper_pearson_low, 1e-9},
    {"clopper_pearson_high", clopper_pearson_high, 1e-9},
    {"newcombe_low", newcombe_low, 1e-9},
    {"newcombe_high", newcombe_high, 1e-9},
    {"mcnemar_exact", mcnemar_exact, 1e-9},
    {"mcnemar_mid", mcnemar_mid, 1e-9},
    {"paired_score", paired_score, 1e-6},
    {"tango_low", tango_low, 1e-6},
    {"tango_high", tango_high, 1e-6},
    {"equivalence", equivalence, 1e-6},
    {"holm", holm, 1e-12},
    {"fit", fit, 1e-9},
    {"trend", trend, 1e-9},
    {"survival", survival, 1e-9},
    {"survival_error", survival_error, 1e-9},
    {"survival_low", survival_low, 1e-9},
    {"survival_high", survival_high, 1e-9},
    {"cluster_rate", cluster_rate, 1e-9},
    {"cluster_variance", cluster_variance, 1e-9},
    {"contrast_rate", contrast_rate, 1e-9},
    {"contrast_variance", contrast_variance, 1e-9},
    {"look", look, 1e-5},
};

#define FUNCTIONS (sizeof(functions) / sizeof(*functions))

static int same(double found, double expected, double tolerance)
{
    return fabs(found - expected) <= tolerance * fmax(fabs(expected), 1e-3);
}

static void read_trial(const char *line)
{
    unsigned h, item, fault, counted, value;
    assert_true(data.count < TRIALS);
    assert_int_equal(sscanf(line, "%u %u %u %u %u", &h, &item, &fault, &counted, &value), 5);
    data.trial[data.count] = (struct stats_cluster_trial){
        h, item, fault, (uint32_t)data.count, .counted = counted != 0, .value = value, .weight = 1};
    data.count++;
    data.strata = h + 1;
}

/* Checks a line "NAME NUMBER... = VALUE"; returns which function it names. */
static size_t read_check(const char *name, char *rest)
{
    double number[NUMBERS] = {0}, expected = NAN;
    size_t count = 0, f = 0;
    for (char *end; *rest != '='; rest = end + strspn(end, " ")) {
        assert_true(count < NUMBERS);
        number[count++] = strtod(rest, &end);
        assert_ptr_not_equal(rest, end);
    }
    expected = strtod(rest + 1, NULL);
    while (f < FUNCTIONS && strcmp(functions[f].name, name) != 0)
        f++;
    if (f == FUNCTIONS)
        fail_msg("no function for %s", name);
    const double found = functions[f].value(number);
    if (!same(found, expected, functions[f].tolerance))
        fail_msg("%s(%.17g, %.17g, %.17g, %.17g, ...): found %.17g, expected %.17g", name,
                 number[0], number[1], number[2], number[3], found, expected);
    return f;
}

static void test_every_line_of_the_script(void **state)
{
    uint32_t seen[FUNCTIONS] = {0}, checks = 0;
    char line[1024], name[64], text[4096];
    int at;
    (void)state;
    snprintf(text, sizeof(text), "'%s' -W ignore '%s/tests/inject/stats_reference.py'",
             getenv("VKFI_PYTHON"), VKFI_SOURCE);
    FILE *script = popen(text, "r");
    assert_non_null(script);
    while (fgets(line, sizeof(line), script)) {
        assert_int_equal(sscanf(line, "%63s %n", name, &at), 1);
        if (strcmp(name, "begin") == 0) {
            data.count = 0;
        } else if (strcmp(name, "trial") == 0) {
            read_trial(line + at);
        } else {
            seen[read_check(name, line + at)]++;
            checks++;
        }
    }
    const int status = pclose(script);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        exit(SKIPPED);
    assert_int_equal(status, 0);
    for (size_t f = 0; f < FUNCTIONS; f++) {
        if (seen[f] == 0)
            fail_msg("the script has no line for %s", functions[f].name);
    }
    assert_true(checks >= LEAST_CHECKS);
    printf("%u values agree\n", checks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_line_of_the_script)};
    if (!getenv("VKFI_PYTHON")) {
        printf("skipped: VKFI_PYTHON names no interpreter with scipy and statsmodels\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
