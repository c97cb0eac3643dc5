/* SPDX-License-Identifier: MIT */
/* Readers of the data formats. */
#include "tasks/task_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tasks/task_reader_impl.h"

void task_reader_start(struct task_reader *r, uint32_t line)
{
    const int n =
        snprintf(r->where, sizeof(r->where), "%s:%u", task_stream_path(r->stream[0]), line);
    if (n >= (int)sizeof(r->where)) /* keeps the end of a long path */
        snprintf(r->where, sizeof(r->where), "...%s:%u",
                 task_stream_path(r->stream[0]) + n - sizeof(r->where) + 4, line);
}

/* The object {column: value ...} of the values read. */
static enum status object_of(struct task_reader *r, struct json_doc **out)
{
    struct json_memory memory;
    struct arena arena = {0};
    json_begin_memory(&memory, false);
    json_object_open(&memory.w);
    for (uint32_t i = 0; i < r->n_columns; i++) {
        json_put_key(&memory.w, r->column[i]);
        json_put_text_n(&memory.w, r->value[i].data, r->value[i].size);
    }
    json_object_close(&memory.w);
    enum status st = json_end_memory(&memory, &arena);
    if (!st)
        st = json_parse(out, memory.text, memory.size, r->where);
    arena_finish(&arena);
    return st;
}

/* A JSON object from the file, with lines counted from the record's own. */
static enum status parse_object(struct task_reader *r, const struct text *text,
                                struct json_doc **out)
{
    enum status st = json_parse(out, text->data, text->size, r->where);
    if (!st && json_type(json_root(*out)) != JSON_OBJECT) {
        log_error("%s: found no object, expected one with the fields of a record", r->where);
        st = STATUS_INPUT;
    }
    if (st)
        json_destroy(out);
    return st;
}

static enum status next_jsonl(struct task_reader *r, struct json_doc **out)
{
    struct text *line = &r->value[0];
    bool end = false;
    enum status st;
    do {
        task_reader_start(r, task_stream_line_number(r->stream[0]));
        st = task_stream_line(r->stream[0], line, &end);
    } while (!st && !end && strspn(line->data, " \t\r") == line->size);
    return st || end ? st : parse_object(r, line, out);
}

static enum status next_tsv(struct task_reader *r, struct json_doc **out)
{
    bool end = false;
    enum status st;
    do {
        task_reader_start(r, task_stream_line_number(r->stream[0]));
        st = task_stream_line(r->stream[0], &r->line, &end);
    } while (!st && !end && r->line.size == 0);
    if (st || end)
        return st;
    st = task_reader_split(r);
    return st ? st : object_of(r, out);
}

static enum status next_csv(struct task_reader *r, struct json_doc **out)
{
    bool end = false;
    enum status st = task_reader_csv(r, &end);
    if (st || end)
        return st;
    st = task_reader_check_count(r);
    return st ? st : object_of(r, out);
}

static enum status next_lines(struct task_reader *r, struct json_doc **out)
{
    bool end = false;
    uint32_t n = 0;
    enum status st = STATUS_OK;
    task_reader_start(r, task_stream_line_number(r->stream[0]));
    for (; !st && !end && n < r->n_columns; n += !end)
        st = task_stream_line(r->stream[0], &r->value[n], &end);
    if (!st && end && n > 0) {
        log_error("%s: found %u lines before the end of the file, expected %u a record, and no "
                  "'%s' is there",
                  r->where, n, r->n_columns, r->column[n]);
        return STATUS_INPUT;
    }
    return st || end ? st : object_of(r, out);
}

static enum status next_parallel(struct task_reader *r, struct json_doc **out)
{
    const uint32_t line = task_stream_line_number(r->stream[0]);
    uint32_t ended = r->n_columns, going = r->n_columns;
    enum status st = STATUS_OK;
    task_reader_start(r, line);
    for (uint32_t i = 0; !st && i < r->n_columns; i++) {
        bool end = false;
        st = task_stream_line(r->stream[i], &r->value[i], &end);
        *(end ? &ended : &going) = i;
    }
    if (!st && ended < r->n_columns && going < r->n_columns) {
        log_error("%s:%u: found the end of the file, expected a line as in %s: lines of the same "
                  "number belong together",
                  task_stream_path(r->stream[ended]), line, task_stream_path(r->stream[going]));
        return STATUS_INPUT;
    }
    return st || ended < r->n_columns ? st : object_of(r, out);
}

