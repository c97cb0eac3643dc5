/* SPDX-License-Identifier: MIT */
/* The body of a request, read strictly: what is not known or not supported is refused. */
#ifndef VKFI_SERVE_SERVE_REQUEST_H
#define VKFI_SERVE_SERVE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "model/template.h"
#include "serve/serve.h"
#include "serve/serve_fault.h"
#include "serve/serve_wire.h"

/* A prompt as it was given: a text, or ids. */
struct serve_prompt {
    const char *text;   /* null: ids */
    const int32_t *ids; /* (n_ids) */
    uint32_t n_ids;
};

#define SERVE_TOP_MOST 20u

struct serve_request {
    const struct serve_prompt *prompt; /* (n_prompts) of completions and /tokenize, /detokenize */
    uint32_t n_prompts;
    const struct template_message *message; /* (n_messages) of a chat */
    uint32_t n_messages;
    uint32_t n;      /* choices of each prompt */
    uint32_t tokens; /* most generated */
    bool tokens_given;
    double temperature, top_p;
    uint32_t top_k;
    uint64_t seed;
    const struct json *stop; /* list of texts; null: none */
    bool ignore_end, echo, logprobs;
    uint32_t top; /* most likely tokens told with each */
    bool stream, include_usage;
    const char *protect; /* a policy as JSON or a name; null: the server's */
    bool strikes;        /* `fault` is in place of the server's */
    struct serve_fault fault;
};

/* What the reader must know of the server. */
struct serve_request_rules {
    struct serve_limits limits;
    const char *name;    /* of the model; another one is refused */
    uint32_t vocabulary; /* ids are below it */
    uint32_t positions;  /* most of a prompt */
    bool allow_faults;
    bool protects; /* every request is protected: none may say otherwise */
};

/* Views into the document and `arena`. STATUS_INPUT (logged): it is wrong, in one line. */
enum status serve_request_read(struct serve_request *out, struct arena *arena,
                               const struct json_doc *doc, enum serve_endpoint endpoint,
                               const struct serve_request_rules *rules) STATUS_MUST_USE;

#endif
