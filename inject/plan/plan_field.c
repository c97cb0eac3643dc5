/* SPDX-License-Identifier: MIT */
/* Reads and prints the fields of a table by their types. */
#include "inject/plan/plan_field.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sort.h"

/* The word between quotes. */
static uint32_t word_of(enum kinds_table words, const char *json)
{
    for (uint32_t i = 0; i < kinds_count(words); i++) {
        const size_t n = strlen(kinds_text(words, i));
        if (strncmp(json + 1, kinds_text(words, i), n) == 0 && json[n + 1] == '\'')
            return i;
    }
    return 0;
}

void plan_field_defaults(const struct plan_fields *fields, void *base)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct plan_field *f = &fields->field[i];
        void *at = (char *)base + f->at;
        const char *given = f->fallback;
        if (f->type == PLAN_FIELD_GROUP)
            plan_field_defaults(f->members, base);
        else if (f->type == PLAN_FIELD_TEXT)
            *(const char **)at = "";
        else if (!given)
            continue;
        else if (f->type == PLAN_FIELD_WORD)
            *(uint32_t *)at = word_of(f->words, given);
        else if (f->type == PLAN_FIELD_U32)
            *(uint32_t *)at = (uint32_t)strtoul(given, NULL, 10);
        else if (f->type == PLAN_FIELD_U64)
            *(uint64_t *)at = strtoull(given, NULL, 10);
        else if (f->type == PLAN_FIELD_MIB)
            *(uint64_t *)at = strtoull(given, NULL, 10) << 20;
        else if (f->type == PLAN_FIELD_NUMBER)
            *(double *)at = strtod(given, NULL);
    }
}

static enum status read_text(const struct plan_reader *r, const struct json *object,
                             const struct plan_field *f, const char **out)
{
    const char *text = "";
    const enum status st = json_fields_text(r->doc, object, f->key, &text);
    if (st)
        return st;
    if (f->need && !text[0]) {
        const struct json *value = json_get(object, f->key);
        log_error("%s: '%s' is missing or empty; expected %s",
                  json_where(r->doc, value ? value : object), f->key, f->need);
        return STATUS_INPUT;
    }
    *out = arena_text(r->arena, text, strlen(text));
    return *out ? STATUS_OK : STATUS_MEMORY;
}

static enum status read_integer(const struct plan_reader *r, const struct json *object,
                                const struct plan_field *f, uint64_t *out)
{
    int64_t number = 0;
    const enum status st = json_fields_integer(r->doc, object, f->key, f->span, &number);
    *out = (uint64_t)number << (f->type == PLAN_FIELD_MIB ? 20 : 0);
    return st;
}

static enum status read_float(const struct plan_reader *r, const struct json *object,
                              const struct plan_field *f, float *out)
{
    static const struct json_range finite = PLAN_FINITE;
    double number = 0;
    const enum status st = json_fields_number(r->doc, object, f->key, finite, &number);
    *out = (float)number;
    return st;
}

/* [first, last] as a list of two integers. */
static enum status read_pair(const struct plan_reader *r, const struct json *value,
                             struct json_span span, struct plan_pair *out)
{
    int64_t a = 0, b = 0;
    if (json_type(value) != JSON_ARRAY || json_count(value) != 2 ||
        !json_integer(json_at(value, 0), span.min, span.max, &a) ||
        !json_integer(json_at(value, 1), span.min, span.max, &b)) {
        log_error("%s: found %s, expected a list of two integers from %d to %d, the first and the "
                  "last",
                  json_where(r->doc, value), json_fields_found(value).text, (int)span.min,
                  (int)span.max);
        return STATUS_INPUT;
    }
    if (a > b) {
        log_error("%s: found %d after %d, expected the first and the last in rising order",
                  json_where(r->doc, value), (int)b, (int)a);
        return STATUS_INPUT;
    }
    *out = (struct plan_pair){(uint32_t)a, (uint32_t)b, true};
    return STATUS_OK;
}

/* Reads a member that is given. */
static enum status read_value(const struct plan_reader *r, const struct json *object,
                              const struct plan_field *f, void *base)
{
    const struct json *value = json_get(object, f->key);
    void *at = (char *)base + f->at;
    if (f->read)
        return f->read(r, value);
    switch (f->type) {
    case PLAN_FIELD_GROUP:
        return plan_field_read(r, value, f->members, base);
    case PLAN_FIELD_WORD:
        return json_fields_word(r->doc, object, f->key, plan_words(f->words), at);
    case PLAN_FIELD_U32:
        return json_fields_u32(r->doc, object, f->key, f->span, at);
    case PLAN_FIELD_U64:
    case PLAN_FIELD_MIB:
        return read_integer(r, object, f, at);
    case PLAN_FIELD_NUMBER:
        return json_fields_number(r->doc, object, f->key, f->range, at);
    case PLAN_FIELD_FLOAT:
        return read_float(r, object, f, at);
    case PLAN_FIELD_BITS:
        return json_fields_bits(r->doc, object, f->key, UINT32_MAX, at);
    case PLAN_FIELD_CHOICES:
        return plan_choices_read(r, value, f->words, at);
    case PLAN_FIELD_PAIR:
        return read_pair(r, value, f->span, at);
    case PLAN_FIELD_GLOBS:
        return plan_groups_globs(r, value, at);
    default:
        return STATUS_OK; /* read with the object */
    }
}

