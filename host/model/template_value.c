/* SPDX-License-Identifier: MIT */
/* Values of a running template: made, compared and read as in Python. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/template_impl.h"
#include "model/template_text.h"

enum status template_value_fail(struct template_run *run, const char *fmt, ...)
{
    va_list args;

    run->problem->line = run->line;
    va_start(args, fmt);
    vsnprintf(run->problem->text, sizeof(run->problem->text), fmt, args);
    va_end(args);
    return STATUS_INPUT;
}

enum status template_value_step(struct template_run *run, size_t n)
{
    if (n > TEMPLATE_MAX_STEPS - run->steps)
        return template_value_fail(run, "the template takes more than %u steps",
                                   TEMPLATE_MAX_STEPS);
    run->steps += (uint32_t)n;
    return STATUS_OK;
}

void *template_value_memory(struct template_run *run, size_t bytes)
{
    if (bytes > TEMPLATE_MAX_BYTES - run->bytes)
        return NULL;
    run->bytes += bytes > 64 ? bytes : 64;
    if (run->bytes > TEMPLATE_MAX_BYTES)
        run->bytes = TEMPLATE_MAX_BYTES;
    return arena_alloc(run->arena, bytes);
}

enum status template_value_no_memory(struct template_run *run)
{
    /* The arena has logged a lack of host memory; this is the run's own limit. */
    return template_value_fail(run, "the template makes more than %zu bytes of values",
                               TEMPLATE_MAX_BYTES);
}

struct template_value template_value_bool(bool is)
{
    return (struct template_value){.type = TEMPLATE_IS_BOOL, .number = is};
}

struct template_value template_value_int(int64_t number)
{
    return (struct template_value){.type = TEMPLATE_IS_INT, .number = number};
}

struct template_value template_value_word(const char *text)
{
    return (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {text, strlen(text)}};
}

struct template_value template_value_undefined(struct template_text name)
{
    return (struct template_value){.type = TEMPLATE_IS_UNDEFINED, .text = name};
}

enum status template_value_unknown(struct template_run *run, const struct template_value *value)
{
    return template_value_fail(run, "found '%.*s', which is undefined",
                               (int)(value->text.size < 60 ? value->text.size : 60),
                               value->text.data);
}

enum status template_value_text(struct template_run *run, const char *bytes, size_t size,
                                struct template_value *out)
{
    char *copy = template_value_memory(run, size + 1);
    if (!copy)
        return template_value_no_memory(run);
    if (size > 0)
        memcpy(copy, bytes, size);
    *out = (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {copy, size}};
    return STATUS_OK;
}

enum status template_value_list(struct template_run *run, enum template_type type, size_t count,
                                struct template_value *out)
{
    struct template_list *list = template_value_memory(run, sizeof(*list));
    struct template_value *item = count < TEMPLATE_MAX_BYTES / sizeof(*item)
                                      ? template_value_memory(run, (count + 1) * sizeof(*item))
                                      : NULL;
    if (!list || !item)
        return template_value_no_memory(run);
    *list = (struct template_list){item, count, 0};
    *out = (struct template_value){.type = type, .list = list};
    return STATUS_OK;
}

enum status template_value_dict(struct template_run *run, enum template_type type,
                                struct template_value *out)
{
    struct template_dict *dict = template_value_memory(run, sizeof(*dict));
    if (!dict)
        return template_value_no_memory(run);
    *out = (struct template_value){.type = type, .dict = dict};
    return STATUS_OK;
}

/* Index of a key's pair, dict->count if there is none. */
static enum status find_pair(struct template_run *run, const struct template_dict *dict,
                             const struct template_value *key, size_t *out)
{
    bool equal = false;
    for (*out = 0; *out < dict->count; (*out)++) {
        enum status st = template_value_equal(run, &dict->pair[*out].key, key, &equal);
        if (st || equal)
            return st;
    }
    return STATUS_OK;
}

enum status template_value_get(struct template_run *run, const struct template_dict *dict,
                               const struct template_value *key, const struct template_value **out)
{
    size_t at;
    enum status st = find_pair(run, dict, key, &at);
    *out = !st && at < dict->count ? &dict->pair[at].value : NULL;
    return st;
}

