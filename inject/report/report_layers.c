/* SPDX-License-Identifier: MIT */
/* Pictures over layers: outcome bars with trend, deviation of the residual after the fault. */
#include <math.h>
#include <stdio.h>

#include "base/sort.h"
#include "inject/report/report_figure.h"
#include "inject/report/report_pictures.h"
#include "inject/stats/stats_test.h"

/* Least squares over the groups' rates at 0, 1, 2, ...: a contrast of strata, if each stratum lies
 * in one group; unknown otherwise. */
struct report_trend {
    bool known;
    double slope, intercept;
    struct stats_interval bounds; /* of the slope */
    double p;                     /* two-sided, of slope 0 */
    const char *text;             /* a sentence, or why it is unknown */
};

/* Group of each stratum; false if a stratum's trials are in two groups. Strata without a group keep
 * REPORT_NONE. */
static bool group_of_strata(uint32_t *out, const struct report_data *data,
                            const struct report_groups *groups)
{
    for (uint32_t h = 0; h < data->n_strata; h++)
        out[h] = REPORT_NONE;
    for (uint32_t g = 0; g < groups->count; g++) {
        for (size_t k = groups->first[g]; k < groups->first[g + 1]; k++) {
            uint32_t *own = &out[data->trial[groups->index[k]].stratum];
            if (*own != REPORT_NONE && *own != g)
                return false;
            *own = g;
        }
    }
    return true;
}

struct slope {
    uint32_t *group;                /* (n_strata) */
    double *position, *coefficient; /* of groups with trials */
    double *weight;                 /* (groups): sum of their strata's */
    uint32_t count;
};

static enum status make_slope(struct slope *out, struct report_context *context,
                              const struct report_groups *groups)
{
    struct arena *arena = context->arena;
    out->group = arena_array(arena, (size_t)context->data->n_strata + 1, sizeof(*out->group));
    out->position = arena_array(arena, (size_t)groups->count + 1, sizeof(*out->position));
    out->coefficient = arena_array(arena, (size_t)groups->count + 1, sizeof(*out->coefficient));
    out->weight = arena_array(arena, (size_t)groups->count + 1, sizeof(*out->weight));
    return out->group && out->position && out->coefficient && out->weight ? STATUS_OK
                                                                          : STATUS_MEMORY;
}

/* 1 if strata have no weights: a group is then one stratum. */
static double weight_of(const struct report_data *data, uint32_t stratum)
{
    const double weight = data->stratum[stratum].weight;
    return isnan(weight) ? 1 : weight;
}

static void fill_slope(struct slope *slope, const struct report_data *data,
                       const struct report_groups *groups)
{
    uint32_t *place = slope->group; /* becomes the index among groups with trials */
    for (uint32_t h = 0; h < data->n_strata; h++) {
        if (place[h] != REPORT_NONE)
            slope->weight[place[h]] += weight_of(data, h);
    }
    for (uint32_t g = 0; g < groups->count; g++) {
        if (report_groups_size(groups, g) == 0)
            continue;
        slope->position[slope->count] = g;
        slope->weight[slope->count] = slope->weight[g];
        for (uint32_t h = 0; h < data->n_strata; h++) {
            if (place[h] == g)
                place[h] = slope->count;
        }
        slope->count++;
    }
    stats_test_trend_coefficients(slope->coefficient, slope->position, slope->count);
}

static void set_text(struct report_trend *out, const struct stats_cluster_estimate *e,
                     struct report_context *context)
{
    char p[REPORT_INTERVAL_TEXT];
    const int decimals = report_interval_decimals(out->bounds);
    report_interval_p(p, out->p);
    out->text = arena_printf(
        context->arena,
        "Trend of SDC: %+.*f points a layer [%+.*f, %+.*f] (%g %%: t, standard error %.4g, df "
        "%.4g), p %s%s (least squares over layers, clustered variance).",
        decimals, 100 * out->slope, decimals, 100 * out->bounds.low, decimals,
        100 * out->bounds.high, 100 * context->confidence, 100 * sqrt(e->variance), e->df,
        *p == '<' ? "" : "= ", p);
}

