/* SPDX-License-Identifier: MIT */
/* Words of the kinds of tasks. */
#include "tasks/task.h"

const char *task_kind_name(enum task_kind kind)
{
    static const char *const name[] = {
        [TASK_CHOICES] = "choices", [TASK_GENERATION] = "generation", [TASK_CODE] = "code"};
    return name[kind];
}
