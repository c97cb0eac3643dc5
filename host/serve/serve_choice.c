/* SPDX-License-Identifier: MIT */
/* A choice's session: its options, its tokens, its end. */
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "lib/lib_report.h"
#include "lib/vkfi_impl.h"
#include "serve/serve_job.h"

/* --- options --- */

/* The first choice has the request's seed, which repeats it; the others have seeds that follow. */
static uint64_t seed_of(const struct serve_choice *choice)
{
    const struct serve_request *request = &choice->job->request;
    const uint32_t k = choice->index % request->n;
    return k == 0 ? request->seed : hash_fold64(request->seed, k);
}

static void put_stop(struct json_writer *w, const struct json *stop)
{
    json_member_array(w, "stop");
    if (json_type(stop) == JSON_TEXT)
        json_put_value(w, stop);
    for (size_t i = 0; json_type(stop) == JSON_ARRAY && i < json_count(stop); i++)
        json_put_value(w, json_at(stop, i));
    json_array_close(w);
}

static enum status make_options(const char **out, struct serve_choice *choice)
{
    const struct serve_request *request = &choice->job->request;
    struct json_memory m;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    json_member_int(&m.w, "tokens", choice->tokens);
    json_member_number(&m.w, "temperature", request->temperature);
    json_member_number(&m.w, "top_p", request->top_p);
    json_member_int(&m.w, "top_k", request->top_k);
    json_put_key(&m.w, "seed");
    json_put_text(&m.w, arena_printf(&choice->job->arena, "0x%" PRIx64, seed_of(choice)));
    put_stop(&m.w, request->stop);
    json_member_bool(&m.w, "ignore_end", request->ignore_end);
    json_member_bool(&m.w, "logprobs", request->logprobs);
    json_member_bool(&m.w, "prompt_logprobs", request->logprobs && request->echo);
    json_member_int(&m.w, "prompt_top", request->logprobs && request->echo ? request->top : 0);
    json_member_int(&m.w, "top", request->top);
    json_object_close(&m.w);
    return json_end_line(out, &m, &choice->job->arena);
}

/* Its faults, from the request or the server. An empty list is none. */
static enum status find_fault(struct serve_choice *choice)
{
    struct serve_worker *w = choice->job->worker;
    const struct serve_request *request = &choice->job->request;
    const struct serve_fault *fault = request->strikes ? &request->fault : &w->fault;
    choice->fault = fault->given && strcmp(fault->given, "[]") != 0 ? fault->given : NULL;
    if (!fault->plan)
        return STATUS_OK;
    const struct serve_fault_run run = {.model = w->model->model,
                                        .act = storage_name(w->params->act),
                                        .kv = storage_name(w->params->kv),
                                        .ids = choice->ids,
                                        .n_ids = choice->n_ids,
                                        .tokens = choice->tokens,
                                        .any = hash_mix64(w->draws += fault->random)};
    choice->drawn = true;
    return serve_fault_draw(&choice->fault, &choice->trial, &choice->job->arena, fault, &run);
}

enum status serve_choice_open(struct serve_choice *choice)
{
    const struct serve_worker *w = choice->job->worker;
    const char *options = NULL, *own = choice->job->request.protect;
    enum status st = make_options(&options, choice);
    st = st ? st : (enum status)vkfi_session_open(&choice->session, w->device, options);
    st = st ? st : (enum status)vkfi_session_feed_ids(choice->session, choice->ids, choice->n_ids);
    if (!st && own)
        st = (enum status)vkfi_session_protect(choice->session, own);
    else if (!st && w->params->protect)
        st = (enum status)vkfi_session_protect_file(choice->session, w->params->protect);
    st = st ? st : find_fault(choice);
    return st || !choice->fault ? st
                                : (enum status)vkfi_session_fault(choice->session, choice->fault);
}

/* --- beginning and end --- */

void serve_choice_close(struct serve_choice *choice)
{
    if (choice->state == SERVE_RUNS)
        choice->job->worker->running--;
    choice->state = SERVE_DONE;
    vkfi_session_close(choice->session);
    choice->session = NULL;
    text_finish(&choice->text);
    json_destroy(&choice->report);
}

/* A failure that leaves the device as it is concerns the request alone. */
static enum status fail(struct serve_choice *choice, enum status st)
{
    switch ((int)st) {
    case VKFI_DEVICE:
    case VKFI_DEVICE_LOST:
        return st;
    default:
        return serve_job_refuse(choice->job, st);
    }
}

enum status serve_choice_start(struct serve_choice *choice)
{
    choice->state = SERVE_RUNS;
    choice->job->worker->running++;
    const enum status st = serve_choice_open(choice);
    return st ? fail(choice, st) : STATUS_OK;
}

