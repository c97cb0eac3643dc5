/* SPDX-License-Identifier: MIT */
/* Pictures of strata: the forest of their rates, and interval width against n. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_forest.h"
#include "inject/report/report_pictures.h"

#define STRATA_DRAWN 60 /* most rows of the forest; of more the highest are drawn */

static const struct report_column FOREST[] = {
    {"stratum", "stratum", REPORT_TEXT, REPORT_ALONE},
    {"weight", "W_h", REPORT_NUMBER, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("rate", "of all, %"),
    {"n_effective", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"design_effect", "design effect", REPORT_NUMBER, REPORT_ALONE},
    {"changed", "n changed", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("given", "of changed, %"),
    {"no_fault", "runs without a fault, %", REPORT_PERCENT, REPORT_ALONE},
    REPORT_RUNS_COLUMNS("runs", "of all runs, %"),
};
#define FOREST_COLUMNS ((uint32_t)(sizeof(FOREST) / sizeof(*FOREST)))
#define FOREST_OF_RUNS (REPORT_RATE_WIDTH + 2) /* the last ones, for a bit error rate */

static enum status fill_forest(struct report_figure *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    const bool ber = report_context_is_ber(context);
    struct report_groups groups;
    enum status st = report_groups_strata(&groups, context->arena, data);
    st = st ? st
            : report_table_init(&out->table, context->arena, data->n_strata, FOREST,
                                FOREST_COLUMNS - (ber ? 0 : FOREST_OF_RUNS));
    for (uint32_t h = 0; !st && h < data->n_strata; h++) {
        struct report_rate all, given;
        report_figure_group(&all, context, &groups, h,
                            (struct report_query){.events = context->main});
        report_figure_group(
            &given, context, &groups, h,
            (struct report_query){.events = context->main, .given = REPORT_CHANGED});
        report_table_text(&out->table, h, "stratum", data->stratum[h].label);
        report_table_set(&out->table, h, "weight", data->stratum[h].weight);
        report_table_set(&out->table, h, "trials", (double)all.estimate.counted);
        report_table_set(&out->table, h, "events", (double)all.estimate.events);
        report_table_set(&out->table, h, "n_effective", all.estimate.n_effective);
        report_table_set(&out->table, h, "design_effect", all.estimate.design_effect);
        report_table_set(&out->table, h, "changed", (double)given.estimate.counted);
        report_figure_rate(&out->table, h, "rate", &all);
        report_figure_rate(&out->table, h, "given", &given);
        out->table.faint[h] = all.estimate.counted < REPORT_FEW;
        if (ber) {
            report_figure_group(
                &all, context, &groups, h,
                (struct report_query){.events = context->main, .given = REPORT_RUNS});
            report_table_set(&out->table, h, "no_fault", data->stratum[h].no_fault);
            report_figure_rate(&out->table, h, "runs", &all);
            report_table_set(&out->table, h, "runs_share", all.share);
        }
    }
    return st;
}

/* Rows to draw: all, or the highest ones in their own order. */
struct rank {
    double rate;
    uint32_t row;
};

static int by_rate(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->rate != y->rate)
        return x->rate > y->rate ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int by_row(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row;
}

static uint32_t *choose_rows(struct report_context *context, struct report_table *table,
                             uint32_t *out_count)
{
    struct rank *rank = arena_array(context->arena, (size_t)table->n_rows + 1, sizeof(*rank));
    uint32_t *row = arena_array(context->arena, (size_t)table->n_rows + 1, sizeof(*row));
    if (!rank || !row)
        return NULL;
    for (uint32_t r = 0; r < table->n_rows; r++) {
        const double rate = report_table_at(table, r, "rate")->number;
        rank[r] = (struct rank){isnan(rate) ? -1 : rate, r};
    }
    *out_count = table->n_rows;
    if (table->n_rows > STRATA_DRAWN) {
        qsort(rank, table->n_rows, sizeof(*rank), by_rate);
        *out_count = STRATA_DRAWN;
        qsort(rank, *out_count, sizeof(*rank), by_row);
    }
    for (uint32_t i = 0; i < *out_count; i++)
        row[i] = rank[i].row;
    return row;
}

enum status report_strata_forest(struct report_figure *out, struct report_context *context)
{
    uint32_t count = 0;
    out->id = "strata";
    out->title = "Rates by stratum";
    if (context->data->n == 0) {
        out->absent = "no trial counts yet";
        return STATUS_OK;
    }
    enum status st = fill_forest(out, context);
    const uint32_t *row = st ? NULL : choose_rows(context, &out->table, &count);
    if (st || !row)
        return st ? st : STATUS_MEMORY;
    out->table.id = "strata";
    out->caption = arena_printf(
        context->arena,
        "%s by stratum with %g %% intervals: of all faults (filled circle) and of "
        "those that changed "
        "bits (open diamond, where it is another rate). Rows with fewer than %d trials are "
        "grey, their n in brackets.%s",
        context->main_start, 100 * context->confidence, REPORT_FEW,
        count < out->table.n_rows
            ? " Of more strata than fit, those with the highest estimates are "
              "drawn; a choice by estimate is biased upwards."
            : "");
    out->table.caption = arena_printf(
        context->arena,
        "%s by stratum: of all faults and of those that changed bits, %g %% intervals.%s",
        context->main_start, 100 * context->confidence,
        report_context_is_ber(context)
            ? " A trial has one fault at least; the last column counts the runs without any too."
            : "");
    report_forest_write(
        out, &(struct report_forest){
                 .row = row,
                 .count = count,
                 .series = {{"rate", "trials", "of all", 7, 0.75, 1.6, REPORT_A},
                            {"given", "changed", "of changed bits", 12, 1, 1.2, REPORT_B}},
                 .n = "trials",
                 .title = context->main_name});
    return out->caption && out->table.caption ? out->script.st : STATUS_MEMORY;
}

static const struct report_column WIDTH[] = {
    {"stratum", "stratum", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"rate", "rate, %", REPORT_PERCENT, REPORT_ALONE},
    {"half_width", "half width, points", REPORT_PERCENT, REPORT_ALONE},
    {"independent", "of as many independent trials", REPORT_PERCENT, REPORT_ALONE},
};

static double half_width(struct stats_interval bounds)
{
    return (bounds.high - bounds.low) / 2;
}

static enum status fill_width(struct report_figure *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct report_groups groups;
    enum status st = report_groups_strata(&groups, context->arena, data);
    st = st ? st
            : report_table_init(&out->table, context->arena, data->n_strata, WIDTH,
                                sizeof(WIDTH) / sizeof(*WIDTH));
    for (uint32_t h = 0; !st && h < data->n_strata; h++) {
        struct report_rate all;
        report_figure_group(&all, context, &groups, h,
                            (struct report_query){.events = context->main});
        const double n = (double)all.estimate.counted;
        report_table_text(&out->table, h, "stratum", data->stratum[h].label);
        report_table_set(&out->table, h, "trials", n);
        report_table_set(&out->table, h, "rate", all.estimate.rate);
        report_table_set(&out->table, h, "half_width", half_width(all.interval.bounds));
        report_table_set(
            &out->table, h, "independent",
            half_width(stats_interval_wilson(all.estimate.rate, n, report_figure_level(context))));
    }
    return st;
}

/* Rates of the reference curves: a few round ones that enclose the strata's. */
static void write_width(struct report_figure *out, const struct report_context *context)
{
    static const double rates[] = {0.01, 0.05, 0.5};
    double most = 10, least = 1, from = 10;
    report_figure_data(out, "strata");
    for (uint32_t r = 0; r < out->table.n_rows; r++) {
        const double n = report_table_number(&out->table, r, "trials");
        const double half = report_table_number(&out->table, r, "half_width");
        most = n > most ? n : most;
        from = n > 0 && n < from ? n : from;
        least = half > 0 && half < least ? half : least;
        report_figure_number(out, n > 0 ? n : NAN);
        report_figure_number(out, 100 * half);
        text_put(&out->script, "\n");
    }
    report_figure_end_data(out);
    report_figure_data(out, "curves");
    for (double n = from; n <= most * 4; n *= 1.25) {
        report_figure_number(out, n);
        for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
            report_figure_number(out, 100 * half_width(stats_interval_wilson(
                                                rates[i], n, report_figure_level(context))));
        text_put(&out->script, "\n");
    }
    report_figure_end_data(out);
    text_addf(&out->script, "first = %.9g\nlast = %.9g\nset yrange [%.3g:60]\n", from, most * 4,
              fmin(50 * least, 80 * half_width(stats_interval_wilson(
                                        rates[0], most * 4, report_figure_level(context)))));
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
        text_addf(&out->script,
                  "set label \"%g %%\" at %.9g,%.9g left offset 0.4,0 textcolor rgb "
                  "\"" REPORT_GREY "\"\n",
                  100 * rates[i], most * 4,
                  100 * half_width(stats_interval_wilson(rates[i], most * 4,
                                                         report_figure_level(context))));
}

enum status report_strata_width(struct report_figure *out, struct report_context *context)
{
    out->id = "width";
    out->title = "Interval width against n";
    if (context->data->n == 0) {
        out->absent = "no trial counts yet";
        return STATUS_OK;
    }
    const enum status st = fill_width(out, context);
    bool one_size = !st;
    for (uint32_t r = 1; one_size && r < out->table.n_rows; r++)
        one_size = report_table_number(&out->table, r, "trials") ==
                   report_table_number(&out->table, 0, "trials");
    if (one_size)
        out->absent = "all strata have one n";
    if (st || out->absent)
        return st;
    out->table.id = "width";
    out->caption = arena_printf(
        context->arena,
        "Half the %g %% interval of %s in each stratum (points) against its trials, and what "
        "independent trials would give at four rates (lines). A point above its rate's line shows "
        "the price of items and faults in common.",
        100 * context->confidence, context->main_name);
    out->table.caption = "Half width of the interval in each stratum.";
    report_figure_begin(out, REPORT_WIDTH, 380);
    write_width(out, context);
    text_put(&out->script,
             "set logscale xy\nset rmargin 8\nset xrange [first:last]\n"
             "set xlabel \"trials in the stratum\"\nset ylabel \"half width, points\"\n"
             "plot for [c=2:4] $curves using 1:c with lines linewidth 1.2 dashtype c "
             "linecolor rgb \"" REPORT_GREY "\", \\\n"
             " $strata using 1:2 with points pointtype 7 pointsize 0.8 linecolor rgb "
             "\"" REPORT_A "\"\n");
    return out->caption ? out->script.st : STATUS_MEMORY;
}
