/* SPDX-License-Identifier: MIT */
/* Rows of tasks as tables, JSON and lines. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "inject/report/report_tasks.h"

#define NOT_IDENTIFIABLE                                                                           \
    "Not identifiable: fewer than 50 golden-right items, golden not shown to be above chance, no " \
    "total over the strata, or scored as a corpus."

static const struct report_column SCORE_COLUMNS[] = {
    {"task", "task", REPORT_TEXT, REPORT_ALONE},
    {"area", "area", REPORT_TEXT, REPORT_ALONE},
    {"items", "items", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("golden", "golden score, %"),
    {"chance", "chance, %", REPORT_PERCENT, REPORT_ALONE},
    {"right_items", "golden right", REPORT_COUNT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    REPORT_MEAN_COLUMNS("change", "change, points", REPORT_PERCENT),
    REPORT_RATE_COLUMNS("gain", NULL),
    REPORT_RATE_COLUMNS("fall", NULL),
    {"correlation", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"faulty", "faulty score, %", REPORT_PERCENT, REPORT_ALONE},
    REPORT_MEAN_COLUMNS("normalised", "normalised, %", REPORT_PERCENT),
    {"reason", NULL, REPORT_TEXT, REPORT_ALONE},
};

static const struct report_column ANSWER_COLUMNS[] = {
    {"task", "task", REPORT_TEXT, REPORT_ALONE},
    {"area", "area", REPORT_TEXT, REPORT_ALONE},
    {"trials", "n", REPORT_COUNT, REPORT_ALONE},
    {"due", "DUE", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("answer", "another answer, %"),
    {"right_trials", "n, golden right", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("right_to_wrong", "right to wrong, %"),
    {"wrong_trials", "n, golden wrong", REPORT_COUNT, REPORT_ALONE},
    REPORT_RATE_COLUMNS("wrong_to_right", "wrong to right, %"),
    REPORT_MEAN_COLUMNS("logp", "log-likelihood, nats", REPORT_NUMBER),
    {"logp_error", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"logp_df", NULL, REPORT_NUMBER, REPORT_ALONE},
    {"logp_trials", "n with it", REPORT_COUNT, REPORT_ALONE},
};

static void put_names(struct report_table *table, uint32_t row, const struct report_task *task)
{
    report_table_text(table, row, "area", task->area);
    report_table_text(table, row, "task", task->name ? task->name : "all of the area");
    report_table_set(table, row, "trials", (double)task->trials);
    table->faint[row] = task->trials < REPORT_FEW;
}

/* A share of no trial is not known. */
static void put_rate(struct report_table *table, uint32_t row, const char *prefix,
                     const struct report_rate *rate)
{
    if (rate->estimate.counted > 0)
        report_figure_rate(table, row, prefix, rate);
}

/* Where only right items are struck, golden's score and the faulty one are of different items. */
static const struct report_column *score_columns(struct arena *arena, bool only_right)
{
    struct report_column *column = arena_alloc(arena, sizeof(SCORE_COLUMNS));
    if (!column)
        return NULL;
    memcpy(column, SCORE_COLUMNS, sizeof(SCORE_COLUMNS));
    for (size_t i = 0; only_right && i < sizeof(SCORE_COLUMNS) / sizeof(*SCORE_COLUMNS); i++) {
        if (strcmp(column[i].name, "golden") == 0)
            column[i].label = "golden score of all items, %";
        if (strcmp(column[i].name, "faulty") == 0)
            column[i].label = "faulty score of right items, %";
    }
    return column;
}

