/* SPDX-License-Identifier: MIT */
/* `vkfi task run`: items of tasks on a model, scored and kept. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_task_scores.h"
#include "tasks/answers.h"
#include "tasks/result_file.h"

#define TASKS_MAX 64

struct run {
    const struct cli_task_options *o;
    struct arena arena;
    struct cli_task task[TASKS_MAX];
    struct cli_task_scores scores[TASKS_MAX];
    size_t count, opened;
    struct model *model;
    struct lib_device device;
    struct result_settings settings;
    struct result_file file;
    struct cli_task_scores_judge judge;
    struct cli_progress progress;
    /* Of the task that runs: */
    struct cli_task_scores *now;
    uint32_t *item;           /* (n_items) those that have no score yet */
    enum status judged;       /* the first failure */
    uint32_t n_items, before; /* before: scored before this run */
    double started;
};

/* Handlers have no user pointer. */
static volatile sig_atomic_t signal_number;

static void note_signal(int number)
{
    signal_number = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* "7" or "10-19"; text after the range is an error. */
static bool read_range(const char *text, uint64_t *first, uint64_t *last)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *first = *last = strtoull(text, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *last = strtoull(end + 1, &end, 10);
    return *end == '\0' && *first <= *last && *last < UINT32_MAX;
}

static enum status check_options(struct cli_task_options *o, const struct args_list *names)
{
    if (names->count > TASKS_MAX)
        log_error("task run: found %zu tasks, expected up to %d", names->count, TASKS_MAX);
    else if (!o->model)
        log_error("found no model, expected -m with a path or a name of vkfi model list");
    else if (o->chat && o->plain)
        log_error("found --chat and --plain, expected one of them");
    else if (o->items && o->n > 0)
        log_error("found -n and --items, expected one of them");
    else if (o->items && !read_range(o->items, &o->first, &o->last))
        log_error("--items: found '%s', expected an item or a range of them, as 7 or 0-49",
                  o->items);
    else if (o->samples > 1 && o->temperature == 0)
        log_error("found --samples %" PRIu64 " without --temp, expected both: without it all "
                  "samples are the same",
                  o->samples);
    else
        return STATUS_OK;
    return STATUS_USAGE;
}

static enum status open_task(struct run *run, const struct cli_env *env, const char *name)
{
    const struct cli_task_options *o = run->o;
    struct cli_task *task = &run->task[run->opened];
    enum status st = cli_task_open(task, env, name, o);
    struct cli_task_scores *scores = &run->scores[run->opened++];
    task->query.spread = (uint32_t)o->n;
    if (o->items) {
        task->query.first = (uint32_t)o->first;
        task->query.limit = (uint32_t)(o->last - o->first + 1);
    }
    return st ? st : cli_task_scores_open(scores, task, (uint32_t)o->samples);
}

static enum status open_model(struct run *run, const struct cli_env *env)
{
    const struct cli_task_options *o = run->o;
    char sum[HASH_SHA256_TEXT] = "";
    char *path = NULL;
    enum status st = cli_manifest_path(&path, &run->arena, env, o->model);
    if (!st)
        st = model_open(&run->model, path);
    if (!st && o->output)
        st = file_sha256(path, sum);
    if (st)
        return st;
    const enum answers_format format = o->chat    ? ANSWERS_CHAT
                                       : o->plain ? ANSWERS_PLAIN
                                                  : ANSWERS_AUTO;
    run->settings =
        (struct result_settings){.model = arena_text(&run->arena, sum, strlen(sum)),
                                 .format = answers_chats(run->model, format) ? "chat" : "plain",
                                 .act = storage_name((enum storage)o->act),
                                 .kv = storage_name((enum storage)o->kv),
                                 .samples = (uint32_t)o->samples,
                                 .temperature = o->temperature,
                                 .seed = o->seed};
    return run->settings.model ? STATUS_OK : STATUS_MEMORY;
}

/* result_file_line: a line of an earlier run must belong to this one, with the same settings. */
static enum status go_on_from(void *user, const struct result_read *line, const char *where)
{
    struct run *run = user;
    struct cli_task_scores *scores = NULL;
    for (size_t i = 0; i < run->count && line->task; i++) {
        if (strcmp(run->scores[i].task->name, line->task) == 0)
            scores = &run->scores[i];
    }
    const uint32_t at = scores ? result_item(line, &scores->items, scores->n) : UINT32_MAX;
    if (at == UINT32_MAX) {
        log_error("%s: found item '%s' of task '%s', which is none of this run; expected a file "
                  "of the same command",
                  where, line->doc_id, line->task ? line->task : "");
        return STATUS_INPUT;
    }
    struct arena arena = {0};
    const char *hash = result_hash(&arena, &run->settings, &scores->items.item[at]);
    const bool same = hash && line->hash && strcmp(hash, line->hash) == 0;
    enum status st = hash ? STATUS_OK : STATUS_MEMORY;
    if (!st && !same) {
        log_error("%s: found an answer of another model, prompt or settings (prompt_hash), "
                  "expected those of this command; another -o starts anew",
                  where);
        st = STATUS_INPUT;
    }
    arena_finish(&arena);
    return st ? st : cli_task_scores_take(scores, at, line, where);
}

static void show_progress(struct run *run)
{
    const struct cli_task_scores *s = run->now;
    const double seconds = clock_seconds() - run->started, mean = cli_task_scores_mean(s, 0);
    const uint32_t done = s->n - run->before;
    char score[96] = "";
    if (s->n > 0 && !isnan(mean))
        snprintf(score, sizeof(score), ", %s %.3f", s->columns.column[0].name, mean);
    cli_progress_show(&run->progress, "%s: item %" PRIu32 "/%" PRIu32 ", %.1f items/s%s",
                      s->task->name, s->n, s->items.count, done / seconds, score);
}

/* Scores an item, notes it and appends its line. */
static enum status keep(struct run *run, uint32_t at, const struct score_answer *answer,
                        const struct choices_score *choice)
{
    struct cli_task_scores *scores = run->now;
    const struct task_item *item = &scores->items.item[at];
    struct arena arena = {0};
    struct score score;
    struct result_line line = {.task = scores->task->name,
                               .item = item,
                               .columns = &scores->columns,
                               .score = &score,
                               .choice = choice,
                               .response = answer->response,
                               .n_responses = answer->n_responses};
    enum status st = score_item(&score, &arena, &scores->columns, item, answer);
    if (!st && run->file.file) {
        line.hash = result_hash(&arena, &run->settings, item);
        st = line.hash ? result_file_add(&run->file, &line) : STATUS_MEMORY;
    }
    if (!st)
        st = cli_task_scores_put(scores, at, &score);
    arena_finish(&arena);
    return st;
}

/* choices_params.done */
static enum status take_choices(void *user, uint32_t item, const struct choices_score *score)
{
    struct run *run = user;
    const uint32_t at = run->item[item];
    const uint32_t n = run->now->items.item[at].n_choices;
    struct arena arena = {0};
    double *loglik = arena_array(&arena, n, sizeof(*loglik));
    for (uint32_t c = 0; loglik && c < n; c++)
        loglik[c] = score[c].loglik;
    const enum status st =
        loglik ? keep(run, at, &(struct score_answer){.loglik = loglik}, score) : STATUS_MEMORY;
    arena_finish(&arena);
    return st;
}

/* choices_params.go_on */
static bool go_on(void *user, uint32_t columns)
{
    (void)columns;
    show_progress(user);
    return signal_number == 0;
}

/* Keeps the verdicts so far, in the order of the items, after waiting at most `seconds`. */
static enum status keep_judged(struct run *run, double seconds)
{
    struct judge *judge = &run->judge.judge;
    enum status st = judge_go(judge, seconds);
    struct judge_case *one = st ? NULL : judge_take(judge);
    while (one) {
        const struct score_answer answer = {
            .response = one->response, .passed = one->passed, .n_responses = one->n};
        st = keep(run, (uint32_t)(one->item - run->now->items.item), &answer, NULL);
        judge_case_destroy(&one);
        one = st ? NULL : judge_take(judge);
    }
    return st;
}

/* answers_params.go_on: programs run during the model's work. */
static bool go_on_judging(void *user, uint32_t columns)
{
    struct run *run = user;
    if (run->judge.open)
        run->judged = keep_judged(run, 0);
    return go_on(user, columns) && !run->judged;
}

/* answers_params.done */
static enum status take_answers(void *user, uint32_t item, const struct answers_text *text)
{
    struct run *run = user;
    const uint32_t n = run->settings.samples;
    struct arena arena = {0};
    const char **response = arena_array(&arena, n, sizeof(*response));
    for (uint32_t i = 0; response && i < n; i++)
        response[i] = text[i].text;
    const struct score_answer answer = {.response = response, .n_responses = n};
    const uint32_t at = run->item[item];
    enum status st = response ? STATUS_OK : STATUS_MEMORY;
    if (!st && run->judge.open)
        st = judge_put(&run->judge.judge, &run->now->items.item[at], response, n);
    else if (!st)
        st = keep(run, at, &answer, NULL);
    arena_finish(&arena);
    return st;
}

static struct executor_params needs_of(const struct run *run)
{
    return (struct executor_params){.model = run->model,
                                    .act = (enum storage)run->o->act,
                                    .kv = (enum storage)run->o->kv,
                                    .threads = (uint32_t)run->o->threads};
}

static enum status run_choices(struct run *run, struct arena *arena)
{
    struct choices_item *item = arena_array(arena, run->n_items, sizeof(*item));
    struct choices_params params = {
        .item = item, .n_items = run->n_items, .done = take_choices, .go_on = go_on, .user = run};
    struct executor_params needs = needs_of(run);
    enum status st = item ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; i < run->n_items && !st; i++)
        st = choices_encode(&item[i], arena, run->model, &run->now->items.item[run->item[i]]);
    if (st)
        return st;
    choices_needs(&needs, &params);
    st = lib_device_start(&run->device, &needs);
    params.ex = run->device.ex;
    run->started = clock_seconds();
    return st ? st : choices_run(&params);
}

