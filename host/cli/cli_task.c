/* SPDX-License-Identifier: MIT */
/* `vkfi task`: the actions and their options; list and schema. */
#include "cli/cli_task.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sort.h"
#include "cli/cli_manifest.h"
#include "inject/plan/plan.h"

#define TASKS_MAX 256

static bool is_path(const char *name)
{
    const size_t n = strlen(name);
    return strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".json") == 0);
}

/* The folder of the data if no files are given. */
static enum status find_data(const char **out, struct arena *arena, const struct cli_env *env,
                             const char *name, const struct cli_task_options *options)
{
    const char *slash = strrchr(name, '/');
    const char *given = options->data ? options->data : env->task_data;
    char *folder = NULL;
    enum status st = STATUS_OK;
    if (!options->data && is_path(name))
        folder =
            slash ? arena_text(arena, name, (size_t)(slash - name)) : arena_text(arena, ".", 1);
    else if (given && strcmp(given, PLAN_TASK_OWN) == 0)
        folder = arena_printf(arena, "%s/items", env->data);
    else if (given)
        folder = arena_text(arena, given, strlen(given));
    else
        st = cli_manifest_cache(&folder, arena, env, "tasks");
    *out = folder;
    return st || folder ? st : STATUS_MEMORY;
}

/* Names of the built-in tasks, in order; room for TASKS_MAX. */
static enum status find_names(const char **name, size_t *out_count, struct arena *arena,
                              const struct cli_env *env)
{
    const char *folder = arena_printf(arena, "%s/definitions", env->data);
    DIR *dir = folder ? opendir(folder) : NULL;
    struct dirent *entry;
    *out_count = 0;
    if (!dir) {
        log_error("%s/definitions: cannot be read: %s", env->data, strerror(errno));
        return STATUS_IO;
    }
    while ((entry = readdir(dir)) != NULL && *out_count < TASKS_MAX) {
        const size_t n = strlen(entry->d_name);
        if (n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0)
            name[(*out_count)++] = arena_text(arena, entry->d_name, n - 5);
    }
    closedir(dir);
    for (size_t i = 0; i < *out_count; i++) {
        if (!name[i])
            return STATUS_MEMORY;
    }
    sort_texts(name, *out_count);
    return STATUS_OK;
}

static enum status unknown(struct arena *arena, const struct cli_env *env, const char *name)
{
    const char *names[TASKS_MAX];
    char suggestion[ARGS_SUGGESTION];
    size_t count = 0;
    const enum status st = find_names(names, &count, arena, env);
    if (st)
        return st;
    log_error("found no task '%s', expected one that `vkfi task list` shows, or the path of a "
              "definition%s",
              name, args_suggest(suggestion, name, names, count));
    return STATUS_INPUT;
}

enum status cli_task_open(struct cli_task *out, const struct cli_env *env, const char *name,
                          const struct cli_task_options *options)
{
    *out = (struct cli_task){
        .query = {.file = options->files.item, .n_files = (uint32_t)options->files.count}};
    const char *path =
        is_path(name) ? name : arena_printf(&out->arena, "%s/definitions/%s.json", env->data, name);
    if (!path)
        return STATUS_MEMORY;
    if (!is_path(name) && access(path, R_OK) != 0)
        return unknown(&out->arena, env, name);
    enum status st = find_data(&out->query.data, &out->arena, env, name, options);
    out->cached = !options->data && !is_path(name) && !env->task_data && options->files.count == 0;
    if (!st)
        st = task_open(&out->task, path);
    if (!st)
        out->query.shots =
            options->shots == CLI_TASK_NO_SHOTS ? out->task->shots : (uint32_t)options->shots;
    return st;
}

enum status cli_task_items(struct task_items *out, const struct cli_task *task)
{
    const char *name = task->task->name;
    char folder[PATH_MAX];
    const int n = snprintf(folder, sizeof(folder), "%s/%s", task->query.data, name);
    if (task->cached && n < (int)sizeof(folder) && access(folder, R_OK) != 0) {
        log_error("task %s: found no data in %s; `vkfi task get %s` fetches them, --data or "
                  "VKFI_DATA names where they are",
                  name, folder, name);
        return STATUS_INPUT;
    }
    return task_items(out, task->task, &task->query);
}

enum status cli_task_of_plan(const void *user, const struct plan_task_request *request,
                             struct task **task, struct task_items *items)
{
    const struct cli_env *env = user;
    const struct cli_task_options options = {
        .data = request->data,
        .shots = request->shots == PLAN_TASK_SHOTS ? CLI_TASK_NO_SHOTS : request->shots};
    struct cli_task opened;
    enum status st = cli_task_open(&opened, env, request->name, &options);
    if (!st)
        st = cli_task_items(items, &opened);
    *task = opened.task; /* the plan closes it */
    opened.task = NULL;
    cli_task_close(&opened);
    return st;
}

