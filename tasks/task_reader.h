/* SPDX-License-Identifier: MIT */
/* The records of a task's data, one after the other, each as a JSON object. */
#ifndef VKFI_TASKS_TASK_READER_H
#define VKFI_TASKS_TASK_READER_H

#include <stdint.h>

#include "base/json.h"

enum task_format {
    TASK_JSONL,    /* one JSON object per line */
    TASK_JSON,     /* one JSON list of objects                                            */
    TASK_CSV,      /* RFC 4180                                                            */
    TASK_TSV,      /* tabs between values, no quotes                                      */
    TASK_LINES,    /* one value per line, one line per column for each record */
    TASK_PARALLEL, /* one value per line, one file per column: lines n make record n */
    TASK_RUBI,     /* {integrand, variable, steps, antiderivative ...} in Mathematica     */
    TASK_FORMAT_COUNT
};

#define TASK_COLUMNS_MAX 32

struct task_source {
    enum task_format format;
    const char *const *column;          /* (n_columns); none: in line 1 of CSV and TSV */
    uint32_t n_columns;                 /* at most TASK_COLUMNS_MAX */
    const char *path[TASK_COLUMNS_MAX]; /* only the first; for TASK_PARALLEL one per column */
};

struct task_reader;

/* Opens the files and reads the names of columns. STATUS_IO, STATUS_INPUT, logged. */
enum status task_reader_create(struct task_reader **out,
                               const struct task_source *source) STATUS_MUST_USE;
void task_reader_destroy(struct task_reader **reader);

/* The next record, owned by the caller; null after the last. One line (file, line, field) tells
 * what is wrong with a record. */
enum status task_reader_next(struct task_reader *reader, struct json_doc **out) STATUS_MUST_USE;

/* File and line where the last record started, for messages: "mgsm_de.tsv:12". */
const char *task_reader_where(const struct task_reader *reader);

#endif