static enum status run_answers(struct run *run, struct arena *arena)
{
    const struct cli_task_options *o = run->o;
    const bool chat = strcmp(run->settings.format, "chat") == 0;
    struct answers_item *item = arena_array(arena, run->n_items, sizeof(*item));
    struct answers_params params = {
        .item = item,
        .n_items = run->n_items,
        .samples = run->settings.samples,
        .rules.sampler = {.temperature = o->temperature, .seed = o->seed},
        .done = take_answers,
        .go_on = go_on_judging,
        .user = run};
    struct executor_params needs = needs_of(run);
    enum status st = item ? STATUS_OK : STATUS_MEMORY;
    if (!st)
        st = cli_task_scores_judge_open(&run->judge, run->now->task, o->unsandboxed);
    for (uint32_t i = 0; i < run->n_items && !st; i++)
        st = answers_encode(&item[i], arena, run->model, &run->now->items.item[run->item[i]],
                            chat ? ANSWERS_CHAT : ANSWERS_PLAIN);
    if (st)
        return st;
    answers_needs(&needs, &params);
    st = lib_device_start(&run->device, &needs);
    params.ex = run->device.ex;
    run->started = clock_seconds();
    st = st ? st : answers_run(&params);
    st = st ? st : run->judged;
    while (!st && run->judge.open && run->judge.judge.first && signal_number == 0) {
        show_progress(run);
        st = keep_judged(run, 0.2);
    }
    cli_task_scores_judge_close(&run->judge);
    return st;
}