enum status report_tasks_scores(struct report_table *out, struct report_context *context)
{
    const struct report_tasks *tasks = context->tasks;
    const bool only_right = context->data->plan->filter == PLAN_FILTER_GOLDEN_RIGHT;
    out->id = "tasks";
    out->caption =
        only_right
            ? "Scores by task and by area. The plan strikes only items that golden has right: "
              "change, faulty and normalised score are of these. " NOT_IDENTIFIABLE
            : "Scores by task and by area: golden's over items; the mean change over trials, "
              "weighed over strata (a DUE counts as none); faulty = golden + change; normalised = "
              "(faulty - chance) / (golden - chance), with an interval from those of the change, "
              "clustered by item and fault, and of golden. " NOT_IDENTIFIABLE;
    const struct report_column *column = score_columns(context->arena, only_right);
    const enum status st = column
                               ? report_table_init(out, context->arena, tasks->count, column,
                                                   sizeof(SCORE_COLUMNS) / sizeof(*SCORE_COLUMNS))
                               : STATUS_MEMORY;
    for (uint32_t r = 0; !st && r < tasks->count; r++) {
        const struct report_task *t = &tasks->task[r];
        put_names(out, r, t);
        report_table_set(out, r, "items", t->items);
        report_table_set(out, r, "right_items", t->right_items);
        report_figure_interval(out, r, "golden", &t->golden);
        report_table_set(out, r, "chance", t->chance);
        report_table_set(out, r, "faulty", t->faulty);
        put_rate(out, r, "gain", &t->gain);
        put_rate(out, r, "fall", &t->fall);
        report_table_set(out, r, "correlation", t->correlation);
        report_figure_mean(out, r, "change", t->change, t->of_change);
        report_figure_mean(out, r, "normalised", t->normalised, t->of_normalised);
        if (!t->reason)
            continue;
        report_table_text(out, r, "reason", t->reason);
        report_table_text(out, r, "normalised", "not identifiable");
    }
    return st;
}

enum status report_tasks_answers(struct report_table *out, struct report_context *context)
{
    const struct report_tasks *tasks = context->tasks;
    out->id = "answers";
    out->caption =
        "Answers by task and by area, weighed over strata: another answer than golden's; right to "
        "wrong, of trials whose golden answer is right; wrong to right, of the others; a DUE is "
        "none of them. Log-likelihood: the mean change of that of the right choice, of "
        "generations that of golden's text, where it was recorded and is a number.";
    const enum status st = report_table_init(out, context->arena, tasks->count, ANSWER_COLUMNS,
                                             sizeof(ANSWER_COLUMNS) / sizeof(*ANSWER_COLUMNS));
    for (uint32_t r = 0; !st && r < tasks->count; r++) {
        const struct report_task *t = &tasks->task[r];
        put_names(out, r, t);
        report_table_set(out, r, "due", (double)t->due);
        put_rate(out, r, "answer", &t->answer);
        put_rate(out, r, "right_to_wrong", &t->right_to_wrong);
        put_rate(out, r, "wrong_to_right", &t->wrong_to_right);
        report_table_set(out, r, "right_trials", (double)t->right_to_wrong.estimate.counted);
        report_table_set(out, r, "wrong_trials", (double)t->wrong_to_right.estimate.counted);
        report_figure_mean(out, r, "logp", t->logp, t->of_logp);
        report_table_set(out, r, "logp_error", t->logp_error);
        report_table_set(out, r, "logp_df", t->logp_df);
        if (t->logp_trials > 0) /* else there is no such column, as without any log-likelihood */
            report_table_set(out, r, "logp_trials", (double)t->logp_trials);
    }
    return st;
}

static void put_bounds(struct json_writer *w, const struct report_interval *of)
{
    const bool known = !isnan(of->rate);
    json_member_number(w, "rate", of->rate);
    json_member_number(w, "low", known ? of->interval.bounds.low : NAN);
    json_member_number(w, "high", known ? of->interval.bounds.high : NAN);
    report_interval_members(w, &of->interval);
}

static void put_share(struct json_writer *w, const char *key, const struct report_rate *rate)
{
    const struct report_interval of = report_interval_of(rate);
    json_member_object(w, key);
    put_bounds(w, &of);
    json_member_int(w, "n", rate->estimate.counted);
    json_member_int(w, "events", rate->estimate.events);
    json_object_close(w);
}

