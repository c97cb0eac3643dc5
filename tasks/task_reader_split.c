/* SPDX-License-Identifier: MIT */
/* Splits records and values at tabs, quotes and commas, brackets. */
#include <string.h>

#include "base/log.h"
#include "tasks/task_reader_impl.h"

#define BRACKETS_MAX 256 /* nested */

/* The next value, empty. */
static enum status open_value(struct task_reader *r)
{
    if (r->n_values == r->n_columns && r->n_columns == TASK_COLUMNS_MAX) {
        log_error("%s: found more than %d values, expected at most so many", r->where,
                  TASK_COLUMNS_MAX);
        return STATUS_INPUT;
    }
    if (r->n_values == r->n_columns) {
        log_error("%s: found more than %u values, expected one for each column, the last is '%s'",
                  r->where, r->n_columns, r->column[r->n_columns - 1]);
        return STATUS_INPUT;
    }
    r->value[r->n_values].size = 0;
    return text_add(&r->value[r->n_values++], "", 0);
}

/* One more byte of the last value. */
static enum status add(struct task_reader *r, int c)
{
    struct text *value = &r->value[r->n_values - 1];
    const char byte = (char)c;
    if (value->size >= TASK_STREAM_RECORD_MAX) {
        log_error("%s: found a value of more than %zu bytes", r->where, TASK_STREAM_RECORD_MAX);
        return STATUS_INPUT;
    }
    return text_add(value, &byte, 1);
}

enum status task_reader_check_count(const struct task_reader *r)
{
    if (r->n_values == r->n_columns)
        return STATUS_OK;
    log_error("%s: found %u value%s, expected %u: there is no '%s'", r->where, r->n_values,
              r->n_values == 1 ? "" : "s", r->n_columns, r->column[r->n_values]);
    return STATUS_INPUT;
}

enum status task_reader_split(struct task_reader *r)
{
    const char *at = r->line.data;
    enum status st = STATUS_OK;
    r->n_values = 0;
    while (!st && at) {
        const char *tab = strchr(at, '\t');
        st = open_value(r);
        if (!st)
            st = text_add(&r->value[r->n_values - 1], at, tab ? (size_t)(tab - at) : strlen(at));
        at = tab ? tab + 1 : NULL;
    }
    return st || r->n_columns == TASK_COLUMNS_MAX ? st : task_reader_check_count(r);
}

/* From after the opening quote to after the closing one. */
static enum status csv_quoted(struct task_reader *r)
{
    struct task_stream *s = r->stream[0];
    for (;;) {
        const int c = task_stream_next(s);
        if (c < 0) {
            const enum status st = task_stream_status(s);
            if (!st)
                log_error("%s: found no closing quote of value %u up to the end of the file",
                          r->where, r->n_values);
            return st ? st : STATUS_INPUT;
        }
        if (c == '"' && task_stream_peek(s) != '"')
            return STATUS_OK;
        if (c == '"')
            task_stream_next(s);
        const enum status st = add(r, c);
        if (st)
            return st;
    }
}

/* A value up to its comma or the end of its line; `out_more`: a comma. */
static enum status csv_value(struct task_reader *r, bool *out_more)
{
    struct task_stream *s = r->stream[0];
    const bool quoted = task_stream_peek(s) == '"';
    enum status st = open_value(r);
    if (!st && quoted) {
        task_stream_next(s);
        st = csv_quoted(r);
    }
    for (;;) {
        int c = st ? -1 : task_stream_next(s);
        if (c == '\r' && task_stream_peek(s) == '\n')
            c = task_stream_next(s);
        *out_more = c == ',';
        if (c == ',' || c == '\n' || c < 0)
            return st ? st : task_stream_status(s);
        if (quoted || c == '"') {
            log_error("%s: found %s in value %u, expected quotes around the whole value, and "
                      "quotes inside it twice",
                      r->where, quoted ? "text after a closing quote" : "a quote", r->n_values);
            return STATUS_INPUT;
        }
        st = add(r, c);
    }
}