static enum status run_task(struct run *run, struct cli_task_scores *scores)
{
    struct arena arena = {0};
    enum status st = STATUS_OK;
    run->now = scores;
    run->before = scores->n;
    run->n_items = 0;
    run->item = arena_array(&arena, scores->items.count, sizeof(*run->item));
    if (!run->item)
        st = STATUS_MEMORY;
    for (uint32_t i = 0; i < scores->items.count && !st; i++) {
        if (!scores->scored[i])
            run->item[run->n_items++] = i;
    }
    if (!st && run->n_items > 0) {
        cli_progress_stage(&run->progress, "preparing weights");
        st = scores->task->kind == TASK_CHOICES ? run_choices(run, &arena)
                                                : run_answers(run, &arena);
    }
    cli_progress_clear(&run->progress);
    lib_device_stop(&run->device);
    if (!st && scores->n > run->before) {
        const double seconds = clock_seconds() - run->started;
        log_info("%s: %" PRIu32 " items in %.1f s, %.2f items/s", scores->task->name,
                 scores->n - run->before, seconds, (scores->n - run->before) / seconds);
    }
    arena_finish(&arena);
    return st;
}

static void tell_interrupted(const struct run *run)
{
    uint32_t done = 0, all = 0;
    for (size_t i = 0; i < run->count; i++) {
        done += run->scores[i].n;
        all += run->scores[i].items.count;
    }
    if (run->o->output)
        log_warn("interrupted: %" PRIu32 " of %" PRIu32
                 " items are in %s; the same command goes on",
                 done, all, run->o->output);
    else
        log_warn("interrupted after %" PRIu32 " of %" PRIu32 " items; with -o FILE a run can go "
                 "on",
                 done, all);
}

