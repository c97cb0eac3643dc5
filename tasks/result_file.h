/* SPDX-License-Identifier: MIT */
/* The file of a run's lines: continued after an earlier run, one writer at a time. */
#ifndef VKFI_TASKS_RESULT_FILE_H
#define VKFI_TASKS_RESULT_FILE_H

#include <stdio.h>

#include "tasks/result.h"

struct result_file {
    FILE *file; /* lines are appended; null: not open */
    const char *path;
};

/* An earlier line: `where` is "FILE line N". */
typedef enum status result_file_line(void *user, const struct result_read *line, const char *where);

/* Opens or makes the file and gives its lines in order; a partial line at its end, of a killed run,
 * is cut off. STATUS_IO if another run writes it. Always close it. */
enum status result_file_open(struct result_file *out, const char *path, result_file_line *line,
                             void *user) STATUS_MUST_USE;

/* Appends and flushes a line. */
enum status result_file_add(struct result_file *file,
                            const struct result_line *line) STATUS_MUST_USE;
enum status result_file_close(struct result_file *file) STATUS_MUST_USE;

/* The lines of a file of responses ("-": standard input), the last one with or without a line feed;
 * empty ones are skipped. */
enum status result_file_read(const char *path, result_file_line *line, void *user) STATUS_MUST_USE;

#endif
