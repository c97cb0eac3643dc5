/* SPDX-License-Identifier: MIT */
/* `vkfi protect calibrate`: clean runs of tasks' items, noted as bounds and features. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/cli_device.h"
#include "cli/cli_manifest.h"
#include "cli/cli_protect.h"
#include "cli/cli_task.h"
#include "mitigations/calibrate.h"
#include "tasks/answers.h"
#include "tasks/choices.h"
#include "tasks/task_split.h"

static const char *const TASKS[] = {"arc_challenge", "xnli", "gsm8k", "mbpp"};
static const char *const SPLITS_OF[] = {"all", "calibrate", "profile", "evaluate"};

struct run {
    const struct cli_protect_options *o;
    struct arena arena;
    struct model *model;
    struct lib_device device;
    struct calibrate *calibrate;
    struct calibration_item *item; /* (n_items), owned */
    uint32_t n_items;
    struct cli_progress progress;
    const char *task; /* under way */
};

static enum status keep_names(struct run *run, const struct cli_task *task,
                              const struct task_items *items, const uint32_t *chosen, uint32_t n)
{
    struct calibration_item *more =
        realloc(run->item, (run->n_items + (size_t)n + 1) * sizeof(*more));
    if (!more) {
        log_error("calibrate: no host memory for %" PRIu32 " items", run->n_items + n);
        return STATUS_MEMORY;
    }
    run->item = more;
    const char *name = arena_text(&run->arena, task->task->name, strlen(task->task->name));
    for (uint32_t i = 0; i < n; i++) {
        const char *doc_id = items->item[chosen[i]].doc_id;
        const char *own = arena_text(&run->arena, doc_id, strlen(doc_id));
        if (!name || !own)
            return STATUS_MEMORY;
        run->item[run->n_items++] = (struct calibration_item){name, own};
    }
    return STATUS_OK;
}

static bool go_on(void *user, uint32_t columns)
{
    struct run *run = user;
    (void)columns;
    cli_progress_show(&run->progress, "%s", run->task);
    return true;
}

static enum status take_answer(void *user, uint32_t item, const struct answers_text *text)
{
    (void)user, (void)item, (void)text;
    return STATUS_OK;
}

static enum status take_choice(void *user, uint32_t item, const struct choices_score *score)
{
    (void)user, (void)item, (void)score;
    return STATUS_OK;
}

static struct executor_params needs_of(const struct run *run)
{
    return (struct executor_params){.model = run->model,
                                    .act = (enum storage)run->o->act,
                                    .kv = (enum storage)run->o->kv,
                                    .threads = (uint32_t)run->o->threads};
}

/* Items of a task, drawn. */
struct drawn {
    const struct task_items *items;
    const uint32_t *chosen; /* (n) */
    uint32_t n;
};

static enum status run_choices(struct run *run, struct arena *arena, const struct drawn *drawn)
{
    struct choices_item *item = arena_array(arena, drawn->n, sizeof(*item));
    struct choices_params params = {
        .item = item, .n_items = drawn->n, .done = take_choice, .go_on = go_on, .user = run};
    struct executor_params needs = needs_of(run);
    enum status st = item ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; i < drawn->n && !st; i++)
        st = choices_encode(&item[i], arena, run->model, &drawn->items->item[drawn->chosen[i]]);
    if (st)
        return st;
    choices_needs(&needs, &params);
    st = lib_device_start(&run->device, &needs);
    if (st)
        return st;
    params.ex = calibrate_executor(run->calibrate, run->device.ex, true);
    return choices_run(&params);
}

static enum status run_answers(struct run *run, struct arena *arena, const struct drawn *drawn)
{
    struct answers_item *item = arena_array(arena, drawn->n, sizeof(*item));
    struct answers_params params = {.item = item,
                                    .n_items = drawn->n,
                                    .samples = 1,
                                    .done = take_answer,
                                    .go_on = go_on,
                                    .user = run};
    struct executor_params needs = needs_of(run);
    enum status st = item ? STATUS_OK : STATUS_MEMORY;
    for (uint32_t i = 0; i < drawn->n && !st; i++)
        st = answers_encode(&item[i], arena, run->model, &drawn->items->item[drawn->chosen[i]],
                            ANSWERS_AUTO);
    if (st)
        return st;
    answers_needs(&needs, &params);
    st = lib_device_start(&run->device, &needs);
    if (st)
        return st;
    params.ex = calibrate_executor(run->calibrate, run->device.ex, false);
    return answers_run(&params);
}

