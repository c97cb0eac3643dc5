/* SPDX-License-Identifier: MIT */
/* Pictures over a number cut into bins: relative change of the value, golden margin. */
#include <math.h>
#include <stdio.h>

#include "base/sort.h"
#include "inject/report/report_pictures.h"

#define CHANGE_LOW (-8) /* decades; the first and last bin are open */
#define CHANGE_HIGH 6
#define CHANGE_BINS (CHANGE_HIGH - CHANGE_LOW + 2) /* one more: was 0, or is not finite now */
#define MARGIN_BINS 8

static const struct report_column BIN_COLUMNS[] = {
    {"from", "from", REPORT_NUMBER, REPORT_ALONE},     {"to", "to", REPORT_NUMBER, REPORT_ALONE},
    {"middle", "middle", REPORT_NUMBER, REPORT_ALONE}, {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"events", "events", REPORT_COUNT, REPORT_ALONE},  REPORT_RATE_COLUMNS("rate", "rate, %"),
};

struct bin {
    double from, to, middle;
};

/* One row for each bin with trials. */
static enum status fill_bins(struct report_figure *out, struct report_context *context,
                             const struct report_groups *groups, const struct bin *bin)
{
    uint32_t rows = 0;
    for (uint32_t g = 0; g < groups->count; g++)
        rows += report_groups_size(groups, g) > 0;
    enum status st = report_table_init(&out->table, context->arena, rows, BIN_COLUMNS,
                                       sizeof(BIN_COLUMNS) / sizeof(*BIN_COLUMNS));
    for (uint32_t g = 0, row = 0; !st && g < groups->count; g++) {
        struct report_rate rate;
        if (report_groups_size(groups, g) == 0)
            continue;
        report_figure_group(&rate, context, groups, g,
                            (struct report_query){.events = context->main});
        report_table_set(&out->table, row, "from", bin[g].from);
        report_table_set(&out->table, row, "to", bin[g].to);
        report_table_set(&out->table, row, "middle", bin[g].middle);
        report_table_set(&out->table, row, "trials", (double)rate.estimate.counted);
        report_table_set(&out->table, row, "events", (double)rate.estimate.events);
        report_figure_rate(&out->table, row, "rate", &rate);
        out->table.faint[row++] = rate.estimate.counted < REPORT_FEW;
        if (rate.refused)
            out->absent = REPORT_NO_TOTAL;
    }
    return st;
}

/* A line joins two bins if both have enough trials, no bin between them is missing, and neither is
 * open. */
static bool is_joined(struct report_table *table, uint32_t row)
{
    if (row == 0 || table->faint[row] || table->faint[row - 1])
        return false;
    return isfinite(report_table_number(table, row, "from")) &&
           report_table_number(table, row - 1, "to") == report_table_number(table, row, "from");
}

/* The highest end of an interval. */
static double write_bins(struct report_figure *out)
{
    static const char *const columns[] = {"rate", "rate_low", "rate_high"};
    double most = 0;
    report_figure_data(out, "bins");
    for (uint32_t r = 0; r < out->table.n_rows; r++) {
        if (r > 0 && !is_joined(&out->table, r))
            text_put(&out->script, "\n");
        report_figure_number(out, report_table_at(&out->table, r, "middle")->number);
        for (size_t c = 0; c < sizeof(columns) / sizeof(*columns); c++)
            report_figure_number(out, 100 * report_table_at(&out->table, r, columns[c])->number);
        text_addf(&out->script, "%d\n", out->table.faint[r]);
        most = fmax(most, 100 * report_table_number(&out->table, r, "rate_high"));
    }
    report_figure_end_data(out);
    return most;
}

static void plot_bins(struct report_figure *out)
{
    char key[32] = "notitle";
    for (uint32_t r = 0; r < out->table.n_rows; r++) {
        if (out->table.faint[r])
            snprintf(key, sizeof(key), "title \"n < %d\"", REPORT_FEW);
    }
    report_figure_key_above(out);
    text_addf(
        &out->script,
        "plot $bins using 1:2 with lines linewidth 1.4 linecolor rgb \"" REPORT_A "\" notitle, \\\n"
        " '' using ($5==0?$1:NaN):3:(0):($4-$3) with vectors nohead linewidth 1.8 linecolor rgb "
        "\"" REPORT_A "\" notitle, \\\n"
        " '' using ($5==1?$1:NaN):3:(0):($4-$3) with vectors nohead linewidth 0.8 dashtype 3 "
        "linecolor rgb \"" REPORT_GREY "\" notitle, \\\n"
        " '' using ($5==0?$1:NaN):2 with points pointtype 7 pointsize 0.9 linewidth 1.6 "
        "linecolor rgb \"" REPORT_A "\" notitle, \\\n"
        " '' using ($5==1?$1:NaN):2 with points pointtype 6 pointsize 0.8 linewidth 1 "
        "linecolor rgb \"" REPORT_GREY "\" %s\n",
        key);
}

static uint32_t change_key(const struct report_trial *trial, const void *user)
{
    (void)user;
    if (!trial->changed || isnan(trial->rel_change))
        return REPORT_NONE;
    if (isinf(trial->rel_change))
        return CHANGE_BINS - 1;
    const double decade = floor(log10(trial->rel_change));
    if (!(decade > CHANGE_LOW)) /* also for 0 */
        return 0;
    return decade >= CHANGE_HIGH ? CHANGE_BINS - 2 : (uint32_t)(decade - CHANGE_LOW);
}