static enum status print_all(const struct run *run)
{
    enum status st = STATUS_OK;
    if (run->o->json)
        return cli_task_scores_json_all(run->scores, run->count);
    for (size_t i = 0; i < run->count && !st; i++)
        st = cli_task_scores_print(&run->scores[i]);
    return st;
}

static enum status run_all(struct run *run, const struct cli_env *env,
                           const struct args_list *names)
{
    enum status st = STATUS_OK;
    run->count = names->count;
    for (size_t i = 0; i < names->count && !st; i++)
        st = open_task(run, env, names->item[i]);
    cli_progress_init(&run->progress, 0, 0);
    if (!st)
        st = open_model(run, env);
    if (!st && run->o->output)
        st = result_file_open(&run->file, run->o->output, go_on_from, run);
    if (!st)
        st = cli_device_find(&run->device, env, run->o->device);
    if (st)
        return st;
    catch_signals();
    for (size_t i = 0; i < run->count && !st && signal_number == 0; i++)
        st = run_task(run, &run->scores[i]);
    const enum status closed = result_file_close(&run->file);
    st = st ? st : closed;
    if (!st && signal_number == 0)
        st = print_all(run);
    else if (!st)
        tell_interrupted(run);
    return st;
}

enum status cli_task_run(const struct cli_env *env, const void *options,
                         const struct args_list *operands)
{
    struct cli_task_options o = *(const struct cli_task_options *)options;
    enum status st = check_options(&o, operands);
    struct run *run = st ? NULL : calloc(1, sizeof(*run));
    if (st)
        return st;
    if (!run) {
        log_error("out of host memory for a run of tasks");
        return STATUS_MEMORY;
    }
    run->o = &o;
    st = run_all(run, env, operands);
    cli_progress_clear(&run->progress);
    cli_task_scores_judge_close(&run->judge);
    const enum status written = result_file_close(&run->file);
    const enum status closed = lib_device_finish(&run->device);
    for (size_t i = 0; i < run->opened; i++) {
        cli_task_scores_finish(&run->scores[i]);
        cli_task_close(&run->task[i]);
    }
    model_close(&run->model);
    arena_finish(&run->arena);
    free(run);
    st = st ? st : written ? written : closed;
    if (!st && signal_number != 0) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    return st;
}
