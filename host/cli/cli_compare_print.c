/* SPDX-License-Identifier: MIT */
/* A comparison as text and as JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/cli_compare.h"
#include "cli/cli_pairs.h"
#include "inject/report/report_gate.h"

static void print_conform(const struct report_conform *c)
{
    printf("conformance  %" PRIu64 " of %" PRIu64
           " shared records differ; at most %.3g %% (one-sided "
           "at 95 %%: exact, n = %" PRIu64 ")\n",
           c->differ, c->shared, 100 * c->upper, c->shared);
    if (c->only_first || c->only_second)
        printf("             %" PRIu64 " trials in the first alone, %" PRIu64 " in the second\n",
               c->only_first, c->only_second);
    for (uint32_t f = 0; f < c->n_fields; f++)
        printf("             %-22s first to differ in %" PRIu64 "\n", c->field[f].field,
               c->field[f].count);
    for (uint32_t e = 0; e < c->n_examples; e++)
        printf("             trial %-8" PRIu64 " %s\n", c->example[e].trial, c->example[e].text);
}

/* Where devices may differ by the contract. */
static void print_underflow(const struct cli_compare_result *result)
{
    if (result->underflow[0] == 0 && result->underflow[1] == 0)
        return;
    printf("underflow    golden flushed values in %" PRIu32 " of %" PRIu32
           " items of the first, %" PRIu32 " of %" PRIu32 " of the second\n",
           result->underflow[0], result->items[0], result->underflow[1], result->items[1]);
    if (result->has_conform)
        printf("             %" PRIu64 " of the records that differ are theirs\n",
               result->conform.differ_underflow);
}

static void print_class(const char *name, const struct report_pairs_result *r, double margin,
                        double alpha)
{
    const int decimals = report_interval_decimals(r->bounds);
    char difference[REPORT_INTERVAL_TEXT], p[3][REPORT_INTERVAL_TEXT];
    struct cli_pairs_table table;
    cli_pairs_table(&table, r);
    cli_pairs_difference(difference, r);
    report_interval_p(p[0], r->mcnemar);
    report_interval_p(p[1], r->mcnemar_exact);
    printf("  %-9s %7.*f %8.*f  %-26s %6.0f %6.0f  %7s %7s %7s  %8s %8s", name, decimals,
           100 * r->first, decimals, 100 * r->second, difference, r->count.first_only,
           r->count.second_only, table.first_only, table.second_only, table.n, p[0], p[1]);
    if (margin > 0) {
        report_interval_p(p[2], r->equivalence);
        printf(" %8s %s", p[2], r->equivalence <= alpha ? "equivalent" : "open");
    }
    putchar('\n');
}

/* The new release is the second. */
static enum status print_verdict(const struct cli_compare_result *result,
                                 const struct cli_compare_options *options)
{
    struct report_out text = {0};
    cli_pairs_verdict(&text, &(struct cli_pairs_question){.result = &result->of[0],
                                                          .new = "the second",
                                                          .old = "the first",
                                                          .of = "SDC",
                                                          .margin = options->margin,
                                                          .confidence = options->confidence});
    printf("verdict      %s", report_out_text(&text));
    const enum status st = text.status;
    report_out_finish(&text);
    return st;
}

static enum status print_pairs(const struct cli_compare_result *result,
                               const struct cli_compare_options *options)
{
    const struct report_pairs *p = &result->pairs;
    const struct report_pairs_result *any = &result->of[0];
    printf("reliability  %" PRIu64 " pairs of the same logical fault%s\n", any->pairs,
           any->weighted ? ", rates weighted over strata" : ", as drawn: no weights");
    if (p->items_apart)
        printf("             %" PRIu32 " items whose golden text differs, %" PRIu64
               " trials, are apart\n",
               p->items_apart, p->apart);
    if (p->only_first || p->only_second)
        printf("             %" PRIu64 " trials of the first and %" PRIu64
               " of the second have no partner\n",
               p->only_first, p->only_second);
    if (any->pairs == 0)
        return STATUS_OK;
    printf("  %-9s %7s %8s  %-26s %6s %6s  %7s %7s %7s  %8s %8s%s\n", "class", "first %",
           "second %", "difference, points", "only 1", "only 2", "as 1", "as 2", "of n", "McNemar",
           "exact", options->margin > 0 ? "     TOST" : "");
    for (int c = 0; c < CLI_COMPARE_CLASSES; c++) {
        if (!cli_compare_class[c].scored || result->scored)
            print_class(cli_compare_class[c].name, &result->of[c], options->margin,
                        0.05 * options->spends);
    }
    printf("  intervals: %g %%, Tango's of \"as 1\" and \"as 2\" of n independent pairs\n",
           100 * options->confidence);
    if (options->margin > 0 && !options->baseline)
        printf(
            "  TOST: two one-sided tests, p that the difference is %g points or more; equivalent "
            "at %g\n",
            100 * options->margin, 0.05 * options->spends);
    if (options->spends < 1)
        printf(
            "  looks: a campaign was extended after one; this one spends %g of the error, p-values "
            "are its own\n",
            options->spends);
    return options->baseline ? print_verdict(result, options) : STATUS_OK;
}

