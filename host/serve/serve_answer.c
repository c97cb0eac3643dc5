/* SPDX-License-Identifier: MIT */
/* Answers as OpenAI's clients read them, whole or as events of a stream. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/vkfi_impl.h"
#include "model/utf8.h"
#include "serve/serve_job.h"

/* OpenAI's word for a log-probability that cannot be told: of an impossible token, or of a row that
 * is not finite. */
#define NO_LOGPROB (-9999.0)

static bool is_chat(const struct serve_job *job)
{
    return job->endpoint == SERVE_CHAT;
}

/* "stop": at an end token, or a text of `stop`; "length"; "due": a fault ended it. */
static const char *reason_of(const struct serve_choice *choice)
{
    return strcmp(choice->end, "end") == 0 ? "stop" : choice->end;
}

/* --- tokens --- */

/* What a token spells; bytes that are no UTF-8 as "bytes:\xe2\x80", so that texts tell tokens
 * apart. */
static void spell(struct text *out, const struct serve_job *job, int32_t id)
{
    struct text bytes = {0};
    text_take(out, detokenizer_piece(job->worker->model->model->tokenizer, id, true, &bytes));
    if (utf8_good_prefix(text_of(&bytes), bytes.size) == bytes.size) {
        text_add(out, text_of(&bytes), bytes.size);
    } else {
        text_put(out, "bytes:");
        for (size_t i = 0; i < bytes.size; i++)
            text_addf(out, "\\x%02x", (unsigned char)bytes.data[i]);
    }
    text_finish(&bytes);
}

static void put_spelled(struct json_writer *w, const char *key, const struct serve_job *job,
                        int32_t id)
{
    struct text text = {0};
    spell(&text, job, id);
    if (key)
        json_put_key(w, key);
    json_put_text_n(w, text_of(&text), text.size);
    json_take(w, text.st);
    text_finish(&text);
}

static void put_logprob(struct json_writer *w, double logprob)
{
    json_put_number(w, isfinite(logprob) ? logprob : NO_LOGPROB);
}

/* --- log-probabilities of a completion --- */

/* A token of the list, the prompt's or one given. */
struct entry {
    int32_t id;
    bool known; /* it has a log-probability: all but the first of a prompt */
    double logprob;
    const struct serve_likely *top; /* (n_top) */
    uint32_t n_top;
};

struct entries {
    struct entry *entry; /* (n) */
    uint32_t n;
};

static double number_or_nan(const struct json *value)
{
    return json_type(value) == JSON_NUMBER ? json_number(value) : NAN;
}

static enum status add_prompt(struct entries *all, struct serve_choice *choice)
{
    const struct json *root = json_root(choice->report);
    const struct json *logprobs = json_get(root, "prompt_logprobs"),
                      *tops = json_get(root, "prompt_top");
    for (uint32_t i = 0; i < choice->n_ids; i++) {
        const struct json *list = i > 0 ? json_at(tops, i - 1) : NULL;
        struct serve_likely *top =
            arena_array(&choice->job->arena, json_count(list) + 1, sizeof(*top));
        if (!top)
            return STATUS_MEMORY;
        for (size_t k = 0; k < json_count(list); k++)
            top[k] = (struct serve_likely){(int32_t)json_number(json_at(json_at(list, k), 0)),
                                           number_or_nan(json_at(json_at(list, k), 1))};
        all->entry[all->n++] =
            (struct entry){.id = choice->ids[i],
                           .known = i > 0,
                           .logprob = i > 0 ? number_or_nan(json_at(logprobs, i - 1)) : NAN,
                           .top = top,
                           .n_top = (uint32_t)json_count(list)};
    }
    return STATUS_OK;
}

/* Those of the choice from `first` on, after the prompt's if they are wanted. */
static enum status make_entries(struct entries *out, struct serve_choice *choice, uint32_t first)
{
    const bool echo = choice->job->request.echo;
    const size_t most = choice->n_tokens + (echo ? choice->n_ids : 0);
    *out = (struct entries){arena_array(&choice->job->arena, most + 1, sizeof(*out->entry)), 0};
    enum status st = out->entry ? STATUS_OK : STATUS_MEMORY;
    if (!st && echo)
        st = add_prompt(out, choice);
    for (uint32_t i = first; i < choice->n_tokens && !st; i++) {
        const struct serve_token *token = &choice->token[i];
        out->entry[out->n++] =
            (struct entry){token->id, true, token->logprob, token->top, token->n_top};
    }
    return st;
}

/* A member of an object: a token's text and its log-probability. */
static void put_spelled_logprob(struct json_writer *w, const struct serve_job *job, int32_t id,
                                double logprob)
{
    struct text key = {0};
    spell(&key, job, id);
    json_put_key(w, text_of(&key));
    json_take(w, key.st);
    put_logprob(w, logprob);
    text_finish(&key);
}