enum status plan_field_read(const struct plan_reader *r, const struct json *object,
                            const struct plan_fields *fields, void *base)
{
    const char *known[PLAN_FIELDS_MOST];
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->field[i].key)
            known[count++] = fields->field[i].key;
    }
    enum status st =
        json_fields_object(r->doc, object, fields->what, (struct json_words){known, count});
    for (size_t i = 0; !st && i < fields->count; i++) {
        const struct plan_field *f = &fields->field[i];
        if (!f->key)
            continue;
        if (f->type == PLAN_FIELD_TEXT && !f->read) {
            st = read_text(r, object, f, (const char **)((char *)base + f->at));
        } else if (json_get(object, f->key)) {
            st = read_value(r, object, f, base);
        } else if (f->need) {
            log_error("%s: '%s' is missing; expected %s", json_where(r->doc, object), f->key,
                      f->need);
            st = STATUS_INPUT;
        }
    }
    return st;
}

/* In the form of plan_normal. */
static void put_choices(struct json_writer *w, const char *key, const struct plan_choices *choices,
                        enum kinds_table words)
{
    json_put_key(w, key);
    json_object_open(w);
    for (uint32_t i = 0; i < choices->count; i++)
        json_member_number(w, kinds_text(words, choices->choice[i].value),
                           choices->choice[i].weight);
    json_object_close(w);
}

static void put_pair(struct json_writer *w, const char *key, const struct plan_pair *pair)
{
    json_put_key(w, key);
    json_array_open(w);
    json_put_int(w, pair->first);
    json_put_int(w, pair->last);
    json_array_close(w);
}

/* In rising order: which one matches does not matter. */
enum status plan_field_globs(struct json_writer *w, const struct plan_globs *globs)
{
    const char **sorted = calloc(globs->count, sizeof(*sorted));
    if (!sorted) {
        log_error("out of host memory, %u patterns of sites", globs->count);
        return STATUS_MEMORY;
    }
    memcpy(sorted, globs->glob, globs->count * sizeof(*sorted));
    sort_texts(sorted, globs->count);
    json_array_open(w);
    for (uint32_t i = 0; i < globs->count; i++)
        json_put_text(w, sorted[i]);
    json_array_close(w);
    free(sorted);
    return STATUS_OK;
}

static enum status put_group(struct json_writer *w, const char *key,
                             const struct plan_fields *members, const void *base)
{
    if (members->flat)
        return plan_field_put(w, members, base);
    json_put_key(w, key);
    json_object_open(w);
    const enum status st = plan_field_put(w, members, base);
    json_object_close(w);
    return st;
}

/* Empty lists and choices are omitted. */
static enum status put_field(struct json_writer *w, const struct plan_field *f, const void *base)
{
    const void *at = (const char *)base + f->at;
    const char *key = f->canon ? f->canon : f->key;
    if (f->put)
        return f->put(w, base);
    switch (f->type) {
    case PLAN_FIELD_GROUP:
        return put_group(w, key, f->members, base);
    case PLAN_FIELD_TEXT:
        json_member_text(w, key, *(const char *const *)at);
        break;
    case PLAN_FIELD_WORD:
        json_member_text(w, key, kinds_text(f->words, *(const uint32_t *)at));
        break;
    case PLAN_FIELD_U32:
    case PLAN_FIELD_BITS:
        json_member_int(w, key, *(const uint32_t *)at);
        break;
    case PLAN_FIELD_U64:
    case PLAN_FIELD_MIB:
        json_member_int(w, key, (int64_t) * (const uint64_t *)at);
        break;
    case PLAN_FIELD_NUMBER:
        json_member_number(w, key, *(const double *)at);
        break;
    case PLAN_FIELD_FLOAT:
        json_member_number(w, key, (double)*(const float *)at);
        break;
    case PLAN_FIELD_CHOICES:
        if (((const struct plan_choices *)at)->count > 0)
            put_choices(w, key, at, f->words);
        break;
    case PLAN_FIELD_PAIR:
        if (((const struct plan_pair *)at)->given)
            put_pair(w, key, at);
        break;
    case PLAN_FIELD_GLOBS:
        if (((const struct plan_globs *)at)->count == 0)
            break;
        json_put_key(w, key);
        return plan_field_globs(w, at);
    case PLAN_FIELD_OTHER:
        break;
    }
    return STATUS_OK;
}

enum status plan_field_put(struct json_writer *w, const struct plan_fields *fields,
                           const void *base)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < fields->count; i++) {
        if (!fields->field[i].canon || *fields->field[i].canon)
            st = put_field(w, &fields->field[i], base);
    }
    return st;
}