/* Gives each stratum its weight in the contrast that is the slope. */
static void weigh_strata(struct stats_cluster_data *all, const struct report_context *context,
                         const struct slope *slope)
{
    for (uint32_t h = 0, at = 0; h < context->data->n_strata; h++) {
        if (context->work->touched[h] == 0)
            continue;
        const uint32_t g = slope->group[h];
        all->stratum[at++].weight =
            g == REPORT_NONE
                ? 0
                : slope->coefficient[g] * weight_of(context->data, h) / slope->weight[g];
    }
}

/* The line goes through the means of the groups' positions and rates. */
static double intercept_of(const struct stats_cluster_data *all,
                           const struct report_context *context, const struct slope *slope,
                           double rise)
{
    double mean_rate = 0, mean_position = 0;
    for (uint32_t h = 0, at = 0; h < context->data->n_strata; h++) {
        if (context->work->touched[h] == 0)
            continue;
        const uint32_t g = slope->group[h];
        const double rate = all->stratum[at++].rate;
        mean_rate += g == REPORT_NONE
                         ? 0
                         : rate * weight_of(context->data, h) / slope->weight[g] / slope->count;
    }
    for (uint32_t g = 0; g < slope->count; g++)
        mean_position += slope->position[g] / slope->count;
    return mean_rate - rise * mean_position;
}

static enum status report_trend_of_groups(struct report_trend *out, struct report_context *context,
                                          const struct report_groups *groups, report_events events)
{
    const struct report_data *data = context->data;
    struct slope slope = {0};
    struct stats_cluster_data all;
    struct stats_cluster_estimate e;
    *out = (struct report_trend){
        .text = "No trend is given: strata span several layers, so none follows from them."};
    if (make_slope(&slope, context, groups))
        return STATUS_MEMORY;
    if (!group_of_strata(slope.group, data, groups))
        return STATUS_OK;
    fill_slope(&slope, data, groups);
    report_rate_data(&all, context->work, &(struct report_query){.events = events});
    weigh_strata(&all, context, &slope);
    stats_cluster_contrast(&e, &all);
    out->known = slope.count > 1 && !isnan(e.rate) && e.variance > 0;
    if (!out->known)
        return STATUS_OK;
    out->slope = e.rate;
    out->intercept = intercept_of(&all, context, &slope, e.rate);
    out->bounds = stats_cluster_contrast_interval(&e, report_figure_level(context));
    const double above = stats_cluster_contrast_above(&e, 0);
    out->p = fmin(1, 2 * fmin(above, 1 - above));
    set_text(out, &e, context);
    return out->text ? STATUS_OK : STATUS_MEMORY;
}

static uint32_t layer_key(const struct report_trial *trial, const void *user)
{
    (void)user;
    return trial->layer < 0 ? REPORT_NONE : (uint32_t)trial->layer;
}

/* Classes of the bars, bottom first; each with a pattern, so that they differ in grey print. */
static const struct bar {
    const char *name, *label;
    report_events events;
    const char *style;
} BARS[] = {
    {"sdc", "SDC", REPORT_SDC, "fillstyle solid 1 noborder linecolor rgb \"" REPORT_A "\""},
    {"due", "DUE", REPORT_DUE, "fillstyle pattern 2 noborder linecolor rgb \"" REPORT_B "\""},
    {"masked_tokens", "other logits", REPORT_EVENT(MASKED_TOKENS),
     "fillstyle pattern 4 noborder linecolor rgb \"" REPORT_GREY "\""},
    {"masked_bitexact", "same bits", REPORT_EVENT(MASKED_BITEXACT),
     "fillstyle solid 1 noborder linecolor rgb \"" REPORT_SHADE_1 "\""},
    {"inert", "inert", REPORT_EVENT(INERT) | REPORT_EVENT(NOT_REACHED),
     "fillstyle solid 1 noborder linecolor rgb \"" REPORT_GRID "\""},
};
#define BAR_COUNT (sizeof(BARS) / sizeof(*BARS))