/* A number cut into bins, and its texts in the picture. */
struct binning {
    report_groups_key *key;
    const struct bin *bin; /* (count), also `user` of the key */
    uint32_t count;
    const char *against; /* the x axis, for the caption */
    const char *after;   /* a sentence after the intervals, or "" */
    const char *axes;    /* of gnuplot: ranges, tics, label of x */
    const char *few;     /* why fewer than two bins are not drawn */
};

static enum status draw_bins(struct report_figure *out, struct report_context *context,
                             const struct binning *b)
{
    struct report_groups groups;
    if (report_context_is_several(context) || report_context_is_quiet(context)) {
        out->absent = report_context_is_several(context) ? REPORT_SEVERAL : REPORT_QUIET;
        return STATUS_OK;
    }
    enum status st = report_groups_make(&groups, context->arena, context->data,
                                        &(struct report_groups_by){b->key, b->bin, b->count});
    st = st ? st : fill_bins(out, context, &groups, b->bin);
    if (!st && out->table.n_rows < 2)
        out->absent = b->few;
    if (st || out->absent)
        return st;
    out->table.id = out->id;
    out->table.caption = out->caption = arena_printf(
        context->arena, "%s of faults that changed bits against %s, %g %% intervals.%s",
        context->main_start, b->against, 100 * context->confidence, b->after);
    report_figure_begin(out, REPORT_WIDTH, 340);
    report_figure_share_axis(out, 0, write_bins(out));
    text_addf(&out->script, "%sset ylabel \"%s, %%\"\n", b->axes, context->main_name);
    plot_bins(out);
    return out->caption ? out->script.st : STATUS_MEMORY;
}

enum status report_bins_change(struct report_figure *out, struct report_context *context)
{
    struct bin bin[CHANGE_BINS];
    out->id = "change";
    out->title = "Relative change of the value";
    for (int b = 0; b < CHANGE_BINS; b++)
        bin[b] = (struct bin){b == 0 ? 0 : pow(10, CHANGE_LOW + b),
                              b >= CHANGE_BINS - 2 ? INFINITY : pow(10, CHANGE_LOW + b + 1),
                              CHANGE_LOW + b + 0.5};
    bin[CHANGE_BINS - 1].from = INFINITY;
    return draw_bins(
        out, context,
        &(struct binning){
            .key = change_key,
            .bin = bin,
            .count = CHANGE_BINS,
            .against = "the relative change of the value, by decade",
            .after = " The last place holds values that were 0 before or are not finite after.",
            .axes = "set xrange [-8:8]\nset xtics ("
                    "\"10\xe2\x81\xbb\xe2\x81\xb8\" -8, \"10\xe2\x81\xbb\xe2\x81\xb6\" -6, "
                    "\"10\xe2\x81\xbb\xe2\x81\xb4\" -4, \"10\xe2\x81\xbb\xc2\xb2\" -2, "
                    "\"1\" 0, \"10\xc2\xb2\" 2, \"10\xe2\x81\xb4\" 4, "
                    "\"10\xe2\x81\xb6\" 6, \"\xe2\x88\x9e\" 7.5)\n"
                    "set xlabel \"|after - before| / |before|\"\n",
            .few = "the relative change spans fewer than two decades"});
}
_Static_assert(CHANGE_LOW == -8 && CHANGE_HIGH == 6, "the axis of the picture says so");

static uint32_t margin_key(const struct report_trial *trial, const void *user)
{
    const struct bin *bin = user;
    if (!trial->changed || !isfinite(trial->margin))
        return REPORT_NONE;
    for (uint32_t b = 0; b < MARGIN_BINS; b++) {
        if (trial->margin < bin[b].to || b == MARGIN_BINS - 1)
            return b;
    }
    return REPORT_NONE;
}

/* Eighths of the trials; equal margins stay together. */
static size_t cut_margins(struct bin bin[MARGIN_BINS], double *value,
                          const struct report_data *data)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++) {
        if (data->trial[i].changed && isfinite(data->trial[i].margin))
            value[n++] = data->trial[i].margin;
    }
    sort_doubles(value, n);
    for (size_t b = 0; b < MARGIN_BINS && n > 0; b++) {
        const size_t from = b * n / MARGIN_BINS, to = (b + 1) * n / MARGIN_BINS;
        bin[b].from = value[from];
        bin[b].to = to < n ? value[to] : value[n - 1];
        bin[b].middle = value[(from + to) / 2 < n ? (from + to) / 2 : n - 1];
    }
    return n;
}

enum status report_bins_margin(struct report_figure *out, struct report_context *context)
{
    static const char absent[] = "the golden margin was not recorded (record: summary or full)";
    struct bin bin[MARGIN_BINS];
    double *value = arena_array(context->arena, context->data->n + 1, sizeof(*value));
    out->id = "margin";
    out->title = "Golden margin at the fault";
    if (!value)
        return STATUS_MEMORY;
    const size_t n = cut_margins(bin, value, context->data);
    if (n < MARGIN_BINS || bin[0].from == bin[MARGIN_BINS - 1].to) {
        out->absent = absent;
        return STATUS_OK;
    }
    return draw_bins(out, context,
                     &(struct binning){.key = margin_key,
                                       .bin = bin,
                                       .count = MARGIN_BINS,
                                       .against = "golden's logit margin (first minus second) at "
                                                  "the struck step, in eighths of the trials",
                                       .after = "",
                                       .axes = "set xrange [0:*]\nset xlabel \"golden logit "
                                               "margin\"\n",
                                       .few = absent});
}
