/* SPDX-License-Identifier: MIT */
/* The start of all scripts, and numbers in them. */
#include "inject/report/report_figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "inject/plan/plan_waves.h"
#include "inject/report/report_out.h"

const char *const report_heat[REPORT_HEAT] = {"#f2f6fb", "#d3e2f2", "#a6c8e6",
                                              "#6aa5d5", "#2f74b0", "#0b4070"};

struct stats_interval_level report_figure_level(const struct report_context *context)
{
    return (struct stats_interval_level){context->confidence, STATS_INTERVAL_BOTH};
}

void report_figure_begin(struct report_figure *figure, uint32_t width, uint32_t height)
{
    figure->width = width;
    figure->height = height;
    text_addf(
        &figure->script,
        "set encoding utf8\n"
        "if (exists(\"pdf\")) set terminal pdfcairo size %u/72.,%u/72. noenhanced fontscale 0.8 "
        "font "
        "\"sans-serif,14\"\n"
        "if (!exists(\"pdf\")) set terminal svg size %u,%u dynamic noenhanced font "
        "\"sans-serif,14\" "
        "name \"%s\"\n"
        "set border 3 linecolor rgb \"" REPORT_INK "\"\n"
        "set tics nomirror out scale 0.6\n"
        "set grid noxtics ytics back linetype 1 linewidth 1 linecolor rgb \"" REPORT_GRID "\"\n"
        "unset key\nset style fill solid 1 noborder\n"
        "set bars 0.4\nset lmargin 9\nset rmargin 2\nset tmargin 1.2\n",
        width, height, width, height, figure->id);
}

void report_figure_key_above(struct report_figure *figure)
{
    text_put(&figure->script, "set tmargin 2.6\n"
                              "set key tmargin right horizontal Left reverse samplen 2\n");
}

void report_figure_share_axis(struct report_figure *figure, double least, double most)
{
    struct text *script = &figure->script;
    const double top = most > 0 ? fmin(1.06 * most, 103) : 1;
    text_addf(script, "set yrange [%.4g:%.4g]\n", least, top);
    if (!(least > 0))
        return;
    /* two strokes across the axis */
    for (int i = 0; i < 2; i++)
        text_addf(script,
                  "set arrow from graph -0.014,graph %.3f to graph 0.014,graph %.3f nohead "
                  "front linewidth 1.4 linecolor rgb \"" REPORT_INK "\"\n",
                  0.02 + 0.025 * i, 0.05 + 0.025 * i);
}

void report_figure_data(struct report_figure *figure, const char *name)
{
    text_addf(&figure->script, "$%s << END_OF_DATA\n", name);
}

void report_figure_end_data(struct report_figure *figure)
{
    text_put(&figure->script, "END_OF_DATA\n");
}

enum status report_context_init(struct report_context *context, struct report_work *work)
{
    struct report_data *data = context->data;
    context->work = work;
    context->spends = plan_waves_share(data->plan, NULL);
    context->confidence = 1 - (1 - context->asked) * context->spends;
    context->main = data->scored ? REPORT_CRITICAL : REPORT_SDC;
    context->main_name = data->scored ? "critical SDC" : "SDC";
    context->main_start = data->scored ? "Critical SDC" : "SDC";
    const enum status st = report_work_init(work, context->arena, data);
    if (!st)
        report_rate_floor(data, work);
    return st;
}

bool report_context_is_ber(const struct report_context *context)
{
    return context->data->plan->faults_per_trial == 0;
}

bool report_context_is_quiet(const struct report_context *context)
{
    for (size_t i = 0; i < context->data->n; i++) {
        if (context->main >> context->data->trial[i].outcome & 1)
            return false;
    }
    return true;
}

bool report_context_is_several(const struct report_context *context)
{
    return context->data->most_faults > 1;
}

bool report_context_agrees(const struct report_context *context, enum plan_dimension dimension)
{
    const struct plan *plan = context->data->plan;
    bool agrees = !report_context_is_several(context);
    for (uint32_t d = 0; d < plan->n_strata; d++)
        agrees = agrees || plan->strata[d] == dimension;
    return agrees;
}

const char *report_context_note(const struct report_context *context)
{
    return report_context_is_several(context)
               ? " Trials have several faults, which agree in this: strata are cut by it."
               : "";
}

const char *report_context_look(const struct report_context *context)
{
    const struct plan *plan = context->data->plan;
    const double error = 1 - context->asked;
    if (!(context->spends < 1))
        return "";
    return arena_printf(context->arena,
                        " Look %" PRIu32 ", one a wave: intervals are those of %.6g %% instead of "
                        "%g %%, and p-values count %g-fold, so "
                        "that all looks up to this one err at most %.4g %% of the time, whatever "
                        "made the campaign go "
                        "on.",
                        plan->n_waves + 1, 100 * context->confidence, 100 * context->asked,
                        1 / context->spends, 100 * plan_waves_spent(plan, error, plan->n_waves));
}

void report_figure_number(struct report_figure *figure, double value)
{
    if (isfinite(value))
        text_addf(&figure->script, "%.9g ", value);
    else
        text_put(&figure->script, "NaN ");
}

void report_figure_quoted(struct report_figure *figure, const char *text)
{
    text_put(&figure->script, "\"");
    report_out_gnuplot(&figure->script, text);
    text_put(&figure->script, "\" ");
}

static struct report_cell *cell_of(struct report_table *table, uint32_t row, const char *prefix,
                                   const char *suffix)
{
    char name[64];
    snprintf(name, sizeof(name), "%s%s", prefix, suffix);
    return report_table_at(table, row, name);
}

void report_figure_interval(struct report_table *table, uint32_t row, const char *prefix,
                            const struct report_interval *of)
{
    report_table_set(table, row, prefix, of->rate);
    cell_of(table, row, prefix, "_low")->number = of->interval.bounds.low;
    cell_of(table, row, prefix, "_high")->number = of->interval.bounds.high;
    cell_of(table, row, prefix, "_n")->number = of->interval.n;
    cell_of(table, row, prefix, "_shift")->number = of->interval.shift;
    cell_of(table, row, prefix, "_method")->text = report_interval_method(of->interval.method);
}

void report_figure_rate(struct report_table *table, uint32_t row, const char *prefix,
                        const struct report_rate *rate)
{
    const struct report_interval of = report_interval_of(rate);
    report_figure_interval(table, row, prefix, &of);
}

void report_figure_mean(struct report_table *table, uint32_t row, const char *prefix, double mean,
                        struct stats_interval bounds)
{
    struct report_cell *cell = report_table_at(table, row, prefix);
    cell[0].number = mean;
    cell[1].number = bounds.low;
    cell[2].number = bounds.high;
}

void report_figure_group(struct report_rate *out, struct report_context *context,
                         const struct report_groups *groups, uint32_t group,
                         struct report_query query)
{
    query.index = groups->index + groups->first[group];
    query.count = report_groups_size(groups, group);
    query.level = report_figure_level(context);
    report_rate(out, context->work, &query);
}
