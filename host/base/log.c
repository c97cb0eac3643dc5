/* SPDX-License-Identifier: MIT */
/* Writes log lines: one write per line, so lines of several threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"

#define LOG_LINE 2048

/* The one process-wide setting of this folder: a level on every call would reach every signature.
 */
static atomic_int threshold = LOG_WARN;
static _Thread_local char last_error[LOG_LINE];
static _Thread_local const char *error_place;
static _Thread_local bool errors_held;
static _Thread_local log_sink *own_sink;
static _Thread_local void *own_sink_user;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

void log_set_sink(log_sink *sink, void *user)
{
    own_sink = sink;
    own_sink_user = user;
}

void log_keep_error(const char *text)
{
    snprintf(last_error, sizeof(last_error), "%s", text);
}

void log_set_place(const char *place)
{
    error_place = place;
}

void log_hold_errors(bool hold)
{
    errors_held = hold;
}

/* Writes the next character of `text` in printable form and returns how many bytes it took. Names
 * from files reach the terminal this way: neither control characters (C0, C1) nor ill-formed UTF-8
 * may steer it. */
static size_t put_printable(char out[static 5], const char *text, size_t size)
{
    const unsigned char first = (unsigned char)*text;
    const size_t len = json_scan_utf8(text, size);

    if (len == 1) {
        const bool control = first < 0x20 || first == 0x7f;
        out[0] = !control ? *text : first == '\n' || first == '\t' ? ' ' : '?';
        out[1] = '\0';
        return 1;
    }
    if (len == 0 || (first == 0xc2 && (unsigned char)text[1] < 0xa0)) {
        snprintf(out, 5, "\\x%02x", first);
        return 1;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return len;
}

/* `body` as one line, ending in dots if it does not fit or was cut before (`cut`). */
static void make_printable(char out[LOG_LINE], const char *body, bool cut)
{
    const size_t size = strlen(body), room = LOG_LINE - sizeof("...");
    size_t at = 0, whole = 0; /* bytes of `out`; those after which dots fit */

    for (size_t i = 0; i < size;) {
        char shown[5];
        i += put_printable(shown, body + i, size - i);
        const size_t len = strlen(shown);
        if (at + len >= LOG_LINE) {
            cut = true;
            break;
        }
        memcpy(out + at, shown, len);
        at += len;
        whole = at <= room ? at : whole;
    }
    out[at] = '\0';
    if (cut)
        memcpy(out + whole, "...", sizeof("..."));
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level, const char *fmt,
                                                       va_list args)
{
    static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
    char body[LOG_LINE], shown[LOG_LINE];
    char line[LOG_LINE + 32];
    const bool placed = level == LOG_ERROR && error_place;
    int at = placed ? snprintf(body, sizeof(body), "%.1024s: ", error_place) : 0;
    int n = vsnprintf(body + at, sizeof(body) - (size_t)at, fmt, args);

    if (n < 0)
        memcpy(body, "(message could not be formatted)", 33);
    make_printable(shown, body, at + n >= (int)sizeof(body));
    if (level == LOG_ERROR)
        memcpy(last_error, shown, sizeof(shown));
    if (level == LOG_ERROR && errors_held)
        return;
    if (own_sink) {
        if (level <= LOG_INFO)
            own_sink(own_sink_user, level, shown);
        return;
    }
    if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    n = snprintf(line, sizeof(line), "vkfi: %s%s\n", prefix[level], shown);
    if (n > 0)
        fwrite(line, 1, (size_t)n, stderr);
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
