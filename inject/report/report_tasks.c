/* SPDX-License-Identifier: MIT */
/* Rows of tasks and areas: scores by items, changes by trials. */
#include "inject/report/report_tasks.h"

#include <math.h>
#include <string.h>

#include "inject/report/report_data.h"
#include "inject/stats/stats_arms.h"

/* The values that are averaged over trials. */
enum measure {
    MEASURE_CHANGE,
    MEASURE_FALL, /* falls and gains apart lie in [0, 1], so that they have intervals */
    MEASURE_GAIN,
    MEASURE_RIGHT_TO_WRONG,
    MEASURE_WRONG_TO_RIGHT,
    MEASURE_ANSWER,
    MEASURE_LOST,
    MEASURE_LOGP,
};

/* The trials of one row. */
struct part {
    struct report_context *context;
    const struct report_tasks *tasks;
    size_t count; /* of tasks->index */
};

bool report_tasks_holds(const struct report_task *task, const struct store_item *item)
{
    if (!item->task || isnan(item->score))
        return false;
    if (task->name)
        return strcmp(task->name, item->task) == 0;
    return !task->area || strcmp(task->area, item->area ? item->area : "") == 0;
}

double report_tasks_faulty(const struct report_trial *trial)
{
    return isnan(trial->score_faulty) ? trial->score_golden : trial->score_faulty;
}

static double measure(const struct report_trial *t, enum measure of)
{
    const double change = report_tasks_faulty(t) - t->score_golden;
    const bool right = report_tasks_faulty(t) >= REPORT_RIGHT;
    switch (of) {
    case MEASURE_CHANGE:
        return change;
    case MEASURE_FALL:
        return fmax(-change, 0);
    case MEASURE_GAIN:
        return fmax(change, 0);
    case MEASURE_RIGHT_TO_WRONG:
        return t->golden_right ? !right : NAN;
    case MEASURE_WRONG_TO_RIGHT:
        return t->golden_right ? NAN : right;
    case MEASURE_ANSWER:
        return t->answer_changed;
    case MEASURE_LOST:
        return t->score_golden > 0 ? t->outcome == OUTCOME_SDC_CRITICAL : NAN;
    default:
        return isfinite(t->logp_sum) ? t->logp_sum : NAN;
    }
}

static void mean_of(struct report_rate *out, const struct part *part, enum measure of)
{
    const struct report_data *data = part->context->data;
    const uint32_t *index = part->tasks->index;
    for (size_t k = 0; k < part->count; k++)
        part->tasks->value[index[k]] = measure(&data->trial[index[k]], of);
    report_rate(out, part->context->work,
                &(struct report_query){.index = index,
                                       .count = part->count,
                                       .value = part->tasks->value,
                                       .level = report_figure_level(part->context)});
}

/* Means over items and their samples; Wilson's interval at the n of the items' weights (Kish),
 * which is wider than needed for scores between 0 and 1. An item is right if a sample is. */
static void fill_items(struct report_task *out, const struct report_context *context)
{
    const struct report_data *data = context->data;
    const struct stats_interval_level level = report_figure_level(context);
    double sum = 0, squares = 0, golden = 0, own = 0;
    bool right = false;
    out->chance = 0;
    for (uint32_t i = 0; i < data->n_items; i++) {
        const struct store_item *item = &data->item[i];
        if (!report_tasks_holds(out, item))
            continue;
        if (item->sample == STORE_ONE_SAMPLE || item->sample == 0) {
            own = 0;
            right = false;
            out->items++;
        }
        out->corpus = out->name && i < data->plan->n_items && data->plan->item[i].question &&
                      task_metric_is_corpus(data->plan->item[i].question->metric);
        out->right_items += !right && item->score >= REPORT_RIGHT;
        right = right || item->score >= REPORT_RIGHT;
        golden += item->weight * item->score;
        out->chance += item->weight * item->chance;
        sum += item->weight;
        squares += item->weight * (item->weight + 2 * own); /* of the sum of its samples' */
        own += item->weight;
    }
    const double n = sum * sum / squares, rate = fmin(golden / sum, 1);
    out->chance /= sum;
    out->golden = (struct report_interval){
        rate, {stats_interval_wilson(rate, n, level), STATS_CLUSTER_SCORE, n, 0}, 1};
}

/* Gains minus falls by Newcombe's hybrid of their own intervals, which holds for few of them too.
 */
static void fill_change(struct report_task *out, const struct part *part)
{
    struct report_rate change;
    mean_of(&change, part, MEASURE_CHANGE);
    mean_of(&out->gain, part, MEASURE_GAIN);
    mean_of(&out->fall, part, MEASURE_FALL);
    struct stats_arms arms = {.first = out->gain.estimate,
                              .second = out->fall.estimate,
                              .deff_floor = {out->gain.floor, out->fall.floor}};
    out->change = change.estimate.rate;
    out->correlation = NAN;
    out->of_change = (struct stats_interval){NAN, NAN};
    if (isnan(out->change))
        return;
    arms.correlation = out->correlation = stats_arms_correlation(&arms, &change.estimate);
    out->of_change = stats_arms_interval(&arms, report_figure_level(part->context));
}

static const char *reason_of(const struct report_task *task)
{
    if (task->corpus)
        return "scored as a corpus";
    if (isnan(task->chance))
        return "the score of a guess is not known";
    if (task->right_items < REPORT_TASKS_RIGHT)
        return "fewer than 50 golden-right items";
    if (!(task->golden.interval.bounds.low > task->chance))
        return "golden not shown to be above chance";
    return isnan(task->change) ? "no total over the strata" : NULL;
}