static void put_likely(struct json_writer *w, const struct serve_job *job,
                       const struct entry *entry)
{
    bool own = false;
    if (!entry->known || job->request.top == 0) {
        json_put_null(w);
        return;
    }
    json_object_open(w);
    for (uint32_t k = 0; k < entry->n_top; k++) {
        put_spelled_logprob(w, job, entry->top[k].id, entry->top[k].logprob);
        own |= entry->top[k].id == entry->id;
    }
    if (!own) /* as OpenAI's: the token itself is always told */
        put_spelled_logprob(w, job, entry->id, entry->logprob);
    json_object_close(w);
}

/* Characters of a text, as clients count them. */
static uint32_t characters(const char *text, size_t size)
{
    uint32_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

static void put_offsets(struct json_writer *w, const struct serve_job *job,
                        const struct entries *all)
{
    uint32_t at = 0;
    json_member_array(w, "text_offset");
    for (uint32_t i = 0; i < all->n; i++) {
        struct text bytes = {0};
        json_put_int(w, at);
        json_take(w, detokenizer_piece(job->worker->model->model->tokenizer, all->entry[i].id,
                                       false, &bytes));
        at += characters(text_of(&bytes), bytes.size);
        text_finish(&bytes);
    }
    json_array_close(w);
}

static void put_completion_logprobs(struct json_writer *w, struct serve_choice *choice,
                                    uint32_t first)
{
    const struct serve_job *job = choice->job;
    struct entries all;
    const enum status st = make_entries(&all, choice, first);
    json_take(w, st);
    json_member_object(w, "logprobs");
    json_member_array(w, "tokens");
    for (uint32_t i = 0; i < all.n; i++)
        put_spelled(w, NULL, job, all.entry[i].id);
    json_array_close(w);
    json_member_array(w, "token_logprobs");
    for (uint32_t i = 0; i < all.n; i++) {
        if (all.entry[i].known)
            put_logprob(w, all.entry[i].logprob);
        else
            json_put_null(w);
    }
    json_array_close(w);
    json_member_array(w, "top_logprobs");
    for (uint32_t i = 0; i < all.n; i++)
        put_likely(w, job, &all.entry[i]);
    json_array_close(w);
    put_offsets(w, job, &all);
    json_object_close(w);
}

/* --- log-probabilities of a chat --- */

static void put_chat_token(struct json_writer *w, const struct serve_job *job, int32_t id,
                           double logprob)
{
    struct text bytes = {0};
    put_spelled(w, "token", job, id);
    json_put_key(w, "logprob");
    put_logprob(w, logprob);
    json_take(w, detokenizer_piece(job->worker->model->model->tokenizer, id, true, &bytes));
    json_member_array(w, "bytes");
    for (size_t i = 0; i < bytes.size; i++)
        json_put_int(w, (unsigned char)bytes.data[i]);
    json_array_close(w);
    text_finish(&bytes);
}

static void put_chat_logprobs(struct json_writer *w, const struct serve_choice *choice,
                              uint32_t first)
{
    const struct serve_job *job = choice->job;
    json_member_object(w, "logprobs");
    json_member_array(w, "content");
    for (uint32_t i = first; i < choice->n_tokens; i++) {
        const struct serve_token *token = &choice->token[i];
        json_object_open(w);
        put_chat_token(w, job, token->id, token->logprob);
        json_member_array(w, "top_logprobs");
        for (uint32_t k = 0; k < token->n_top; k++) {
            json_object_open(w);
            put_chat_token(w, job, token->top[k].id, token->top[k].logprob);
            json_object_close(w);
        }
        json_array_close(w);
        json_object_close(w);
    }
    json_array_close(w);
    json_member_null(w, "refusal");
    json_object_close(w);
}

/* --- objects --- */

static void put_logprobs(struct json_writer *w, struct serve_choice *choice, uint32_t first)
{
    if (!choice->job->request.logprobs)
        json_member_null(w, "logprobs");
    else if (is_chat(choice->job))
        put_chat_logprobs(w, choice, first);
    else
        put_completion_logprobs(w, choice, first);
}

static void put_json(struct json_writer *w, const char *key, const char *text)
{
    struct json_doc *doc = NULL;
    json_take(w, json_parse(&doc, text, strlen(text), key));
    json_member_value(w, key, json_root(doc));
    json_destroy(&doc);
}

/* What a run says beyond OpenAI's interface: hash, events of its policy, what faults struck. */
static void put_extension(struct json_writer *w, const struct serve_choice *choice)
{
    const struct json *root = json_root(choice->report), *protect = json_get(root, "protect"),
                      *struck = json_get(root, "struck");
    json_member_object(w, "vkfi");
    json_member_value(w, "hash", json_get(root, "hash"));
    if (protect) {
        json_member_value(w, "outcome", json_get(protect, "outcome"));
        json_member_value(w, "alarms", json_get(protect, "alarms"));
        json_member_value(w, "events", json_get(protect, "events"));
    }
    if (choice->drawn)
        json_member_int(w, "trial", (int64_t)choice->trial);
    if (choice->fault)
        put_json(w, "fault", choice->fault);
    if (struck)
        json_member_value(w, "record", struck);
    json_object_close(w);
}

static void put_head(struct json_writer *w, const struct serve_job *job, bool chunk)
{
    json_member_text(w, "id", job->name);
    json_member_text(w, "object",
                     !is_chat(job) ? "text_completion"
                     : chunk       ? "chat.completion.chunk"
                                   : "chat.completion");
    json_member_int(w, "created", job->created);
    json_member_text(w, "model", job->worker->params->name);
}

static void put_usage(struct json_writer *w, const struct serve_job *job)
{
    uint64_t given = 0;
    for (uint32_t i = 0; i < job->n_choices; i++)
        given += job->choice[i].n_tokens;
    json_member_object(w, "usage");
    json_member_int(w, "prompt_tokens", (int64_t)job->counts.prompt_tokens);
    json_member_int(w, "completion_tokens", (int64_t)given);
    json_member_int(w, "total_tokens", (int64_t)(job->counts.prompt_tokens + given));
    json_object_close(w);
}

/* The prompt as it was given, or as its ids spell it. */
static void put_echo(struct json_writer *w, const struct serve_choice *choice)
{
    const struct serve_job *job = choice->job;
    const struct serve_prompt *prompt = &job->request.prompt[choice->index / job->request.n];
    struct text text = {0};
    if (prompt->text)
        text_put(&text, prompt->text);
    else
        json_take(w, detokenizer_answer(&text, job->worker->model->model->tokenizer, prompt->ids,
                                        prompt->n_ids));
    text_add(&text, text_of(&choice->text), choice->text.size);
    json_put_text_n(w, text_of(&text), text.size);
    text_finish(&text);
}

static void put_choice(struct json_writer *w, struct serve_choice *choice)
{
    json_object_open(w);
    json_member_int(w, "index", choice->index);
    if (is_chat(choice->job)) {
        json_member_object(w, "message");
        json_member_text(w, "role", "assistant");
        json_put_key(w, "content");
        json_put_text_n(w, text_of(&choice->text), choice->text.size);
        json_member_null(w, "refusal");
        json_object_close(w);
    } else {
        json_put_key(w, "text");
        if (choice->job->request.echo)
            put_echo(w, choice);
        else
            json_put_text_n(w, text_of(&choice->text), choice->text.size);
    }
    put_logprobs(w, choice, 0);
    json_member_text(w, "finish_reason", reason_of(choice));
    put_extension(w, choice);
    json_object_close(w);
}

static enum status end_body(struct text *out, struct json_memory *m, const char *before,
                            const char *after)
{
    struct arena arena = {0};
    const char *line = NULL;
    json_object_close(&m->w);
    text_take(out, json_end_line(&line, m, &arena));
    text_addf(out, "%s%s%s", before, line ? line : "", after);
    arena_finish(&arena);
    return out->st;
}

enum status serve_answer_whole(struct text *out, struct serve_job *job)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    put_head(&m.w, job, false);
    json_member_array(&m.w, "choices");
    for (uint32_t i = 0; i < job->n_choices; i++)
        put_choice(&m.w, &job->choice[i]);
    json_array_close(&m.w);
    put_usage(&m.w, job);
    return end_body(out, &m, "", "");
}

