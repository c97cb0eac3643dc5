/* SPDX-License-Identifier: MIT */
/* Lines of results: written, read, and found among the items of a task. */
#include "tasks/result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/log.h"
#include "base/text.h"
#include "model/utf8.h"

static const char *choice_text(struct arena *arena, const struct task_choice *choice)
{
    return choice->context ? arena_printf(arena, "%s%s", choice->context, choice->text)
                           : choice->text;
}

const char *result_hash(struct arena *arena, const struct result_settings *settings,
                        const struct task_item *item)
{
    struct json_memory m;
    char sum[HASH_SHA256_TEXT];
    json_begin_memory(&m, false);
    struct json_writer *w = &m.w;
    json_object_open(w);
    json_member_text(w, "model", settings->model);
    json_member_text(w, "act", settings->act);
    json_member_text(w, "kv", settings->kv);
    json_member_text(w, "prompt", item->prompt);
    json_member_array(w, "choices");
    for (uint32_t c = 0; c < item->n_choices; c++) {
        json_put_text(w, item->choice[c].context ? item->choice[c].context : "");
        json_put_text(w, item->choice[c].text);
    }
    json_array_close(w);
    if (item->n_choices == 0) {
        json_member_text(w, "format", settings->format);
        json_member_text(w, "instruction", item->instruction);
        task_items_put_turns(w, item);
        json_member_int(w, "item", item->index); /* keys the draws */
        json_member_int(w, "samples", settings->samples);
        json_member_number(w, "temperature", settings->temperature);
        json_member_hex(w, "seed", settings->seed, 16);
        json_member_int(w, "max_tokens", item->max_tokens);
        json_member_array(w, "stop");
        for (uint32_t i = 0; i < item->n_stops; i++)
            json_put_text(w, item->stop[i]);
        json_array_close(w);
    }
    json_object_close(w);
    if (json_end_memory(&m, arena))
        return NULL;
    hash_sha256(m.text, m.size, sum);
    return arena_text(arena, sum, strlen(sum));
}

/* A choice with its own context is shown with it. */
static void put_choice(struct json_writer *w, const struct task_choice *choice)
{
    struct arena arena = {0};
    const char *text = choice_text(&arena, choice);
    if (text)
        json_put_text(w, text);
    else
        json_take(w, STATUS_MEMORY);
    arena_finish(&arena);
}

static void put_choices(struct json_writer *w, const struct result_line *line)
{
    const struct task_item *item = line->item;
    json_put_key(w, "target");
    put_choice(w, &item->choice[item->gold]);
    json_member_array(w, "choices");
    for (uint32_t c = 0; c < item->n_choices; c++)
        put_choice(w, &item->choice[c]);
    json_array_close(w);
    json_member_array(w, "logprobs");
    for (uint32_t c = 0; c < item->n_choices; c++)
        json_put_number(w, line->choice[c].loglik);
    json_array_close(w);
    json_member_array(w, "is_greedy");
    for (uint32_t c = 0; c < item->n_choices; c++)
        json_put_bool(w, line->choice[c].greedy);
    json_array_close(w);
}

/* JSON read here has no U+0000: a model's is written as U+FFFD. */
static void put_plain(struct json_writer *w, const char *text)
{
    struct text out = {0};
    for (const char *at; (at = strstr(text, TEXT_NUL)) != NULL; text = at + strlen(TEXT_NUL)) {
        text_add(&out, text, (size_t)(at - text));
        text_put(&out, UTF8_REPLACEMENT);
    }
    text_put(&out, text);
    json_put_text(w, text_of(&out));
    json_take(w, out.st);
    text_finish(&out);
}

static void put_responses(struct json_writer *w, const struct result_line *line)
{
    json_member_text(w, "target", line->item->target);
    json_member_array(w, "responses");
    for (uint32_t i = 0; i < line->n_responses; i++)
        put_plain(w, line->response[i]);
    json_array_close(w);
    if (!line->score->filtered)
        return;
    json_member_array(w, "filtered");
    for (uint32_t i = 0; i < line->n_responses; i++) {
        if (line->score->filtered[i])
            put_plain(w, line->score->filtered[i]);
        else
            json_put_null(w);
    }
    json_array_close(w);
}

void result_put(struct json_writer *w, const struct result_line *line)
{
    json_object_open(w);
    json_member_text(w, "task", line->task);
    json_member_text(w, "doc_id", line->item->doc_id);
    json_member_text(w, "group", line->item->group);
    json_member_text(w, "prompt", line->item->prompt);
    if (line->choice)
        put_choices(w, line);
    else
        put_responses(w, line);
    json_member_object(w, "metrics");
    for (uint32_t i = 0; i < line->columns->n; i++) {
        if (!line->columns->column[i].corpus)
            json_member_number(w, line->columns->column[i].name, line->score->value[i]);
    }
    json_object_close(w);
    json_member_text(w, "prompt_hash", line->hash);
    json_object_close(w);
}

/* A line during reading. */
struct reading {
    struct result_read *out;
    struct arena *arena;
    const struct json_doc *doc;
    const struct json *root;
};

static enum status expected(const struct reading *r, const struct json *value, const char *what)
{
    log_error("%s: found %s, expected %s", json_where(r->doc, value), json_fields_found(value).text,
              what);
    return STATUS_INPUT;
}

static enum status copy(const char **out, const struct reading *r, const char *text)
{
    *out = arena_text(r->arena, text, strlen(text));
    return *out ? STATUS_OK : STATUS_MEMORY;
}

/* A member that is a text, or absent or null. */
static enum status read_text(const char **out, const struct reading *r, const char *key)
{
    const struct json *value = json_get(r->root, key);
    if (json_type(value) == JSON_NULL)
        return STATUS_OK;
    return json_type(value) == JSON_TEXT ? copy(out, r, json_text(value))
                                         : expected(r, value, "a text");
}