enum status task_reader_csv(struct task_reader *r, bool *out_end)
{
    struct task_stream *s = r->stream[0];
    bool more = true;
    while (task_stream_peek(s) == '\n' || task_stream_peek(s) == '\r')
        task_stream_next(s);
    const uint32_t line = task_stream_line_number(s);
    *out_end = task_stream_peek(s) < 0;
    enum status st = *out_end ? task_stream_status(s) : STATUS_OK;
    task_reader_start(r, line);
    for (r->n_values = 0; !st && !*out_end && more;)
        st = csv_value(r, &more);
    for (uint32_t i = 0; !st && !*out_end && i < r->n_values; i++)
        st = task_stream_check(s, &r->value[i], line);
    return st;
}

static void skip_space(struct task_stream *s)
{
    while (task_stream_peek(s) >= 0 && strchr(" \t\r\n", task_stream_peek(s)) &&
           task_stream_peek(s) != 0)
        task_stream_next(s);
}

static enum status unexpected(struct task_reader *r, const char *expected)
{
    struct task_stream *s = r->stream[0];
    const int c = task_stream_peek(s);
    const enum status st = task_stream_status(s);
    if (st)
        return st;
    if (c < 0)
        log_error("%s:%u: found the end of the file, expected %s", task_stream_path(s),
                  task_stream_line_number(s), expected);
    else
        log_error("%s:%u: found '%c', expected %s", task_stream_path(s), task_stream_line_number(s),
                  c > ' ' && c < 127 ? c : '?', expected);
    return STATUS_INPUT;
}

/* A quoted text with its quotes, `c` the first of them. */
static enum status add_quoted(struct task_reader *r, int c)
{
    struct task_stream *s = r->stream[0];
    enum status st = add(r, c);
    for (bool closed = false; !st && !closed;) {
        c = task_stream_next(s);
        closed = c == '"';
        if (c < 0)
            return unexpected(r, "the closing quote of a text");
        st = add(r, c);
        if (!st && c == '\\' && task_stream_peek(s) >= 0)
            st = add(r, task_stream_next(s));
    }
    return st;
}

/* An element of a JSON list: the text up to its comma or bracket, which json_parse reads. */
static enum status add_element(struct task_reader *r)
{
    struct task_stream *s = r->stream[0];
    enum status st = STATUS_OK;
    for (uint32_t depth = 0; !st;) {
        const int c = task_stream_peek(s);
        if (c < 0)
            return unexpected(r, "the end of a list");
        if (depth == 0 && (c == ',' || c == ']'))
            return STATUS_OK;
        task_stream_next(s);
        depth += c == '{' || c == '[';
        depth -= depth > 0 && (c == '}' || c == ']');
        st = c == '"' ? add_quoted(r, c) : add(r, c);
    }
    return st;
}

/* After ']': nothing but white space. */
static enum status close_list(struct task_reader *r)
{
    struct task_stream *s = r->stream[0];
    if (!r->after)
        task_stream_next(s);
    r->after = true;
    skip_space(s);
    return task_stream_peek(s) < 0 ? task_stream_status(s)
                                   : unexpected(r, "nothing after the list of records");
}

enum status task_reader_element(struct task_reader *r, bool *out_end)
{
    struct task_stream *s = r->stream[0];
    const bool first = !r->inside;
    skip_space(s);
    if (first && task_stream_peek(s) != '[')
        return unexpected(r, "a list of records, '['");
    if (first)
        task_stream_next(s);
    r->inside = true;
    skip_space(s);
    *out_end = r->after || task_stream_peek(s) == ']';
    if (*out_end)
        return close_list(r);
    if (!first && task_stream_peek(s) != ',')
        return unexpected(r, "',' or ']' after a record");
    if (!first)
        task_stream_next(s);
    skip_space(s);
    task_reader_start(r, task_stream_line_number(s));
    r->n_values = 0;
    r->n_columns = 1;
    const enum status st = open_value(r);
    return st ? st : add_element(r);
}

