/* SPDX-License-Identifier: MIT */
/* `vkfi task score`: scores responses made elsewhere. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_task_scores.h"
#include "tasks/result_file.h"

/* State of `vkfi task score` while it reads. */
struct scoring {
    struct cli_task *task;
    struct cli_task_scores *scores;
    struct cli_task_scores_judge judge;
    bool unsandboxed;
    uint32_t samples; /* of each item; 0: no line yet */
};

/* Scores all judged items so far; `all`: waits for the rest. */
static enum status take_judged(struct scoring *s, bool all)
{
    struct judge *judge = &s->judge.judge;
    enum status st = judge_go(judge, 0);
    while (!st && judge->first) {
        struct judge_case *one = judge_take(judge);
        struct arena arena = {0};
        struct score score;
        if (!one && !all)
            return STATUS_OK;
        if (!one) {
            st = judge_go(judge, 1);
            continue;
        }
        const uint32_t at = (uint32_t)(one->item - s->scores->items.item);
        const struct score_answer answer = {
            .response = one->response, .passed = one->passed, .n_responses = one->n};
        st = score_item(&score, &arena, &s->scores->columns, one->item, &answer);
        if (!st)
            st = cli_task_scores_put(s->scores, at, &score);
        judge_case_destroy(&one);
        arena_finish(&arena);
    }
    return st;
}

static enum status judge_line(struct scoring *s, uint32_t at, const struct result_read *line,
                              const char *where)
{
    if (line->n_responses == 0) {
        log_error("%s: found no responses, expected at least 1", where);
        return STATUS_INPUT;
    }
    cli_task_scores_note(s->scores, at); /* a second line of the item is refused at once */
    const enum status st =
        judge_put(&s->judge.judge, &s->scores->items.item[at], line->response, line->n_responses);
    return st ? st : take_judged(s, false);
}

/* result_file_line: lines of other tasks are skipped. */
static enum status score_line(void *user, const struct result_read *line, const char *where)
{
    struct scoring *s = user;
    enum status st = STATUS_OK;
    if (line->task && strcmp(line->task, s->task->task->name) != 0)
        return STATUS_OK;
    if (s->samples == 0) {
        s->samples = line->n_responses > 0 ? line->n_responses : 1;
        st = cli_task_scores_open(s->scores, s->task, s->samples);
        if (!st)
            st = cli_task_scores_judge_open(&s->judge, s->task->task, s->unsandboxed);
    }
    if (st)
        return st;
    const uint32_t at = result_item(line, &s->scores->items, s->scores->n);
    if (at == UINT32_MAX || s->scores->scored[at]) {
        log_error("%s: found item '%s'%s, expected each item of task %s once", where, line->doc_id,
                  at == UINT32_MAX ? "" : " again", s->task->task->name);
        return STATUS_INPUT;
    }
    if (line->n_responses > 0 && line->n_responses != s->samples) {
        log_error("%s: found %" PRIu32 " responses, expected %" PRIu32 " as in the first line",
                  where, line->n_responses, s->samples);
        return STATUS_INPUT;
    }
    return s->judge.open ? judge_line(s, at, line, where)
                         : cli_task_scores_take(s->scores, at, line, where);
}

static enum status score_file(const struct cli_env *env, const char *name,
                              const struct cli_task_options *o)
{
    const char *input = o->input;
    struct cli_task task;
    struct cli_task_scores scores = {0};
    struct scoring scoring = {.task = &task, .scores = &scores, .unsandboxed = o->unsandboxed};
    enum status st = cli_task_open(&task, env, name, o);
    if (!st)
        st = result_file_read(input, score_line, &scoring);
    if (!st && scoring.judge.open)
        st = take_judged(&scoring, true);
    cli_task_scores_judge_close(&scoring.judge);
    if (!st && scoring.samples == 0) {
        log_error("%s: found no line of task %s, expected at least 1", input, task.task->name);
        st = STATUS_INPUT;
    }
    if (!st)
        st = o->json ? cli_task_scores_json_all(&scores, 1) : cli_task_scores_print(&scores);
    cli_task_scores_finish(&scores);
    cli_task_close(&task);
    return st;
}

enum status cli_task_score(const struct cli_env *env, const void *options,
                           const struct args_list *operands)
{
    const struct cli_task_options *o = options;
    if (o->input)
        return score_file(env, operands->item[0], o);
    log_error("task score: found no responses, expected -i FILE");
    return STATUS_USAGE;
}
