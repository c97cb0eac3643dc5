/* SPDX-License-Identifier: MIT */
/* The files that match a task's patterns, in a folder of data. */
#ifndef VKFI_TASKS_TASK_FILES_H
#define VKFI_TASKS_TASK_FILES_H

#include "tasks/task_definition.h"

/* A file, or one per column for parallel lines; `name`: each one's up to its first '.'. */
struct task_file {
    const char *path[TASK_COLUMNS_MAX], *name[TASK_COLUMNS_MAX];
};

struct task_files {
    struct task_file *file; /* (count), at least one */
    size_t count;
};

/* From `arena`. STATUS_INPUT, logged, if a pattern without a star, or all with one, find
 * nothing. */
enum status task_files_find(struct task_files *out, struct arena *arena,
                            const struct task_definition *definition,
                            const struct task_query *query) STATUS_MUST_USE;

#endif
