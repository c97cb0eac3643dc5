/* SPDX-License-Identifier: MIT */
/* Messages between the campaign's process and its workers: frames on a socket pair. */
#ifndef VKFI_INJECT_CAMPAIGN_CHANNEL_H
#define VKFI_INJECT_CAMPAIGN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/field.h"
#include "base/status.h"
#include "base/text.h"
#include "inject/campaign/campaign_isolate.h"

/* Kinds of messages and their bodies: described structs (base/field.h), one after another. */
enum campaign_message_kind {
    /* to a worker */
    CAMPAIGN_WORK = 1, /* struct campaign_batch, then a number for each id */

    /* from a worker */
    CAMPAIGN_READY,  /* what it opened; written and read by the owner of the workers */
    CAMPAIGN_ARMED,  /* struct campaign_armed: golden state and hooks work, the trials start now */
    CAMPAIGN_PART,   /* of the answer, before CAMPAIGN_DONE: written and read by the owner */
    CAMPAIGN_DONE,   /* the answer to CAMPAIGN_WORK; written and read by the owner */
    CAMPAIGN_FAILED, /* struct campaign_failure */
};

struct campaign_armed {
    double golden_seconds; /* of a whole inference */
};

struct campaign_failure {
    uint32_t status;  /* enum status */
    bool final;       /* the campaign must stop */
    const char *line; /* the last one logged; null: none */
};

/* An id or a count. */
struct campaign_number {
    uint64_t number;
};

extern const struct field_table campaign_armed_table, campaign_failure_table, campaign_number_table;

/* A frame; `body` lives until the next call on its channel. */
struct campaign_message {
    uint32_t kind;
    struct field_bytes body;
};

/* One end; all zeros but fd. */
struct campaign_channel {
    int fd;
    struct text in; /* owned: bytes received */
    size_t taken;   /* of them already read as messages */
};
void campaign_channel_finish(struct campaign_channel *channel); /* closes fd too */

/* Waits until all of it is written, and frees the body, whose first failure it returns. STATUS_IO,
 * not logged, if the other end is gone. */
enum status campaign_channel_send(const struct campaign_channel *channel, uint32_t kind,
                                  struct text *body) STATUS_MUST_USE;
/* Appends the frame to `out` instead, for one who sends without waiting. */
void campaign_channel_frame(struct text *out, uint32_t kind, const struct text *body);
/* A body of one struct. */
enum status campaign_channel_send_one(const struct campaign_channel *channel, uint32_t kind,
                                      const struct field_table *table,
                                      const void *from) STATUS_MUST_USE;

/* Reads once, after waiting for input. *open is false once the other end is gone. */
enum status campaign_channel_read(struct campaign_channel *channel, bool *open) STATUS_MUST_USE;

/* The next whole message read; false: more must be read. */
bool campaign_channel_next(struct campaign_channel *channel, struct campaign_message *out);

/* The same, reading as long as needed; false: the other end is gone. */
bool campaign_channel_wait(struct campaign_channel *channel, struct campaign_message *out);

/* Bodies, piece by piece; texts from `arena` (null: the struct has none). STATUS_INTERNAL, logged,
 * if a body is not as it is written; `last`: nothing follows in it. */
void campaign_channel_put_number(struct text *body, uint64_t number);
void campaign_channel_put_batch(struct text *body, const struct campaign_batch *batch);
enum status campaign_channel_take(struct field_bytes *body, const struct field_table *table,
                                  void *out, struct arena *arena) STATUS_MUST_USE;
enum status campaign_channel_take_last(struct field_bytes *body, const struct field_table *table,
                                       void *out, struct arena *arena) STATUS_MUST_USE;
enum status campaign_channel_take_number(struct field_bytes *body, uint64_t *out) STATUS_MUST_USE;
enum status campaign_channel_take_batch(struct field_bytes *body,
                                        struct campaign_batch *out) STATUS_MUST_USE;

#endif
