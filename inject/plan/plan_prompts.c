/* SPDX-License-Identifier: MIT */
/* Prompts of a plan: sets of inline texts, lines of a text file, or token ids. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/outside.h"
#include "inject/plan/plan_field.h"
#include "model/chat.h"

#define PROMPTS_MAX 1000000 /* items of a plan */

/* A growing list of items while the sets are read. */
struct items {
    struct plan_item *item;
    uint32_t count, room;
};

struct set {
    const struct plan_reader *r;
    const struct json *value;
    struct items *items;
    struct plan_item common; /* chat, n, group, place of the set */
    uint32_t first;          /* item of the set */
};

static enum status add_item(const struct set *set, const struct plan_item *item)
{
    struct items *items = set->items;
    if (items->count == PROMPTS_MAX) {
        log_error("%s: expected at most %d prompts in all", json_where(set->r->doc, set->value),
                  PROMPTS_MAX);
        return STATUS_INPUT;
    }
    if (items->count == items->room) {
        const uint32_t room = items->room ? 2 * items->room : 32;
        struct plan_item *more = realloc(items->item, room * sizeof(*more));
        if (!more) {
            log_error("out of host memory, %u prompts", room);
            return STATUS_MEMORY;
        }
        items->item = more;
        items->room = room;
    }
    items->item[items->count] = *item;
    items->item[items->count].index = items->count - set->first;
    items->item[items->count].base = items->count;
    items->count++;
    return STATUS_OK;
}

static enum status add_text(const struct set *set, const char *text, size_t size,
                            const struct json *at)
{
    struct plan_item item = set->common;
    if (size == 0) { /* also a byte-order mark alone */
        log_error("%s: found an empty prompt, expected a text", json_where(set->r->doc, at));
        return STATUS_INPUT;
    }
    item.prompt = arena_text(set->r->arena, text, size);
    return item.prompt ? add_item(set, &item) : STATUS_MEMORY;
}

static enum status add_texts(const struct set *set, const struct json *texts)
{
    enum status st = STATUS_OK;
    if (json_type(texts) != JSON_ARRAY || json_count(texts) == 0) {
        log_error("%s: expected a list of at least one text", json_where(set->r->doc, texts));
        return STATUS_INPUT;
    }
    for (size_t i = 0; !st && i < json_count(texts); i++) {
        const char *text = NULL;
        st = json_fields_text_of(set->r->doc, json_at(texts, i), &text);
        if (st)
            break;
        struct outside_text given = {json_where(set->r->doc, json_at(texts, i)), text,
                                     strlen(text)};
        st = outside_take(&given);
        if (!st)
            st = add_text(set, given.bytes, given.size, json_at(texts, i));
    }
    return st;
}

/* One list of ids: a prompt. */
static enum status add_id_list(const struct set *set, const struct json *list)
{
    struct plan_item item = set->common;
    const size_t count = json_count(list);
    int32_t *ids = arena_array(set->r->arena, count ? count : 1, sizeof(*ids));
    if (!ids)
        return STATUS_MEMORY;
    if (json_type(list) != JSON_ARRAY || count == 0 || count > 1000000) {
        log_error("%s: expected a list of token ids, one list a prompt",
                  json_where(set->r->doc, list));
        return STATUS_INPUT;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        if (!json_integer(json_at(list, i), 0, INT32_MAX, &id)) {
            log_error("%s: expected a token id", json_where(set->r->doc, json_at(list, i)));
            return STATUS_INPUT;
        }
        ids[i] = (int32_t)id;
    }
    item.ids = ids;
    item.n_ids = (uint32_t)count;
    return add_item(set, &item);
}

static enum status add_ids(const struct set *set, const struct json *ids)
{
    enum status st = STATUS_OK;
    if (json_type(ids) != JSON_ARRAY || json_count(ids) == 0) {
        log_error("%s: expected a list of lists of token ids, one list a prompt",
                  json_where(set->r->doc, ids));
        return STATUS_INPUT;
    }
    for (size_t i = 0; !st && i < json_count(ids); i++)
        st = add_id_list(set, json_at(ids, i));
    return st;
}

