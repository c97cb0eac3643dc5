/* SPDX-License-Identifier: MIT */
/* The scores of a task's items: gathered, summed up with intervals, printed. */
#ifndef VKFI_CLI_TASK_SCORES_H
#define VKFI_CLI_TASK_SCORES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "cli/cli_task.h"
#include "tasks/judge.h"
#include "tasks/result.h"

struct cli_task_scores {
    const struct task *task;
    struct task_items items; /* owned */
    struct score_columns columns;
    double *value;       /* (items, columns) */
    bool *scored;        /* (items) */
    const char **answer; /* (items) of a corpus: the scored text; "" if none was found */
    uint32_t n;          /* items scored */
    struct arena arena;
};

/* Loads the items. STATUS_INPUT if there are none. Finish it in any case. */
enum status cli_task_scores_open(struct cli_task_scores *out, const struct cli_task *task,
                                 uint32_t samples) STATUS_MUST_USE;
void cli_task_scores_finish(struct cli_task_scores *scores);

/* Notes the score of item `at`. */
enum status cli_task_scores_put(struct cli_task_scores *scores, uint32_t at,
                                const struct score *score) STATUS_MUST_USE;

/* Counts an item whose score is computed later. */
void cli_task_scores_note(struct cli_task_scores *scores, uint32_t at);

/* Like _put, from a line of results; programs do not run again, their "metrics" hold. */
enum status cli_task_scores_take(struct cli_task_scores *scores, uint32_t at,
                                 const struct result_read *line, const char *where) STATUS_MUST_USE;

/* The mean of one column so far; NaN for a corpus column. */
double cli_task_scores_mean(const struct cli_task_scores *scores, uint32_t column);

/* A few lines on standard output. */
enum status cli_task_scores_print(const struct cli_task_scores *scores) STATUS_MUST_USE;

/* Members of an object, for --json. */
enum status cli_task_scores_json(struct json_writer *w,
                                 const struct cli_task_scores *scores) STATUS_MUST_USE;

/* Objects of several tasks: a single one is not a list. */
enum status cli_task_scores_json_all(const struct cli_task_scores *scores,
                                     size_t count) STATUS_MUST_USE;

/* Programs of answers, judged in the background. */
struct cli_task_scores_judge {
    struct sandbox_host host;
    struct judge judge;
    bool open;
};

/* Opens it if the task needs it and it is not open; STATUS_INPUT (logged with the reason) if
 * programs cannot run. */
enum status cli_task_scores_judge_open(struct cli_task_scores_judge *judge, const struct task *task,
                                       bool unsandboxed) STATUS_MUST_USE;
void cli_task_scores_judge_close(struct cli_task_scores_judge *judge);

#endif
