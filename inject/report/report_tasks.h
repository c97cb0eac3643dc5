/* SPDX-License-Identifier: MIT */
/* What faults do to the scores of tasks and of areas, groups of tasks (METHOD.md 4). */
#ifndef VKFI_INJECT_REPORT_TASKS_H
#define VKFI_INJECT_REPORT_TASKS_H

#include "inject/report/report_figure.h"

#define REPORT_TASKS_RIGHT 50 /* golden-right items below which there is no normalised score */

/* A task, or an area with several of the campaign's tasks, or all of it. A DUE gives no answer and
 * counts as no change: it is known and can be run again. Unknown numbers are NaN. */
struct report_task {
    const char *area, *name; /* of an area, name is null; of all, both */
    bool corpus;             /* a task whose sentences are scored together too: report_corpus.h */
    uint32_t items, right_items;
    uint64_t trials, due;
    struct report_interval golden; /* mean over items by their weights, Wilson's interval */
    double chance;
    /* Mean over trials of the faulty score minus golden's, and what follows: golden + change,
     * (faulty - chance) / (golden - chance). With the filter golden_right, golden is 1 here. */
    double change, faulty, normalised;
    struct stats_interval of_change, of_normalised;
    struct report_rate gain, fall; /* change is their difference, its interval Newcombe's */
    double correlation;            /* of the two */
    const char *reason;            /* why there is no normalised score; null: there is one */
    struct report_rate right_to_wrong, wrong_to_right; /* of golden-right, golden-wrong trials */
    struct report_rate answer;                         /* another answer */
    struct report_rate lost; /* the score fell (SDC critical), of trials whose golden has one */
    double logp; /* mean change of the reference's log-likelihood [nats]; of generations, golden's
                    text instead of the reference */
    struct stats_interval of_logp; /* t with these */
    double logp_error, logp_df;
    uint64_t logp_trials; /* that have it: record level summary, and no NaN */
};

struct report_tasks {
    struct report_task *task; /* (count) by area, each before its tasks */
    uint32_t count;
    struct report_task all;
    uint32_t *index; /* (trials) and below: memory for the trials of a row */
    double *value;
};

/* Of the items that have a score; none: count 0. Memory from the context's arena. */
enum status report_tasks_make(struct report_tasks *out, struct report_context *context);

/* report_task.lost of a row in one stratum. */
void report_tasks_lost(struct report_rate *out, const struct report_tasks *tasks,
                       struct report_context *context, const struct report_task *task,
                       uint32_t stratum);

/* Two tables of the context's rows: scores; answers. */
enum status report_tasks_scores(struct report_table *out, struct report_context *context);
enum status report_tasks_answers(struct report_table *out, struct report_context *context);

/* Member "tasks" of an open object, if there is a row: an array, an object a row. */
void report_tasks_members(struct json_writer *w, const struct report_tasks *tasks);

/* Some lines a row, for a terminal. */
void report_tasks_lines(struct text *out, const struct report_tasks *tasks, double confidence);

/* True if the item belongs to that row. */
bool report_tasks_holds(const struct report_task *task, const struct store_item *item);

/* The faulty score, golden's where nothing was scored anew. */
double report_tasks_faulty(const struct report_trial *trial);

#endif