/* Line `at` of a prompt file with its escapes (\n, \t, \\) undone, in place; the new length, or -1
 * for another escape. */
static ptrdiff_t unescape(char *line, size_t size)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        char c = line[i];
        if (c == '\\') {
            const char next = i + 1 < size ? line[i + 1] : '\0';
            c = next == 'n' ? '\n' : next == 't' ? '\t' : next == '\\' ? '\\' : '\0';
            if (c == '\0')
                return -1;
            i++;
        }
        line[out++] = c;
    }
    return (ptrdiff_t)out;
}

/* "lines": the first and the last line; absent: all of them. */
static enum status read_range(const struct json_doc *doc, const struct json *lines,
                              int64_t *out_first, int64_t *out_last)
{
    if (!lines || (json_type(lines) == JSON_ARRAY && json_count(lines) == 2 &&
                   json_integer(json_at(lines, 0), 1, 1000000000, out_first) &&
                   json_integer(json_at(lines, 1), *out_first, 1000000000, out_last)))
        return STATUS_OK;
    log_error("%s: expected a list of the first and the last line, counted from 1",
              json_where(doc, lines));
    return STATUS_INPUT;
}

/* Lines first .. last (from 1; last 0: to the end); blank ones are skipped. */
static enum status add_lines(const struct set *set, const char *path, char *text, size_t size)
{
    const struct json_doc *doc = set->r->doc;
    const struct json *at = json_get(set->value, "file");
    const struct json *lines = json_get(set->value, "lines");
    int64_t first = 1, last = INT64_MAX, number = 0;
    const uint32_t before = set->items->count;
    const enum status found = read_range(doc, lines, &first, &last);
    if (found)
        return found;
    for (size_t begin = 0; begin < size && number < last;) {
        char *line = text + begin;
        const char *end = memchr(line, '\n', size - begin);
        size_t n = end ? (size_t)(end - line) : size - begin;
        begin += n + 1;
        if (++number < first)
            continue;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        if (strspn(line, " \t\r\n") >= n)
            continue;
        const ptrdiff_t length = unescape(line, n);
        if (length < 0) {
            log_error("%s: %s, line %" PRId64 ": found a backslash before something else, expected "
                      "\\n, \\t or \\\\",
                      json_where(doc, at), path, number);
            return STATUS_INPUT;
        }
        enum status st = add_text(set, line, (size_t)length, at);
        if (st)
            return st;
    }
    if (set->items->count == before || (lines && number < last)) {
        log_error("%s: %s: found %" PRId64 " lines and no prompt in those asked for, expected one "
                  "prompt a line",
                  json_where(doc, lines ? lines : at), path, number);
        return STATUS_INPUT;
    }
    return STATUS_OK;
}

const char *plan_path(const struct plan_reader *r, const char *name)
{
    return name[0] == '/' || !r->folder[0] ? arena_text(r->arena, name, strlen(name))
                                           : arena_printf(r->arena, "%s/%s", r->folder, name);
}

static enum status add_file(const struct set *set, const struct json *value)
{
    const char *name = NULL;
    char place[PLAN_PLACE_ROOM];
    char *text = NULL;
    size_t size = 0;
    enum status st = json_fields_text_of(set->r->doc, value, &name);
    if (st)
        return st;
    if (name[0] == '\0' || strcmp(name, "-") == 0) {
        log_error("%s: expected the name of a text file beside the plan, or a path",
                  json_where(set->r->doc, value));
        return STATUS_INPUT;
    }
    const char *path = plan_path(set->r, name);
    if (!path)
        return STATUS_MEMORY;
    if (access(path, R_OK) != 0) {
        log_error("%s: %s: cannot open: %s", json_where(set->r->doc, value), path, strerror(errno));
        return STATUS_INPUT;
    }
    plan_set_place(place, set->r, value);
    st = file_read(set->r->arena, path, &text, &size);
    struct outside_text given = {path, text, size};
    if (!st)
        st = outside_take(&given);
    log_set_place(NULL);
    if (!st && given.size < size) /* lines are unescaped in place */
        memmove(text, given.bytes, given.size);
    return st ? st : add_lines(set, path, text, given.size);
}

