/* SPDX-License-Identifier: MIT */
/* From a request to its choices; answers that need no run. */
#include "serve/serve_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "lib/lib_prompt.h"
#include "lib/vkfi_impl.h"
#include "model/chat.h"
#include "serve/serve_error.h"

#define TOLD_MOST (1u << 19) /* at some 40 bytes each */

/* --- sending --- */

enum status serve_job_send(struct serve_job *job, unsigned code, const struct text *body, bool last)
{
    const struct serve_part part = {.id = job->id,
                                    .code = code,
                                    .stream = job->head,
                                    .last = last,
                                    .body = text_of(body),
                                    .counts = job->counts};
    job->ended |= last;
    return body->st ? body->st
                    : campaign_channel_send_one(job->worker->channel, SERVE_WIRE_PART,
                                                &serve_part_table, &part);
}

enum status serve_job_refuse(struct serve_job *job, enum status st)
{
    const unsigned code = serve_error_code(st);
    struct text body = {0};
    if (job->head)
        text_put(&body, "data: ");
    serve_error_put(&body, code, log_last_error());
    if (job->head)
        text_put(&body, "\n\n");
    const enum status sent = serve_job_send(job, job->head ? 200 : code, &body, true);
    text_finish(&body);
    return sent;
}

/* --- prompts --- */

static struct model *model_of(const struct serve_job *job)
{
    return job->worker->model->model;
}

static enum status encode(struct serve_job *job, const char *text, enum tokenizer_parse parse,
                          struct serve_prompt *out)
{
    int32_t *ids = NULL;
    size_t n = 0;
    const struct lib_prompt prompt = {.text = {"prompt", text, strlen(text)}, .parse = parse};
    const enum status st = lib_prompt_encode(&prompt, model_of(job), &job->arena, &ids, &n);
    *out = (struct serve_prompt){.ids = ids, .n_ids = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX)};
    return st;
}

static enum status encode_chat(struct serve_job *job, struct serve_prompt *out)
{
    const struct serve_request *request = &job->request;
    const struct chat_message chat = {.message = request->message,
                                      .n_messages = request->n_messages};
    struct model *model = model_of(job);
    int32_t *ids = NULL;
    size_t n = 0;
    char *rendered = NULL;
    enum status st = chat_render(model->gguf, &job->arena, &chat, &rendered);
    if (!st)
        st = tokenizer_encode(model->tokenizer, &job->arena,
                              &(struct tokenizer_text){rendered, strlen(rendered), TOKENIZER_CHAT},
                              &ids, &n);
    *out = (struct serve_prompt){.ids = ids, .n_ids = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX)};
    return st;
}

/* --- choices --- */

/* Tokens that a prompt leaves room for; the last one takes no position. */
static enum status fit(const struct serve_job *job, const struct serve_prompt *prompt,
                       uint32_t *out_tokens)
{
    const uint32_t positions = job->worker->rules.positions;
    const struct serve_request *request = &job->request;
    const uint64_t limit = job->worker->rules.limits.tokens;
    const uint32_t room = prompt->n_ids <= positions ? positions - prompt->n_ids + 1 : 0;
    const uint32_t most = room < limit ? room : (uint32_t)limit;
    const bool fills = job->endpoint == SERVE_CHAT && !request->tokens_given;
    const uint32_t wanted = fills ? most : request->tokens;
    *out_tokens = wanted > 0 ? wanted : 1; /* none: one is run, and not told */
    if (prompt->n_ids > 0 && *out_tokens <= room)
        return STATUS_OK;
    log_error("found a prompt of %" PRIu32 " tokens and %" PRIu32 " to generate, expected at least "
              "one and together at most %" PRIu32,
              prompt->n_ids, wanted, positions + 1);
    return STATUS_INPUT;
}

static enum status add_prompt(struct serve_job *job, uint32_t index, struct serve_choice *choice)
{
    struct serve_prompt prompt;
    uint32_t tokens = 0;
    enum status st = STATUS_OK;
    if (job->endpoint == SERVE_CHAT) {
        st = encode_chat(job, &prompt);
    } else {
        prompt = job->request.prompt[index];
        if (prompt.text)
            st = encode(job, prompt.text, TOKENIZER_PLAIN, &prompt);
    }
    st = st ? st : fit(job, &prompt, &tokens);
    for (uint32_t k = 0; k < job->request.n && !st; k++) {
        choice[k] = (struct serve_choice){
            .job = job,
            .index = index * job->request.n + k,
            .ids = prompt.ids,
            .n_ids = prompt.n_ids,
            .tokens = tokens,
            .hides = job->request.tokens_given && job->request.tokens == 0,
            .token = arena_array(&job->arena, tokens, sizeof(*choice->token))};
        st = choice[k].token ? STATUS_OK : STATUS_MEMORY;
    }
    job->counts.prompt_tokens += st ? 0 : prompt.n_ids;
    return st;
}

/* Tokens that are told with their most likely ones, over all choices: they bound an answer. */
static enum status check_told(const struct serve_job *job)
{
    const struct serve_request *request = &job->request;
    uint64_t told = 0;
    for (uint32_t i = 0; i < job->n_choices; i++)
        told += job->choice[i].tokens + (request->echo ? job->choice[i].n_ids : 0);
    told *= request->logprobs ? 2 + request->top : 1;
    if (told <= TOLD_MOST)
        return STATUS_OK;
    log_error("found %" PRIu64 " tokens and log-probabilities to be told, expected at most %u: ask "
              "for less at a time",
              told, TOLD_MOST);
    return STATUS_INPUT;
}