static const struct report_column LAYER_COLUMNS[] = {
    {"layer", "layer", REPORT_COUNT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("sdc", "SDC, %"),
    REPORT_RATE_COLUMNS("given", "SDC of changed, %"),
    {"due", "DUE, %", REPORT_PERCENT, REPORT_ALONE},
    {"masked_tokens", "masked, other logits, %", REPORT_PERCENT, REPORT_ALONE},
    {"masked_bitexact", "masked, same bits, %", REPORT_PERCENT, REPORT_ALONE},
    {"inert", "inert, %", REPORT_PERCENT, REPORT_ALONE},
    {"trend", NULL, REPORT_PERCENT, REPORT_ALONE},
};

static enum status fill_layers(struct report_figure *out, struct report_context *context,
                               const struct report_groups *groups)
{
    enum status st = report_table_init(&out->table, context->arena, groups->count, LAYER_COLUMNS,
                                       sizeof(LAYER_COLUMNS) / sizeof(*LAYER_COLUMNS));
    for (uint32_t l = 0; !st && l < groups->count; l++) {
        struct report_rate rate = {0};
        report_table_set(&out->table, l, "layer", l);
        for (size_t b = BAR_COUNT; b-- > 0;) {
            report_figure_group(&rate, context, groups, l,
                                (struct report_query){.events = BARS[b].events});
            report_table_set(&out->table, l, BARS[b].name, rate.estimate.rate);
        }
        report_figure_rate(&out->table, l, "sdc", &rate);
        report_table_set(&out->table, l, "trials", (double)rate.estimate.counted);
        out->table.faint[l] = rate.estimate.counted < REPORT_FEW;
        if (rate.refused)
            out->absent = REPORT_NO_TOTAL;
        report_figure_group(&rate, context, groups, l,
                            (struct report_query){.events = REPORT_SDC, .given = REPORT_CHANGED});
        report_figure_rate(&out->table, l, "given", &rate);
    }
    return st;
}

/* The highest end of an interval. */
static double write_bars(struct report_figure *out)
{
    struct report_table *table = &out->table;
    double most = 0;
    report_figure_data(out, "layers");
    for (uint32_t l = 0; l < table->n_rows; l++) {
        text_addf(&out->script, "%u ", l);
        for (size_t b = 0; b < BAR_COUNT; b++)
            report_figure_number(out, 100 * report_table_at(table, l, BARS[b].name)->number);
        report_figure_number(out, 100 * report_table_at(table, l, "sdc_low")->number);
        report_figure_number(out, 100 * report_table_at(table, l, "sdc_high")->number);
        report_figure_number(out, 100 * report_table_at(table, l, "trend")->number);
        text_addf(&out->script, "%d\n", table->faint[l]);
        most = fmax(most, 100 * report_table_number(table, l, "sdc_high"));
    }
    report_figure_end_data(out);
    return most;
}

/* Above: SDC alone, with its interval and trend; below: all classes to 100 %. */
static void plot_bars(struct report_figure *out, bool trend, double most)
{
    struct text *script = &out->script;
    report_figure_share_axis(out, 0, most);
    text_addf(
        script,
        "set multiplot\nset xrange [-0.7:%u.7]\nset xtics %u\nset tmargin at screen 0.945\n"
        "set bmargin at screen 0.66\nset ylabel \"SDC, %%\"\n"
        "set key at screen 0.98,screen 0.985 top right horizontal samplen 3\nset format x \"\"\n"
        "plot $layers using ($10==0?$1:NaN):7:(0):($8-$7) with vectors nohead linewidth 1.8 "
        "linecolor rgb \"" REPORT_A "\" notitle, \\\n"
        " '' using ($10==1?$1:NaN):7:(0):($8-$7) with vectors nohead linewidth 0.8 dashtype 3 "
        "linecolor rgb \"" REPORT_GREY "\" notitle, \\\n"
        " '' using ($10==0?$1:NaN):2 with points pointtype 7 pointsize 0.8 linecolor rgb "
        "\"" REPORT_A "\" notitle, \\\n"
        " '' using ($10==1?$1:NaN):2 with points pointtype 6 pointsize 0.8 linecolor rgb "
        "\"" REPORT_GREY "\" notitle%s\n",
        out->table.n_rows - 1,
        out->table.n_rows > 40   ? 10
        : out->table.n_rows > 16 ? 5
                                 : 1,
        trend ? ", '' using 1:9 with lines linewidth 2 dashtype 2 linecolor rgb "
                "\"" REPORT_D "\" title \"trend\""
              : "");
    text_put(script, "set tmargin at screen 0.51\nset bmargin at screen 0.13\nset format x\n"
                     "set boxwidth 0.86\nset xlabel \"layer\"\nset ylabel \"share of trials, "
                     "%\"\nset yrange [0:100]\nset key at screen 0.98,screen 0.645 top right "
                     "horizontal Left reverse samplen 2 width 1 maxrows 2\nplot ");
    for (size_t b = BAR_COUNT; b-- > 0;) {
        text_put(script, "$layers using 1:(");
        for (size_t below = 0; below <= b; below++)
            text_addf(script, "%s$%zu", below ? "+" : "", below + 2);
        text_addf(script, ") with boxes %s title \"%s\"%s", BARS[b].style, BARS[b].label,
                  b ? ", \\\n " : "\nunset multiplot\n");
    }
}

enum status report_layers_bars(struct report_figure *out, struct report_context *context)
{
    struct report_groups groups;
    struct report_trend trend;
    const uint32_t layers = report_groups_layers(context->data);
    out->id = "layers";
    out->title = "Outcomes by layer";
    if (layers < 2) {
        out->absent = "fewer than two layers were struck";
        return STATUS_OK;
    }
    if (!report_context_agrees(context, PLAN_BY_LAYER) &&
        !report_context_agrees(context, PLAN_BY_SITE)) {
        out->absent = REPORT_SEVERAL;
        return STATUS_OK;
    }
    enum status st = report_groups_make(&groups, context->arena, context->data,
                                        &(struct report_groups_by){layer_key, NULL, layers});
    st = st ? st : fill_layers(out, context, &groups);
    st = st ? st : report_trend_of_groups(&trend, context, &groups, REPORT_SDC);
    if (st || out->absent)
        return st;
    for (uint32_t l = 0; l < layers && trend.known; l++)
        report_table_set(&out->table, l, "trend", trend.intercept + trend.slope * l);
    out->table.id = "layers";
    out->caption = arena_printf(
        context->arena,
        "SDC by struck layer with %g %% intervals (above), and the shares of all "
        "outcomes (below; inert counts not reached, same bits and other logits are masked). %s "
        "Layers with fewer than %d trials are grey and open.%s",
        100 * context->confidence, trend.text, REPORT_FEW, report_context_note(context));
    out->table.caption = "Outcomes by layer.";
    report_figure_begin(out, REPORT_WIDTH, 520);
    const double most = write_bars(out);
    plot_bars(out, trend.known, most);
    return out->caption ? out->script.st : STATUS_MEMORY;
}

/* Deviation: boundaries after the fault's layer. */
static const struct report_column DEVIATION[] = {
    {"layers_after", "layers after the fault", REPORT_COUNT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"p10", "p10", REPORT_NUMBER, REPORT_ALONE},
    {"p50", "median", REPORT_NUMBER, REPORT_ALONE},
    {"p90", "p90", REPORT_NUMBER, REPORT_ALONE},
    {"zero", "share healed, %", REPORT_PERCENT, REPORT_ALONE},
};

/* Order statistic; NaN of no values. */
static double quantile(const double *sorted, size_t n, double p)
{
    return n == 0 ? NAN : sorted[(size_t)(p * (double)(n - 1) + 0.5)];
}

/* Boundary of the trial `after` layers after its fault; false if it has none. */
static bool deviation_at(const struct report_data *data, const struct report_trial *t,
                         uint32_t after, double *out)
{
    const uint32_t boundary = (uint32_t)(t->layer + 1) + after;
    if (!t->changed || t->outcome == OUTCOME_DUE || boundary >= t->n_deviation)
        return false;
    *out = data->deviation[t->deviation + boundary];
    if (isnan(*out))
        *out = INFINITY; /* a NaN in the residual is the greatest distance */
    return true;
}

static enum status fill_deviation(struct report_figure *out, struct report_context *context,
                                  uint32_t boundaries)
{
    const struct report_data *data = context->data;
    double *value = arena_array(context->arena, data->n + 1, sizeof(*value));
    enum status st = report_table_init(&out->table, context->arena, boundaries, DEVIATION,
                                       sizeof(DEVIATION) / sizeof(*DEVIATION));
    if (!value || st)
        return STATUS_MEMORY;
    for (uint32_t b = 0; b < boundaries; b++) {
        size_t n = 0, zero = 0;
        for (size_t i = 0; i < data->n; i++) {
            if (!deviation_at(data, &data->trial[i], b, &value[n]))
                continue;
            zero += value[n] == 0;
            n++;
        }
        sort_doubles(value, n);
        report_table_set(&out->table, b, "layers_after", b);
        report_table_set(&out->table, b, "trials", (double)n);
        report_table_set(&out->table, b, "p10", quantile(value, n, 0.1));
        report_table_set(&out->table, b, "p50", quantile(value, n, 0.5));
        report_table_set(&out->table, b, "p90", quantile(value, n, 0.9));
        report_table_set(&out->table, b, "zero", n ? (double)zero / (double)n : NAN);
        out->table.faint[b] = n < REPORT_FEW;
    }
    return STATUS_OK;
}

static uint32_t most_boundaries(const struct report_data *data)
{
    uint32_t most = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        const uint32_t from = (uint32_t)(t->layer + 1);
        if (t->changed && t->n_deviation > from && t->n_deviation - from > most)
            most = t->n_deviation - from;
    }
    return most;
}

