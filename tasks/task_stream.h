/* SPDX-License-Identifier: MIT */
/* A data file as a stream of bytes and lines; gzip and bzip2 are unpacked. */
#ifndef VKFI_TASKS_TASK_STREAM_H
#define VKFI_TASKS_TASK_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define TASK_STREAM_RECORD_MAX ((size_t)16 << 20) /* bytes of a record or line */

struct task_stream;

/* The packing is told by the file's first bytes, not its name; a byte-order mark at the start is
 * skipped. STATUS_IO, logged. */
enum status task_stream_open(struct task_stream **out, const char *path) STATUS_MUST_USE;
void task_stream_close(struct task_stream **stream);

/* The next byte; -1: none is left, or reading failed (task_stream_status tells which). */
int task_stream_next(struct task_stream *stream);
int task_stream_peek(struct task_stream *stream);
enum status task_stream_status(const struct task_stream *stream) STATUS_MUST_USE;

/* Reads the next line without its end (LF or CR LF) into `line`, emptied first; `out_end`: there
 * was none. Refuses lines beyond the limit, invalid UTF-8 and U+0000. */
enum status task_stream_line(struct task_stream *stream, struct text *line,
                             bool *out_end) STATUS_MUST_USE;

/* STATUS_INPUT, logged, unless the text is UTF-8 without U+0000; `line`: where it starts. */
enum status task_stream_check(const struct task_stream *stream, const struct text *text,
                              uint32_t line) STATUS_MUST_USE;

const char *task_stream_path(const struct task_stream *stream);
uint32_t task_stream_line_number(const struct task_stream *stream); /* of the next byte, from 1 */

#endif