static enum status add_choices(struct serve_job *job)
{
    const struct serve_request *request = &job->request;
    const uint32_t n = request->n_prompts * request->n;
    enum status st = STATUS_OK;
    job->choice = arena_array(&job->arena, n, sizeof(*job->choice));
    if (!job->choice)
        return STATUS_MEMORY;
    for (uint32_t i = 0; i < request->n_prompts && !st; i++)
        st = add_prompt(job, i, job->choice + (size_t)i * request->n);
    job->n_choices = st ? 0 : n;
    return st ? st : check_told(job);
}

/* --- answers without a run --- */

static void put_tokenizer(struct json_writer *w, const struct gguf *gguf)
{
    static const char *const keys[][2] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
                                          {"eos_token", "tokenizer.ggml.eos_token_id"}};
    struct gguf_texts tokens;
    const char *template = NULL;
    size_t size = 0;
    uint64_t id = 0;
    for (size_t i = 0; i < 2; i++) {
        json_put_key(w, keys[i][0]);
        if (!gguf_has(gguf, keys[i][1]) ||
            gguf_texts(gguf, "tokenizer.ggml.tokens", &tokens) != STATUS_OK ||
            gguf_uint(gguf, keys[i][1], tokens.count - 1, &id) != STATUS_OK)
            json_put_null(w);
        else
            json_put_text_n(w, tokens.text[id], tokens.len[id]);
    }
    if (!chat_has_template(gguf))
        return;
    json_take(w, gguf_text(gguf, "tokenizer.chat_template", &template, &size));
    json_put_key(w, "chat_template");
    json_put_text_n(w, template ? template : "", size);
}

/* Without the begin token unless it is wanted. */
static void put_ids(struct json_writer *w, struct serve_job *job)
{
    struct serve_prompt prompt = {0};
    const int32_t begin = tokenizer_begin(model_of(job)->tokenizer);
    json_take(w, encode(job, job->request.prompt->text, TOKENIZER_SPECIAL, &prompt));
    const bool skips =
        !job->request.echo && prompt.n_ids > 0 && begin >= 0 && prompt.ids[0] == begin;
    json_member_ids(w, "tokens", prompt.ids + skips, prompt.n_ids - skips);
    json_member_int(w, "count", prompt.n_ids - skips);
    json_member_int(w, "max_model_len", job->worker->rules.positions);
}

static void put_spelled(struct json_writer *w, const struct serve_job *job)
{
    const struct serve_prompt *prompt = job->request.prompt;
    struct detokenizer dt;
    struct text text = {0};
    detokenizer_init(&dt, model_of(job)->tokenizer, true);
    for (uint32_t i = 0; i < prompt->n_ids; i++)
        json_take(w, detokenizer_put(&dt, prompt->ids[i], &text));
    json_take(w, detokenizer_flush(&dt, &text));
    json_put_key(w, "prompt");
    json_put_text_n(w, text_of(&text), text.size);
    text_finish(&text);
}

static enum status answer_at_once(struct serve_job *job)
{
    struct json_memory m;
    struct text body = {0};
    const char *line = NULL;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    if (job->endpoint == SERVE_TOKENIZER_INFO)
        put_tokenizer(&m.w, model_of(job)->gguf);
    else if (job->endpoint == SERVE_TOKENIZE)
        put_ids(&m.w, job);
    else
        put_spelled(&m.w, job);
    json_object_close(&m.w);
    enum status st = json_end_line(&line, &m, &job->arena);
    if (!st) {
        text_put(&body, line);
        st = serve_job_send(job, 200, &body, true);
    }
    text_finish(&body);
    return st;
}

/* --- opening --- */

static enum status read_request(struct serve_job *job, const char *body)
{
    const enum status st = json_parse(&job->doc, body, strlen(body), "request");
    return st ? st
              : serve_request_read(&job->request, &job->arena, job->doc, job->endpoint,
                                   &job->worker->rules);
}

static enum status prepare(struct serve_job *job, const struct serve_ask *ask)
{
    enum status st = STATUS_OK;
    if (job->endpoint != SERVE_TOKENIZER_INFO)
        st = read_request(job, ask->body);
    if (st)
        return st;
    if (job->endpoint != SERVE_COMPLETIONS && job->endpoint != SERVE_CHAT)
        return answer_at_once(job);
    snprintf(job->name, sizeof(job->name), "%s-%" PRIu64,
             job->endpoint == SERVE_CHAT ? "chatcmpl" : "cmpl", ask->id);
    return add_choices(job);
}

enum status serve_job_open(struct serve_worker *worker, const struct serve_ask *ask)
{
    struct serve_job *job = calloc(1, sizeof(*job));
    if (!job) {
        log_error("out of memory for a request");
        return STATUS_MEMORY;
    }
    *job = (struct serve_job){.worker = worker,
                              .id = ask->id,
                              .endpoint = (enum serve_endpoint)ask->endpoint,
                              .created = (int64_t)time(NULL)};
    *worker->last = job;
    worker->last = &job->next;
    log_keep_error("");
    const enum status st = prepare(job, ask);
    return st && !job->ended ? serve_job_refuse(job, st) : STATUS_OK;
}

void serve_job_free(struct serve_job *job)
{
    for (uint32_t i = 0; i < job->n_choices; i++)
        serve_choice_close(&job->choice[i]);
    json_destroy(&job->doc);
    arena_finish(&job->arena);
    free(job);
}