void cli_task_close(struct cli_task *task)
{
    task_close(&task->task);
    arena_finish(&task->arena);
}

/* Name, group of tasks, kind, metrics, licence, whether data are there, title. */
#define LIST_LINE "%-14s %-12s %-10s %-12s %-13s %-5s %s\n"

/* One line or object per task; `has_data`: the folder of its name is not empty. */
static void print_task(const struct task *task, bool has_data)
{
    char metrics[64] = "";
    for (uint32_t i = 0; i < task->n_metrics; i++) {
        const size_t n = strlen(metrics);
        snprintf(metrics + n, sizeof(metrics) - n, "%s%s", i ? " " : "",
                 task_metric_name(task->metric[i]));
    }
    printf(LIST_LINE, task->name, task_area_name(task->area), task_kind_name(task->kind), metrics,
           task->licence, has_data ? "there" : "-", task->title);
}

void cli_task_put(struct json_writer *w, const struct task *task)
{
    json_member_text(w, "task", task->name);
    json_member_text(w, "title", task->title);
    json_member_text(w, "area", task_area_name(task->area));
    json_member_text(w, "kind", task_kind_name(task->kind));
    json_member_text(w, "licence", task->licence);
    json_member_array(w, "metrics");
    for (uint32_t i = 0; i < task->n_metrics; i++)
        json_put_text(w, task_metric_name(task->metric[i]));
    json_array_close(w);
    if (task->kind == TASK_CHOICES)
        return;
    json_member_array(w, "extract");
    for (uint32_t i = 0; i < task->n_extracts; i++)
        json_put_text(w, task->extract[i]);
    json_array_close(w);
}

static void list_task(struct json_writer *w, const struct cli_task *one, bool json)
{
    char folder[PATH_MAX];
    const int n = snprintf(folder, sizeof(folder), "%s/%s", one->query.data, one->task->name);
    const bool has_data = n < (int)sizeof(folder) && access(folder, R_OK) == 0;
    if (!json) {
        print_task(one->task, has_data);
        return;
    }
    json_object_open(w);
    cli_task_put(w, one->task);
    json_member_bool(w, "data", has_data);
    json_object_close(w);
}

/* By group of tasks, then by name. */
static enum status list_tasks(const struct cli_env *env, const void *options,
                              const struct args_list *operands)
{
    const struct cli_task_options *o = options;
    const char *names[TASKS_MAX];
    struct arena arena = {0};
    struct json_writer w;
    size_t count = 0, opened = 0;
    (void)operands;
    enum status st = find_names(names, &count, &arena, env);
    struct cli_task *task = arena_array(&arena, count, sizeof(*task));
    for (; !st && task && opened < count; opened++)
        st = cli_task_open(&task[opened], env, names[opened], o);
    json_begin(&w, o->json ? stdout : NULL, true);
    json_array_open(&w);
    if (!st && task && !o->json)
        printf(LIST_LINE, "task", "area", "kind", "metrics", "licence", "data", "title");
    for (size_t at = 0; !st && task && at < TASK_AREA_COUNT * count; at++) {
        if (task[at % count].task->area == at / count)
            list_task(&w, &task[at % count], o->json);
    }
    json_array_close(&w);
    json_take(&w, st);
    st = json_end(&w);
    while (task && opened > 0)
        cli_task_close(&task[--opened]);
    arena_finish(&arena);
    return st || task ? st : STATUS_MEMORY;
}

static enum status print_schema(const struct cli_env *env, const void *options,
                                const struct args_list *operands)
{
    struct json_writer w;
    (void)env, (void)options, (void)operands;
    json_begin(&w, stdout, true);
    task_schema_put(&w);
    return json_end(&w);
}

enum status cli_task(const struct cli_env *env, int argc, char **argv)
{
    static const struct cli_action action[CLI_TASK_ACTIONS] = {
        [CLI_TASK_LIST] = {"list", NULL, 0, 0, list_tasks},
        [CLI_TASK_SHOW] = {"show", "task", 1, 1, cli_task_show},
        [CLI_TASK_GET] = {"get", "task", 1, CLI_ACTION_ANY, cli_task_get},
        [CLI_TASK_SCHEMA] = {"schema", NULL, 0, 0, print_schema},
        [CLI_TASK_RUN] = {"run", "task", 1, CLI_ACTION_ANY, cli_task_run},
        [CLI_TASK_SCORE] = {"score", "task", 1, 1, cli_task_score}};
    struct args_spec spec = {.command = "vkfi task",
                             .summary =
                                 "tasks that models are scored on: list, show, get, run, score",
                             .synopsis = cli_task_synopsis,
                             .details = cli_task_details};
    const struct cli_actions actions = {"task", action, CLI_TASK_ACTIONS, cli_task_option,
                                        &cli_task_given};
    cli_task_given.threads = env->threads;
    return cli_actions_run(&actions, &spec, env, argc, argv);
}
