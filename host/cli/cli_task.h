/* SPDX-License-Identifier: MIT */
/* `vkfi task`: the actions and what they share. */
#ifndef VKFI_CLI_TASK_H
#define VKFI_CLI_TASK_H

#include <stdbool.h>

#include "cli/cli.h"
#include "tasks/task.h"

struct cli_task_options {
    const char *data;       /* --data; null: VKFI_DATA, else the cache */
    struct args_list files; /* --data-file */
    uint64_t item, shots;   /* CLI_TASK_NO_SHOTS: as many as the definition says */
    bool json, accept_licence;
};
#define CLI_TASK_NO_SHOTS UINT64_MAX

/* Actions with files of their own; `options`: struct cli_task_options. */
enum status cli_task_show(const struct cli_env *env, const void *options,
                          const struct args_list *operands) STATUS_MUST_USE;
enum status cli_task_get(const struct cli_env *env, const void *options,
                         const struct args_list *operands) STATUS_MUST_USE;

/* A task and what its items are taken from; more may be asked of `query` before task_items. */
struct cli_task {
    struct arena arena;
    struct task *task;
    struct task_query query; /* data, files and shots */
    bool cached;             /* the data are those of the cache */
};

/* By name, or by the path of its definition (it has a '/' or ends in ".json"). The data lie in the
 * folder of --data, that of a definition given by path, VKFI_DATA, or the cache. Close it in any
 * case. */
enum status cli_task_open(struct cli_task *out, const struct cli_env *env, const char *name,
                          const struct cli_task_options *options) STATUS_MUST_USE;
void cli_task_close(struct cli_task *task);

/* task_items; where the cache does not have the data, the line says how to get them. */
enum status cli_task_items(struct task_items *out, const struct cli_task *task) STATUS_MUST_USE;

/* Members of an object that describe the task. */
void cli_task_put(struct json_writer *w, const struct task *task);

#endif