static void count(struct serve_choice *choice)
{
    struct serve_counts *counts = &choice->job->counts;
    const struct json *root = json_root(choice->report), *protect = json_get(root, "protect"),
                      *struck = json_get(root, "struck");
    const char *outcome = json_text(json_get(protect, "outcome"));
    int64_t n = 0;
    counts->tokens += choice->n_tokens;
    if (json_integer(json_get(protect, "alarms"), 0, INT64_MAX, &n))
        counts->alarms += (uint64_t)n;
    counts->corrected += outcome && strcmp(outcome, "corrected") == 0;
    counts->uncorrected += outcome && strcmp(outcome, "uncorrected") == 0;
    for (size_t i = 0; i < json_count(struck); i++) {
        if (json_integer(json_get(json_at(struck, i), "activations"), 0, INT64_MAX, &n))
            counts->fired += (uint64_t)n;
    }
}

/* As vkfi_session_report, without the text, which is told elsewhere and may hold nulls, and without
 * a search for the first Inf or NaN, which would run the prompt again. */
static enum status take_report(struct serve_choice *choice)
{
    const struct vkfi_session *session = choice->session;
    const struct lib_nonfinite nowhere = {0};
    struct lib_report made;
    struct json_memory m;
    const char *line = NULL;
    vkfi_report_of(&made, session, &nowhere);
    made.no_text = true;
    json_begin_memory(&m, false);
    json_object_open(&m.w);
    lib_report_put(&m.w, &made, &session->run.g);
    json_object_close(&m.w);
    enum status st = json_end_line(&line, &m, &choice->job->arena);
    st = st ? st : json_parse(&choice->report, line, strlen(line), "report");
    if (!st)
        count(choice);
    return st;
}

/* --- steps --- */

static enum status take_token(struct serve_choice *choice, const vkfi_token *token)
{
    struct arena *arena = &choice->job->arena;
    struct serve_token *out = &choice->token[token->index];
    struct serve_likely *top = arena_array(arena, token->n_top + 1, sizeof(*top));
    if (!top)
        return STATUS_MEMORY;
    for (uint32_t k = 0; k < token->n_top; k++)
        top[k] =
            (struct serve_likely){token->top[k].id, (double)token->top[k].logit - token->logsumexp};
    *out = (struct serve_token){token->id, token->logprob, top, token->n_top};
    choice->n_tokens = token->index + 1;
    return text_add(&choice->text, token->text, token->text_size);
}

/* A run under a policy may go back, so that its text is known at its end alone. */
static bool is_protected(const struct serve_choice *choice)
{
    return choice->session->policy.size > 0;
}

static enum status tell(struct serve_choice *choice, bool end)
{
    struct text event = {0};
    struct serve_job *job = choice->job;
    if (!end && (is_protected(choice) || (choice->text.size == 0 && !job->request.logprobs)))
        return STATUS_OK;
    job->head = true;
    enum status st = serve_answer_event(&event, choice, end);
    st = st ? st : serve_job_send(job, 200, &event, false);
    text_finish(&event);
    return st;
}

/* The last choice answers the request. */
static enum status answer(struct serve_job *job)
{
    struct text body = {0};
    enum status st = STATUS_OK;
    if (job->n_done < job->n_choices)
        return STATUS_OK;
    if (job->request.stream)
        st = serve_answer_done(&body, job);
    else
        st = serve_answer_whole(&body, job);
    st = st ? st : serve_job_send(job, 200, &body, true);
    text_finish(&body);
    return st;
}

static enum status end(struct serve_choice *choice, const vkfi_token *token)
{
    struct serve_job *job = choice->job;
    const char *text = NULL;
    size_t size = 0;
    enum status st = STATUS_OK;
    if (is_protected(choice)) {
        st = (enum status)vkfi_session_text(choice->session, &text, &size);
        st = st ? st : text_add(&choice->text, text, size);
    } else {
        st = text_add(&choice->text, token->text, token->text_size);
    }
    choice->end = vkfi_session_end(choice->session);
    st = st ? st : take_report(choice);
    if (choice->hides) {
        choice->text.size = 0;
        choice->n_tokens = 0;
    }
    if (!st && job->request.stream)
        st = tell(choice, true);
    if (st)
        return st;
    vkfi_session_close(choice->session);
    choice->session = NULL;
    choice->state = SERVE_DONE;
    job->worker->running--;
    job->n_done++;
    return answer(job);
}

static enum status take_step(struct serve_choice *choice, enum status st, const vkfi_token *token)
{
    switch ((int)st) {
    case VKFI_OK:
        st = take_token(choice, token);
        if (!st && choice->job->request.stream && !choice->hides)
            st = tell(choice, false);
        return st;
    case VKFI_END:
        return end(choice, token);
    case VKFI_PENDING:
    case VKFI_BUSY: /* another's fault holds the device */
        return STATUS_OK;
    case VKFI_UNCORRECTED:
        choice->job->counts.uncorrected++;
        return st;
    default:
        return st;
    }
}

enum status serve_choice_take(struct serve_choice *choice, const vkfi_turn *turn)
{
    log_keep_error(turn->message);
    const enum status st = take_step(choice, (enum status)turn->status, &turn->token);
    return st ? fail(choice, st) : STATUS_OK;
}