/* "(* ... *)", comments inside it too; the first two characters were seen, one of them taken. */
static enum status skip_comment(struct task_reader *r)
{
    struct task_stream *s = r->stream[0];
    task_stream_next(s);
    for (uint32_t depth = 1; depth > 0;) {
        const int c = task_stream_next(s);
        if (c < 0)
            return unexpected(r, "the end of a comment, '*)'");
        if (c == '(' && task_stream_peek(s) == '*') {
            depth++;
            task_stream_next(s);
        } else if (c == '*' && task_stream_peek(s) == ')') {
            depth--;
            task_stream_next(s);
        }
    }
    return STATUS_OK;
}

/* Up to the '{' of the next problem, which is taken. */
static enum status find_problem(struct task_reader *r, bool *out_end)
{
    struct task_stream *s = r->stream[0];
    for (;;) {
        skip_space(s);
        *out_end = task_stream_peek(s) < 0;
        if (*out_end)
            return task_stream_status(s);
        enum status st = STATUS_OK;
        task_reader_start(r, task_stream_line_number(s));
        const bool brace = task_stream_peek(s) == '{', bracket = task_stream_peek(s) == '(';
        if (!brace && !bracket)
            st = unexpected(r, "a problem {integrand, variable, steps, antiderivative} or a "
                               "comment (* *)");
        if (st)
            return st;
        task_stream_next(s);
        if (brace)
            return STATUS_OK;
        if (task_stream_peek(s) != '*')
            return unexpected(r, "'*' of a comment (* *)");
        st = skip_comment(r);
        if (st)
            return st;
    }
}

/* A value of a problem up to its comma or the last brace, which is taken; `out_more`: a comma. */
static enum status add_expression(struct task_reader *r, bool *out_more)
{
    struct task_stream *s = r->stream[0];
    char open[BRACKETS_MAX];
    uint32_t depth = 0;
    skip_space(s);
    for (;;) {
        const int c = task_stream_next(s);
        static const char opening[] = "([{", closing[] = ")]}";
        const char *opens = c > 0 ? strchr(opening, c) : NULL,
                   *closes = c > 0 ? strchr(closing, c) : NULL;
        *out_more = depth == 0 && c == ',';
        if (c < 0)
            return unexpected(r, "the closing '}' of a problem");
        if (*out_more || (depth == 0 && c == '}'))
            return STATUS_OK;
        enum status st = STATUS_OK;
        if (c == '(' && task_stream_peek(s) == '*') {
            st = skip_comment(r);
            if (st)
                return st;
            continue;
        }
        if ((closes && (depth == 0 || open[depth - 1] != opening[closes - closing])) ||
            (opens && depth == BRACKETS_MAX)) {
            log_error("%s: found '%c' in line %u, expected brackets in pairs, at most %d deep",
                      r->where, c, task_stream_line_number(s), BRACKETS_MAX);
            return STATUS_INPUT;
        }
        if (opens)
            open[depth] = (char)c;
        depth += opens != NULL;
        depth -= closes != NULL;
        st = c == '"' ? add_quoted(r, c) : add(r, c == '\n' || c == '\r' ? ' ' : c);
        if (st)
            return st;
    }
}

enum status task_reader_problem(struct task_reader *r, bool *out_end)
{
    struct task_stream *s = r->stream[0];
    const uint32_t line = task_stream_line_number(s);
    enum status st = find_problem(r, out_end);
    bool more = true;
    for (r->n_values = 0; !st && !*out_end && more;) {
        st = open_value(r);
        if (!st)
            st = add_expression(r, &more);
    }
    if (!st && !*out_end && r->n_values == 4) /* one antiderivative is the rule */
        st = open_value(r);
    if (!st && !*out_end)
        st = task_reader_check_count(r);
    for (uint32_t i = 0; !st && !*out_end && i < r->n_values; i++) {
        struct text *value = &r->value[i];
        while (value->size > 0 && strchr(" \t", value->data[value->size - 1]))
            value->data[--value->size] = '\0';
        st = task_stream_check(s, value, line);
    }
    return st;
}
