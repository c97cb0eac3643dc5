/* SPDX-License-Identifier: MIT */
/* JSON values as template values, and runs of templates over them. */
#include "model/template_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/template_impl.h"

struct template_record {
    struct arena arena;
    struct template_scope scope;
    size_t bytes; /* of all values */
};

enum status template_record_create(struct template_record **out,
                                   const struct template_record *outer)
{
    *out = calloc(1, sizeof(**out));
    if (!*out) {
        log_error("out of host memory, the values of a record");
        return STATUS_MEMORY;
    }
    /* A run binds names in its own scopes; outer ones are only read. */
    (*out)->scope.outer = outer ? (struct template_scope *)&outer->scope : NULL;
    return STATUS_OK;
}

void template_record_destroy(struct template_record **record)
{
    if (*record)
        arena_finish(&(*record)->arena);
    free(*record);
    *record = NULL;
}

static enum status value_of(struct template_run *run, const struct json *json,
                            struct template_value *out);

static enum status number_of(struct template_run *run, const struct json *json,
                             struct template_value *out)
{
    char digits[32];
    int64_t whole;
    if (json_integer(json, INT64_MIN, INT64_MAX, &whole)) {
        *out = template_value_int(whole);
        return STATUS_OK;
    }
    for (int n = 15; n <= 17; n++) {
        snprintf(digits, sizeof(digits), "%.*g", n, json_number(json));
        if (strtod(digits, NULL) == json_number(json))
            break;
    }
    return template_value_text(run, digits, strlen(digits), out);
}

static enum status list_of(struct template_run *run, const struct json *json,
                           struct template_value *out)
{
    enum status st = template_value_list(run, TEMPLATE_IS_LIST, json_count(json), out);
    for (size_t i = 0; !st && i < json_count(json); i++)
        st = value_of(run, json_at(json, i), &out->list->item[i]);
    return st;
}

static enum status dict_of(struct template_run *run, const struct json *json,
                           struct template_value *out)
{
    enum status st = template_value_dict(run, TEMPLATE_IS_DICT, out);
    for (size_t i = 0; !st && i < json_count(json); i++) {
        const struct template_value key = template_value_word(json_key(json_at(json, i)));
        struct template_value value;
        st = value_of(run, json_at(json, i), &value);
        if (!st)
            st = template_value_put(run, out->dict, &key, &value);
    }
    return st;
}

static enum status value_of(struct template_run *run, const struct json *json,
                            struct template_value *out)
{
    switch (json_type(json)) {
    case JSON_BOOL:
        *out = template_value_bool(json_bool(json));
        return STATUS_OK;
    case JSON_NUMBER:
        return number_of(run, json, out);
    case JSON_TEXT:
        *out = template_value_word(json_text(json));
        return STATUS_OK;
    case JSON_ARRAY:
        return list_of(run, json, out);
    case JSON_OBJECT:
        return dict_of(run, json, out);
    default:
        *out = (struct template_value){.type = TEMPLATE_IS_NONE};
        return STATUS_OK;
    }
}

/* Values of a record are in its arena, and count together. */
static struct template_run start(struct template_record *record, struct template_problem *problem)
{
    return (struct template_run){
        .arena = &record->arena, .problem = problem, .bytes = record->bytes};
}

static enum status bind(struct template_record *record, struct template_run *run, const char *name,
                        const struct template_value *value)
{
    struct template_value key;
    enum status st = template_value_text(run, name, strlen(name), &key);
    if (!st)
        st = template_run_bind(run, &record->scope, key.text, value);
    record->bytes = run->bytes;
    return st;
}

enum status template_record_set(struct template_record *record, const char *name,
                                const struct json *value, struct template_problem *problem)
{
    struct template_run run = start(record, problem);
    struct template_value made;
    const enum status st = value_of(&run, value, &made);
    return st ? st : bind(record, &run, name, &made);
}

enum status template_record_set_text(struct template_record *record, const char *name,
                                     const char *text, struct template_problem *problem)
{
    struct template_run run = start(record, problem);
    struct template_value made;
    const enum status st = template_value_text(&run, text, strlen(text), &made);
    return st ? st : bind(record, &run, name, &made);
}

enum status template_record_set_int(struct template_record *record, const char *name,
                                    int64_t number, struct template_problem *problem)
{
    struct template_run run = start(record, problem);
    const struct template_value made = template_value_int(number);
    return bind(record, &run, name, &made);
}

enum status template_record_parse(struct template **out, struct arena *arena, const char *source,
                                  struct template_problem *problem)
{
    return template_parse_source(out, arena, (struct template_text){source, strlen(source)},
                                 TEMPLATE_SPACE_KEPT, problem);
}

enum status template_record_render(const struct template_record *record,
                                   const struct template *template, struct text *out,
                                   struct template_problem *problem)
{
    struct arena arena = {0};
    struct text text = {0};
    struct template_run run = {.arena = &arena, .out = &text, .problem = problem, .strict = true};
    struct template_scope scope = {.outer = (struct template_scope *)&record->scope};
    enum status st = template_run_body(&run, &scope, template->body);
    if (!st)
        st = text_add(out, text_of(&text), text.size);
    text_finish(&text);
    arena_finish(&arena);
    return st;
}

static enum status print_elements(struct template_run *run, const struct template_list *list,
                                  struct arena *arena, struct template_texts *out)
{
    enum status st = STATUS_OK;
    *out = (struct template_texts){arena_array(arena, list->count, sizeof(*out->text)), 0};
    if (!out->text)
        return STATUS_MEMORY;
    for (size_t i = 0; !st && i < list->count; i++) {
        struct text text = {0};
        st = template_print(run, &text, &list->item[i]);
        const char *copy = st ? NULL : arena_text(arena, text_of(&text), text.size);
        text_finish(&text);
        if (!st && !copy)
            return STATUS_MEMORY;
        out->text[out->count++] = copy;
    }
    return st;
}

enum status template_record_list(const struct template_record *record,
                                 const struct template *template, struct arena *arena,
                                 struct template_texts *out, struct template_problem *problem)
{
    struct arena temporary = {0};
    struct template_run run = {.arena = &temporary, .problem = problem, .line = 1, .strict = true};
    struct template_scope scope = {.outer = (struct template_scope *)&record->scope};
    const struct template_node *only = template->body->body;
    struct template_value value;
    struct template_list list;
    if (!only || only->next || only->a->kind != TEMPLATE_PRINT)
        return template_lex_fail(problem, 1,
                                 "found more than one {{ }}, expected one whose value "
                                 "is a list");
    enum status st = template_eval(&run, &scope, only->a->a, &value);
    if (!st && value.type != TEMPLATE_IS_LIST && value.type != TEMPLATE_IS_TUPLE &&
        value.type != TEMPLATE_IS_GENERATOR)
        st = template_value_fail(&run, "found %s, expected a list", template_value_type(&value));
    if (!st)
        st = template_value_elements(&run, &value, &list);
    if (!st)
        st = print_elements(&run, &list, arena, out);
    arena_finish(&temporary);
    return st;
}