/* Groups become values of strata and words of contrasts. */
static bool group_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    const size_t n = strlen(text);
    return n > 0 && n <= 32 && strspn(text, allowed) == n;
}

/* true, or the name of a built-in template. */
static enum status read_chat(const struct set *set, struct plan_item *out)
{
    const struct json_doc *doc = set->r->doc;
    const struct json *value = json_get(set->value, "chat");
    if (!value || json_type(value) != JSON_TEXT)
        return json_fields_bool(doc, set->value, "chat", &out->chat);
    enum status st = json_fields_text(doc, set->value, "chat", &out->template);
    if (!st && !chat_is_template(out->template)) {
        char expected[CHAT_EXPECTED];
        log_error("%s: found '%s', true and false aside %s", json_where(doc, value), out->template,
                  chat_expected(expected, out->template));
        st = STATUS_INPUT;
    }
    if (st)
        return st;
    out->chat = true;
    out->template = arena_text(set->r->arena, out->template, strlen(out->template));
    return out->template ? STATUS_OK : STATUS_MEMORY;
}

static enum status check_group(const struct set *set, const char *group)
{
    if (!json_get(set->value, "group") || group_name(group))
        return STATUS_OK;
    log_error("%s: expected 1 to 32 letters, digits, '_' or '.'",
              json_where(set->r->doc, json_get(set->value, "group")));
    return STATUS_INPUT;
}

#define OF(member) offsetof(struct plan_item, member)
#define QUOTED(name) ", '" #name "'"
#define TEXT_RULE "One of texts, file and ids must be given."
static const struct plan_field SET[] = {
    {"texts",
     .form = "{'type': 'array', 'minItems': 1, 'items': {'type': 'string', 'minLength': 1}}",
     .examples = "[['The capital of France is']]", .what = "Prompts, one text each. " TEXT_RULE},
    {"file", .form = "{'type': 'string', 'minLength': 1, 'not': {'const': '-'}}",
     .examples = "['prompts.txt']",
     .what = "A text file in UTF-8 beside the plan, one prompt a line; \\n, \\t and \\\\ stand for "
             "a newline, a tab and a backslash. " TEXT_RULE},
    {"lines",
     .form = "{'type': 'array', 'minItems': 2, 'maxItems': 2, 'items': {'type': 'integer', "
             "'minimum': 1, 'maximum': 1000000000}}",
     .examples = "[[1, 2]]",
     .what = "First and last line of the file, counted from 1. All by default."},
    {"ids",
     .form =
         "{'type': 'array', 'minItems': 1, 'items': {'type': 'array', 'minItems': 1, 'maxItems': "
         "1000000, 'items': {'type': 'integer', 'minimum': 0, 'maximum': 2147483647}}}",
     .examples = "[[[9, 8, 7], [200, 201]]]",
     .what = "Prompts as token ids, taken as they are. " TEXT_RULE},
    {"chat", .form = "{'enum': [true, false" CHAT_NAMES(QUOTED, QUOTED, QUOTED) "]}",
     .fallback = "false", .examples = "[true, 'llama3']",
     .what = "true: each text is a user's message in the model's own chat template; a name: in "
             "that built-in one."},
    {"n", NULL, PLAN_FIELD_U32, .at = OF(n), .span = {1, 1000000}, .examples = "[8]",
     .what = "Tokens to generate; decoding.n by default."},
    {"group", NULL, PLAN_FIELD_TEXT, .at = OF(group),
     .form = "{'type': 'string', 'pattern': '^[A-Za-z0-9_.]{1,32}$'}", .examples = "['short']",
     .what = "Names the set, for strata by group. No name by default."}};