enum status cli_compare_print(const struct cli_compare_result *result,
                              const struct cli_compare_options *options)
{
    printf("first        %s (%s)\nsecond       %s (%s)\n", result->first, result->device_first,
           result->second, result->device_second);
    if (result->has_conform)
        print_conform(&result->conform);
    print_underflow(result);
    return result->has_pairs ? print_pairs(result, options) : STATUS_OK;
}

static void put_conform(struct json_writer *w, const struct report_conform *c)
{
    json_put_key(w, "conformance");
    json_object_open(w);
    json_member_int(w, "shared", c->shared);
    json_member_int(w, "differ", c->differ);
    json_member_int(w, "differ_underflow", c->differ_underflow);
    json_member_number(w, "upper", c->upper);
    json_member_int(w, "only_first", c->only_first);
    json_member_int(w, "only_second", c->only_second);
    json_put_key(w, "fields");
    json_object_open(w);
    for (uint32_t f = 0; f < c->n_fields; f++)
        json_member_int(w, c->field[f].field, c->field[f].count);
    json_object_close(w);
    json_put_key(w, "examples");
    json_array_open(w);
    for (uint32_t e = 0; e < c->n_examples; e++) {
        json_object_open(w);
        json_member_int(w, "trial", c->example[e].trial);
        json_member_text(w, "field", c->example[e].field);
        json_member_text(w, "text", c->example[e].text);
        json_object_close(w);
    }
    json_array_close(w);
    json_object_close(w);
}

static void put_class(struct json_writer *w, const char *name, const struct report_pairs_result *r)
{
    json_put_key(w, name);
    json_object_open(w);
    json_member_number(w, "first", r->first);
    json_member_number(w, "second", r->second);
    json_member_number(w, "difference", r->difference);
    json_member_number(w, "low", r->bounds.low);
    json_member_number(w, "high", r->bounds.high);
    json_member_number(w, "scaled_first_only", r->scaled.first_only);
    json_member_number(w, "scaled_second_only", r->scaled.second_only);
    json_member_number(w, "both", r->count.both);
    json_member_number(w, "first_only", r->count.first_only);
    json_member_number(w, "second_only", r->count.second_only);
    json_member_number(w, "neither", r->count.neither);
    json_member_number(w, "n_effective", r->n_effective);
    json_member_number(w, "design_effect", r->design_effect);
    json_member_number(w, "mcnemar", r->mcnemar);
    json_member_number(w, "mcnemar_exact", r->mcnemar_exact);
    json_member_number(w, "mcnemar_mid", r->mcnemar_mid);
    json_member_number(w, "equivalence", r->equivalence);
    json_member_number(w, "non_inferiority", r->non_inferiority);
    json_object_close(w);
}

static void put_pairs(struct json_writer *w, const struct cli_compare_result *result,
                      const struct cli_compare_options *options)
{
    const struct report_pairs *p = &result->pairs;
    json_put_key(w, "reliability");
    json_object_open(w);
    json_member_int(w, "pairs", result->of[0].pairs);
    json_member_bool(w, "weighted", result->of[0].weighted);
    json_member_int(w, "items_apart", p->items_apart);
    json_member_int(w, "trials_apart", p->apart);
    json_member_int(w, "only_first", p->only_first);
    json_member_int(w, "only_second", p->only_second);
    json_member_number(w, "margin", options->margin);
    json_member_number(w, "confidence", options->confidence);
    json_member_number(w, "spends", options->spends);
    json_put_key(w, "classes");
    json_object_open(w);
    for (int c = 0; c < CLI_COMPARE_CLASSES; c++) {
        if (!cli_compare_class[c].scored || result->scored)
            put_class(w, cli_compare_class[c].name, &result->of[c]);
    }
    json_object_close(w);
    if (options->baseline)
        json_member_text(w, "verdict", report_gate_word(result->verdict));
    json_object_close(w);
}

void cli_compare_json(struct json_writer *w, const struct cli_compare_result *result,
                      const struct cli_compare_options *options)
{
    json_object_open(w);
    json_member_text(w, "first", result->first);
    json_member_text(w, "second", result->second);
    json_member_text(w, "device_first", result->device_first);
    json_member_text(w, "device_second", result->device_second);
    json_member_int(w, "underflow_first", result->underflow[0]);
    json_member_int(w, "underflow_second", result->underflow[1]);
    if (result->has_conform)
        put_conform(w, &result->conform);
    if (result->has_pairs)
        put_pairs(w, result, options);
    json_object_close(w);
}
