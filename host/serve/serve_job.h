/* SPDX-License-Identifier: MIT */
/* A request in the worker: its choices, each a run of its own. */
#ifndef VKFI_SERVE_SERVE_JOB_H
#define VKFI_SERVE_SERVE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "lib/vkfi.h"
#include "serve/serve_request.h"
#include "serve/serve_worker.h"

struct serve_likely {
    int32_t id;
    double logprob;
};

/* A token that was given. */
struct serve_token {
    int32_t id;
    double logprob;
    const struct serve_likely *top; /* (n_top) */
    uint32_t n_top;
};

enum serve_state { SERVE_WAITS, SERVE_RUNS, SERVE_DONE };

struct serve_choice {
    struct serve_job *job;
    uint32_t index;
    enum serve_state state;
    const int32_t *ids; /* (n_ids) the prompt */
    uint32_t n_ids;
    uint32_t tokens;           /* most that its run gives */
    bool hides;                /* no token was asked for: that of its run is not told */
    vkfi_session *session;     /* while it runs */
    struct serve_token *token; /* (n_tokens) */
    uint32_t n_tokens;
    uint32_t told;     /* tokens of it that a stream has told */
    struct text text;  /* that no stream has told yet, else all */
    const char *fault; /* what strikes it; null: nothing */
    uint64_t trial;    /* of a plan, that it was drawn from */
    bool drawn;
    const char *end;         /* why it has ended; null: it has not */
    struct json_doc *report; /* of its run, once it has ended; owned */
};

struct serve_job {
    struct serve_worker *worker;
    uint64_t id;
    enum serve_endpoint endpoint;
    struct arena arena;
    struct json_doc *doc; /* the request's; owned */
    struct serve_request request;
    struct serve_choice *choice; /* (n_choices) prompt after prompt */
    uint32_t n_choices, n_done;
    int64_t created; /* seconds since 1970 */
    char name[32];   /* "cmpl-17" */
    bool head;       /* its stream has begun */
    bool ended;      /* answered or refused: it is dropped */
    struct serve_counts counts;
    struct serve_job *next;
};

/* --- the request (serve_job.c) --- */

/* Reads the request, answers it if it needs no run, else queues its choices. A request that is
 * wrong is refused. */
enum status serve_job_open(struct serve_worker *worker,
                           const struct serve_ask *ask) STATUS_MUST_USE;
void serve_job_free(struct serve_job *job);

/* Sends bytes of an answer; `last`: the job has ended. */
enum status serve_job_send(struct serve_job *job, unsigned code, const struct text *body,
                           bool last) STATUS_MUST_USE;
/* Ends the job with an error: that of `st`, whose message is this thread's last one. */
enum status serve_job_refuse(struct serve_job *job, enum status st) STATUS_MUST_USE;

/* --- its choices (serve_choice.c) --- */

/* Opens its session. */
enum status serve_choice_open(struct serve_choice *choice) STATUS_MUST_USE;
enum status serve_choice_start(struct serve_choice *choice) STATUS_MUST_USE;
/* What a step of its run gave; tells a stream of it. Failures that concern this request alone end
 * the job. */
enum status serve_choice_take(struct serve_choice *choice, const vkfi_turn *turn) STATUS_MUST_USE;
void serve_choice_close(struct serve_choice *choice);

/* --- their answers (serve_answer.c) --- */

/* All choices as one object. */
enum status serve_answer_whole(struct text *out, struct serve_job *job) STATUS_MUST_USE;
/* What a stream has not yet told of a choice, as an event; `end`: and that it has ended. */
enum status serve_answer_event(struct text *out, struct serve_choice *choice,
                               bool end) STATUS_MUST_USE;
/* The end of a stream. */
enum status serve_answer_done(struct text *out, struct serve_job *job) STATUS_MUST_USE;

#endif
