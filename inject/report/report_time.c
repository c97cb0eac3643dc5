/* SPDX-License-Identifier: MIT */
/* The picture of time: Kaplan-Meier of tokens from the fault to the first that differs. */
#include <math.h>
#include <stdio.h>

#include "inject/report/report_pictures.h"
#include "inject/stats/stats_survival.h"

#define TIME_CURVES ((int)STAGE_ANY)

static const char *const COLOURS[] = {REPORT_A, REPORT_B, REPORT_C};

struct curve {
    enum stage stage;
    uint32_t n_times;
    double *time;
    uint64_t *events, *censored;
    struct stats_survival_point *point;
    uint64_t trials, differ;
};

/* Tokens from the struck step (the prompt: the first token) to the first difference, or to the end
 * of golden's text. False if the trial does not belong here. */
static bool time_of(const struct report_trial *t, uint32_t *out_time, bool *out_event)
{
    const int32_t from = t->step < 0 ? 0 : t->step;
    if (!t->changed || t->outcome == OUTCOME_DUE || t->golden_len <= 0)
        return false;
    *out_event = t->first_diff >= from;
    const int32_t to = *out_event ? t->first_diff : t->golden_len;
    *out_time = to > from ? (uint32_t)(to - from) : 0;
    return true;
}

static uint32_t longest(const struct report_data *data)
{
    uint32_t most = 0, time;
    bool event;
    for (size_t i = 0; i < data->n; i++) {
        if (time_of(&data->trial[i], &time, &event) && time > most)
            most = time;
    }
    return most;
}

static enum status make_curve(struct curve *out, struct report_context *context, enum stage stage,
                              uint32_t n_times)
{
    const struct report_data *data = context->data;
    uint32_t time;
    bool event;
    *out = (struct curve){
        .stage = stage,
        .n_times = n_times,
        .time = arena_array(context->arena, n_times, sizeof(*out->time)),
        .events = arena_array(context->arena, n_times, sizeof(*out->events)),
        .censored = arena_array(context->arena, n_times, sizeof(*out->censored)),
        .point = arena_array(context->arena, n_times, sizeof(*out->point)),
    };
    if (!out->time || !out->events || !out->censored || !out->point)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < n_times; i++)
        out->time[i] = i;
    for (size_t i = 0; i < data->n; i++) {
        if (data->trial[i].stage != stage || !time_of(&data->trial[i], &time, &event))
            continue;
        out->trials++;
        out->differ += event;
        if (event)
            out->events[time]++;
        else
            out->censored[time]++;
    }
    stats_survival_curve(
        out->point, &(struct stats_survival_input){out->time, out->events, out->censored, n_times},
        report_figure_level(context));
    return STATUS_OK;
}

static const struct report_column TIME_COLUMNS[] = {
    {"stage", "struck in", REPORT_TEXT, REPORT_ALONE},
    {"tokens", "tokens after the fault", REPORT_COUNT, REPORT_ALONE},
    {"at_risk", "at risk", REPORT_COUNT, REPORT_ALONE},
    {"events", "first differ", REPORT_COUNT, REPORT_ALONE},
    {"censored", "end unchanged", REPORT_COUNT, REPORT_ALONE},
    {"survival", "not yet different, %", REPORT_PERCENT, REPORT_BOUNDS},
    {"survival_low", NULL, REPORT_PERCENT, REPORT_ALONE},
    {"survival_high", NULL, REPORT_PERCENT, REPORT_ALONE},
};

static void fill_row(struct report_table *table, uint32_t row, const struct curve *curve,
                     uint32_t time)
{
    const struct stats_survival_point *p = &curve->point[time];
    report_table_text(table, row, "stage", kinds_text(KINDS_STAGE, curve->stage));
    report_table_set(table, row, "tokens", time);
    report_table_set(table, row, "at_risk", (double)p->at_risk);
    report_table_set(table, row, "events", (double)p->events);
    report_table_set(table, row, "censored", (double)p->censored);
    report_table_set(table, row, "survival", p->survival);
    report_table_set(table, row, "survival_low", p->bounds.low);
    report_table_set(table, row, "survival_high", p->bounds.high);
    table->faint[row] = p->at_risk < REPORT_FEW;
}

/* Times with trials at risk. */
static uint32_t length_of(const struct curve *curve)
{
    uint32_t length = 0;
    while (length < curve->n_times && curve->point[length].at_risk > 0)
        length++;
    return length;
}

static void write_curve(struct report_figure *out, const struct curve *curve)
{
    report_figure_data(out, kinds_text(KINDS_STAGE, curve->stage));
    text_put(&out->script, "0 100 100 100\n");
    for (uint32_t i = 0; i < length_of(curve); i++) {
        const struct stats_survival_point *p = &curve->point[i];
        /* a difference in the struck step's own token counts after one token */
        text_addf(&out->script, "%u ", i + 1);
        report_figure_number(out, 100 * p->survival);
        report_figure_number(out, p->survival < 1 ? 100 * p->bounds.low : NAN);
        report_figure_number(out, 100 * p->bounds.high);
        text_put(&out->script, "\n");
    }
    report_figure_end_data(out);
}

