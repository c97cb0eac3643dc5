/* SPDX-License-Identifier: MIT */
/* Splits of a task's items, and draws from them: by the digest of their names alone. */
#ifndef VKFI_TASKS_TASK_SPLIT_H
#define VKFI_TASKS_TASK_SPLIT_H

#include "tasks/task.h"

/* Fifths by name, the same everywhere: one for calibration, one to find out what to protect, three
 * to tell what that is worth. */
enum task_split { TASK_SPLIT_ALL, TASK_SPLIT_CALIBRATE, TASK_SPLIT_PROFILE, TASK_SPLIT_EVALUATE };

struct task_split_ask {
    enum task_split split;
    uint64_t seed; /* of the draw of n items */
    uint32_t n;    /* 0: all of the split */
};

/* Indexes of the items drawn, rising: `out` has room for all items of the task. */
enum status task_split_choose(uint32_t *out, uint32_t *out_n, const char *task,
                              const struct task_items *items,
                              const struct task_split_ask *ask) STATUS_MUST_USE;

#endif