PLAN_FIELDS(plan_fields_prompts, "an object with 'texts', 'file' or 'ids'", SET, false);

/* `pointer`: to `value`. */
static enum status read_set(const struct plan_reader *r, const struct json *value,
                            const char *pointer, struct items *items)
{
    struct set set = {.r = r, .value = value, .items = items, .first = items->count};
    const struct json *texts = json_get(value, "texts"), *file = json_get(value, "file"),
                      *ids = json_get(value, "ids");
    set.common = (struct plan_item){.n = r->plan->n, .group = ""};
    enum status st = plan_field_read(r, value, &plan_fields_prompts, &set.common);
    if (st)
        return st;
    if ((texts != NULL) + (file != NULL) + (ids != NULL) != 1) {
        log_error("%s: expected exactly one of 'texts', 'file', 'ids'", json_where(r->doc, value));
        return STATUS_INPUT;
    }
    if (json_get(value, "lines") && !file) {
        log_error("%s: found 'lines' without 'file', which they select from",
                  json_where(r->doc, json_get(value, "lines")));
        return STATUS_INPUT;
    }
    if (json_get(value, "chat") && ids) {
        log_error("%s: found 'chat' with 'ids', which are taken as they are",
                  json_where(r->doc, json_get(value, "chat")));
        return STATUS_INPUT;
    }
    st = read_chat(&set, &set.common);
    st = st ? st : check_group(&set, set.common.group);
    if (st)
        return st;
    set.common.at = arena_printf(r->arena, "%s/%s", pointer,
                                 texts  ? "texts"
                                 : file ? "file"
                                        : "ids");
    if (!set.common.at)
        return STATUS_MEMORY;
    return texts ? add_texts(&set, texts) : file ? add_file(&set, file) : add_ids(&set, ids);
}

static enum status read_sets(const struct plan_reader *r, const struct json *prompts,
                             struct items *items)
{
    enum status st = STATUS_OK;
    if (json_type(prompts) != JSON_ARRAY)
        return read_set(r, prompts, "/prompts", items);
    if (json_count(prompts) == 0) {
        log_error("%s: found an empty list, expected at least one set of prompts",
                  json_where(r->doc, prompts));
        return STATUS_INPUT;
    }
    for (size_t i = 0; !st && i < json_count(prompts); i++) {
        char pointer[32];
        snprintf(pointer, sizeof(pointer), "/prompts/%zu", i);
        st = read_set(r, json_at(prompts, i), pointer, items);
    }
    return st;
}

enum status plan_prompts_read(const struct plan_reader *r, const struct json *prompts)
{
    struct items items = {0};
    enum status st = read_sets(r, prompts, &items);
    if (!st) {
        r->plan->item = arena_array(r->arena, items.count, sizeof(*r->plan->item));
        st = r->plan->item ? STATUS_OK : STATUS_MEMORY;
    }
    if (!st) {
        memcpy(r->plan->item, items.item, items.count * sizeof(*items.item));
        r->plan->n_items = items.count;
    }
    free(items.item);
    return st;
}

enum status plan_prompts_put(struct json_writer *w, const struct plan *plan)
{
    json_put_key(w, "prompts");
    json_array_open(w);
    for (uint32_t i = 0; i < plan->n_items; i++) {
        const struct plan_item *item = &plan->item[i];
        if (item->question)
            continue;
        json_object_open(w);
        json_put_key(w, item->ids ? "ids" : item->chat ? "chat" : "text");
        if (item->ids) {
            json_array_open(w);
            for (uint32_t k = 0; k < item->n_ids; k++)
                json_put_int(w, item->ids[k]);
            json_array_close(w);
        } else {
            json_put_text(w, item->prompt);
        }
        if (item->template) /* plans without one keep their identity */
            json_member_text(w, "template", item->template);
        json_member_int(w, "n", item->n);
        json_member_text(w, "group", item->group);
        json_object_close(w);
    }
    json_array_close(w);
    return STATUS_OK;
}
