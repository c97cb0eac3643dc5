/* SPDX-License-Identifier: MIT */
/* Reads the fields of a definition by their types. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tasks/extract.h"
#include "tasks/task_definition.h"

#define FIELDS_MAX 48 /* of one object */
#define NAME_MAX_BYTES 64
#define PATTERNS_MAX 1024
#define NAMED_MAX 32

static enum status read_template(struct task_reading *r, const struct json *value,
                                 const struct template **out)
{
    struct template_problem problem;
    struct template *template = NULL;
    const char *source = NULL;
    enum status st = json_fields_text_of(r->doc, value, &source);
    if (st)
        return st;
    st = template_record_parse(&template, &r->out->arena, source, &problem);
    if (st == STATUS_INPUT)
        log_error("%s: template, line %u: %s", json_where(r->doc, value), problem.line,
                  problem.text);
    *out = template;
    return st;
}

/* A list of `least` to `most` elements, called `what`. */
static enum status check_list(const struct task_reading *r, const struct json *value, size_t least,
                              size_t most, const char *what)
{
    if (json_type(value) == JSON_ARRAY && json_count(value) >= least && json_count(value) <= most)
        return STATUS_OK;
    log_error("%s: found %s, expected a list of %zu to %zu %s", json_where(r->doc, value),
              json_fields_found(value).text, least, most, what);
    return STATUS_INPUT;
}

static enum status read_templates(struct task_reading *r, const struct task_field *f,
                                  const struct json *value, struct task_templates *out)
{
    out->given = true;
    if (json_type(value) == JSON_TEXT)
        return read_template(r, value, &out->list);
    enum status st =
        check_list(r, value, 2, f->words.count, "templates, or a template whose value is a list");
    const struct template **each =
        st ? NULL : arena_array(&r->out->arena, json_count(value), sizeof(*each));
    if (!st && !each)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < json_count(value); i++)
        st = read_template(r, json_at(value, i), &each[i]);
    out->each = each;
    out->count = st ? 0 : (uint32_t)json_count(value);
    return st;
}

static enum status read_texts(struct task_reading *r, const struct task_field *f,
                              const struct json *value, struct task_texts *out)
{
    enum status st = check_list(r, value, 1, f->words.count, "texts");
    const char **text = st ? NULL : arena_array(&r->out->arena, json_count(value), sizeof(*text));
    if (!st && !text)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < json_count(value); i++) {
        st = json_fields_text_of(r->doc, json_at(value, i), &text[i]);
        for (size_t k = 0; !st && k < i + 1; k++) {
            if (text[i][0] && (k == i || strcmp(text[k], text[i]) != 0))
                continue;
            log_error("%s: found %s, expected texts that differ and are not empty",
                      json_where(r->doc, json_at(value, i)),
                      json_fields_found(json_at(value, i)).text);
            return STATUS_INPUT;
        }
    }
    *out = (struct task_texts){text, st ? 0 : (uint32_t)json_count(value)};
    return st;
}

static enum status read_value(struct task_reading *r, const struct task_field *f,
                              const struct json *value)
{
    static const struct json_range share = {.min = 0, .max = 1};
    void *at = (char *)r->out + f->at;
    int64_t whole = 0;
    enum status st = STATUS_OK;
    if (f->read)
        return f->read(r, value);
    switch (f->type) {
    case TASK_FIELD_TEXT:
        return json_fields_text_of(r->doc, value, at);
    case TASK_FIELD_WORD:
        return json_fields_word_of(r->doc, value, f->words, at);
    case TASK_FIELD_U32:
        st = json_fields_integer_of(r->doc, value, f->span, &whole);
        if (!st)
            *(uint32_t *)at = (uint32_t)whole;
        return st;
    case TASK_FIELD_NUMBER:
        return json_fields_number_of(r->doc, value, share, at);
    case TASK_FIELD_TEXTS:
        return read_texts(r, f, value, at);
    case TASK_FIELD_TEMPLATE:
        return read_template(r, value, at);
    case TASK_FIELD_TEMPLATES:
        return read_templates(r, f, value, at);
    case TASK_FIELD_GROUP:
        return task_field_read(r, value, f->members);
    default:
        return STATUS_OK;
    }
}

