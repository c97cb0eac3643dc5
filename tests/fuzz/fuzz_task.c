/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a task's definition, and its items from the project's own data.
 *
 * `cmake --preset fuzz` makes a libFuzzer program of it; test_task_hostile feeds it seeded
 * mutations. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tasks/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZ_TASK_DATA
#define FUZZ_TASK_DATA "/nonexistent"
#endif
#define FUZZ_TASK_SENTINEL "fuzz: nothing logged"

static void fuzz_task_require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stdout, "fuzz_task: %s\n", what);
        abort();
    }
}

static void fuzz_task_refused(enum status st)
{
    fuzz_task_require(st == STATUS_INPUT || st == STATUS_IO,
                      "a refusal that does not blame the input");
    fuzz_task_require(strcmp(log_last_error(), FUZZ_TASK_SENTINEL) != 0,
                      "a refusal without a line");
}

/* Properties of every accepted definition. */
static void fuzz_task_check(const struct task *task)
{
    fuzz_task_require(task->name && task->name[0] && task->title && task->licence,
                      "a task without texts");
    fuzz_task_require(task->n_metrics > 0, "a task without a metric");
    fuzz_task_require((task->n_extracts > 0) == (task->kind != TASK_CHOICES),
                      "a rule of extraction for choices, or none for texts");
    fuzz_task_require(task->max_tokens > 0, "an answer without tokens");
    fuzz_task_require(isnan(task->chance) || (task->chance >= 0 && task->chance <= 1),
                      "a chance that is no share");
}

static void fuzz_task_items(const struct task *task)
{
    const struct task_query query = {.data = FUZZ_TASK_DATA, .shots = task->shots, .limit = 3};
    struct task_items items;
    log_error(FUZZ_TASK_SENTINEL);
    const enum status st = task_items(&items, task, &query);
    if (st)
        fuzz_task_refused(st);
    for (uint32_t i = 0; i < items.count; i++) {
        const struct task_item *item = &items.item[i];
        fuzz_task_require((item->n_choices > 0) == (task->kind == TASK_CHOICES),
                          "choices of another kind of task");
        fuzz_task_require(item->n_choices == 0 || item->gold < item->n_choices,
                          "a right choice that is none");
    }
    task_items_finish(&items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *task = NULL;
    /* Exactly the bytes, so that a sanitizer sees one read too far. */
    char *copy = malloc(size ? size : 1);
    fuzz_task_require(copy != NULL, "no memory");
    if (size > 0)
        memcpy(copy, data, size);
    log_error(FUZZ_TASK_SENTINEL);
    const enum status st = task_read(&task, copy, size, "fuzz");
    free(copy);
    fuzz_task_require((!st) == (task != NULL), "a refusal that leaves a task");
    if (st) {
        fuzz_task_refused(st);
        return 0;
    }
    fuzz_task_check(task);
    fuzz_task_items(task);
    task_close(&task);
    return 0;
}
