/* SPDX-License-Identifier: MIT */
/* What a request is about, in the forms that clients send. */
#include "serve/serve_prompt.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

#define STOPS_MOST 16u
#define MESSAGES_MOST 4096u
#define PROMPT_FORMS "a text, a list of texts, a list of ids, or a list of lists of ids"

/* --- prompts --- */

static void read_ids(struct serve_reader *r, struct arena *arena, struct serve_prompt *out,
                     const struct json *list, const struct serve_request_rules *rules)
{
    const size_t n = json_count(list);
    int64_t id = 0;
    if (n == 0 || n > rules->positions) {
        log_error("%s: found %zu ids, expected 1 to %" PRIu32, json_where(r->doc, list), n,
                  rules->positions);
        r->st = STATUS_INPUT;
        return;
    }
    int32_t *ids = arena_array(arena, n, sizeof(*ids));
    r->st = ids ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < n && !r->st; i++) {
        r->st = json_fields_integer_of(r->doc, json_at(list, i),
                                       (struct json_span){0, (int64_t)rules->vocabulary - 1}, &id);
        ids[i] = (int32_t)id;
    }
    *out = (struct serve_prompt){.ids = ids, .n_ids = (uint32_t)n};
}

static void read_one(struct serve_reader *r, struct arena *arena, struct serve_prompt *out,
                     const struct json *value, const struct serve_request_rules *rules)
{
    if (json_type(value) == JSON_TEXT)
        out->text = json_text(value);
    else if (json_type(value) == JSON_ARRAY)
        read_ids(r, arena, out, value, rules);
    else
        serve_reader_refuse(r, value, PROMPT_FORMS);
}

void serve_prompt_read(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                       const struct serve_request_rules *rules)
{
    const struct json *value = serve_reader_get(r, "prompt");
    const enum json_type of = json_type(json_at(value, 0));
    const bool many = json_type(value) == JSON_ARRAY && of != JSON_NUMBER;
    const size_t n = many ? json_count(value) : 1;
    if (r->st)
        return;
    if (!value) {
        serve_reader_refuse(r, r->object, "the member prompt: " PROMPT_FORMS);
        return;
    }
    if (n == 0 || n > rules->limits.choices) {
        log_error("%s: found %zu prompts, expected 1 to %" PRIu64, json_where(r->doc, value), n,
                  rules->limits.choices);
        r->st = STATUS_INPUT;
        return;
    }
    struct serve_prompt *prompts = arena_array(arena, n, sizeof(*prompts));
    r->st = prompts ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < n && !r->st; i++) {
        const struct json *one = many ? json_at(value, i) : value;
        if (json_type(one) == json_type(many ? json_at(value, 0) : value))
            read_one(r, arena, &prompts[i], one, rules);
        else
            serve_reader_refuse(r, one, "prompts of one form");
    }
    out->prompt = prompts;
    out->n_prompts = (uint32_t)n;
}

void serve_prompt_read_ids(struct serve_reader *r, struct arena *arena, struct serve_request *out,
                           const struct serve_request_rules *rules, const char *key)
{
    const struct json *value = serve_reader_get(r, key);
    if (r->st)
        return;
    struct serve_prompt *prompt = arena_alloc(arena, sizeof(*prompt));
    out->prompt = prompt;
    out->n_prompts = 1;
    if (!prompt)
        r->st = STATUS_MEMORY;
    else if (json_type(value) == JSON_ARRAY)
        read_ids(r, arena, prompt, value, rules);
    else
        serve_reader_refuse(r, value ? value : r->object, "a list of ids as its member tokens");
}

/* --- chats --- */

/* A text, or a list of parts that are texts. */
static const char *read_content(struct serve_reader *r, struct arena *arena,
                                const struct json *value)
{
    struct text all = {0};
    const char *piece = NULL;
    if (json_type(value) != JSON_ARRAY)
        r->st = json_fields_text_of(r->doc, value, &piece);
    for (size_t i = 0; json_type(value) == JSON_ARRAY && i < json_count(value) && !r->st; i++) {
        const struct json *part = json_at(value, i), *type = json_get(part, "type");
        if (json_type(type) != JSON_TEXT || strcmp(json_text(type), "text") != 0 ||
            json_type(json_get(part, "text")) != JSON_TEXT)
            serve_reader_refuse(r, part,
                                "{\"type\": \"text\", \"text\": ...}: this model reads "
                                "texts");
        else
            text_put(&all, json_text(json_get(part, "text")));
    }
    if (!r->st && !piece) {
        piece = arena_text(arena, text_of(&all), all.size);
        r->st = all.st || !piece ? STATUS_MEMORY : STATUS_OK;
    }
    text_finish(&all);
    return piece;
}

static void read_message(struct serve_reader *r, struct arena *arena, struct template_message *out,
                         const struct json *message)
{
    static const char *const roles[] = {"system", "user", "assistant", "developer"};
    static const char *const known[] = {"role", "content", "name", "type"};
    uint32_t role = 0;
    const struct json *content = json_get(message, "content");
    r->st = json_fields_object(r->doc, message, "a message, an object with role and content",
                               (struct json_words){known, sizeof(known) / sizeof(*known)});
    if (!r->st && (!json_get(message, "role") || !content))
        serve_reader_refuse(r, message, "a message with role and content");
    if (!r->st)
        r->st = json_fields_word(r->doc, message, "role",
                                 (struct json_words){roles, sizeof(roles) / sizeof(*roles)}, &role);
    out->role = roles[role == 3 ? 0 : role];
    if (!r->st)
        out->content = read_content(r, arena, content);
}

void serve_prompt_read_messages(struct serve_reader *r, struct arena *arena,
                                struct serve_request *out)
{
    const struct json *list = serve_reader_get(r, "messages");
    const size_t n = json_count(list);
    if (r->st)
        return;
    if (json_type(list) != JSON_ARRAY || n == 0 || n > MESSAGES_MOST) {
        serve_reader_refuse(r, list ? list : r->object, "the member messages, a list of 1 to 4096");
        return;
    }
    struct template_message *messages = arena_array(arena, n, sizeof(*messages));
    r->st = messages ? STATUS_OK : STATUS_MEMORY;
    for (size_t i = 0; i < n && !r->st; i++)
        read_message(r, arena, &messages[i], json_at(list, i));
    if (!r->st && strcmp(messages[n - 1].role, "user") != 0)
        serve_reader_refuse(r, json_at(list, n - 1), "the last message to be of the user");
    out->message = messages;
    out->n_messages = (uint32_t)n;
}

void serve_prompt_read_stop(struct serve_reader *r, struct serve_request *out)
{
    const struct json *stop = serve_reader_get(r, "stop");
    const bool list = json_type(stop) == JSON_ARRAY;
    const size_t n = list ? json_count(stop) : 1;
    if (r->st || !stop)
        return;
    if (n > STOPS_MOST)
        serve_reader_refuse(r, stop, "at most 16 texts to stop at");
    for (size_t i = 0; i < n && !r->st; i++) {
        const struct json *text = list ? json_at(stop, i) : stop;
        if (json_type(text) != JSON_TEXT || json_text(text)[0] == '\0')
            serve_reader_refuse(r, text, "a text to stop at, not empty");
    }
    out->stop = stop;
}
