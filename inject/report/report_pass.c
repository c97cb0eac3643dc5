/* SPDX-License-Identifier: MIT */
/* Items with golden's and the faulty chances of their samples, handed to the comparison. */
#include "inject/report/report_pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inject/stats/stats_pass.h"
#include "tasks/score.h"

/* Memory for a row at a time. */
struct work {
    struct report_context *context;
    uint32_t *index;                    /* (count) the task's trials */
    const struct report_trial **sorted; /* (count) by stratum, fault and item */
    size_t count;
    double *value;                    /* (trials) change of a trial */
    double *change;                   /* (items) of a sample: the sum over its trials by weight */
    uint32_t *trials;                 /* (items) of a sample */
    double *of_stratum;               /* (n_strata) trials of all tasks */
    double *right;                    /* (samples) chances */
    struct stats_cluster_trial *unit; /* (trials + items) */
    struct stats_pass_pair *pair;     /* likewise */
    struct stats_cluster_stratum *stratum;
    double *scratch; /* of the clusters */
};

static bool is_of(const struct report_pass *row, const struct store_item *item)
{
    return item->task && item->sample != STORE_ONE_SAMPLE && strcmp(item->task, row->task) == 0;
}

static double is_right(double score)
{
    return score >= REPORT_RIGHT;
}

static double weight_of(const struct report_data *data, uint32_t stratum)
{
    const double weight = data->stratum[stratum].weight;
    return weight > 0 ? weight : 1;
}

/* --- the row's trials and golden runs --- */

static void take_trials(struct work *w, struct report_pass *row)
{
    const struct report_data *data = w->context->data;
    w->count = 0;
    memset(w->change, 0, data->n_items * sizeof(*w->change));
    memset(w->trials, 0, data->n_items * sizeof(*w->trials));
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (!is_of(row, &data->item[t->item]))
            continue;
        w->index[w->count++] = (uint32_t)i;
        w->value[i] = is_right(report_tasks_faulty(t)) - is_right(t->score_golden);
        w->change[t->item] += weight_of(data, t->stratum) / w->of_stratum[t->stratum] * w->value[i];
        row->struck += w->trials[t->item]++ == 0;
    }
    row->trials = w->count;
}

static double golden_of(struct work *w, const struct report_pass *row, uint32_t first)
{
    for (uint32_t s = 0; s < row->samples; s++)
        w->right[s] = is_right(w->context->data->item[first + s].score);
    return stats_pass_chance(w->right, row->samples, row->k);
}

static double item_weight(const struct report_data *data, const struct report_pass *row,
                          uint32_t first)
{
    double sum = 0;
    for (uint32_t s = 0; s < row->samples; s++)
        sum += data->item[first + s].weight;
    return sum;
}

/* The next item of the row from `from` on, its first sample; n_items: none. */
static uint32_t next_item(const struct report_data *data, const struct report_pass *row,
                          uint32_t from)
{
    while (from < data->n_items &&
           !(is_of(row, &data->item[from]) && data->item[from].sample == 0 &&
             from + row->samples <= data->n_items))
        from++;
    return from;
}

static void fill_golden(struct work *w, struct report_pass *row)
{
    const struct report_data *data = w->context->data;
    double sum = 0, squares = 0, golden = 0;
    for (uint32_t i = next_item(data, row, 0); i < data->n_items;
         i = next_item(data, row, i + row->samples)) {
        const double weight = item_weight(data, row, i);
        row->items++;
        golden += weight * golden_of(w, row, i);
        sum += weight;
        squares += weight * weight;
    }
    const double n = sum * sum / squares, rate = fmin(golden / sum, 1);
    row->golden =
        (struct report_interval){rate,
                                 {stats_interval_wilson(rate, n, report_figure_level(w->context)),
                                  STATS_CLUSTER_SCORE, n, 0},
                                 1};
}

/* --- units --- */

