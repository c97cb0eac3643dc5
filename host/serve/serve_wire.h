/* SPDX-License-Identifier: MIT */
/* Messages between the process that speaks HTTP and the worker that runs the model. */
#ifndef VKFI_SERVE_SERVE_WIRE_H
#define VKFI_SERVE_SERVE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/field.h"
#include "base/status.h"
#include "inject/campaign/campaign_channel.h"

/* Kinds of frames of a campaign_channel; the body is one struct. */
enum serve_wire_kind {
    /* to the worker */
    SERVE_WIRE_ASK = 1, /* struct serve_ask */
    SERVE_WIRE_CANCEL,  /* struct serve_part: its id */

    /* from it */
    SERVE_WIRE_READY,  /* struct serve_ready */
    SERVE_WIRE_FAILED, /* struct serve_failed: model or device are not to be had, or no longer; it
                          ends */
    SERVE_WIRE_PART,   /* struct serve_part */
};

/* What a request is for. */
enum serve_endpoint {
    SERVE_COMPLETIONS,
    SERVE_CHAT,
    SERVE_TOKENIZE,
    SERVE_DETOKENIZE,
    SERVE_TOKENIZER_INFO,
    SERVE_ENDPOINT_COUNT
};

struct serve_ask {
    uint64_t id;
    uint32_t endpoint;
    const char *body; /* the request's; without nulls */
};

struct serve_ready {
    const char *device, *driver; /* names */
    uint32_t positions;          /* most of a choice */
};

struct serve_failed {
    uint32_t status;
    const char *line;
};

/* What requests have done, summed. */
struct serve_counts {
    uint64_t prompt_tokens, tokens;
    uint64_t alarms, corrected, uncorrected; /* alarms of protections; runs so ended */
    uint64_t fired;                          /* activations of faults */
};

/* A piece of an answer. */
struct serve_part {
    uint64_t id;
    uint32_t code; /* HTTP status, equal in all parts */
    bool stream;   /* the body is a stream of events */
    bool last;
    const char *body;           /* bytes to send; null: none */
    struct serve_counts counts; /* of the last one */
};

extern const struct field_table serve_ask_table, serve_ready_table, serve_failed_table,
    serve_part_table;

/* The body of a message that holds one struct; texts from `arena`. */
enum status serve_wire_take(const struct campaign_message *message, const struct field_table *table,
                            void *out, struct arena *arena) STATUS_MUST_USE;

#endif