enum status task_field_read(struct task_reading *r, const struct json *object,
                            const struct task_fields *fields)
{
    const char *known[FIELDS_MAX];
    for (size_t i = 0; i < fields->count; i++)
        known[i] = fields->field[i].key;
    enum status st =
        json_fields_object(r->doc, object, fields->what, (struct json_words){known, fields->count});
    for (size_t i = 0; !st && i < fields->count; i++) {
        const struct task_field *f = &fields->field[i];
        const struct json *value = json_get(object, f->key);
        if (value) {
            st = read_value(r, f, value);
        } else if (f->need) {
            log_error("%s: '%s' is missing; expected %s", json_where(r->doc, object), f->key,
                      f->need);
            st = STATUS_INPUT;
        }
    }
    return st;
}

enum status task_field_read_note(struct task_reading *r, const struct json *value)
{
    const char *text;
    return json_fields_text_of(r->doc, value, &text);
}

enum status task_field_read_name(struct task_reading *r, const struct json *value)
{
    enum status st = json_fields_text_of(r->doc, value, &r->out->task.name);
    const char *name = r->out->task.name;
    const size_t n = st ? 0 : strlen(name);
    if (st || (n > 0 && n <= NAME_MAX_BYTES &&
               strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n))
        return st;
    log_error("%s: found %s, expected small letters, digits and '_', at most %d",
              json_where(r->doc, value), json_fields_found(value).text, NAME_MAX_BYTES);
    return STATUS_INPUT;
}

static enum status read_path(struct task_reading *r, const struct json *value, const char **out)
{
    enum status st = json_fields_text_of(r->doc, value, out);
    if (st)
        return st;
    const char *name = strrchr(*out, '/'), *star = strpbrk(*out, "*?");
    if (**out && (!star || !name || star > name))
        return STATUS_OK;
    log_error("%s: found %s, expected a path with * and ? in its last part alone",
              json_where(r->doc, value), json_fields_found(value).text);
    return STATUS_INPUT;
}

/* The columns of parallel lines are named by the first object of files. */
static enum status name_columns(struct task_reading *r, const struct json *object)
{
    const size_t n = json_count(object);
    const char **name = arena_array(&r->out->arena, n, sizeof(*name));
    if (!name)
        return STATUS_MEMORY;
    if (json_type(object) != JSON_OBJECT || n < 2 || n > TASK_COLUMNS_MAX) {
        log_error("%s: found %s, expected an object of 2 to %d columns, a path each",
                  json_where(r->doc, object), json_fields_found(object).text, TASK_COLUMNS_MAX);
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < n; i++)
        name[i] = json_key(json_at(object, i));
    r->out->columns = (struct task_texts){name, (uint32_t)n};
    return STATUS_OK;
}

static enum status read_columns_of(struct task_reading *r, const struct json *object,
                                   struct task_pattern *out)
{
    const struct task_texts *columns = &r->out->columns;
    enum status st = json_fields_object(r->doc, object, "an object with a path for each column",
                                        (struct json_words){columns->text, columns->count});
    for (uint32_t i = 0; !st && i < columns->count; i++) {
        const struct json *path = json_get(object, columns->text[i]);
        if (!path) {
            log_error("%s: '%s' is missing; expected the same columns in each object",
                      json_where(r->doc, object), columns->text[i]);
            return STATUS_INPUT;
        }
        st = read_path(r, path, &out->path[i]);
    }
    return st;
}

/* `format` is before `files` in the table, so it is known here. */
enum status task_field_read_files(struct task_reading *r, const struct json *value)
{
    struct task_definition *d = r->out;
    const bool parallel = d->format == TASK_PARALLEL;
    enum status st = check_list(r, value, 1, PATTERNS_MAX, "paths");
    if (!st && parallel)
        st = name_columns(r, json_at(value, 0));
    struct task_pattern *pattern =
        st ? NULL : arena_array(&d->arena, json_count(value), sizeof(*pattern));
    if (!st && !pattern)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < json_count(value); i++) {
        const struct json *one = json_at(value, i);
        st = parallel ? read_columns_of(r, one, &pattern[i]) : read_path(r, one, pattern[i].path);
    }
    d->pattern = pattern;
    d->n_patterns = st ? 0 : (uint32_t)json_count(value);
    return st;
}

