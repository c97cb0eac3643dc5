/* SPDX-License-Identifier: MIT */
/* Pictures of strata: the forest of their rates, and interval width against n. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inject/report/report_pictures.h"

#define STRATA_DRAWN 60 /* rows of the forest; beyond it the highest are drawn */

static uint32_t stratum_key(const struct report_trial *trial, const void *user)
{
    (void)user;
    return trial->stratum;
}

static enum status group_strata(struct report_groups *out, struct report_context *context)
{
    return report_groups_make(
        out, context->arena, context->data,
        &(struct report_groups_by){stratum_key, NULL, context->data->n_strata});
}

static const struct report_column FOREST[] = {
    {"stratum", "stratum", REPORT_TEXT, false},
    {"weight", "W_h", REPORT_NUMBER, false},
    {"trials", "n", REPORT_COUNT, false},
    {"events", "events", REPORT_COUNT, false},
    {"rate", "of all, %", REPORT_PERCENT, true},
    {"rate_low", NULL, REPORT_PERCENT, false},
    {"rate_high", NULL, REPORT_PERCENT, false},
    {"n_effective", "effective n", REPORT_COUNT, false},
    {"design_effect", "design effect", REPORT_NUMBER, false},
    {"changed", "n changed", REPORT_COUNT, false},
    {"given", "of changed, %", REPORT_PERCENT, true},
    {"given_low", NULL, REPORT_PERCENT, false},
    {"given_high", NULL, REPORT_PERCENT, false},
};

static enum status fill_forest(struct report_figure *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct report_groups groups;
    enum status st = group_strata(&groups, context);
    st = st ? st
            : report_table_init(&out->table, context->arena, data->n_strata, FOREST,
                                sizeof FOREST / sizeof *FOREST);
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

static struct rank *choose_rows(struct report_context *context, struct report_table *table,
                                uint32_t *out_count)
{
    struct rank *rank = arena_array(context->arena, (size_t)table->n_rows + 1, sizeof *rank);
    if (!rank)
        return NULL;
    for (uint32_t r = 0; r < table->n_rows; r++) {
        const double rate = report_table_at(table, r, "rate")->number;
        rank[r] = (struct rank){isnan(rate) ? -1 : rate, r};
    }
    *out_count = table->n_rows;
    if (table->n_rows > STRATA_DRAWN) {
        qsort(rank, table->n_rows, sizeof *rank, by_rate);
        *out_count = STRATA_DRAWN;
        qsort(rank, *out_count, sizeof *rank, by_row);
    }
    return rank;
}

static double number(struct report_table *table, uint32_t row, const char *column)
{
    return report_table_at(table, row, column)->number;
}

/* "layer=3 bit_field=sign" as "layer 3, sign": a number needs its dimension, a word does not. */
static void put_short(struct report_figure *out, const char *label)
{
    report_out_put(&out->script, "\"");
    for (const char *at = label; *at;) {
        const size_t word = strcspn(at, " "), name = strcspn(at, "= ");
        char part[128];
        const bool value = name < word;
        const bool numeric = value && strchr("0123456789", at[name + 1]);
        if (!value)
            snprintf(part, sizeof part, "%.*s", (int)word, at);
        else if (numeric)
            snprintf(part, sizeof part, "%.*s %.*s", (int)name, at, (int)(word - name - 1),
                     at + name + 1);
        else
            snprintf(part, sizeof part, "%.*s", (int)(word - name - 1), at + name + 1);
        report_out_put(&out->script, at == label ? "" : ", ");
        report_out_gnuplot(&out->script, part);
        at += word;
        at += strspn(at, " ");
    }
    report_out_put(&out->script, "\" ");
}

/* n at the right, and a hatched band behind a row with few trials. */
static void write_row(struct report_figure *out, uint32_t row, uint32_t y)
{
    char n[REPORT_FORMAT_TEXT];
    report_table_format(n, number(&out->table, row, "trials"), REPORT_COUNT);
    report_out_printf(&out->script, "set label %u \"%s\" at graph 1.02,first %u left\n", y + 10, n,
                      y);
    if (out->table.faint[row])
        report_out_printf(&out->script,
                          "set object %u rectangle from graph 0,first %u.55 to graph 1,first %u.45 "
                          "behind fillstyle pattern 5 noborder fillcolor rgb \"" REPORT_GRID "\"\n",
                          y, y - 1, y);
}

static void write_forest(struct report_figure *out, const struct rank *rank, uint32_t count)
{
    static const char *const columns[] = {"rate",  "rate_low",  "rate_high",
                                          "given", "given_low", "given_high"};
    struct report_out *script = &out->script;
    size_t longest = 7;
    report_figure_data(out, "rows");
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = rank[i].row;
        report_out_printf(script, "%u ", count - i);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
            const double n = number(&out->table, row, c < 3 ? "trials" : "changed");
            report_figure_number(out, n > 0 ? 100 * number(&out->table, row, columns[c]) : NAN);
        }
        report_out_put(script, "\n");
    }
    report_figure_end_data(out);
    for (uint32_t i = 0; i < count; i++)
        write_row(out, rank[i].row, count - i);
    report_out_put(script, "set ytics scale 0 (");
    for (uint32_t i = 0; i < count; i++) {
        report_out_put(script, i ? ", " : "");
        const size_t before = script->text.size;
        put_short(out, report_table_at(&out->table, rank[i].row, "stratum")->text);
        longest = script->text.size - before > longest ? script->text.size - before : longest;
        report_out_printf(script, "%u", count - i);
    }
    report_out_put(script, ")\n");
    const double margin = longest * 0.78 + 2;
    report_out_printf(
        script,
        "set lmargin %.1f\nset rmargin 8\nset tmargin 3.4\nset yrange [0.4:%u.6]\n"
        "set xrange [0:*<100]\nset grid xtics noytics\n"
        "set label 1 \"n\" at graph 1.02,first %u left\n"
        "set label 2 \"of all\" at screen 0.45,%.4f left offset 1,0 point pointtype 7 "
        "pointsize 0.75 linecolor rgb \"" REPORT_A "\"\n"
        "set label 3 \"of changed bits\" at screen 0.62,%.4f left offset 1,0 point "
        "pointtype 12 pointsize 1 linecolor rgb \"" REPORT_B "\"\n",
        margin < 32 ? margin : 32, count, count + 1, 1 - 14. / out->height, 1 - 14. / out->height);
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
    struct rank *rank = st ? NULL : choose_rows(context, &out->table, &count);
    if (st || !rank)
        return st ? st : STATUS_MEMORY;
    out->table.id = "strata";
    out->caption =
        arena_printf(context->arena,
                     "%s by stratum with %g %% intervals: of all faults (filled circle) and of "
                     "those that changed "
                     "bits (open diamond). Rows with fewer than %d trials are hatched.%s",
                     context->main_start, 100 * context->confidence, REPORT_FEW,
                     count < out->table.n_rows
                         ? " Of more strata than fit, those with the highest estimates are "
                           "drawn; a choice by estimate is biased upwards."
                         : "");
    out->table.caption = arena_printf(
        context->arena,
        "%s by stratum: of all faults and of those that changed bits, %g %% intervals.",
        context->main_start, 100 * context->confidence);
    report_figure_begin(out, REPORT_WIDTH, 90 + 19 * count);
    write_forest(out, rank, count);
    report_out_printf(
        &out->script,
        "set xlabel \"%s, %%\"\n"
        "plot $rows using 2:($1+0.17):3:4 with xerrorbars pointtype 7 pointsize 0.75 "
        "linewidth 1.6 linecolor rgb \"" REPORT_A "\", \\\n"
        " $rows using 5:($1-0.17):6:7 with xerrorbars pointtype 12 pointsize 1 linewidth 1.2 "
        "linecolor rgb \"" REPORT_B "\"\n",
        context->main_name);
    return out->caption && out->table.caption ? out->script.status : STATUS_MEMORY;
}

