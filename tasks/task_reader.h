/* SPDX-License-Identifier: MIT */
/* The records of a task's data, one after the other, each as a JSON object. */
#ifndef VKFI_TASKS_TASK_READER_H
#define VKFI_TASKS_TASK_READER_H

#include <stdint.h>

#include "base/json.h"

enum task_format {
    TASK_JSONL,    /* a JSON object a line                                                */
    TASK_JSON,     /* one JSON list of objects                                            */
    TASK_CSV,      /* RFC 4180                                                            */
    TASK_TSV,      /* tabs between values, no quotes                                      */
    TASK_LINES,    /* a value a line, as many lines a record as there are columns         */
    TASK_PARALLEL, /* a value a line, a file for each column: lines n make record n       */
    TASK_RUBI,     /* {integrand, variable, steps, antiderivative ...} in Mathematica     */
    TASK_FORMAT_COUNT
};

#define TASK_COLUMNS_MAX 32

struct task_source {
    enum task_format format;
    const char *const *column;          /* (n_columns); none: CSV and TSV have them in line 1 */
    uint32_t n_columns;                 /* at most TASK_COLUMNS_MAX */
    const char *path[TASK_COLUMNS_MAX]; /* the first alone, but of TASK_PARALLEL each column's */
};

struct task_reader;

/* Opens the files and reads the names of columns. STATUS_IO, STATUS_INPUT, logged. */
enum status task_reader_create(struct task_reader **out,
                               const struct task_source *source) STATUS_MUST_USE;
void task_reader_destroy(struct task_reader **reader);

/* The next record, owned by the caller; null behind the last. One line (file, line, field) says
 * what is wrong with a record. */
enum status task_reader_next(struct task_reader *reader, struct json_doc **out) STATUS_MUST_USE;

/* File and line where the last record began, for messages: "mgsm_de.tsv:12". */
const char *task_reader_where(const struct task_reader *reader);

#endif