/* An item is a unit. A sample's share of all weights is that of its item's weight. */
static void take_items(struct work *w, struct report_pass *row, struct stats_cluster_data *out)
{
    const struct report_data *data = w->context->data;
    double trials = 0, items = 0;
    for (size_t k = 0; k < w->count; k++) {
        const uint32_t h = data->trial[w->index[k]].stratum;
        trials += weight_of(data, h) / w->of_stratum[h];
    }
    for (uint32_t i = next_item(data, row, 0); i < data->n_items;
         i = next_item(data, row, i + row->samples))
        items += item_weight(data, row, i);
    for (uint32_t i = next_item(data, row, 0); i < data->n_items;
         i = next_item(data, row, i + row->samples)) {
        const uint32_t base = data->plan->item[i].base;
        struct stats_pass_pair *pair = &w->pair[out->n_trials];
        pair->golden = golden_of(w, row, i);
        for (uint32_t s = 0; s < row->samples; s++)
            w->right[s] += w->change[i + s] / (data->item[i + s].weight * trials / items);
        pair->faulty = stats_pass_chance(w->right, row->samples, row->k);
        w->unit[out->n_trials++] =
            (struct stats_cluster_trial){0, base, base, base, true, 0, item_weight(data, row, i)};
    }
    w->stratum[0] = (struct stats_cluster_stratum){.weight = 1};
    out->n_strata = 1;
    out->n_items = out->n_faults = out->n_cells = data->n_bases;
}

static int by_unit(const void *a, const void *b)
{
    const struct report_trial *x = *(const struct report_trial *const *)a;
    const struct report_trial *y = *(const struct report_trial *const *)b;
    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return x->item != y->item ? (x->item < y->item ? -1 : 1) : x->trial < y->trial ? -1 : 1;
}

/* The chance under one fault on all samples, from its trials on an item; false: a sample has none.
 * A fault that was drawn twice has the same trials twice. */
static bool take_unit(struct work *w, const struct report_pass *row, size_t first, size_t end,
                      struct stats_pass_pair *out)
{
    const struct report_data *data = w->context->data;
    uint32_t seen = 0;
    const uint32_t item = w->sorted[first]->item - data->plan->item[w->sorted[first]->item].sample;
    out->golden = golden_of(w, row, item);
    for (size_t k = first; k < end; k++) {
        const struct report_trial *t = w->sorted[k];
        seen += k == first || w->sorted[k - 1]->item != t->item;
        w->right[t->item - item] = is_right(report_tasks_faulty(t));
    }
    out->faulty = stats_pass_chance(w->right, row->samples, row->k);
    return seen == row->samples;
}

/* A fault on an item is a unit, of the fault's stratum. */
static void take_faults(struct work *w, struct report_pass *row, struct stats_cluster_data *out)
{
    const struct report_data *data = w->context->data;
    uint32_t last = REPORT_NONE;
    for (size_t k = 0; k < w->count; k++)
        w->sorted[k] = &data->trial[w->index[k]];
    qsort(w->sorted, w->count, sizeof(*w->sorted), by_unit);
    for (size_t first = 0, end; first < w->count; first = end) {
        const struct report_trial *t = w->sorted[first];
        for (end = first + 1; end < w->count && w->sorted[end]->stratum == t->stratum &&
                              w->sorted[end]->cell == t->cell;)
            end++;
        if (!take_unit(w, row, first, end, &w->pair[out->n_trials])) {
            row->left_out++;
            continue;
        }
        if (t->stratum != last)
            w->stratum[out->n_strata++] =
                (struct stats_cluster_stratum){.weight = weight_of(data, t->stratum)};
        last = t->stratum;
        w->unit[out->n_trials++] =
            (struct stats_cluster_trial){out->n_strata - 1, t->base, t->fault, t->cell, true, 0, 1};
    }
    out->n_items = data->n_bases;
    out->n_faults = data->n_faults;
    out->n_cells = data->n_cells;
}

/* --- rows --- */

/* Whether the strata of the row's trials have a total. */
static bool has_total(const struct work *w)
{
    struct report_rate rate;
    report_rate(&rate, w->context->work,
                &(struct report_query){.index = w->index,
                                       .count = w->count,
                                       .value = w->value,
                                       .level = report_figure_level(w->context)});
    return !isnan(rate.estimate.rate);
}

static void compare(struct work *w, struct report_pass *row)
{
    struct stats_pass pass;
    struct stats_cluster_data data = {
        .trial = w->unit, .stratum = w->stratum, .scratch = w->scratch};
    if (w->context->data->plan->design == PLAN_NESTED)
        take_items(w, row, &data);
    else
        take_faults(w, row, &data);
    row->units = (uint32_t)data.n_trials;
    if (data.n_trials == 0) {
        row->reason = "no fault on all samples of an item yet";
        return;
    }
    for (size_t i = 0; i < data.n_trials; i++)
        row->changed += w->pair[i].golden != w->pair[i].faulty;
    stats_pass_compare(
        &pass, &data, w->unit, w->pair,
        &(struct stats_cluster_request){report_figure_level(w->context),
                                        report_rate_floor_of(w->context->work, &data)});
    row->change = pass.change;
    row->of_change = pass.of_change;
    row->faulty = (struct report_interval){row->golden.rate + pass.change, pass.of_faulty, 1};
}