/* 1 + change / (golden - chance), linearised: the ends of both parts are added as squares (Zou and
 * Donner 2008). Items that golden has right lose more, so their correlation would narrow it. */
static void fill_normalised(struct report_task *out, const struct report_context *context)
{
    const bool only_right = context->data->plan->filter == PLAN_FILTER_GOLDEN_RIGHT;
    const struct stats_interval bounds = out->golden.interval.bounds;
    const double golden = only_right ? 1 : out->golden.rate, above = golden - out->chance;
    out->faulty = golden + out->change;
    out->normalised = NAN;
    out->of_normalised = (struct stats_interval){NAN, NAN};
    out->reason = reason_of(out);
    if (out->reason)
        return;
    const double loss = out->change / above;
    const double down = only_right ? 0 : loss * (golden - bounds.low);
    const double up = only_right ? 0 : loss * (bounds.high - golden);
    out->normalised = 1 + loss;
    out->of_normalised.low = 1 + loss - hypot(out->change - out->of_change.low, down) / above;
    out->of_normalised.high = 1 + loss + hypot(out->of_change.high - out->change, up) / above;
}

static void fill_logp(struct report_task *out, const struct part *part)
{
    struct report_rate logp;
    mean_of(&logp, part, MEASURE_LOGP);
    out->logp = logp.estimate.rate;
    out->logp_trials = logp.estimate.counted;
    out->logp_error = sqrt(logp.estimate.variance);
    out->logp_df = logp.estimate.df;
    out->of_logp =
        isnan(out->logp)
            ? (struct stats_interval){NAN, NAN}
            : stats_cluster_contrast_interval(&logp.estimate, report_figure_level(part->context));
}

/* The row's trials, of one stratum if it is not REPORT_NONE. */
static void take_trials(struct part *part, const struct report_task *task, uint32_t stratum)
{
    const struct report_data *data = part->context->data;
    part->count = 0;
    for (size_t i = 0; i < data->n; i++) {
        const struct report_trial *t = &data->trial[i];
        if (!isnan(t->score_golden) && (stratum == REPORT_NONE || stratum == t->stratum) &&
            report_tasks_holds(task, &data->item[t->item]))
            part->tasks->index[part->count++] = (uint32_t)i;
    }
}

void report_tasks_lost(struct report_rate *out, const struct report_tasks *tasks,
                       struct report_context *context, const struct report_task *task,
                       uint32_t stratum)
{
    struct part part = {.context = context, .tasks = tasks};
    take_trials(&part, task, stratum);
    mean_of(out, &part, MEASURE_LOST);
}

static void fill_row(struct report_task *out, struct part *part)
{
    const struct report_data *data = part->context->data;
    fill_items(out, part->context);
    take_trials(part, out, REPORT_NONE);
    for (size_t k = 0; k < part->count; k++)
        out->due += data->trial[part->tasks->index[k]].outcome == OUTCOME_DUE;
    out->trials = part->count;
    fill_change(out, part);
    fill_normalised(out, part->context);
    fill_logp(out, part);
    mean_of(&out->right_to_wrong, part, MEASURE_RIGHT_TO_WRONG);
    mean_of(&out->wrong_to_right, part, MEASURE_WRONG_TO_RIGHT);
    mean_of(&out->answer, part, MEASURE_ANSWER);
    mean_of(&out->lost, part, MEASURE_LOST);
}

static bool is_listed(const struct report_tasks *tasks, const char *area, const char *name)
{
    for (uint32_t i = 0; i < tasks->count; i++) {
        const struct report_task *t = &tasks->task[i];
        const bool same = name && t->name ? strcmp(name, t->name) == 0 : !name && !t->name;
        if (same && strcmp(area, t->area) == 0)
            return true;
    }
    return false;
}

static const char *area_of(const struct store_item *item)
{
    return item->area ? item->area : "";
}

/* An area and its tasks in the order of items; of a single task the area would say the same. */
static void list_area(struct report_tasks *tasks, const struct report_data *data, const char *area)
{
    const uint32_t first = tasks->count++;
    tasks->task[first] = (struct report_task){.area = area};
    for (uint32_t i = 0; i < data->n_items; i++) {
        const struct store_item *item = &data->item[i];
        if (report_tasks_holds(&tasks->task[first], item) && !is_listed(tasks, area, item->task))
            tasks->task[tasks->count++] = (struct report_task){.area = area, .name = item->task};
    }
    if (tasks->count == first + 2)
        tasks->task[first] = tasks->task[--tasks->count];
}

enum status report_tasks_make(struct report_tasks *out, struct report_context *context)
{
    const struct report_data *data = context->data;
    struct arena *arena = context->arena;
    struct part part = {.context = context, .tasks = out};
    *out = (struct report_tasks){0};
    out->task = arena_array(arena, 2 * (size_t)data->n_items + 2, sizeof(*out->task));
    out->index = arena_array(arena, data->n + 1, sizeof(*out->index));
    out->value = arena_array(arena, data->n + 1, sizeof(*out->value));
    if (!out->task || !out->index || !out->value)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < data->n_items; i++) {
        const struct store_item *item = &data->item[i];
        bool listed = false;
        for (uint32_t t = 0; t < out->count; t++)
            listed = listed || report_tasks_holds(&out->task[t], item);
        if (!listed && item->task && !isnan(item->score))
            list_area(out, data, area_of(item));
    }
    for (uint32_t t = 0; t < out->count; t++)
        fill_row(&out->task[t], &part);
    if (out->count > 0)
        fill_row(&out->all, &part);
    return STATUS_OK;
}