static void put_task(struct json_writer *w, const struct report_task *t)
{
    json_object_open(w);
    json_member_text(w, "area", t->area);
    json_member_text(w, "task", t->name);
    json_member_int(w, "items", t->items);
    json_member_int(w, "golden_right", t->right_items);
    json_member_int(w, "trials", t->trials);
    json_member_int(w, "due", t->due);
    json_member_object(w, "golden");
    put_bounds(w, &t->golden);
    json_object_close(w);
    json_member_number(w, "chance", t->chance);
    report_interval_mean(w, "change", t->change, t->of_change);
    put_share(w, "gain", &t->gain);
    put_share(w, "fall", &t->fall);
    json_member_number(w, "correlation", t->correlation);
    json_member_number(w, "faulty", t->faulty);
    report_interval_mean(w, "normalised", t->normalised, t->of_normalised);
    json_member_text(w, "not_identifiable", t->reason);
    put_share(w, "answer_changed", &t->answer);
    put_share(w, "right_to_wrong", &t->right_to_wrong);
    put_share(w, "wrong_to_right", &t->wrong_to_right);
    report_interval_mean(w, "logp_change", t->logp, t->of_logp);
    json_object_close(w);
}

void report_tasks_members(struct json_writer *w, const struct report_tasks *tasks)
{
    if (tasks->count == 0)
        return;
    json_member_array(w, "tasks");
    for (uint32_t i = 0; i < tasks->count; i++)
        put_task(w, &tasks->task[i]);
    json_array_close(w);
}

static void put_line(struct text *out, const char *what, const struct report_rate *rate,
                     double confidence)
{
    char text[REPORT_INTERVAL_TEXT];
    const struct report_interval of = report_interval_of(rate);
    if (rate->estimate.counted == 0 || isnan(of.rate))
        return;
    report_interval_text(text, &of, confidence);
    text_addf(out, "  %-16s%s\n", what, text);
}

static void put_scores(struct text *out, const struct report_task *t, double confidence)
{
    char golden[REPORT_INTERVAL_TEXT], gain[REPORT_INTERVAL_TEXT], fall[REPORT_INTERVAL_TEXT];
    char ends[REPORT_INTERVAL_TEXT];
    const struct report_interval gains = report_interval_of(&t->gain);
    const struct report_interval falls = report_interval_of(&t->fall);
    report_interval_text(golden, &t->golden, confidence);
    text_addf(out, "  golden score    %s\n", golden);
    if (!isnan(t->change)) {
        report_interval_text(gain, &gains, confidence);
        report_interval_text(fall, &falls, confidence);
        report_interval_ends(ends, t->change, " points", t->of_change);
        text_addf(out,
                  "  faulty score    %.2f %%, change %s (%g %%: Newcombe of %s and %s, correlation "
                  "%.3f)\n",
                  100 * t->faulty, ends, 100 * confidence, gain, fall, t->correlation);
    }
    text_put(out, "  normalised      ");
    if (t->reason) {
        text_addf(out, "not identifiable: %s\n", t->reason);
        return;
    }
    report_interval_ends(ends, t->normalised, " %", t->of_normalised);
    text_addf(out, "%s (%g %%: linearised, of change and golden)\n", ends, 100 * confidence);
}

void report_tasks_lines(struct text *out, const struct report_tasks *tasks, double confidence)
{
    for (uint32_t i = 0; i < tasks->count; i++) {
        const struct report_task *t = &tasks->task[i];
        text_addf(out, "%-11s %s: %" PRIu32 " of %" PRIu32 " items golden right",
                  t->name ? "task" : "area", t->name ? t->name : t->area, t->right_items, t->items);
        if (!isnan(t->chance))
            text_addf(out, ", chance %.4g %%", 100 * t->chance);
        text_addf(out, "; %" PRIu64 " trials, %" PRIu64 " due\n", t->trials, t->due);
        put_scores(out, t, confidence);
        put_line(out, "another answer", &t->answer, confidence);
        put_line(out, "right to wrong", &t->right_to_wrong, confidence);
        put_line(out, "wrong to right", &t->wrong_to_right, confidence);
    }
}