enum status template_value_put(struct template_run *run, struct template_dict *dict,
                               const struct template_value *key, const struct template_value *value)
{
    size_t at;
    if (key->type != TEMPLATE_IS_TEXT && key->type != TEMPLATE_IS_INT &&
        key->type != TEMPLATE_IS_BOOL && key->type != TEMPLATE_IS_NONE)
        return template_value_fail(run, "found %s as a key, expected a text or a number",
                                   template_value_type(key));
    enum status st = find_pair(run, dict, key, &at);
    if (st)
        return st;
    if (at < dict->count) {
        dict->pair[at].value = *value;
        return STATUS_OK;
    }
    if (dict->count == dict->room) {
        const size_t room = dict->room ? 2 * dict->room : 4;
        struct template_pair *pair = template_value_memory(run, room * sizeof(*pair));
        if (!pair)
            return template_value_no_memory(run);
        if (dict->count > 0)
            memcpy(pair, dict->pair, dict->count * sizeof(*pair));
        dict->pair = pair;
        dict->room = room;
    }
    dict->pair[dict->count++] = (struct template_pair){*key, *value};
    return STATUS_OK;
}

const char *template_value_type(const struct template_value *value)
{
    static const char *const names[] = {"an undefined value",
                                        "none",
                                        "a boolean",
                                        "a number",
                                        "a text",
                                        "a list",
                                        "a tuple",
                                        "a range",
                                        "a generator",
                                        "a dict",
                                        "a namespace",
                                        "loop",
                                        "a macro",
                                        "a method",
                                        "a function"};
    return names[value->type];
}

bool template_value_is_true(const struct template_value *value)
{
    switch (value->type) {
    case TEMPLATE_IS_UNDEFINED:
    case TEMPLATE_IS_NONE:
        return false;
    case TEMPLATE_IS_BOOL:
    case TEMPLATE_IS_INT:
        return value->number != 0;
    case TEMPLATE_IS_TEXT:
        return value->text.size > 0;
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
    case TEMPLATE_IS_RANGE:
        return value->list->count > 0;
    case TEMPLATE_IS_DICT:
        return value->dict->count > 0;
    case TEMPLATE_IS_LOOP:
        return value->loop->over->count > 0;
    default:
        return true;
    }
}

static bool is_number(const struct template_value *value)
{
    return value->type == TEMPLATE_IS_INT || value->type == TEMPLATE_IS_BOOL;
}

static enum status equal_dicts(struct template_run *run, const struct template_dict *a,
                               const struct template_dict *b, bool *out)
{
    enum status st = STATUS_OK;
    *out = a->count == b->count;
    for (size_t i = 0; !st && *out && i < a->count; i++) {
        const struct template_value *other;
        st = template_value_get(run, b, &a->pair[i].key, &other);
        if (!st && !other)
            *out = false;
        else if (!st)
            st = template_value_equal(run, &a->pair[i].value, other, out);
    }
    return st;
}

static enum status equal_same_type(struct template_run *run, const struct template_value *a,
                                   const struct template_value *b, bool *out)
{
    enum status st = STATUS_OK;
    switch (a->type) {
    case TEMPLATE_IS_UNDEFINED:
    case TEMPLATE_IS_NONE:
        *out = true;
        break;
    case TEMPLATE_IS_TEXT:
    case TEMPLATE_IS_FUNCTION:
        *out = template_text_compare(a->text, b->text) == 0;
        st = template_value_step(run, a->text.size / 64);
        break;
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
    case TEMPLATE_IS_RANGE:
        *out = a->list->count == b->list->count;
        for (size_t i = 0; !st && *out && i < a->list->count; i++)
            st = template_value_equal(run, &a->list->item[i], &b->list->item[i], out);
        break;
    case TEMPLATE_IS_DICT:
        st = equal_dicts(run, a->dict, b->dict, out);
        break;
    default:
        *out = a->dict == b->dict; /* the same object */
        break;
    }
    return st;
}

enum status template_value_equal(struct template_run *run, const struct template_value *a,
                                 const struct template_value *b, bool *out)
{
    enum status st = template_value_step(run, 1);
    *out = false;
    if (st)
        return st;
    if (is_number(a) && is_number(b)) {
        *out = a->number == b->number;
        return STATUS_OK;
    }
    if (a->type != b->type)
        return STATUS_OK;
    if (++run->depth > TEMPLATE_MAX_NESTING)
        return template_value_fail(run, "found values nested deeper than %d", TEMPLATE_MAX_NESTING);
    st = equal_same_type(run, a, b, out);
    run->depth--;
    return st;
}