/* A text, or a number: an index of lm-evaluation-harness. */
static enum status read_id(const struct reading *r)
{
    const struct json *value = json_get(r->root, "doc_id");
    char text[32];
    int64_t number;
    if (!value) {
        log_error("%s: found no doc_id, expected the item's", json_where(r->doc, r->root));
        return STATUS_INPUT;
    }
    if (json_type(value) == JSON_TEXT)
        return copy(&r->out->doc_id, r, json_text(value));
    if (!json_integer(value, 0, UINT32_MAX, &number))
        return expected(r, value, "a text or a number from 0");
    snprintf(text, sizeof(text), "%u", (uint32_t)number);
    return copy(&r->out->doc_id, r, text);
}

static enum status read_responses(const struct reading *r)
{
    const struct json *list = json_get(r->root, "responses");
    const size_t n = json_count(list);
    enum status st = STATUS_OK;
    if (!list)
        return STATUS_OK;
    if (json_type(list) != JSON_ARRAY || n == 0 || n > UINT32_MAX)
        return expected(r, list, "a list of texts, at least one");
    r->out->response = arena_array(r->arena, n, sizeof(*r->out->response));
    r->out->n_responses = (uint32_t)n;
    if (!r->out->response)
        return STATUS_MEMORY;
    for (size_t i = 0; i < n && !st; i++) {
        const struct json *one = json_at(list, i);
        st = json_type(one) == JSON_TEXT ? copy(&r->out->response[i], r, json_text(one))
                                         : expected(r, one, "a text");
    }
    return st;
}

/* Numbers that need not be finite; null: unknown. */
static enum status read_number(double *out, const struct reading *r, const struct json *value)
{
    *out = json_type(value) == JSON_NULL ? NAN : json_number(value);
    const bool text = json_type(value) == JSON_TEXT;
    if (json_type(value) == JSON_NULL || json_type(value) == JSON_NUMBER ||
        (text && (!isnan(*out) || strcmp(json_text(value), "NaN") == 0)))
        return STATUS_OK;
    return expected(r, value, "a number");
}

static enum status read_logliks(const struct reading *r)
{
    const struct json *list = json_get(r->root, "logprobs");
    const size_t n = json_count(list);
    enum status st = STATUS_OK;
    if (!list)
        return STATUS_OK;
    if (json_type(list) != JSON_ARRAY || n == 0 || n > UINT32_MAX)
        return expected(r, list, "a list of numbers, one a choice");
    r->out->loglik = arena_array(r->arena, n, sizeof(*r->out->loglik));
    r->out->n_logliks = (uint32_t)n;
    if (!r->out->loglik)
        return STATUS_MEMORY;
    for (size_t i = 0; i < n && !st; i++)
        st = read_number(&r->out->loglik[i], r, json_at(list, i));
    return st;
}

static enum status read_metrics(const struct reading *r)
{
    const struct json *object = json_get(r->root, "metrics");
    const size_t n = json_count(object);
    enum status st = STATUS_OK;
    if (!object)
        return STATUS_OK;
    if (json_type(object) != JSON_OBJECT)
        return expected(r, object, "an object of numbers");
    r->out->metric = arena_array(r->arena, n, sizeof(*r->out->metric));
    r->out->n_metrics = (uint32_t)n;
    if (!r->out->metric)
        return STATUS_MEMORY;
    for (size_t i = 0; i < n && !st; i++) {
        st = copy(&r->out->metric[i].name, r, json_key(json_at(object, i)));
        if (!st)
            st = read_number(&r->out->metric[i].value, r, json_at(object, i));
    }
    return st;
}

enum status result_parse(struct result_read *out, struct arena *arena, const char *text,
                         size_t size, const char *where)
{
    struct json_doc *doc;
    *out = (struct result_read){0};
    enum status st = json_parse(&doc, text, size, where);
    if (st)
        return st;
    const struct reading r = {out, arena, doc, json_root(doc)};
    if (json_type(r.root) != JSON_OBJECT)
        st = expected(&r, r.root, "an object with doc_id and responses");
    st = st ? st : read_id(&r);
    st = st ? st : read_text(&out->task, &r, "task");
    st = st ? st : read_text(&out->group, &r, "group");
    if (!st && !out->group)
        st = read_text(&out->group, &r, "pair");
    st = st ? st : read_text(&out->hash, &r, "prompt_hash");
    st = st ? st : read_responses(&r);
    st = st ? st : read_logliks(&r);
    st = st ? st : read_metrics(&r);
    json_destroy(&doc);
    return st;
}

static bool is_item(const struct result_read *read, const struct task_item *item)
{
    const size_t n = read->group ? strlen(read->group) : 0;
    if (read->group && strcmp(read->group, item->group) != 0)
        return false;
    return strcmp(read->doc_id, item->doc_id) == 0 ||
           (n > 0 && strncmp(item->doc_id, read->group, n) == 0 && item->doc_id[n] == '/' &&
            strcmp(read->doc_id, item->doc_id + n + 1) == 0);
}

uint32_t result_item(const struct result_read *read, const struct task_items *items, uint32_t from)
{
    char index[32];
    for (uint32_t i = 0; i < items->count; i++) {
        const uint32_t at = (from + i) % items->count;
        if (is_item(read, &items->item[at]))
            return at;
    }
    for (uint32_t i = 0; i < items->count && !read->group; i++) {
        snprintf(index, sizeof(index), "%u", items->item[i].index);
        if (strcmp(read->doc_id, index) == 0)
            return i;
    }
    return UINT32_MAX;
}