enum status task_field_read_columns(struct task_reading *r, const struct json *value)
{
    static const struct task_field texts = {.words = {NULL, TASK_COLUMNS_MAX}};
    if (r->out->format == TASK_CSV || r->out->format == TASK_TSV || r->out->format == TASK_LINES)
        return read_texts(r, &texts, value, &r->out->columns);
    log_error("%s: found columns of the format %s, expected them with csv, tsv or lines",
              json_where(r->doc, value), task_formats[r->out->format]);
    return STATUS_INPUT;
}

static enum status check_object(const struct task_reading *r, const struct json *value)
{
    if (json_type(value) == JSON_OBJECT)
        return STATUS_OK;
    log_error("%s: found %s, expected an object", json_where(r->doc, value),
              json_fields_found(value).text);
    return STATUS_INPUT;
}

enum status task_field_read_fields(struct task_reading *r, const struct json *value)
{
    struct task_definition *d = r->out;
    enum status st = check_object(r, value);
    if (!st && json_count(value) > NAMED_MAX) {
        log_error("%s: found %zu fields, expected at most %d", json_where(r->doc, value),
                  json_count(value), NAMED_MAX);
        st = STATUS_INPUT;
    }
    if (st)
        return st;
    struct task_named *field = arena_array(&d->arena, json_count(value), sizeof(*field));
    if (!field)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < json_count(value); i++) {
        field[i].name = json_key(json_at(value, i));
        st = read_template(r, json_at(value, i), &field[i].template);
    }
    d->field = field;
    d->n_fields = (uint32_t)json_count(value);
    return st;
}

enum status task_field_read_words(struct task_reading *r, const struct json *value)
{
    r->out->words = value;
    return check_object(r, value);
}

/* A word or a list of words, each once; `out` has room for all. */
static enum status read_words(struct task_reading *r, const struct json *value,
                              struct json_words words, uint32_t *out, uint32_t *out_count)
{
    const bool one = json_type(value) == JSON_TEXT;
    enum status st = one ? STATUS_OK : check_list(r, value, 1, words.count, "words, or one");
    const size_t n = one ? 1 : json_count(value);
    for (size_t i = 0; !st && i < n; i++) {
        const struct json *word = one ? value : json_at(value, i);
        st = json_fields_word_of(r->doc, word, words, &out[i]);
        for (size_t k = 0; !st && k < i; k++) {
            if (out[k] != out[i])
                continue;
            log_error("%s: found %s twice", json_where(r->doc, word), json_fields_found(word).text);
            st = STATUS_INPUT;
        }
    }
    *out_count = st ? 0 : (uint32_t)n;
    return st;
}

enum status task_field_read_extract(struct task_reading *r, const struct json *value)
{
    static const struct task_field texts = {.words = {NULL, TASK_RULES_MAX}};
    struct task_texts *out = &r->out->extract;
    const bool one = json_type(value) == JSON_TEXT;
    const char **rule = one ? arena_array(&r->out->arena, 1, sizeof(*rule)) : NULL;
    enum status st = one ? STATUS_OK : read_texts(r, &texts, value, out);
    if (one && !rule)
        return STATUS_MEMORY;
    if (one) {
        rule[0] = json_text(value);
        *out = (struct task_texts){rule, 1};
    }
    for (uint32_t i = 0; !st && i < out->count; i++) {
        char where[512]; /* json_where has one buffer for all */
        snprintf(where, sizeof(where), "%s", json_where(r->doc, one ? value : json_at(value, i)));
        st = extract_check(out->text[i], where);
    }
    return st;
}

enum status task_field_read_metrics(struct task_reading *r, const struct json *value)
{
    uint32_t found[TASK_METRIC_COUNT];
    struct task *task = &r->out->task;
    const enum status st = read_words(
        r, value, (struct json_words){task_metrics, TASK_METRIC_COUNT}, found, &task->n_metrics);
    for (uint32_t i = 0; i < task->n_metrics; i++)
        task->metric[i] = (enum task_metric)found[i];
    return st;
}

enum status task_field_read_records(struct task_reading *r, const struct json *value)
{
    enum status st = check_list(r, value, 1, TASK_SHOTS_MAX, "records");
    for (size_t i = 0; !st && i < json_count(value); i++)
        st = check_object(r, json_at(value, i));
    r->out->examples = value;
    return st;
}
