/* SPDX-License-Identifier: MIT */
/* Messages between the campaign's process and its workers: frames on a socket pair. */
#ifndef VKFI_INJECT_CAMPAIGN_CHANNEL_H
#define VKFI_INJECT_CAMPAIGN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

/* Kinds of messages and their contents, in order. */
enum campaign_message_kind {
    /* to a worker */
    CAMPAIGN_WORK = 1, /* u32 class, u32 item, u32 count, u64 id each */

    /* from a worker */
    CAMPAIGN_READY,  /* what it opened; written and read by the owner of the workers */
    CAMPAIGN_ARMED,  /* real: seconds of a whole inference. Golden state and hooks work; the trials
                        begin now */
    CAMPAIGN_DONE,   /* the answer to CAMPAIGN_WORK; written and read by the owner */
    CAMPAIGN_FAILED, /* u32 enum status, u32 whether the campaign must stop, text: the line */
};

/* A frame; `body` lives until the next call on its channel. */
struct campaign_message {
    uint32_t kind;
    const char *body;
    size_t size;
};

/* One end; all zeros but fd. */
struct campaign_channel {
    int fd;
    struct text in; /* owned: bytes received */
    size_t taken;   /* of them already read as messages */
};
void campaign_channel_finish(struct campaign_channel *channel); /* closes fd too */

/* Waits until all of it is written. STATUS_IO, not logged, if the other end is gone. */
enum status campaign_channel_send(const struct campaign_channel *channel, uint32_t kind,
                                  const struct text *body) STATUS_MUST_USE;

/* One read, which waits for input. *open is false once the other end is gone. */
enum status campaign_channel_read(struct campaign_channel *channel, bool *open) STATUS_MUST_USE;

/* The next whole message read; false: more must be read. */
bool campaign_channel_next(struct campaign_channel *channel, struct campaign_message *out);

/* The same, reading as long as needed; false: the other end is gone. */
bool campaign_channel_wait(struct campaign_channel *channel, struct campaign_message *out);

/* Fields of a body, whose `st` has the first failure. */
void campaign_channel_put_u32(struct text *body, uint32_t value);
void campaign_channel_put_u64(struct text *body, uint64_t value);
void campaign_channel_put_real(struct text *body, double value);
void campaign_channel_put_text(struct text *body, const char *value); /* or null */

/* Reads a body from its start; missing values are 0, NaN or null, and `bad` is set. */
struct campaign_reader {
    const char *at;
    size_t left;
    bool bad;
};
struct campaign_reader campaign_channel_reader(const struct campaign_message *message);
uint32_t campaign_channel_u32(struct campaign_reader *r);
uint64_t campaign_channel_u64(struct campaign_reader *r);
double campaign_channel_real(struct campaign_reader *r);
const char *campaign_channel_text(struct campaign_reader *r); /* points into the body */

#endif