static enum status next_json(struct task_reader *r, struct json_doc **out)
{
    bool end = false;
    enum status st = task_reader_element(r, &end);
    return st || end ? st : parse_object(r, &r->value[0], out);
}

static enum status next_rubi(struct task_reader *r, struct json_doc **out)
{
    bool end = false;
    enum status st = task_reader_problem(r, &end);
    return st || end ? st : object_of(r, out);
}

enum status task_reader_next(struct task_reader *reader, struct json_doc **out)
{
    static enum status (*const next[])(struct task_reader *, struct json_doc **) = {
        [TASK_JSONL] = next_jsonl, [TASK_JSON] = next_json,   [TASK_CSV] = next_csv,
        [TASK_TSV] = next_tsv,     [TASK_LINES] = next_lines, [TASK_PARALLEL] = next_parallel,
        [TASK_RUBI] = next_rubi,
    };
    *out = NULL;
    return next[reader->format](reader, out);
}

const char *task_reader_where(const struct task_reader *reader)
{
    return reader->where;
}

/* The first line names the columns, each once. */
static enum status read_header(struct task_reader *r)
{
    bool end = false;
    enum status st;
    task_reader_start(r, 1);
    r->n_columns = TASK_COLUMNS_MAX;
    if (r->format == TASK_CSV) {
        st = task_reader_csv(r, &end);
    } else {
        st = task_stream_line(r->stream[0], &r->line, &end);
        if (!st && !end)
            st = task_reader_split(r);
    }
    if (!st && end) {
        log_error("%s: found an empty file, expected the names of its columns", r->where);
        return STATUS_INPUT;
    }
    for (uint32_t i = 0; !st && i < r->n_values; i++) {
        r->column[i] = arena_text(&r->arena, r->value[i].data, r->value[i].size);
        if (!r->column[i])
            return STATUS_MEMORY;
        for (uint32_t k = 0; k <= i; k++) {
            if (r->column[i][0] && (k == i || strcmp(r->column[i], r->column[k]) != 0))
                continue;
            log_error("%s: found the column '%s' %s, expected names that differ", r->where,
                      r->column[i], r->column[i][0] ? "twice" : "without a name");
            return STATUS_INPUT;
        }
    }
    r->n_columns = r->n_values;
    return st;
}

/* Columns fixed by a format, or named by the definition. */
static enum status name_columns(struct task_reader *r, const struct task_source *source)
{
    static const char *const problem[] = {"integrand", "variable", "steps", "antiderivative",
                                          "another"};
    const bool rubi = source->format == TASK_RUBI;
    const char *const *names = rubi ? problem : source->column;
    r->n_columns = rubi ? 5 : source->n_columns;
    for (uint32_t i = 0; i < r->n_columns; i++) {
        r->column[i] = arena_text(&r->arena, names[i], strlen(names[i]));
        if (!r->column[i])
            return STATUS_MEMORY;
    }
    const bool has_header = r->n_columns == 0 && (r->format == TASK_CSV || r->format == TASK_TSV);
    return has_header ? read_header(r) : STATUS_OK;
}

enum status task_reader_create(struct task_reader **out, const struct task_source *source)
{
    struct task_reader *r = calloc(1, sizeof(*r));
    *out = r;
    if (!r) {
        log_error("out of host memory, a reader of %s", source->path[0]);
        return STATUS_MEMORY;
    }
    r->format = source->format;
    const uint32_t n = source->format == TASK_PARALLEL ? source->n_columns : 1;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < n; i++)
        st = task_stream_open(&r->stream[i], source->path[i]);
    if (!st)
        st = name_columns(r, source);
    if (st)
        task_reader_destroy(out);
    return st;
}

void task_reader_destroy(struct task_reader **reader)
{
    struct task_reader *r = *reader;
    for (uint32_t i = 0; r && i < TASK_COLUMNS_MAX; i++) {
        task_stream_close(&r->stream[i]);
        text_finish(&r->value[i]);
    }
    if (r) {
        text_finish(&r->line);
        arena_finish(&r->arena);
    }
    free(r);
    *reader = NULL;
}
