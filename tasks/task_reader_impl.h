/* SPDX-License-Identifier: MIT */
/* A reader's state: the values of a record before it becomes an object. */
#ifndef VKFI_TASKS_TASK_READER_IMPL_H
#define VKFI_TASKS_TASK_READER_IMPL_H

#include <stdbool.h>

#include "base/arena.h"
#include "tasks/task_reader.h"
#include "tasks/task_stream.h"

struct task_reader {
    enum task_format format;
    struct arena arena;
    const char *column[TASK_COLUMNS_MAX]; /* (n_columns) */
    uint32_t n_columns, n_values;
    struct task_stream *stream[TASK_COLUMNS_MAX];
    struct text value[TASK_COLUMNS_MAX]; /* (n_values) of the record being read */
    struct text line;
    bool inside, after; /* of a JSON list: after its '[', after its ']' */
    char where[512];
};

/* A record starts in that line. */
void task_reader_start(struct task_reader *r, uint32_t line);

/* task_reader_split.c: each fills `value`. */
enum status task_reader_split(struct task_reader *r) STATUS_MUST_USE; /* `line` at its tabs */
enum status task_reader_csv(struct task_reader *r, bool *out_end) STATUS_MUST_USE;
enum status task_reader_element(struct task_reader *r, bool *out_end) STATUS_MUST_USE;
enum status task_reader_problem(struct task_reader *r, bool *out_end) STATUS_MUST_USE;
enum status task_reader_check_count(const struct task_reader *r) STATUS_MUST_USE;

#endif