/* --- events --- */

static void put_piece(struct json_writer *w, struct serve_choice *choice, bool end)
{
    const bool first = choice->told == 0;
    json_object_open(w);
    json_member_int(w, "index", choice->index);
    if (is_chat(choice->job)) {
        json_member_object(w, "delta");
        if (first)
            json_member_text(w, "role", "assistant");
        json_put_key(w, "content");
    } else {
        json_put_key(w, "text");
    }
    json_put_text_n(w, text_of(&choice->text), choice->text.size);
    if (is_chat(choice->job))
        json_object_close(w);
    put_logprobs(w, choice, choice->told);
    json_member_text(w, "finish_reason", end ? reason_of(choice) : NULL);
    if (end)
        put_extension(w, choice);
    json_object_close(w);
}

enum status serve_answer_event(struct text *out, struct serve_choice *choice, bool end)
{
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    put_head(&m.w, choice->job, true);
    json_member_array(&m.w, "choices");
    put_piece(&m.w, choice, end);
    json_array_close(&m.w);
    if (choice->job->request.include_usage)
        json_member_null(&m.w, "usage");
    choice->told = choice->n_tokens;
    choice->text.size = 0;
    return end_body(out, &m, "data: ", "\n\n");
}

enum status serve_answer_done(struct text *out, struct serve_job *job)
{
    struct json_memory m;
    if (!job->request.include_usage)
        return text_put(out, "data: [DONE]\n\n");
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    put_head(&m.w, job, true);
    json_member_array(&m.w, "choices");
    json_array_close(&m.w);
    put_usage(&m.w, job);
    return end_body(out, &m, "data: ", "\n\ndata: [DONE]\n\n");
}
