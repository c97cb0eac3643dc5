/* SPDX-License-Identifier: MIT */
/* Messages on standard error: one line each, written by the place that found the cause. */
#ifndef VKFI_BASE_LOG_H
#define VKFI_BASE_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_NONE = -1, /* as a level of log_set_level: nothing is written         */
    LOG_ERROR,     /* the command fails                                   */
    LOG_WARN,      /* the result stands, but the user should know         */
    LOG_INFO,      /* progress (shown on a terminal, or with -v)          */
    LOG_DEBUG,     /* for developers (-vv)                                */
};

/* Messages above `level` are dropped. Default LOG_WARN. */
void log_set_level(enum log_level level);

__attribute__((format(printf, 1, 2))) void log_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

/* Where this thread's lines up to LOG_INFO go instead, whatever the level; null: standard error. */
typedef void log_sink(void *user, enum log_level level, const char *line);
void log_set_sink(log_sink *sink, void *user);

/* Puts `place` and ": " before this thread's errors, null: nothing. For a reader of one file that
 * opens another which it names: what is wrong there is told with the place that asked for it. The
 * caller keeps the text until it takes the place away. */
void log_set_place(const char *place);

/* Between log_hold_errors(true) and (false) this thread's errors are not written, only kept for
 * log_last_error: for a caller to whom they may be no errors. */
void log_hold_errors(bool hold);

/* Text of the last error logged by this thread, "" if none: lets a test or a JSON reply quote it.
 */
const char *log_last_error(void);

/* Makes it this text, without a line: an error that another thread logged, or "". */
void log_keep_error(const char *text);

#endif