static void fill_row(struct work *w, struct report_pass *row)
{
    row->change = NAN;
    row->of_change = (struct stats_interval){NAN, NAN};
    row->faulty = (struct report_interval){NAN, {{NAN, NAN}, STATS_CLUSTER_UNKNOWN, 0, 0}, 1};
    take_trials(w, row);
    fill_golden(w, row);
    row->reason = w->count == 0 ? "no trial yet" : has_total(w) ? NULL : "no total over the strata";
    if (!row->reason)
        compare(w, row);
}

static enum status make_work(struct work *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct arena *arena = context->arena;
    const size_t units = data->n + data->n_items + 1;
    const size_t clusters =
        3 * (size_t)data->n_bases + data->n_faults + data->n_cells + data->n_strata + 1;
    *out = (struct work){.context = context,
                         .index = arena_array(arena, units, sizeof(*out->index)),
                         .sorted = arena_array(arena, units, sizeof(*out->sorted)),
                         .value = arena_array(arena, units, sizeof(*out->value)),
                         .change = arena_array(arena, units, sizeof(*out->change)),
                         .trials = arena_array(arena, units, sizeof(*out->trials)),
                         .of_stratum = arena_array(arena, clusters, sizeof(*out->of_stratum)),
                         .right = arena_array(arena, data->plan->samples, sizeof(*out->right)),
                         .unit = arena_array(arena, units, sizeof(*out->unit)),
                         .pair = arena_array(arena, units, sizeof(*out->pair)),
                         .stratum = arena_array(arena, clusters, sizeof(*out->stratum)),
                         .scratch = arena_array(arena, clusters, sizeof(*out->scratch))};
    if (!out->index || !out->sorted || !out->value || !out->change || !out->trials ||
        !out->of_stratum || !out->right || !out->unit || !out->pair || !out->stratum ||
        !out->scratch)
        return STATUS_MEMORY;
    for (size_t i = 0; i < data->n; i++)
        out->of_stratum[data->trial[i].stratum]++;
    return STATUS_OK;
}

/* One sample by itself: trials are the units. */
static void take_single(struct report_pass *row, const struct report_tasks *tasks)
{
    for (uint32_t i = 0; i < tasks->count; i++) {
        const struct report_task *task = &tasks->task[i];
        if (!task->name || strcmp(task->name, row->task) != 0)
            continue;
        row->change = task->change;
        row->of_change = task->of_change;
        row->faulty.rate = row->golden.rate + task->change;
    }
}

static bool is_listed(const struct report_passes *passes, const char *task)
{
    for (uint32_t i = 0; i < passes->count; i++) {
        if (strcmp(passes->row[i].task, task) == 0)
            return true;
    }
    return false;
}

enum status report_pass_make(struct report_passes *out, struct report_context *context,
                             const struct report_tasks *tasks)
{
    const struct report_data *data = context->data;
    struct work w;
    uint32_t ks[SCORE_PASS_KS];
    *out = (struct report_passes){0};
    if (data->plan->samples <= 1)
        return STATUS_OK;
    const uint32_t n = score_pass_ks(ks, data->plan->samples);
    out->row =
        arena_array(context->arena, (size_t)SCORE_PASS_KS * data->n_bases + 1, sizeof(*out->row));
    const enum status st = out->row ? make_work(&w, context) : STATUS_MEMORY;
    for (uint32_t i = 0; i < data->n_items && !st; i++) {
        const struct store_item *item = &data->item[i];
        if (!item->task || item->sample == STORE_ONE_SAMPLE || is_listed(out, item->task))
            continue;
        for (uint32_t k = 0; k < n; k++) {
            struct report_pass *row = &out->row[out->count++];
            *row = (struct report_pass){.area = item->area ? item->area : "",
                                        .task = item->task,
                                        .k = ks[k],
                                        .samples = data->plan->samples};
            fill_row(&w, row);
            if (row->k == 1 && !row->reason)
                take_single(row, tasks);
        }
    }
    return st;
}