enum status template_value_order(struct template_run *run, const struct template_value *a,
                                 const struct template_value *b, int *out)
{
    *out = 0;
    if (is_number(a) && is_number(b))
        *out = (a->number > b->number) - (a->number < b->number);
    else if (a->type == TEMPLATE_IS_TEXT && b->type == TEMPLATE_IS_TEXT)
        *out = template_text_compare(a->text, b->text);
    else
        return template_value_fail(run, "found %s and %s, which have no order here",
                                   template_value_type(a), template_value_type(b));
    return STATUS_OK;
}

enum status template_value_in(struct template_run *run, const struct template_value *part,
                              const struct template_value *whole, bool *out)
{
    struct template_list list;
    *out = false;
    if (whole->type == TEMPLATE_IS_TEXT) {
        if (part->type != TEMPLATE_IS_TEXT)
            return template_value_fail(run, "found %s before 'in' a text, expected a text",
                                       template_value_type(part));
        *out = template_text_find(whole->text, part->text, 0) != SIZE_MAX;
        return template_value_step(run, whole->text.size / 64);
    }
    if (whole->type == TEMPLATE_IS_DICT) {
        const struct template_value *found;
        enum status st = template_value_get(run, whole->dict, part, &found);
        *out = !st && found;
        return st;
    }
    enum status st = template_value_elements(run, whole, &list);
    for (size_t i = 0; !st && !*out && i < list.count; i++)
        st = template_value_equal(run, &list.item[i], part, out);
    return st;
}

static enum status characters(struct template_run *run, struct template_text text,
                              struct template_list *out)
{
    struct template_value list;
    enum status st = template_value_step(run, text.size / 16);
    if (!st)
        st = template_value_list(run, TEMPLATE_IS_LIST, template_text_chars(text), &list);
    if (st)
        return st;
    *out = *list.list;
    for (size_t i = 0, at = 0; i < out->count; i++) {
        const size_t n = template_text_next(text, at);
        out->item[i] =
            (struct template_value){.type = TEMPLATE_IS_TEXT, .text = {text.data + at, n}};
        at += n;
    }
    return STATUS_OK;
}

enum status template_value_elements(struct template_run *run, const struct template_value *value,
                                    struct template_list *out)
{
    struct template_value list;
    enum status st = STATUS_OK;
    *out = (struct template_list){0};
    switch (value->type) {
    case TEMPLATE_IS_UNDEFINED:
        st = run->strict ? template_value_unknown(run, value) : STATUS_OK;
        break;
    case TEMPLATE_IS_TEXT:
        st = characters(run, value->text, out);
        break;
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
    case TEMPLATE_IS_RANGE:
        *out = *value->list;
        break;
    case TEMPLATE_IS_GENERATOR:
        *out = (struct template_list){value->list->item + value->list->at,
                                      value->list->count - value->list->at, 0};
        value->list->at = value->list->count;
        break;
    case TEMPLATE_IS_DICT:
        st = template_value_list(run, TEMPLATE_IS_LIST, value->dict->count, &list);
        for (size_t i = 0; !st && i < value->dict->count; i++)
            list.list->item[i] = value->dict->pair[i].key;
        if (!st)
            *out = *list.list;
        break;
    default:
        return template_value_fail(run, "found %s, expected something to go over",
                                   template_value_type(value));
    }
    return st ? st : template_value_step(run, out->count);
}

enum status template_value_length(struct template_run *run, const struct template_value *value,
                                  size_t *out)
{
    *out = 0;
    switch (value->type) {
    case TEMPLATE_IS_UNDEFINED:
        return STATUS_OK;
    case TEMPLATE_IS_TEXT:
        *out = template_text_chars(value->text);
        return template_value_step(run, value->text.size / 16);
    case TEMPLATE_IS_LIST:
    case TEMPLATE_IS_TUPLE:
    case TEMPLATE_IS_RANGE:
        *out = value->list->count;
        return STATUS_OK;
    case TEMPLATE_IS_DICT:
        *out = value->dict->count;
        return STATUS_OK;
    default:
        return template_value_fail(run, "found %s, which has no length",
                                   template_value_type(value));
    }
}