static void write_deviation(struct report_figure *out)
{
    static const char *const columns[] = {"p10", "p50", "p90"};
    report_figure_data(out, "boundaries");
    for (uint32_t b = 0; b < out->table.n_rows; b++) {
        text_addf(&out->script, "%u ", b);
        for (size_t c = 0; c < sizeof(columns) / sizeof(*columns); c++) {
            const double value = report_table_at(&out->table, b, columns[c])->number;
            /* the lower and upper edges mean 0 and Inf */
            report_figure_number(out, value < 1e-8 ? 1e-8 : value > 1e4 ? 1e4 : value);
        }
        text_put(&out->script, "\n");
    }
    report_figure_end_data(out);
}

static void plot_deviation(struct text *script)
{
    text_put(script,
             "set logscale y\nset ytics (\"10\xe2\x81\xb4\" 1e4, \"10\xc2\xb2\" 1e2, \"1\" 1, "
             "\"10\xe2\x81\xbb\xc2\xb2\" 1e-2, \"10\xe2\x81\xbb\xe2\x81\xb4\" 1e-4, "
             "\"10\xe2\x81\xbb\xe2\x81\xb6\" 1e-6, \"0\" 1e-8)\nset yrange "
             "[1e-8:1e4]\nset xlabel \"layers after the fault\"\nset ylabel \"relative L2 "
             "distance\"\nset tmargin 2.6\n"
             "set key tmargin right horizontal Left reverse samplen 2\n"
             "plot $boundaries using 1:2:4 with filledcurves fillstyle solid 1 noborder linecolor "
             "rgb \"" REPORT_SHADE_1 "\" title \"p10 to p90\", \\\n"
             " '' using 1:2 with lines linewidth 1 dashtype 3 linecolor rgb \"" REPORT_A
             "\" notitle, \\\n"
             " '' using 1:4 with lines linewidth 1 dashtype 3 linecolor rgb \"" REPORT_A
             "\" notitle, \\\n"
             " '' using 1:3 with linespoints pointtype 7 pointsize 0.6 linewidth 2 linecolor rgb "
             "\"" REPORT_A "\" title \"median\"\n");
}

enum status report_layers_deviation(struct report_figure *out, struct report_context *context)
{
    const uint32_t boundaries = most_boundaries(context->data);
    out->id = "deviation";
    out->title = "Deviation after the fault";
    if (boundaries < 2) {
        out->absent = "the deviation by layer was not recorded (record: summary or full)";
        return STATUS_OK;
    }
    if (report_context_is_several(context)) {
        out->absent = REPORT_SEVERAL;
        return STATUS_OK;
    }
    const enum status st = fill_deviation(out, context, boundaries);
    if (st)
        return st;
    out->table.id = "deviation";
    out->caption =
        "Relative L2 distance of the residual from golden at the struck position, aligned at the "
        "struck layer: median (line), 10th and 90th percentile (band) of faults that changed bits. "
        "The lower edge stands for 0 (healed), the upper one for what is no longer finite.";
    out->table.caption = "Relative L2 distance of the residual from golden, by layers after the "
                         "fault; trials as drawn, without weights.";
    report_figure_begin(out, REPORT_WIDTH, 360);
    write_deviation(out);
    plot_deviation(&out->script);
    return out->script.st;
}