/* Start of the axis: 0, or a round number below all that is drawn. */
static double axis_least(const struct curve *curve)
{
    double least = 1;
    for (int s = 0; s < TIME_CURVES; s++) {
        for (uint32_t i = 0; i < length_of(&curve[s]); i++)
            least =
                curve[s].point[i].survival < 1 ? fmin(least, curve[s].point[i].bounds.low) : least;
    }
    return least > 0.5 ? 5 * floor(20 * least - 0.5) : 0;
}

static void plot_curves(struct report_figure *out, const struct curve *curve)
{
    bool first = true;
    report_figure_share_axis(out, axis_least(curve), 100);
    text_put(&out->script,
             "set xlabel \"tokens since the fault\"\nset ylabel \"not yet different, %\"\n"
             "set tmargin 1\nset bmargin 8\n"
             "set key bmargin left vertical Left reverse samplen 4 maxrows 3\nplot ");
    for (int s = 0; s < TIME_CURVES; s++) {
        const char *name = kinds_text(KINDS_STAGE, (uint32_t)s);
        if (curve[s].trials == 0)
            continue;
        text_addf(&out->script,
                  "%s$%s using 1:2 with fsteps linewidth 2.2 dashtype %d linecolor rgb \"%s\" "
                  "title \"struck in: %s (n = %llu)\", \\\n"
                  " '' using 1:3 with fsteps linewidth 0.8 dashtype 3 linecolor rgb \"%s\" "
                  "notitle, \\\n"
                  " '' using 1:4 with fsteps linewidth 0.8 dashtype 3 linecolor rgb \"%s\" "
                  "notitle",
                  first ? "" : ", \\\n ", name,
                  s == 0   ? 1
                  : s == 1 ? 2
                           : 4,
                  COLOURS[s], name, (unsigned long long)curve[s].trials, COLOURS[s], COLOURS[s]);
        first = false;
    }
    text_put(&out->script, "\n");
}

/* The curves and their table; out->absent: why there are none. */
static enum status fill_survival(struct report_figure *out, struct report_context *context,
                                 struct curve curve[TIME_CURVES])
{
    uint32_t rows = 0, row = 0;
    uint64_t trials = 0, differ = 0;
    const uint32_t n_times = longest(context->data) + 1;
    enum status st = STATUS_OK;
    for (int s = 0; !st && s < TIME_CURVES; s++) {
        st = make_curve(&curve[s], context, (enum stage)s, n_times);
        rows += st ? 0 : length_of(&curve[s]);
        trials += st ? 0 : curve[s].trials;
        differ += st ? 0 : curve[s].differ;
    }
    if (!st && (trials == 0 || n_times < 2))
        out->absent = "no trial changed bits";
    else if (!st && differ == 0)
        out->absent = "no text differs from golden's";
    if (st || out->absent)
        return st;
    st = report_table_init(&out->table, context->arena, rows, TIME_COLUMNS,
                           sizeof(TIME_COLUMNS) / sizeof(*TIME_COLUMNS));
    for (int s = 0; !st && s < TIME_CURVES; s++) {
        for (uint32_t i = 0; i < length_of(&curve[s]); i++)
            fill_row(&out->table, row++, &curve[s], i);
    }
    return st;
}

enum status report_time_survival(struct report_figure *out, struct report_context *context)
{
    struct curve curve[TIME_CURVES];
    out->id = "survival";
    out->title = "Tokens to the first difference";
    if (report_context_is_several(context)) {
        out->absent = REPORT_SEVERAL;
        return STATUS_OK;
    }
    const enum status st = fill_survival(out, context, curve);
    if (st || out->absent)
        return st;
    out->table.id = "survival";
    out->table.caption =
        "Kaplan-Meier estimate of tokens from the fault to the first that differs, "
        "by stage; trials as drawn, without weights, taken as independent.";
    out->caption = arena_printf(
        context->arena,
        "Kaplan-Meier estimate of the share of faults that changed bits whose text is still "
        "golden, "
        "against tokens since the fault; texts that end unchanged are censored there. Thin dotted "
        "lines: %g %% intervals (Greenwood, log(-log)), trials without weights, taken as "
        "independent. Two strokes across the axis: it does not begin at 0.",
        100 * context->confidence);
    report_figure_begin(out, REPORT_WIDTH, 400);
    for (int s = 0; s < TIME_CURVES; s++)
        write_curve(out, &curve[s]);
    plot_curves(out, curve);
    return out->caption ? out->script.st : STATUS_MEMORY;
}
