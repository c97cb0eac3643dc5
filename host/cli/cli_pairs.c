/* SPDX-License-Identifier: MIT */
/* The difference of two databases in words. */
#include "cli/cli_pairs.h"

#include <math.h>
#include <stdio.h>

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

double cli_pairs_bound(const struct cli_pairs_question *question)
{
    const struct stats_paired_table *t = &question->result->scaled;
    const struct stats_paired_table mirror = {t->both, t->second_only, t->first_only, t->neither};
    const struct stats_interval_level level = {2 * question->confidence - 1, STATS_INTERVAL_BOTH};
    return stats_paired_interval(question->first_is_new ? t : &mirror, level).high;
}

bool cli_pairs_not_worse(const struct cli_pairs_question *question)
{
    const struct stats_paired_table *t = &question->result->scaled;
    const struct stats_paired_table mirror = {t->both, t->second_only, t->first_only, t->neither};
    return stats_paired_non_inferiority(question->first_is_new ? t : &mirror, question->margin) <=
           1 - question->confidence;
}

void cli_pairs_verdict(struct report_out *out, const struct cli_pairs_question *question)
{
    const double bound = cli_pairs_bound(question);
    const bool passed = cli_pairs_not_worse(question);
    const struct report_pairs_result *r = question->result;
    const int decimals = report_interval_decimals(r->bounds);
    struct cli_pairs_table table;
    cli_pairs_table(&table, r);
    report_out_printf(
        out, "%s: %s %s %.*f points %s %s than %s", passed ? "passed" : "failed", question->new,
        passed && bound >= 0 ? "has at most"
        : passed             ? "has at least"
                             : "may have up to",
        decimals, 100 * fabs(bound), bound >= 0 ? "more" : "less", question->of, question->old);
    report_out_printf(
        out, " (one-sided at %g %%: Tango, %s %s and %s %s of n = %s); the margin is %g\n",
        100 * question->confidence, question->first_is_new ? "only new" : "only first",
        table.first_only, question->first_is_new ? "only old" : "only second", table.second_only,
        table.n, 100 * question->margin);
}
