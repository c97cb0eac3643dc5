/* SPDX-License-Identifier: MIT */
/* The difference of two databases in words. */
#include "cli/cli_pairs.h"

#include <math.h>
#include <stdio.h>

#include "inject/report/report_gate.h"

void cli_pairs_table(struct cli_pairs_table *out, const struct report_pairs_result *result)
{
    report_interval_n(out->first_only, result->scaled.first_only);
    report_interval_n(out->second_only, result->scaled.second_only);
    report_interval_n(out->n, result->n_effective);
}

void cli_pairs_difference(char out[REPORT_INTERVAL_TEXT], const struct report_pairs_result *result)
{
    const struct stats_interval bounds = result->bounds;
    const int decimals = report_interval_decimals(bounds);
    snprintf(out, REPORT_INTERVAL_TEXT, "%+.*f [%+.*f, %+.*f]", decimals, 100 * result->difference,
             decimals, 100 * bounds.low, decimals, 100 * bounds.high);
}

/* The table with the new release first. */
static struct stats_paired_table table_of(const struct cli_pairs_question *question)
{
    const struct stats_paired_table *t = &question->result->scaled;
    if (question->first_is_new)
        return *t;
    return (struct stats_paired_table){t->both, t->second_only, t->first_only, t->neither};
}

/* Both one-sided bounds of new minus old. */
static struct stats_interval bounds_of(const struct cli_pairs_question *question)
{
    const struct stats_paired_table table = table_of(question);
    const struct stats_interval_level level = {2 * question->confidence - 1, STATS_INTERVAL_BOTH};
    return stats_paired_interval(&table, level);
}

enum stats_gate_verdict cli_pairs_decide(const struct cli_pairs_question *question)
{
    const struct stats_paired_table table = table_of(question);
    if (stats_paired_non_inferiority(&table, question->margin) <= 1 - question->confidence)
        return STATS_GATE_PASS;
    return bounds_of(question).low >= question->margin ? STATS_GATE_FAIL : STATS_GATE_UNDECIDED;
}

/* "has at most 0.5 points more": what the bound that decides says; of an open question the upper
 * one. */
static const char *claim_of(enum stats_gate_verdict verdict, double bound)
{
    if (verdict == STATS_GATE_UNDECIDED)
        return "may have up to";
    return (verdict == STATS_GATE_PASS) == (bound >= 0) ? "has at most" : "has at least";
}

void cli_pairs_verdict(struct report_out *out, const struct cli_pairs_question *question)
{
    const enum stats_gate_verdict verdict = cli_pairs_decide(question);
    const struct stats_interval bounds = bounds_of(question);
    const double bound = verdict == STATS_GATE_FAIL ? bounds.low : bounds.high;
    const struct report_pairs_result *r = question->result;
    const int decimals = report_interval_decimals(r->bounds);
    struct cli_pairs_table table;
    cli_pairs_table(&table, r);
    report_out_printf(out, "%s: %s %s %.*f points %s %s than %s", report_gate_word(verdict),
                      question->new, claim_of(verdict, bound), decimals, 100 * fabs(bound),
                      bound >= 0 ? "more" : "less", question->of, question->old);
    report_out_printf(
        out, " (one-sided at %g %%: Tango, %s %s and %s %s of n = %s); the margin is %g\n",
        100 * question->confidence, question->first_is_new ? "only new" : "only first",
        table.first_only, question->first_is_new ? "only old" : "only second", table.second_only,
        table.n, 100 * question->margin);
}
