/* SPDX-License-Identifier: MIT */
/* Writes log lines: one write a line, so lines of several threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LOG_LINE 2048

/* The one process-wide setting of this folder: a level on every call would reach every signature.
 */
static atomic_int threshold = LOG_WARN;
static _Thread_local char last_error[LOG_LINE];

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

/* Names out of files reach the terminal through here: control bytes must not steer it. */
static void make_printable(char *line)
{
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = *c == '\n' || *c == '\t' ? ' ' : '?';
        }
    }
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level, const char *fmt,
                                                       va_list args)
{
    static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
    char body[LOG_LINE];
    char line[LOG_LINE + 32];
    int n = vsnprintf(body, sizeof(body), fmt, args);

    if (n < 0) {
        memcpy(body, "(message could not be formatted)", 33);
    } else if ((size_t)n >= sizeof(body)) {
        memcpy(body + sizeof(body) - 4, "...", 4);
    }
    make_printable(body);
    if (level == LOG_ERROR) {
        memcpy(last_error, body, sizeof(body));
    }
    if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed)) {
        return;
    }
    n = snprintf(line, sizeof(line), "vkfi: %s%s\n", prefix[level], body);
    if (n > 0) {
        fwrite(line, 1, (size_t)n, stderr);
    }
}

void log_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    emit(LOG_ERROR, fmt, args);
    va_end(args);
}

void log_warn(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    emit(LOG_WARN, fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    emit(LOG_INFO, fmt, args);
    va_end(args);
}

void log_debug(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    emit(LOG_DEBUG, fmt, args);
    va_end(args);
}

const char *log_last_error(void)
{
    return last_error;
}
