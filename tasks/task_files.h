/* SPDX-License-Identifier: MIT */
/* Which files a task's patterns stand for, in a folder of data. */
#ifndef VKFI_TASKS_TASK_FILES_H
#define VKFI_TASKS_TASK_FILES_H

#include "tasks/task_definition.h"

/* A file, of parallel lines one a column; `name`: of each up to its first '.'. */
struct task_file {
    const char *path[TASK_COLUMNS_MAX], *name[TASK_COLUMNS_MAX];
};

struct task_files {
    struct task_file *file; /* (count), at least one */
    size_t count;
};

/* From `arena`. STATUS_INPUT, logged, where a pattern without a star, or all of those with one,
 * find nothing. */
enum status task_files_find(struct task_files *out, struct arena *arena,
                            const struct task_definition *definition,
                            const struct task_query *query) STATUS_MUST_USE;

#endif
