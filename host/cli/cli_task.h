/* SPDX-License-Identifier: MIT */
/* `vkfi task`: the actions and their common parts. */
#ifndef VKFI_CLI_TASK_H
#define VKFI_CLI_TASK_H

#include <stdbool.h>

#include "cli/cli.h"
#include "tasks/task.h"

enum cli_task_action {
    CLI_TASK_LIST,
    CLI_TASK_SHOW,
    CLI_TASK_GET,
    CLI_TASK_SCHEMA,
    CLI_TASK_RUN,
    CLI_TASK_SCORE,
    CLI_TASK_ACTIONS
};

struct cli_task_options {
    const char *data;       /* --data; null: VKFI_DATA, else the cache */
    struct args_list files; /* --data-file */
    uint64_t item, shots;   /* CLI_TASK_NO_SHOTS: the definition's number */
    bool json, accept_licence;
    /* run, the last ones score too */
    const char *model, *device, *items, *output;
    uint64_t n, samples, seed, threads;
    uint64_t first, last; /* of `items`, once it is read */
    double temperature;
    int act, kv; /* enum storage */
    bool chat, plain;
    const char *input;
    bool unsandboxed;
};
#define CLI_TASK_NO_SHOTS UINT64_MAX

/* cli_task_options.c: the options, their values, and the help page. */
extern struct cli_task_options cli_task_given;
extern const struct cli_option cli_task_option[];
extern const char cli_task_synopsis[], cli_task_details[];

/* Actions with files of their own; `options`: struct cli_task_options. */
enum status cli_task_show(const struct cli_env *env, const void *options,
                          const struct args_list *operands) STATUS_MUST_USE;
enum status cli_task_get(const struct cli_env *env, const void *options,
                         const struct args_list *operands) STATUS_MUST_USE;
enum status cli_task_run(const struct cli_env *env, const void *options,
                         const struct args_list *operands) STATUS_MUST_USE;
enum status cli_task_score(const struct cli_env *env, const void *options,
                           const struct args_list *operands) STATUS_MUST_USE;

/* A task and the source of its items; `query` may be narrowed before task_items. */
struct cli_task {
    struct arena arena;
    struct task *task;
    struct task_query query; /* data, files and shots */
    bool cached;             /* the data are those of the cache */
};

/* By name, or by the path of its definition (it has a '/' or ends in ".json"). The data are in the
 * folder of --data, of a definition given by path, VKFI_DATA, or the cache. Always close it. */
enum status cli_task_open(struct cli_task *out, const struct cli_env *env, const char *name,
                          const struct cli_task_options *options) STATUS_MUST_USE;
void cli_task_close(struct cli_task *task);

/* task_items; if the cache lacks the data, the error line says how to get them. */
enum status cli_task_items(struct task_items *out, const struct cli_task *task) STATUS_MUST_USE;

/* How plans open tasks (struct plan_tasks); `user` is the environment. */
struct plan_task_request;
enum status cli_task_of_plan(const void *user, const struct plan_task_request *request,
                             struct task **task, struct task_items *items) STATUS_MUST_USE;

/* Members of an object that describe the task. */
void cli_task_put(struct json_writer *w, const struct task *task);

#endif