static enum status run_items(struct run *run, const struct cli_task *task,
                             const struct task_items *items)
{
    const struct task_split_ask ask = {(enum task_split)run->o->split, 0, (uint32_t)run->o->n};
    struct arena arena = {0};
    uint32_t *chosen = arena_array(&arena, items->count + 1, sizeof(*chosen)), n = 0;
    enum status st =
        chosen ? task_split_choose(chosen, &n, task->task->name, items, &ask) : STATUS_MEMORY;
    if (!st && n == 0) {
        log_error("task '%s': found no item in the split %s", task->task->name,
                  SPLITS_OF[run->o->split]);
        st = STATUS_INPUT;
    }
    const struct drawn drawn = {items, chosen, n};
    st = st ? st : keep_names(run, task, items, chosen, n);
    run->task = task->task->name;
    if (!st)
        st = task->task->kind == TASK_CHOICES ? run_choices(run, &arena, &drawn)
                                              : run_answers(run, &arena, &drawn);
    cli_progress_clear(&run->progress);
    lib_device_stop(&run->device);
    arena_finish(&arena);
    return st;
}

static enum status run_task(struct run *run, const struct cli_env *env, const char *name)
{
    const struct cli_task_options options = {.data = run->o->data, .shots = CLI_TASK_NO_SHOTS};
    struct cli_task task = {0};
    struct task_items items = {0};
    enum status st = cli_task_open(&task, env, name, &options);
    st = st ? st : cli_task_items(&items, &task);
    st = st ? st : run_items(run, &task, &items);
    task_items_finish(&items);
    cli_task_close(&task);
    return st;
}

static enum status save(struct run *run)
{
    char hash[HASH_SHA256_TEXT];
    struct calibration c = {.model = run->model,
                            .model_hash = hash,
                            .act = (enum storage)run->o->act,
                            .kv = (enum storage)run->o->kv,
                            .split = SPLITS_OF[run->o->split],
                            .item = run->item,
                            .n_items = run->n_items};
    struct json_memory m;
    enum status st = file_sha256(gguf_path(run->model->gguf), hash);
    st = st ? st : calibrate_finish(&c, &run->arena, run->calibrate);
    st = st ? st : calibration_seal(&c, &run->arena);
    json_begin_memory(&m, true);
    if (!st)
        calibration_put(&m.w, &c);
    json_take(&m.w, st);
    st = json_end_memory(&m, &run->arena);
    st = st ? st : file_write(run->o->output, m.text, m.size);
    if (st)
        return st;
    printf("items   %" PRIu32 " of the split %s\n", c.n_items, c.split);
    printf("columns %" PRIu64 "\n", c.columns);
    printf("tokens  %" PRIu64 " first, %" PRIu64 " later\n", c.tokens[CALIBRATION_FIRST],
           c.tokens[CALIBRATION_LATER]);
    printf("tau     %.4g: margin of the %g %% of later tokens in doubt\n", c.tau,
           100 * c.tau_share);
    return cli_output_flush();
}

static enum status check(const struct cli_protect_options *o)
{
    if (!o->output) {
        log_error("protect calibrate: found no -o, expected the file to write");
        return STATUS_USAGE;
    }
    const enum status st = cli_manifest_check(o->model);
    return st ? st : file_check_writable(o->output);
}

enum status cli_protect_calibrate(const struct cli_env *env, const void *options,
                                  const struct args_list *operands)
{
    const struct cli_protect_options *o = options;
    struct run run = {.o = o};
    const bool given = o->tasks.count > 0;
    const size_t n = given ? o->tasks.count : sizeof(TASKS) / sizeof(*TASKS);
    (void)operands;
    enum status st = check(o);
    st = st ? st : cli_manifest_open(&run.model, env, o->model);
    st = st ? st : cli_device_find(&run.device, env, o->device);
    st = st ? st : calibrate_open(&run.calibrate, run.model);
    cli_progress_init(&run.progress, 0, 0);
    for (size_t i = 0; i < n && !st; i++)
        st = run_task(&run, env, given ? o->tasks.item[i] : TASKS[i]);
    st = st ? st : save(&run);
    const enum status closed = lib_device_finish(&run.device);
    calibrate_close(&run.calibrate);
    model_close(&run.model);
    free(run.item);
    arena_finish(&run.arena);
    return st ? st : closed;
}