static const struct report_column WIDTH[] = {
    {"stratum", "stratum", REPORT_TEXT, false},
    {"trials", "n", REPORT_COUNT, false},
    {"rate", "rate, %", REPORT_PERCENT, false},
    {"half_width", "half width, points", REPORT_PERCENT, false},
    {"independent", "of as many independent trials", REPORT_PERCENT, false},
};

static double half_width(struct stats_interval bounds)
{
    return (bounds.high - bounds.low) / 2;
}

static enum status fill_width(struct report_figure *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct report_groups groups;
    enum status st = group_strata(&groups, context);
    st = st ? st
            : report_table_init(&out->table, context->arena, data->n_strata, WIDTH,
                                sizeof WIDTH / sizeof *WIDTH);
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

/* Rates of the reference curves: a few round ones that enclose what strata have. */
static void write_width(struct report_figure *out, const struct report_context *context)
{
    static const double rates[] = {0.01, 0.05, 0.5};
    double most = 10, least = 1;
    report_figure_data(out, "strata");
    for (uint32_t r = 0; r < out->table.n_rows; r++) {
        const double n = number(&out->table, r, "trials");
        const double half = number(&out->table, r, "half_width");
        most = n > most ? n : most;
        least = half > 0 && half < least ? half : least;
        report_figure_number(out, n > 0 ? n : NAN);
        report_figure_number(out, 100 * half);
        report_out_put(&out->script, "\n");
    }
    report_figure_end_data(out);
    report_figure_data(out, "curves");
    for (double n = 10; n <= most * 4; n *= 1.25) {
        report_figure_number(out, n);
        for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
            report_figure_number(out, 100 * half_width(stats_interval_wilson(
                                                rates[i], n, report_figure_level(context))));
        report_out_put(&out->script, "\n");
    }
    report_figure_end_data(out);
    report_out_printf(
        &out->script, "last = %.9g\nset yrange [%.3g:60]\n", most * 4,
        fmin(50 * least, 80 * half_width(stats_interval_wilson(rates[0], most * 4,
                                                               report_figure_level(context)))));
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        report_out_printf(&out->script,
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
    if (st)
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
    report_out_put(&out->script,
                   "set logscale xy\nset rmargin 8\nset xrange [10:last]\n"
                   "set xlabel \"trials in the stratum\"\nset ylabel \"half width, points\"\n"
                   "plot for [c=2:4] $curves using 1:c with lines linewidth 1.2 dashtype c "
                   "linecolor rgb \"" REPORT_GREY "\", \\\n"
                   " $strata using 1:2 with points pointtype 7 pointsize 0.8 linecolor rgb "
                   "\"" REPORT_A "\"\n");
    return out->caption ? out->script.status : STATUS_MEMORY;
}
